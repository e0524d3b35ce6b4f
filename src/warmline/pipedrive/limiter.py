"""The one place where a call waits for its turn.

Owns Pipedrive's burst limits. A limit of N calls in S seconds holds for *any* S seconds, not for each tick of a
clock, so each call reserves an instant that keeps every rolling window within its limit, and then sleeps until
that instant. It must never hand out a turn during a pause: going on through 429s ends in a block of the
whole company by Cloudflare. Turns are handed out in the order in which they are asked for.
"""

import math
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from warmline.pipedrive.clock import SYSTEM_CLOCK, Clock, http_date
from warmline.pipedrive.errors import Throttled

LONGEST_PAUSE = 3600.0
DEFAULT_PAUSE = 2.0


@dataclass(frozen=True)
class Window:
    """At most `calls` calls within any `seconds` seconds."""

    calls: int
    seconds: float


# The smallest plan allows 20 calls in 2 s; the mission's own figure is 100 in 10 s. Keeping both is right on
# every plan. Searches have a window of their own, the same on every plan.
BURST = (Window(20, 2.0), Window(100, 10.0))
SEARCH = Window(10, 2.0)


class Limiter:
    """Keeps the calls of one token within Pipedrive's windows. Safe to share between threads."""

    def __init__(
        self,
        windows: Sequence[Window] = BURST,
        search: Window = SEARCH,
        guard: float = 0.1,
        longest_wait: float = 60.0,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """Start with nothing used.

        Args:
            windows: The windows that every call must keep.
            search: The window that searches must keep on top of those.
            guard: Seconds added to each window, because requests bunch up on the way to Pipedrive.
            longest_wait: Seconds that a call may wait for its turn before it is told to come back later.
            clock: What tells the time, and waits.
        """
        self._windows = sorted(windows, key=lambda window: window.seconds)
        self._search = search
        self._guard = guard
        self._longest_wait = longest_wait
        self._clock = clock
        self._lock = threading.Lock()
        self._turns: deque[float] = deque(maxlen=max(window.calls for window in windows))
        self._searches: deque[float] = deque(maxlen=search.calls)
        self._paused_until = -math.inf

    def acquire(self, *, search: bool = False) -> None:
        """Wait for the turn of one call.

        Args:
            search: Whether the call is a search.

        Raises:
            Throttled: The turn is further away than `longest_wait`; nothing was reserved.
        """
        give_up_at = self._clock.monotonic() + self._longest_wait
        while True:
            with self._lock:
                turn = self._reserve(give_up_at, search=search)
                wait = turn - self._clock.monotonic()
            if wait > 0:
                self._clock.sleep(wait)
            with self._lock:
                # A pause that came while we slept has taken our turn away.
                if turn >= self._paused_until:
                    return

    def pause(self, seconds: float) -> None:
        """Let nobody go for a while.

        Args:
            seconds: For how long, from now; an hour at most. A shorter pause never cuts a longer one.
        """
        with self._lock:
            now = self._clock.monotonic()
            end = self._paused_until = max(self._paused_until, now + min(seconds, LONGEST_PAUSE))
            # Whoever holds a turn within the pause will reserve anew, so those turns must not count.
            for held in (self._turns, self._searches):
                kept = [turn for turn in held if not now < turn < end]
                held.clear()
                held.extend(kept)

    def learn(self, headers: Mapping[str, str], *, search: bool = False) -> None:
        """Heed what the headers of an answer say of the limits.

        Args:
            headers: The answer's headers, in lower case or case-insensitive. Unreadable ones are ignored.
            search: Whether the answer is that of a search, whose limit is then the search window's.
        """
        limit = header_number(headers, "x-ratelimit-limit")
        if limit is not None and limit >= 1:
            self._lower(int(limit), search=search)
        reset = reset_seconds(headers)
        if reset is not None and header_number(headers, "x-ratelimit-remaining") == 0:
            self.pause(reset)

    def _reserve(self, give_up_at: float, *, search: bool) -> float:
        """Reserve the earliest instant that keeps every window (the lock is held)."""
        now = self._clock.monotonic()
        turn = max(now, self._paused_until, self._turns[-1] if self._turns else now)
        for window in self._windows:
            turn = max(turn, self._free_from(self._turns, window))
        if search:
            turn = max(turn, self._free_from(self._searches, self._search))
        if turn > give_up_at:
            raise Throttled("Too many calls are waiting for their turn.", wait=turn - now)
        self._turns.append(turn)
        if search:
            self._searches.append(turn)
        return turn

    def _free_from(self, turns: deque[float], window: Window) -> float:
        """Return the instant from which a window takes one call more."""
        if len(turns) < window.calls:
            return -math.inf
        return turns[-window.calls] + window.seconds + self._guard

    def _lower(self, limit: int, *, search: bool) -> None:
        """Take over a limit that is lower than ours; a higher one may be another plan's or another window's."""
        with self._lock:
            if search:
                self._search = replace(self._search, calls=min(limit, self._search.calls))
            else:
                shortest = self._windows[0]
                self._windows[0] = replace(shortest, calls=min(limit, shortest.calls))


def wait_seconds(headers: Mapping[str, str], now: datetime) -> float:
    """Say how long to wait after a 429, whose `Retry-After` Pipedrive does not document.

    Args:
        headers: The answer's headers, in lower case or case-insensitive.
        now: The present, aware.

    Returns:
        Seconds: by `Retry-After` (seconds or a date), else by `x-ratelimit-reset`, else 2; an hour at most.
    """
    wait = header_number(headers, "retry-after")
    if wait is None and (moment := http_date(headers.get("retry-after", ""))) is not None:
        wait = (moment - now).total_seconds()
    if wait is None or wait <= 0:
        wait = reset_seconds(headers) or DEFAULT_PAUSE
    return min(wait, LONGEST_PAUSE)


def reset_seconds(headers: Mapping[str, str]) -> float | None:
    """Read `x-ratelimit-reset`.

    Its unit is not documented; it has been seen as seconds. A number too big for that (a Unix time, say) is
    no duration, and heeding it would stop everything for an hour.

    Args:
        headers: The answer's headers, in lower case or case-insensitive.

    Returns:
        Seconds until the window is free again, or None when the header doesn't say.
    """
    reset = header_number(headers, "x-ratelimit-reset")
    return reset if reset is not None and reset <= LONGEST_PAUSE else None


def header_number(headers: Mapping[str, str], name: str) -> float | None:
    """Read a header that is a number.

    Args:
        headers: The answer's headers, in lower case or case-insensitive.
        name: The header's name, in lower case.

    Returns:
        The number; None when there is none that is finite and not negative.
    """
    try:
        number = float(headers.get(name, ""))
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None
