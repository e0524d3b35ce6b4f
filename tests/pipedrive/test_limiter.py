"""The limiter: no rolling window is ever overfull, whatever is asked in whatever order by however many."""

import json
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from virtual_clock import VirtualClock

from warmline.pipedrive import PLANS, BudgetSpent, FileLedger, Limiter, Throttled, Unavailable, Window
from warmline.pipedrive.limit_headers import wait_seconds
from warmline.pipedrive.limiter import ENOUGH, PATIENCE

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)


def most_in(instants: list[float], seconds: float) -> int:
    """Return the most instants that lie within any window of so many seconds."""
    return max((sum(start <= at <= start + seconds for at in instants) for start in instants), default=0)


steps = st.one_of(
    st.tuples(st.just("call"), st.just(0.0)),
    st.tuples(st.just("search"), st.just(0.0)),
    st.tuples(st.just("background"), st.just(0.0)),
    st.tuples(st.just("idle"), st.floats(0, 5)),
    st.tuples(st.just("pause"), st.floats(0, 5)),
    st.tuples(st.just("jump"), st.sampled_from((-86400.0, -3600.0, -1.0, 1.0, 3600.0, 86400.0))),
)
some_window = st.builds(Window, st.integers(1, 9), st.sampled_from((0.5, 1.0, 2.0, 10.0, 60.0)))


@given(st.lists(steps, max_size=120), st.lists(some_window, min_size=1, max_size=3), some_window)
def test_no_window_is_ever_overfull(script: list[tuple[str, float]], windows: list[Window], search: Window) -> None:
    """Calls, searches, background work, idling, pauses and a clock that is set keep every window and every pause."""
    clock = VirtualClock(NOW)
    limiter = Limiter(windows, search=search, guard=0.1, longest_wait=1e6, clock=clock)
    calls: list[float] = []
    searches: list[float] = []
    paused_until = 0.0
    for what, seconds in script:
        if what == "idle":
            clock.sleep(seconds)
        elif what == "pause":
            limiter.pause(seconds)
            paused_until = max(paused_until, clock.elapsed + seconds)
        elif what == "jump":
            clock.jump(seconds)
        else:
            limiter.acquire(search=what == "search", background=what == "background")
            calls.append(clock.elapsed)
            assert clock.elapsed >= paused_until - 1e-5
            if what == "search":
                searches.append(clock.elapsed)
    assert all(most_in(calls, window.seconds) <= window.calls for window in windows)
    assert most_in(searches, search.seconds) <= search.calls


def test_searches_have_a_window_of_their_own_length() -> None:
    """Two searches in ten seconds: the third one waits for the first to leave that window, and not a shorter one."""
    clock = VirtualClock(NOW)
    limiter = Limiter((Window(20, 2.0),), search=Window(2, 10.0), clock=clock)
    for _ in range(2):
        limiter.acquire(search=True)
        clock.sleep(2)
    limiter.acquire(search=True)
    assert clock.elapsed == pytest.approx(10.01)


def test_a_burst_goes_at_once_and_the_next_call_waits_the_window_and_the_guard() -> None:
    """Up to the limit nothing waits; the call after that goes when the first has left the window."""
    clock = VirtualClock(NOW)
    limiter = Limiter(clock=clock)
    for _ in range(20):
        limiter.acquire()
    assert clock.elapsed == 0
    limiter.acquire()
    assert clock.elapsed == pytest.approx(2.01)


def test_threads_that_reserve_together_keep_the_windows() -> None:
    """Reserved instants keep the limit although all threads ask at the same moment."""
    clock = StandingClock()
    limiter = Limiter((Window(3, 2.0),), guard=0.1, clock=clock)
    threads = [threading.Thread(target=limiter.acquire) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    instants = [0.0] * (12 - len(clock.sleeps)) + sorted(clock.sleeps)
    assert instants == pytest.approx([0.0] * 3 + [2.1] * 3 + [4.2] * 3 + [6.3] * 3)


class StandingClock(VirtualClock):
    """A clock that stands still and only writes down how long each sleep would have been."""

    def __init__(self) -> None:
        super().__init__(NOW)
        self.sleeps: list[float] = []

    def sleep(self, seconds: float) -> None:
        """Write down how long it would have been."""
        self.sleeps.append(seconds)


PROCESS = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from warmline.pipedrive import FileLedger, Limiter, SystemClock, Window

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)

class Standing(SystemClock):
    def now(self):
        return NOON
    def monotonic(self):
        return 0.0
    def sleep(self, seconds):
        pass

ledger = FileLedger(Path(sys.argv[1]), "us")
limiter = Limiter((Window(3, 2.0),), guard=0.1, longest_wait=1000, ledger=ledger, clock=Standing())
for _ in range(15):
    print(round(limiter.acquire() - NOON.timestamp(), 1))
"""


def test_processes_share_one_window(tmp_path: Path) -> None:
    """Four processes on one file get their turns as one would; the file knows tokens apart by their names."""
    file = tmp_path / "limits.sqlite3"
    running = [
        subprocess.Popen([sys.executable, "-c", PROCESS, str(file)], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    turns = sorted(float(line) for process in running for line in process.communicate(timeout=60)[0].split())
    assert turns == pytest.approx([round(2.1 * (number // 3), 1) for number in range(60)])
    stranger = Limiter((Window(3, 2.0),), ledger=FileLedger(file, "another"), clock=VirtualClock(NOW))
    assert stranger.acquire() == NOW.timestamp()


def test_background_work_goes_at_an_even_pace() -> None:
    """Forty calls of background work are spread over the windows, none of them early."""
    clock = VirtualClock(NOW)
    limiter = Limiter(clock=clock)
    turns = []
    for _ in range(40):
        limiter.acquire(background=True)
        turns.append(clock.elapsed)
    gaps = [later - earlier for earlier, later in pairwise(turns)]
    assert gaps == pytest.approx([0.1005] * 39, abs=0.03)
    assert turns[-1] == pytest.approx(39 * 0.1005, abs=0.03)


def test_a_person_waits_a_fraction_of_a_second_in_the_middle_of_background_work() -> None:
    """With the window full of background work, each call that a person waits for gets the next free instant."""
    clock = VirtualClock(NOW)
    limiter = Limiter(clock=clock)
    waits = []
    for number in range(300):
        limiter.acquire(background=True)
        if number > 100 and number % 10 == 0:
            asked = clock.elapsed
            limiter.acquire()
            waits.append(clock.elapsed - asked)
    assert len(waits) == 19
    assert max(waits) < 0.11


def test_background_work_waits_behind_what_was_reserved() -> None:
    """Turns that people's calls hold in the future leave no room for background work before them."""
    clock = StandingClock()
    limiter = Limiter((Window(2, 2.0),), guard=0.0, clock=clock)
    for _ in range(5):
        limiter.acquire()
    assert clock.sleeps == pytest.approx([2.0, 2.0, 4.0])
    turning = VirtualClock(NOW)
    behind = Limiter((Window(2, 2.0),), guard=0.0, ledger=limiter._ledger, clock=turning)
    behind.acquire(background=True)
    assert turning.elapsed == pytest.approx(4.0)


def test_a_turn_too_far_away_is_refused_and_not_reserved() -> None:
    """Whoever would wait too long is told how long, and takes nobody's place."""
    clock = VirtualClock(NOW)
    limiter = Limiter((Window(1, 50.0),), guard=0, longest_wait=60, clock=clock)
    limiter.acquire()
    limiter.pause(100)
    with pytest.raises(Throttled) as refused:
        limiter.acquire()
    assert refused.value.wait == 100
    clock.sleep(100)
    limiter.acquire()
    assert clock.elapsed == 100


def test_a_pause_takes_away_the_turns_within_it() -> None:
    """A call that is already waiting when a pause comes goes after the pause, and pays once."""
    clock = PausingClock(NOW)
    limiter = clock.limiter = Limiter((Window(1, 2.0),), guard=0, clock=clock)
    limiter.acquire(tokens=5)
    limiter.acquire(tokens=5)
    assert clock.elapsed == 3
    limiter.acquire(tokens=5)
    assert clock.elapsed == 5
    assert limiter.usage().tokens == 15


class PausingClock(VirtualClock):
    """A clock during whose first sleep somebody pauses the limiter."""

    limiter: Limiter | None = None

    def sleep(self, seconds: float) -> None:
        """Let somebody pause the limiter, then move on."""
        if self.limiter is not None:
            self.limiter.pause(3)
            self.limiter = None
        super().sleep(seconds)


def test_pauses_can_add_up_only_to_the_longest_wait() -> None:
    """A call that is paused again and again gives up at the end of its patience."""
    clock = VirtualClock(NOW)
    limiter = Limiter(longest_wait=5, clock=clock)
    limiter.pause(3)
    limiter.pause(1)
    limiter.acquire()
    assert clock.elapsed == 3
    limiter.pause(6)
    with pytest.raises(Throttled, match="waiting"):
        limiter.acquire()


@pytest.mark.parametrize(
    ("headers", "search", "instant"),
    [
        ({}, False, 0.0),
        ({"x-ratelimit-remaining": "0"}, False, 2.01),
        ({"x-ratelimit-remaining": "1"}, False, 2.01),
        ({"x-ratelimit-remaining": "2"}, False, 0.0),
        ({"x-ratelimit-remaining": "9"}, False, 0.0),
        ({"x-ratelimit-remaining": "0"}, True, 0.0),
        ({"x-ratelimit-limit": "2"}, False, 2.01),
        ({"x-ratelimit-limit": "2"}, True, 0.0),
        ({"x-ratelimit-limit": "40"}, False, 0.0),
        ({"x-ratelimit-limit": "0"}, False, 0.0),
        ({"x-ratelimit-limit": "many", "x-ratelimit-remaining": "nan"}, False, 0.0),
    ],
)
def test_headers_tell_of_others_who_use_the_token(headers: dict[str, str], search: bool, instant: float) -> None:  # noqa: FBT001 -- a table's column
    """Two calls after a first one whose answer had these headers, in a window of three."""
    clock = VirtualClock(NOW)
    limiter = Limiter((Window(3, 2.0),), clock=clock)
    turn = limiter.acquire()
    limiter.learn(headers, turn=turn, search=search)
    for _ in range(2):
        limiter.acquire()
    assert clock.elapsed == pytest.approx(instant)


def test_strangers_are_entered_once() -> None:
    """Several answers that tell of the same strangers leave the room that Pipedrive says is left."""
    clock = VirtualClock(NOW)
    limiter = Limiter((Window(10, 2.0),), clock=clock)
    for remaining in ("5", "4", "3"):
        limiter.learn({"x-ratelimit-remaining": remaining}, turn=limiter.acquire())
    assert limiter.usage().calls == 7
    for _ in range(3):
        limiter.acquire()
    assert clock.elapsed == 0
    limiter.acquire()
    assert clock.elapsed == pytest.approx(2.01)


@pytest.mark.parametrize(("may_raise", "calls"), [(False, 3), (True, 5)])
def test_a_higher_limit_counts_where_a_plan_was_chosen(may_raise: bool, calls: int) -> None:  # noqa: FBT001 -- a table's column
    """Pipedrive's word may raise the window only on the administrator's."""
    clock = VirtualClock(NOW)
    limiter = Limiter((Window(3, 2.0),), may_raise=may_raise, clock=clock)
    limiter.learn({"x-ratelimit-limit": "5"}, turn=NOW.timestamp())
    for _ in range(calls):
        limiter.acquire()
    assert clock.elapsed == 0
    limiter.acquire()
    assert clock.elapsed == pytest.approx(2.01)


def test_a_searchs_limit_lowers_the_search_window_only() -> None:
    """What a search's answer says of limits is heeded by the next searches."""
    clock = VirtualClock(NOW)
    limiter = Limiter(clock=clock)
    limiter.learn({"x-ratelimit-limit": "2"}, turn=NOW.timestamp(), search=True)
    for _ in range(3):
        limiter.acquire(search=True)
    assert clock.elapsed == pytest.approx(2.01)


def test_searches_that_wait_hold_up_nobody_else() -> None:
    """A queue of searches leaves the other calls their turns."""
    clock = StandingClock()
    limiter = Limiter(clock=clock)
    for _ in range(15):
        limiter.acquire(search=True)
    assert limiter.acquire() == NOW.timestamp()


def test_a_429_widens_the_guard() -> None:
    """Whoever was refused keeps more distance from then on, up to half a second."""
    clock = VirtualClock(NOW)
    limiter = Limiter((Window(1, 2.0),), guard=0.2, clock=clock)
    limiter.acquire()
    limiter.widen()
    limiter.acquire()
    assert clock.elapsed == pytest.approx(2.4)
    limiter.widen()
    limiter.widen()
    limiter.acquire()
    assert clock.elapsed == pytest.approx(4.9)


class Crowd(VirtualClock):
    """A clock on which people take every moment that comes free while somebody sleeps."""

    def __init__(self) -> None:
        super().__init__(NOW)
        self.people = StandingCrowd(self)

    def sleep(self, seconds: float) -> None:
        """Let people reserve four more moments, and the time pass."""
        for _ in range(4):
            self.people.limiter.acquire()
        super().sleep(seconds)


class StandingCrowd:
    """People who reserve what is free, and do not wait for it here."""

    def __init__(self, clock: VirtualClock) -> None:
        self.now, self.monotonic = clock.now, clock.monotonic
        self.limiter = Limiter((Window(4, 2.0),), guard=0.0, clock=self)

    def sleep(self, seconds: float) -> None:
        """Return at once."""


def test_background_work_that_finds_no_moment_reserves_one() -> None:
    """What was begun goes on ten seconds later, although people's calls fill every window, and does not fail."""
    clock = Crowd()
    for _ in range(4):
        clock.people.limiter.acquire()
    behind = Limiter((Window(4, 2.0),), guard=0.0, ledger=clock.people.limiter._ledger, clock=clock)
    begun = clock.elapsed
    behind.acquire(background=True)
    assert PATIENCE <= clock.elapsed - begun <= PATIENCE + 4


def test_the_days_tokens_end_background_work_first_and_come_back_after_a_day() -> None:
    """Nine tenths end background work, all of them everything; a day later they are there again."""
    clock = VirtualClock(NOW)
    limiter = Limiter(daily_tokens=100, clock=clock)
    for _ in range(9):
        assert limiter.has_tokens_for_background()
        limiter.acquire(tokens=10)
    assert not limiter.has_tokens_for_background()
    limiter.acquire(tokens=10)
    with pytest.raises(BudgetSpent, match="share of today's API tokens"):
        limiter.acquire(tokens=1)
    assert limiter.usage().tokens == 100
    clock.sleep(25 * 3600)
    limiter.acquire(tokens=1)
    assert limiter.usage().tokens == 1


@pytest.mark.parametrize("jump", [-86400, -3600, -1, 1, 3600, 86400])
def test_a_clock_that_is_set_changes_no_wait(jump: float) -> None:
    """Turns, the pace of background work, and pauses are counted by what has passed, in each process of the machine."""
    clock = VirtualClock(NOW)
    limiter = Limiter((Window(1, 2.0),), clock=clock)
    limiter.acquire(background=True)
    clock.jump(jump)
    another = Limiter((Window(1, 2.0),), ledger=limiter._ledger, clock=clock)
    another.acquire(background=True)
    assert clock.elapsed == pytest.approx(2.01)
    another.pause(30)
    clock.jump(-2 * jump)
    limiter.acquire()
    assert clock.elapsed == pytest.approx(32.01)


@pytest.mark.parametrize("jump", [-2 * 86400, -3600, 3600, 25 * 3600, 365 * 86400])
def test_a_clock_that_is_set_neither_keeps_nor_loses_the_days_tokens(jump: float) -> None:
    """They come back after a day has passed, whatever the clock says meanwhile."""
    clock = VirtualClock(NOW)
    limiter = Limiter(daily_tokens=100, clock=clock)
    limiter.acquire(tokens=100)
    clock.jump(jump)
    clock.sleep(23 * 3600)
    with pytest.raises(BudgetSpent):
        limiter.acquire(tokens=1)
    clock.sleep(2 * 3600)
    limiter.acquire(tokens=1)
    assert limiter.usage().tokens == 1


def test_a_machine_that_is_started_anew_keeps_the_figures(tmp_path: Path) -> None:
    """Its monotonic clock begins anew, so its clock tells how long it was off; one that is wrong delays for a day."""
    first = VirtualClock(NOW)
    file = tmp_path / "limits.sqlite3"
    Limiter(ledger=FileLedger(file, "us"), daily_tokens=100, clock=first).acquire(tokens=60)
    first.sleep(100)
    Limiter(ledger=FileLedger(file, "us"), daily_tokens=100, clock=first).acquire(tokens=20)
    wrong = VirtualClock(NOW - timedelta(days=20))
    limiter = Limiter(ledger=FileLedger(file, "us"), daily_tokens=100, clock=wrong)
    limiter.acquire(tokens=20)
    assert wrong.elapsed == 0
    with pytest.raises(BudgetSpent):
        limiter.acquire(tokens=1)
    wrong.sleep(25 * 3600)
    limiter.acquire(tokens=1)


EARLIER = {"turns": [1.0], "searches": [], "next_batch": 0.0, "paused_until": 0.0, "tokens": {"0": 5}}


def test_a_process_of_an_earlier_version_goes_on_beside_a_later_one(tmp_path: Path) -> None:
    """It reads its own figures and no others in its table; each counts what the other has spent."""
    clock, file = VirtualClock(NOW), tmp_path / "limits.sqlite3"
    limiter = Limiter(ledger=FileLedger(file, "us"), daily_tokens=100, clock=clock)
    limiter.acquire(tokens=60)
    with closing(sqlite3.connect(file, isolation_level=None)) as earlier:
        (text,) = earlier.execute("SELECT figures FROM used WHERE name = 'us'").fetchone()
        figures = json.loads(text)
        assert figures.keys() == EARLIER.keys()
        figures["tokens"] = {hour: spent + 30 for hour, spent in figures["tokens"].items()}
        earlier.execute("REPLACE INTO used VALUES (?, ?)", ("us", json.dumps(figures)))
    with pytest.raises(BudgetSpent):
        limiter.acquire(tokens=20)


def test_an_earlier_file_is_read_and_what_a_later_one_adds_is_passed_over(tmp_path: Path) -> None:
    """What was spent is spent, whichever version wrote it down."""
    clock, file = VirtualClock(NOW), tmp_path / "limits.sqlite3"
    FileLedger(file, "us").close()
    hour = str(int(NOW.timestamp() // 3600))
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        stored = json.dumps({**EARLIER, "tokens": {hour: 95}, "ahead": 7.0, "added_later": 1})
        other.execute("REPLACE INTO used VALUES (?, ?)", ("us", stored))
    limiter = Limiter(ledger=FileLedger(file, "us"), daily_tokens=100, clock=clock)
    assert limiter.usage().tokens == 95
    with pytest.raises(BudgetSpent):
        limiter.acquire(tokens=6)


def test_a_file_that_cannot_be_used_is_nobodys_fault(tmp_path: Path) -> None:
    """Another program holds it, or it was replaced: no call goes, and that is said in an error of ours."""
    ledger = FileLedger(tmp_path / "limits.sqlite3", "us")
    ledger.close()
    with pytest.raises(Unavailable, match="limits"):
        Limiter(ledger=ledger, clock=VirtualClock(NOW)).acquire()


def test_a_ledger_that_cannot_be_made_says_where(tmp_path: Path) -> None:
    """The error names the file."""
    with pytest.raises(OSError, match="nowhere"):
        FileLedger(tmp_path / "nowhere" / "limits.sqlite3", "us")


@pytest.mark.parametrize(
    ("plan", "calls", "tokens"), [("lite", 20, 30_000), ("growth-oauth", 160, 60_000), ("ultimate", 120, 210_000)]
)
def test_plans(plan: str, calls: int, tokens: int) -> None:
    """The published figures, for an API token and for OAuth."""
    assert PLANS[plan].windows == (Window(calls, 2.0),)
    assert PLANS[plan].tokens == tokens


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 2.0),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "7", "x-ratelimit-reset": "3"}, 7.0),
        ({"retry-after": "Thu, 01 Jan 2026 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Thu, 01 Jan 2026 11:00:00 GMT"}, 2.0),
        ({"retry-after": "soon", "x-ratelimit-reset": "3"}, 3.0),
        ({"retry-after": "0", "x-ratelimit-reset": "0"}, 2.0),
        ({"retry-after": "-5"}, 2.0),
        ({"retry-after": "inf"}, 2.0),
        ({"retry-after": "86400"}, 3600.0),
        ({"x-ratelimit-reset": "1767268800"}, 2.0),
    ],
)
def test_the_wait_after_a_429(headers: dict[str, str], seconds: float) -> None:
    """Retry-After first, in either form, then the reset, then two seconds, and never more than an hour."""
    assert wait_seconds(headers, NOW) == seconds


class Way(VirtualClock):
    """A clock on which answers come when their time has come, whoever sleeps meanwhile."""

    def __init__(self) -> None:
        super().__init__(NOW)
        self.limiter = Limiter((Window(5, 2.0),), longest_wait=1000, clock=self)
        self.limiter.learn({}, turn=NOW.timestamp() - 0.04)  # the fastest way is known
        self.answers: list[tuple[float, float]] = []

    def sleep(self, seconds: float) -> None:
        """Let time pass, and answers come."""
        end = self.elapsed + seconds
        while self.answers and min(self.answers)[0] <= end:
            at, turn = min(self.answers)
            self.answers.remove((at, turn))
            self.elapsed = max(self.elapsed, at)
            self.limiter.learn({}, turn=turn)
        self.elapsed = end


round_trips = st.tuples(st.floats(0.02, 0.06), st.floats(0.02, 0.06), st.floats(0, 0.03), st.booleans())


@given(st.lists(round_trips, min_size=40, max_size=60))
def test_no_window_is_overfull_where_calls_arrive(script: list[tuple[float, float, float, bool]]) -> None:
    """However uneven the ways are, and however late a call is sent, Pipedrive counts no more calls than it may."""
    clock = Way()
    arrivals: list[float] = []
    for there, back, late, background in script:
        turn = clock.limiter.acquire(background=background)
        arrived = clock.elapsed + late + there
        arrivals.append(arrived)
        clock.answers.append((arrived + back, turn))
    assert most_in(arrivals, 2.0) <= 5


def test_a_call_that_took_longer_than_the_window_counts_from_when_it_can_have_arrived() -> None:
    """Its turn is forgotten by the time of its answer; Pipedrive may have counted it a moment ago all the same."""
    clock = VirtualClock(NOW)
    limiter = Limiter((Window(2, 2.0),), guard=0.0, clock=clock)
    limiter._answers = ENOUGH  # it has been at work for a while
    turn = limiter.acquire()
    clock.sleep(0.1)
    limiter.learn({}, turn=turn)
    slow = limiter.acquire()
    clock.sleep(9)
    limiter.acquire()
    limiter.learn({}, turn=slow)
    limiter.acquire()
    assert clock.elapsed == pytest.approx(9.1 - 0.09 + 2.0)


def test_the_first_answers_do_not_tell_how_fast_the_way_is() -> None:
    """Calls of a process that has just begun are all slow, and may have been so on their way there: they count late."""
    clock = VirtualClock(NOW)
    limiter = Limiter((Window(1, 2.0),), guard=0.0, clock=clock)
    turn = limiter.acquire()
    clock.sleep(1)
    limiter.learn({}, turn=turn)
    limiter.acquire()
    assert clock.elapsed == pytest.approx(3)


def test_a_slow_answer_counts_from_when_it_can_have_arrived() -> None:
    """Of a call that took a second where the fastest took 0.1, nobody knows when it arrived: it counts from late on."""
    clock = VirtualClock(NOW)
    limiter = Limiter((Window(1, 2.0),), guard=0.0, clock=clock)
    limiter._answers = ENOUGH  # it has been at work for a while
    turn = limiter.acquire()
    clock.sleep(0.1)
    limiter.learn({}, turn=turn)
    turn = limiter.acquire()
    assert clock.elapsed == pytest.approx(2.01)
    clock.sleep(1.0)
    limiter.learn({}, turn=turn)
    limiter.acquire()
    assert clock.elapsed == pytest.approx(3.01 - 0.09 + 2.0)
