"""The limiter: no rolling window is ever overfull, whatever is asked in whatever order."""

import threading
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from virtual_clock import VirtualClock

from warmline.pipedrive import Limiter, Throttled, Window
from warmline.pipedrive.limiter import wait_seconds

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)


def most_in(instants: list[float], seconds: float) -> int:
    """Return the most instants that lie within any window of so many seconds."""
    return max((sum(start <= at <= start + seconds for at in instants) for start in instants), default=0)


steps = st.one_of(
    st.tuples(st.just("call"), st.just(0.0)),
    st.tuples(st.just("search"), st.just(0.0)),
    st.tuples(st.just("idle"), st.floats(0, 5)),
    st.tuples(st.just("pause"), st.floats(0, 5)),
)


@given(st.lists(steps, max_size=120))
def test_no_window_is_ever_overfull(script: list[tuple[str, float]]) -> None:
    """Calls, searches, idling and pauses in any order keep every window, the order, and every pause."""
    clock = VirtualClock(NOW)
    windows = (Window(4, 2.0), Window(9, 10.0))
    limiter = Limiter(windows, search=Window(2, 2.0), guard=0.1, longest_wait=1000, clock=clock)
    calls: list[float] = []
    searches: list[float] = []
    paused_until = 0.0
    for what, seconds in script:
        if what == "idle":
            clock.sleep(seconds)
        elif what == "pause":
            limiter.pause(seconds)
            paused_until = max(paused_until, clock.elapsed + seconds)
        else:
            limiter.acquire(search=what == "search")
            calls.append(clock.elapsed)
            assert clock.elapsed >= paused_until
            if what == "search":
                searches.append(clock.elapsed)
    assert calls == sorted(calls)
    assert all(most_in(calls, window.seconds) <= window.calls for window in windows)
    assert most_in(searches, 2.0) <= 2


def test_a_burst_goes_at_once_and_the_next_call_waits_the_window_and_the_guard() -> None:
    """Up to the limit nothing waits; the call after that goes when the first has left the window."""
    clock = VirtualClock(NOW)
    limiter = Limiter(clock=clock)
    for _ in range(20):
        limiter.acquire()
    assert clock.elapsed == 0
    limiter.acquire()
    assert clock.elapsed == pytest.approx(2.1)


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
    """A call that is already waiting when a pause comes goes after the pause, and leaves no gap behind."""
    clock = PausingClock(NOW)
    limiter = clock.limiter = Limiter((Window(1, 2.0),), guard=0, clock=clock)
    limiter.acquire()
    limiter.acquire()
    assert clock.elapsed == 3
    limiter.acquire()
    assert clock.elapsed == 5


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
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "3"}, False, 3.0),
        ({"x-ratelimit-remaining": "1", "x-ratelimit-reset": "3"}, False, 0.0),
        ({"x-ratelimit-remaining": "0"}, False, 0.0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1767268800"}, False, 0.0),
        ({"x-ratelimit-limit": "2"}, False, 2.1),
        ({"x-ratelimit-limit": "2"}, True, 0.0),
        ({"x-ratelimit-limit": "40"}, False, 0.0),
        ({"x-ratelimit-limit": "0"}, False, 0.0),
        ({"x-ratelimit-limit": "many", "x-ratelimit-remaining": "nan"}, False, 0.0),
    ],
)
def test_headers_can_only_make_it_slower(headers: dict[str, str], search: bool, instant: float) -> None:  # noqa: FBT001 -- a table's column
    """Three calls after an answer show what its headers have taught."""
    clock = VirtualClock(NOW)
    limiter = Limiter((Window(3, 2.0),), clock=clock)
    limiter.learn(headers, search=search)
    for _ in range(3):
        limiter.acquire()
    assert clock.elapsed == pytest.approx(instant)


def test_a_searchs_limit_lowers_the_search_window_only() -> None:
    """What a search's answer says of limits is heeded by the next searches."""
    clock = VirtualClock(NOW)
    limiter = Limiter(clock=clock)
    limiter.learn({"x-ratelimit-limit": "2"}, search=True)
    for _ in range(3):
        limiter.acquire(search=True)
    assert clock.elapsed == pytest.approx(2.1)


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
