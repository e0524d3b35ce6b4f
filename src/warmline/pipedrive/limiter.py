"""The one place where a call waits for its turn, so that Pipedrive's limits are kept.

A limit of N calls in S seconds applies to *any* S seconds, so a turn is a moment at which every rolling window stays
within its limit. No turn is ever given during a pause: ignoring 429s makes Cloudflare block the whole company.

Two kinds of calls share the windows. A call that a person waits for reserves the next free moment, ahead of all
background work. Background work does not reserve: it takes a moment when that is free, and at an even pace, so that the
window always has room again within a fraction of a second, and not every two seconds. Only a call that has found none
for ten seconds reserves one, so that work that was begun is not held up for as long as people save.

Calls can bunch up on the way, and Pipedrive counts them as they arrive. A response shows when its call had arrived at
the latest. The next call takes time to arrive as well, and both ways together are hardly ever shorter than the fastest
round trip so far. So a call counts from the moment of its response minus that round trip; then no window is exceeded at
Pipedrive, however uneven the way is.
"""

import math
from bisect import bisect_left, bisect_right, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from warmline.pipedrive.clock import SYSTEM_CLOCK, Clock
from warmline.pipedrive.errors import BudgetSpent, Throttled
from warmline.pipedrive.ledger import Ledger, MemoryLedger, Used
from warmline.pipedrive.limit_headers import LONGEST_PAUSE, header_number
from warmline.pipedrive.plans import SEARCH, UNKNOWN, Window

HOUR = 3600
DAY_IN_HOURS = 24
BACKGROUND_SHARE = 0.9  # of the day's tokens; the rest is for what a person waits for
WIDEST_GUARD = 0.5
SURE = 0.9  # of the fastest round trip so far: the two ways together hardly ever take less
ENOUGH = 10  # responses, before that is believed: the first calls of a busy process are all slow
PATIENCE = 10.0  # seconds for which background work looks for a free moment before it reserves one
ROUNDING = 1e-5  # seconds: moments that are closer together count as the same


@dataclass(frozen=True)
class Usage:
    """How much of the limits is in use.

    Attributes:
        calls: How many calls were made within the shortest window that ends now.
        window: That window.
        tokens: How many tokens were spent within the last 24 hours, including the whole hour 24 hours ago.
        daily_tokens: How many tokens may be spent; None when they are not counted.
        searches, search: The same of searches as `calls` and `window`.
    """

    calls: int
    window: Window
    tokens: int
    daily_tokens: int | None
    searches: int = 0
    search: Window = SEARCH


class Limiter:
    """Keeps the calls of one token within Pipedrive's windows and the day's tokens. Safe to share between threads.

    Attributes:
        told: How many calls of any kind fit in a window, as Pipedrive's headers said last; None if they never did.
    """

    def __init__(
        self,
        windows: Sequence[Window] = UNKNOWN.windows,
        search: Window = SEARCH,
        *,
        guard: float = 0.01,
        longest_wait: float = 60.0,
        daily_tokens: int | None = None,
        may_raise: bool = False,
        ledger: Ledger | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """Prepare, without using any of the limits.

        Args:
            windows: The windows that every call has to keep.
            search: The window that searches have to keep in addition.
            guard: Seconds added to each window, for delays on the way to Pipedrive. A 429 widens it.
            longest_wait: How many seconds a call may wait for its turn; beyond that, Throttled is raised.
            daily_tokens: How many tokens may be spent in any 24 hours; None for any number. It is any 24 hours because
                the time zone in which Pipedrive's day begins is not documented.
            may_raise: Whether Pipedrive's headers may raise the limit of the shortest window, besides lowering it.
            ledger: Stores what is used, perhaps shared with other processes; None for one in memory.
            clock: Tells the time, and sleeps.
        """
        self._windows = sorted(windows, key=lambda window: window.seconds)
        self._search = search
        self._guard = guard
        self._longest_wait = longest_wait
        self._daily_tokens = daily_tokens
        self._may_raise = may_raise
        self._fastest, self._answers = math.inf, 0
        self.told: int | None = None
        self._ledger = ledger or MemoryLedger()
        self._clock = clock

    def acquire(self, *, search: bool = False, tokens: int = 0, background: bool = False) -> float:
        """Wait for the turn of one call.

        Args:
            search: Whether the call is a search.
            tokens: Its price.
            background: Whether nobody waits for it.

        Returns:
            The turn, by the ledger's time.

        Raises:
            Throttled: The turn is further away than `longest_wait`.
            BudgetSpent: There are not enough of the day's tokens left for it.
        """
        give_up_at = patient_until = math.inf
        while True:
            with self._ledger.open() as used:
                now = used.present(self._clock)
                give_up_at = min(give_up_at, now + self._longest_wait)
                patient_until = min(patient_until, now + PATIENCE)
                self._drop_outdated(used, now)
                turn = self._earliest(used, now, search=search, background=background)
                if turn > give_up_at:
                    raise Throttled("Too many calls are waiting for their turn.", wait=turn - now)
                is_taken = not background or turn <= now + ROUNDING or now >= patient_until
                if is_taken:
                    self._spend(used, now, tokens)
                    self._take(used, turn, search=search, background=background)
            if turn > now:
                self._clock.sleep(turn - now)
            if is_taken and (turn <= now or self._still_holds(turn, tokens, search=search)):
                return turn

    def pause(self, seconds: float) -> None:
        """Give no turns for a while.

        Args:
            seconds: For how long from now; an hour at most. A shorter pause never shortens a longer one.
        """
        with self._ledger.open() as used:
            now = used.present(self._clock)
            end = used.paused_until = max(used.paused_until, now + min(seconds, LONGEST_PAUSE))
            # Calls that hold a turn within the pause will reserve a new one, so those turns must not count.
            used.turns = [turn for turn in used.turns if not now + ROUNDING < turn < end]
            used.searches = [turn for turn in used.searches if not now + ROUNDING < turn < end]

    def widen(self) -> None:
        """Widen the guard, because a 429 shows that calls bunch up more than it allows for."""
        self._guard = min(2 * self._guard, WIDEST_GUARD)

    def learn(self, headers: Mapping[str, str], *, turn: float, search: bool = False) -> None:
        """Learn from a response that came just now: when its call arrived, and what Pipedrive says about the limits.

        If Pipedrive has less room left than we think, another program uses the same token. Its calls are then entered
        as if they were ours.

        Args:
            headers: The response's headers, in lower case or case-insensitive. Unreadable ones are ignored.
            turn: What `acquire` returned for that call.
            search: Whether the call was a search; the limit in the headers is then that of the search window.
        """
        limit = header_number(headers, "x-ratelimit-limit")
        if limit is not None and limit >= 1:
            self._heed(int(limit), search=search)
        remaining = header_number(headers, "x-ratelimit-remaining")
        window = self._windows[0]
        with self._ledger.open() as used:
            now = used.present(self._clock)
            self._fastest, self._answers = min(self._fastest, now - turn), self._answers + 1
            ways = SURE * self._fastest if self._answers > ENOUGH else 0.0
            arrived = max(turn, now - ways)
            # Counted from when it arrived, even if the turn is so long ago that it has been dropped.
            if _remove(used.turns, turn) or turn <= now - self._windows[-1].seconds:
                insort(used.turns, arrived)
            if search and (_remove(used.searches, turn) or turn <= now - self._search.seconds):
                insort(used.searches, arrived)
            if remaining is not None and not search:
                since, until = bisect_right(used.turns, turn - window.seconds), bisect_right(used.turns, now)
                for _ in range(window.calls - (until - since) - int(remaining)):
                    insort(used.turns, turn)

    def usage(self) -> Usage:
        """Return how much of the limits is in use."""
        used = self._ledger.look()
        now, window = used.present(self._clock), self._windows[0]
        calls = bisect_right(used.turns, now) - bisect_left(used.turns, now - window.seconds)
        searches = bisect_right(used.searches, now) - bisect_left(used.searches, now - self._search.seconds)
        return Usage(calls, window, _tokens(used, now), self._daily_tokens, searches, self._search)

    def paused_for(self) -> float:
        """Return for how many seconds from now no turns are given because of a pause; 0 for none."""
        used = self._ledger.look()
        return max(0.0, used.paused_until - used.present(self._clock))

    def has_tokens_for_background(self) -> bool:
        """Tell whether background work may go on: the last tenth of the day's tokens is reserved for people's work."""
        if self._daily_tokens is None:
            return True
        return self.usage().tokens < BACKGROUND_SHARE * self._daily_tokens

    def _drop_outdated(self, used: Used, now: float) -> None:
        """Drop entries that are too old to matter, and those that lie in the future because a clock was wrong."""
        latest = now + self._longest_wait + LONGEST_PAUSE
        used.turns = _within(self._windows[-1], used.turns, now, latest)
        used.searches = _within(self._search, used.searches, now, latest)
        used.next_batch = min(used.next_batch, now + self._longest_wait)
        used.paused_until = min(used.paused_until, now + LONGEST_PAUSE)
        hour = int(now // HOUR)
        if early := [each for each in used.tokens if int(each) > hour]:
            spent = sum(used.tokens.pop(each) for each in early)
            used.tokens[str(hour)] = used.tokens.get(str(hour), 0) + spent

    def _earliest(self, used: Used, now: float, *, search: bool, background: bool) -> float:
        """Return the earliest moment at which every window stays within its limit."""
        turn = max(now, used.paused_until, used.next_batch if background else now)
        while True:
            later = max(_free_from(used.turns, window, self._guard, turn) for window in self._windows)
            if search:
                later = max(later, _free_from(used.searches, self._search, self._guard, turn))
            if later <= turn:
                return turn
            turn = later

    def _take(self, used: Used, turn: float, *, search: bool, background: bool) -> None:
        insort(used.turns, turn)
        if search:
            insort(used.searches, turn)
        if background:
            pace = max((window.seconds + self._guard) / window.calls for window in self._windows)
            # From the planned moment and not from now: a call that woke up late must not delay the next one.
            used.next_batch = max(used.next_batch, turn - pace / 4) + pace

    def _spend(self, used: Used, now: float, tokens: int) -> None:
        if self._daily_tokens is not None and _tokens(used, now) + tokens > self._daily_tokens:
            raise BudgetSpent(
                f"Warmline has used its share of today's API tokens ({self._daily_tokens}). "
                "It continues by itself; WARMLINE_PLAN, WARMLINE_SEATS and WARMLINE_TOKEN_SHARE set how many it has."
            )
        hour = int(now // HOUR)
        used.tokens = {old: spent for old, spent in used.tokens.items() if int(old) >= hour - DAY_IN_HOURS}
        used.tokens[str(hour)] = used.tokens.get(str(hour), 0) + tokens

    def _still_holds(self, turn: float, tokens: int, *, search: bool) -> bool:
        """Tell whether a reserved turn may still be used; if not, it is given back, with its tokens.

        While we slept, a pause may have removed it, or a response may have shown that a call arrived later than
        assumed.
        """
        with self._ledger.open() as used:
            is_there = _remove(used.turns, turn)
            if search:
                _remove(used.searches, turn)
            if is_there and self._earliest(used, turn, search=search, background=False) <= turn + ROUNDING:
                self._take(used, turn, search=search, background=False)
                return True
            self._spend(used, used.present(self._clock), -tokens)
            return False

    def _heed(self, limit: int, *, search: bool) -> None:
        """Adopt a limit that is lower than ours; a higher one may belong to another plan or another window."""
        if search:
            self._search = replace(self._search, calls=min(limit, self._search.calls))
            return
        self.told = limit
        shortest = self._windows[0]
        if limit < shortest.calls or self._may_raise:
            self._windows[0] = replace(shortest, calls=limit)


def _tokens(used: Used, now: float) -> int:
    first = int(now // HOUR) - DAY_IN_HOURS
    return sum(spent for hour, spent in used.tokens.items() if int(hour) >= first)


def _within(window: Window, turns: list[float], now: float, latest: float) -> list[float]:
    """Return the turns that still matter to a window, however wide its guard becomes."""
    oldest = now - window.seconds - 2 * WIDEST_GUARD
    return [turn for turn in turns if oldest < turn < latest]


def _remove(turns: list[float], turn: float) -> bool:
    """Remove a turn; return whether it was still there (a pause may have removed it)."""
    place = bisect_left(turns, turn)
    is_there = place < len(turns) and turns[place] == turn
    if is_there:
        del turns[place]
    return is_there


def _free_from(turns: list[float], window: Window, guard: float, turn: float) -> float:
    """Return the earliest moment, from `turn` on, at which a window has room for one more call.

    Later turns may be reserved already, so every run of calls that the new one would complete is checked.
    """
    span = window.seconds + guard
    while True:
        place = bisect_right(turns, turn)
        for start in range(max(0, place - window.calls), min(place, len(turns) - window.calls) + 1):
            first, last = turns[start], turns[start + window.calls - 1]
            if max(last, turn) - min(first, turn) < span - ROUNDING:
                turn = first + span
                break
        else:
            return turn
