"""How many calls a token may make in a while (`WARMLINE_API_RATE`), told with every answer as `RateLimit` headers.

Each process counts for itself and in memory: a call must not cost a write because it is counted.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from threading import Lock

from django.conf import settings

MANY = 10_000  # tokens that are counted at once, before those of the past are forgotten


@dataclass(frozen=True)
class Rate:
    """What a token may still do.

    Attributes:
        limit: Calls in a window.
        window: Its seconds.
        remaining: Calls that are left of it; negative when there were too many.
        resets_in: Seconds until the next one begins.
    """

    limit: int
    window: float
    remaining: int
    resets_in: int

    def headers(self) -> dict[str, str]:
        """Return the headers that tell it, as in the IETF's draft of `RateLimit` fields."""
        return {
            "RateLimit-Policy": f'"token";q={self.limit};w={ceil(self.window)}',
            "RateLimit": f'"token";r={max(self.remaining, 0)};t={self.resets_in}',
        }


class TooManyCallsError(Exception):
    """A token has made more calls than it may.

    Args:
        rate: See `Rate`.
    """

    def __init__(self, rate: Rate) -> None:
        super().__init__(f"Too many calls; wait for {rate.resets_in} s.")
        self.rate = rate


class Rates:
    """Counts the calls of all tokens in fixed windows.

    Args:
        clock: Tells seconds that go on evenly.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._windows: dict[str, tuple[float, int]] = {}  # by token: when its window began, and the calls in it

    def count(self, token: str) -> Rate | None:
        """Count a call.

        Args:
            token: The token's digest.

        Returns:
            What is left; None when calls are not limited.

        Raises:
            TooManyCallsError: When it is one too many.
        """
        allowed: tuple[int, float] | None = settings.API_RATE
        if allowed is None:
            return None
        limit, window = allowed
        now = self._clock()
        with self._lock:
            began, calls = self._windows.get(token, (now, 0))
            if now - began >= window:
                began, calls = now, 0
            if len(self._windows) >= MANY:
                self._windows = {each: one for each, one in self._windows.items() if now - one[0] < window}
            self._windows[token] = (began, calls + 1)
        rate = Rate(limit, window, limit - calls - 1, max(1, ceil(began + window - now)))
        if rate.remaining < 0:
            raise TooManyCallsError(rate)
        return rate


RATES = Rates()
