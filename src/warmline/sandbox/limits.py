"""Rate limits: rolling windows of two seconds per token, and the company's daily API tokens.

It counts, decides, and builds the headers, and deals with neither paths nor records. Undocumented details (the unit of
the reset, the headers of a search) are as observed in docs/pipedrive.md.
"""

import math
from collections import deque
from collections.abc import Mapping

from warmline.sandbox.answers import TOO_MANY, Refused
from warmline.sandbox.world import World

SECONDS = 2.0


class Window:
    """The calls of one token in the last two seconds."""

    def __init__(self) -> None:
        self._calls: deque[float] = deque()

    def room(self, now: float, limit: int) -> int:
        """Return how many calls fit in at this moment."""
        while self._calls and not now - SECONDS < self._calls[0] <= now:  # later than now: the clock was set back
            self._calls.popleft()
        return max(0, limit - len(self._calls))

    def wait(self, now: float) -> int:
        """Return whole seconds until the oldest call is forgotten."""
        return math.ceil(self._calls[0] + SECONDS - now) if self._calls else 0

    def count(self, now: float) -> None:
        """Remember one call."""
        self._calls.append(now)


class Limits:
    """Every token's windows. Search has a second one; a search must fit in both."""

    def __init__(self) -> None:
        self._windows: dict[tuple[int, str], Window] = {}

    def admit(self, world: World, user_id: int, *, oauth: bool, search: bool, tokens: int) -> dict[str, str]:
        """Let one call in and count it.

        Args:
            world: Whose settings and budget hold.
            user_id: Whose token it is.
            oauth: Whether it came as an OAuth access token.
            search: Whether the search window holds, too.
            tokens: The call's price.

        Returns:
            The rate headers of its answer. A search reports whichever window has less room.

        Raises:
            Refused: 429, the window is full, or today's tokens do not pay for it. Neither is counted.
        """
        now, settings = world.now(), world.settings
        burst = settings.oauth_burst if oauth else settings.burst
        windows = [(self._window(user_id, "oauth" if oauth else "token"), burst)]
        if search:
            windows.append((self._window(user_id, "search"), settings.searches))
        left = world.tokens_left
        if min(window.room(now, limit) for window, limit in windows) == 0:
            raise too_many("request over limit", _headers(now, burst, windows))
        if left is not None and tokens > left:
            raise too_many("daily token budget is used up", _headers(now, burst, windows))
        for window, _ in windows:
            window.count(now)
        world.spend(tokens)
        return _headers(now, burst, windows)

    def _window(self, user_id: int, what: str) -> Window:
        return self._windows.setdefault((user_id, what), Window())


def too_many(message: str, headers: Mapping[str, str]) -> Refused:
    """Return a 429 with the headers that tell the burst from the budget: `remaining` is above 0 for the latter."""
    return Refused(message, status=TOO_MANY, headers=headers)


def _headers(now: float, burst: int, windows: list[tuple[Window, int]]) -> dict[str, str]:
    remaining = min(window.room(now, limit) for window, limit in windows)
    tightest = min(windows, key=lambda pair: pair[0].room(now, pair[1]))[0]
    return rate_headers(burst, remaining, tightest.wait(now))


def rate_headers(limit: int, remaining: int, reset: int) -> dict[str, str]:
    """Return the three headers of the burst window.

    Args:
        limit: Calls in any two seconds.
        remaining: Calls that still fit in.
        reset: Seconds.
    """
    return {
        "x-ratelimit-limit": str(limit),
        "x-ratelimit-remaining": str(remaining),
        "x-ratelimit-reset": str(reset),
    }
