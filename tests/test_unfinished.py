"""Who lets us wait: for how long each may, how many there may be, and who goes first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmline.http.slow_clients import LONGEST_WAIT, PATIENCE, SLOWEST, Unfinished


def _waiting(addresses: str, in_all: int, of_one: int) -> Unfinished[int]:
    """Return the waits of some addresses, a letter each; a dot is nobody's."""
    waiting: Unfinished[int] = Unfinished(in_all, of_one, lambda: 0.0)
    for number, address in enumerate(addresses):
        waiting.begin(number, None if address == "." else address)
    return waiting


@pytest.mark.parametrize(
    ("addresses", "in_all", "of_one", "gone"),
    [
        ("", 2, 2, []),
        ("ab", 2, 2, []),
        ("abc", 2, 2, [0]),  # the oldest
        ("abcde", 2, 2, [0, 1, 2]),
        ("abbb", 9, 2, [1]),  # the oldest of one address
        ("baaabbb", 9, 2, [0, 1, 4]),  # whose order between each other does not matter
        ("....", 9, 2, []),  # a proxy asks for many
        ("....", 3, 2, [0]),
        ("xaaaa", 3, 2, [1, 2]),  # those who are too many for their address go first, and that is enough
        ("xyaaaa", 3, 2, [0, 2, 3]),
    ],
)
def test_who_has_to_go(addresses: str, in_all: int, of_one: int, gone: list[int]) -> None:
    """The oldest of an address with too many, and then the oldest of all."""
    assert sorted(_waiting(addresses, in_all, of_one).surplus()) == gone


@given(st.text("abc.", max_size=40), st.integers(1, 20), st.integers(1, 20))
def test_no_more_go_than_must(addresses: str, in_all: int, of_one: int) -> None:
    """What is left is within both limits, the newest always stays, and without a surplus nobody goes."""
    waiting = _waiting(addresses, in_all, of_one)
    gone = waiting.surplus()
    assert len(gone) == len(set(gone))
    for key in gone:
        assert key != len(addresses) - 1
        waiting.end(key)
    assert len(waiting) <= in_all
    assert waiting.surplus() == []
    assert not gone or len(addresses) > in_all or max(addresses.count(each) for each in "abc") > of_one


@pytest.mark.parametrize(
    ("received", "after", "is_overdue"),
    [
        (0, PATIENCE, False),
        (0, PATIENCE + 1, True),
        (10 * SLOWEST, PATIENCE + 9, False),  # a body that comes slowly, and does come
        (10 * SLOWEST, PATIENCE + 11, True),
        (10_000 * SLOWEST, LONGEST_WAIT, False),
        (10_000 * SLOWEST, LONGEST_WAIT + 1, True),
    ],
)
def test_how_long_one_may_take(received: int, after: float, is_overdue: bool) -> None:  # noqa: FBT001 (a column)
    """So long, and longer as more comes, but not for ever."""
    now = 0.0
    waiting: Unfinished[str] = Unfinished(9, 9, lambda: now)
    waiting.begin("one", "a")
    waiting.receive("one", received)
    waiting.receive("another", received)
    now = after
    assert waiting.overdue() == (["one"] if is_overdue else [])


def test_one_who_begins_twice_keeps_its_place() -> None:
    """What is learned of it later is whose it is: the deadline stays."""
    now = 0.0
    waiting: Unfinished[str] = Unfinished(9, 1, lambda: now)
    waiting.begin("one", None)
    waiting.begin("other", "a")
    now = PATIENCE + 1
    waiting.begin("one", "a")
    assert waiting.surplus() == ["one"]
    assert waiting.overdue() == ["one", "other"]
    waiting.end("one")
    waiting.begin("one", "a")
    assert waiting.overdue() == ["other"]
