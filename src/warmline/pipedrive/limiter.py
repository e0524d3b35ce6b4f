"""The one place where a call waits for its turn.

Owns Pipedrive's limits. A limit of N calls in S seconds holds for *any* S seconds, not for each tick of a clock, so a
turn is an instant that keeps every rolling window within its limit. It must never hand out a turn during a pause:
going on through 429s ends in a block of the whole company by Cloudflare.

Two kinds of calls share the windows. What a person waits for reserves the next free instant, ahead of all batch work.
Batch work never reserves: it takes an instant when it is free, and at an even pace, so that the window always frees
up again within a fraction of a second and not in lumps of two.

Calls bunch up on the way, and Pipedrive counts when they arrive. An answer tells when its call had arrived at the
latest, and the next call still has its own way to go: both ways together are hardly shorter than the fastest round trip
that was seen. So a call counts from its answer less that, and however uneven the way is, no window is overfull there.
"""

import math
from bisect import bisect_left, bisect_right, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from warmline.pipedrive.clock import SYSTEM_CLOCK, Clock
from warmline.pipedrive.errors import BudgetSpent, Throttled
from warmline.pipedrive.headers import LONGEST_PAUSE, header_number
from warmline.pipedrive.ledger import Ledger, MemoryLedger, Used
from warmline.pipedrive.plans import SEARCH, UNKNOWN, Window

HOUR = 3600
DAY_IN_HOURS = 24
BATCH_SHARE = 0.9  # of the day's tokens; the rest is for what a person waits for
WIDEST_GUARD = 0.5
SURE = 0.9  # of the fastest round trip so far: both ways together are hardly ever faster
ENOUGH = 10  # answers, before that is believed: the first calls of a busy process are all slow
ROUNDING = 1e-5  # seconds: two moments that are nearer are the same


@dataclass(frozen=True)
class Usage:
    """How much of the limits is used.

    Attributes:
        calls: Made within the shortest window that ends now.
        window: That window.
        tokens: Spent within the last 24 hours, the hour 24 hours ago included as a whole.
        daily_tokens: How many may be; None when they are not counted.
    """

    calls: int
    window: Window
    tokens: int
    daily_tokens: int | None


class Limiter:
    """Keeps the calls of one token within Pipedrive's windows and the day's tokens. Safe to share between threads."""

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
        """Prepare, without using anything.

        Args:
            windows: The windows that every call must keep.
            search: The window that searches must keep on top of those.
            guard: Seconds added to each window, for what is not known of the way to Pipedrive. A 429 widens it.
            longest_wait: Seconds that a call may wait for its turn before it is told to come back later.
            daily_tokens: How many tokens may be spent in any 24 hours; None for any number. Any, because nobody
                documents in which time zone Pipedrive's day begins.
            may_raise: Whether Pipedrive's word may raise the shortest window as well as lower it.
            ledger: What is used, shared with others; None for one of our own.
            clock: What tells the time, and waits.
        """
        self._windows = sorted(windows, key=lambda window: window.seconds)
        self._search = search
        self._guard = guard
        self._longest_wait = longest_wait
        self._daily_tokens = daily_tokens
        self._may_raise = may_raise
        self._fastest, self._answers = math.inf, 0
        self._ledger = ledger or MemoryLedger()
        self._clock = clock

    def acquire(self, *, search: bool = False, tokens: int = 0, batch: bool = False) -> float:
        """Wait for the turn of one call.

        Args:
            search: Whether the call is a search.
            tokens: Its price.
            batch: Whether nobody waits for it.

        Returns:
            The turn, by the ledger's time.

        Raises:
            Throttled: The turn is further away than `longest_wait`.
            BudgetSpent: The day's tokens do not pay for it.
        """
        give_up_at = math.inf
        while True:
            with self._ledger.open() as used:
                now = used.present(self._clock)
                give_up_at = min(give_up_at, now + self._longest_wait)
                self._forget(used, now)
                turn = self._earliest(used, now, search=search, batch=batch)
                if turn > give_up_at:
                    raise Throttled("Too many calls are waiting for their turn.", wait=turn - now)
                is_taken = not batch or turn <= now + ROUNDING
                if is_taken:
                    self._spend(used, now, tokens)
                    self._take(used, turn, search=search, batch=batch)
            if turn > now:
                self._clock.sleep(turn - now)
            if is_taken and (turn <= now or self._still_holds(turn, tokens, search=search)):
                return turn

    def pause(self, seconds: float) -> None:
        """Let nobody go for a while.

        Args:
            seconds: For how long, from now; an hour at most. A shorter pause never cuts a longer one.
        """
        with self._ledger.open() as used:
            now = used.present(self._clock)
            end = used.paused_until = max(used.paused_until, now + min(seconds, LONGEST_PAUSE))
            # Whoever holds a turn within the pause will reserve anew, so those turns must not count.
            used.turns = [turn for turn in used.turns if not now + ROUNDING < turn < end]
            used.searches = [turn for turn in used.searches if not now + ROUNDING < turn < end]

    def widen(self) -> None:
        """Learn from a 429 that calls bunch up more than the guard allows for."""
        self._guard = min(2 * self._guard, WIDEST_GUARD)

    def learn(self, headers: Mapping[str, str], *, turn: float, search: bool = False) -> None:
        """Learn from an answer that came just now when its call arrived, and what Pipedrive says of the limits.

        Where Pipedrive has less room left than we think, another program uses the same token: its calls are entered
        as if they were ours.

        Args:
            headers: The answer's headers, in lower case or case-insensitive. Unreadable ones are ignored.
            turn: What `acquire` returned for that call.
            search: Whether the answer is that of a search, whose limit is then the search window's.
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
            # Counted from when it arrived, also where the turn is so long ago that it is forgotten.
            if _remove(used.turns, turn) or turn <= now - self._windows[-1].seconds:
                insort(used.turns, arrived)
            if search and (_remove(used.searches, turn) or turn <= now - self._search.seconds):
                insort(used.searches, arrived)
            if remaining is not None and not search:
                since, until = bisect_right(used.turns, turn - window.seconds), bisect_right(used.turns, now)
                for _ in range(window.calls - (until - since) - int(remaining)):
                    insort(used.turns, turn)

    def usage(self) -> Usage:
        """Return how much is used at this moment."""
        used = self._ledger.look()
        now, window = used.present(self._clock), self._windows[0]
        calls = bisect_right(used.turns, now) - bisect_left(used.turns, now - window.seconds)
        return Usage(calls, window, _tokens(used, now), self._daily_tokens)

    def paused_for(self) -> float:
        """Return for how many seconds from now nobody goes, because of a pause."""
        used = self._ledger.look()
        return max(0.0, used.paused_until - used.present(self._clock))

    def has_tokens_for_batch(self) -> bool:
        """Tell whether batch work may go on; the last tenth of the day's tokens is for what a person waits for."""
        if self._daily_tokens is None:
            return True
        return self.usage().tokens < BATCH_SHARE * self._daily_tokens

    def _forget(self, used: Used, now: float) -> None:
        """Drop what matters no more, and what a machine that was started with a wrong clock has left in the future."""
        latest = now + self._longest_wait + LONGEST_PAUSE
        used.turns = _within(self._windows[-1], used.turns, now, latest)
        used.searches = _within(self._search, used.searches, now, latest)
        used.next_batch = min(used.next_batch, now + self._longest_wait)
        used.paused_until = min(used.paused_until, now + LONGEST_PAUSE)
        hour = int(now // HOUR)
        if early := [each for each in used.tokens if int(each) > hour]:
            spent = sum(used.tokens.pop(each) for each in early)
            used.tokens[str(hour)] = used.tokens.get(str(hour), 0) + spent

    def _earliest(self, used: Used, now: float, *, search: bool, batch: bool) -> float:
        """Return the earliest instant that keeps every window."""
        turn = max(now, used.paused_until, used.next_batch if batch else now)
        while True:
            later = max(_free_from(used.turns, window, self._guard, turn) for window in self._windows)
            if search:
                later = max(later, _free_from(used.searches, self._search, self._guard, turn))
            if later <= turn:
                return turn
            turn = later

    def _take(self, used: Used, turn: float, *, search: bool, batch: bool) -> None:
        insort(used.turns, turn)
        if search:
            insort(used.searches, turn)
        if batch:
            pace = max((window.seconds + self._guard) / window.calls for window in self._windows)
            # By the plan and not by the moment: who woke a little late must not make the next one late, too.
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
        """Tell whether a reserved turn may be used; if not, it is given back, unpaid.

        A pause that came while we slept took it away, or an answer told that a call had arrived later than thought.
        """
        with self._ledger.open() as used:
            is_there = _remove(used.turns, turn)
            if search:
                _remove(used.searches, turn)
            if is_there and self._earliest(used, turn, search=search, batch=False) <= turn + ROUNDING:
                self._take(used, turn, search=search, batch=False)
                return True
            self._spend(used, used.present(self._clock), -tokens)
            return False

    def _heed(self, limit: int, *, search: bool) -> None:
        """Take over a limit that is lower than ours; a higher one may be another plan's or another window's."""
        if search:
            self._search = replace(self._search, calls=min(limit, self._search.calls))
            return
        shortest = self._windows[0]
        if limit < shortest.calls or self._may_raise:
            self._windows[0] = replace(shortest, calls=limit)


def _tokens(used: Used, now: float) -> int:
    first = int(now // HOUR) - DAY_IN_HOURS
    return sum(spent for hour, spent in used.tokens.items() if int(hour) >= first)


def _within(window: Window, turns: list[float], now: float, latest: float) -> list[float]:
    """Return the turns that still matter to a window, whatever its guard becomes."""
    oldest = now - window.seconds - 2 * WIDEST_GUARD
    return [turn for turn in turns if oldest < turn < latest]


def _remove(turns: list[float], turn: float) -> bool:
    """Take a turn away; return whether it was there, and not taken away by a pause before."""
    place = bisect_left(turns, turn)
    is_there = place < len(turns) and turns[place] == turn
    if is_there:
        del turns[place]
    return is_there


def _free_from(turns: list[float], window: Window, guard: float, turn: float) -> float:
    """Return the earliest instant, from `turn` on, at which a window takes one call more.

    Turns may be reserved after it, so every run of calls that it would complete is looked at.
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
