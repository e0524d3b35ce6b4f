"""Who goes next, as tables: no threads, no clock, no database."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmline.sync.priorities import (
    MOST_BY_HAND,
    OLDEST_EVERY,
    Lane,
    Room,
    Served,
    Work,
    first,
    in_lanes,
    in_turn,
)

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
ALICE, BOB = 1, 2


def work(lease: str, owner: int | None = ALICE, lane: Lane = Lane.PERSON, *, seconds: float = 60, row: int = 1) -> Work:
    """Return a work that is due for so long."""
    return Work("activity", row, lease, lane, owner, NOW - timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("workers", "threads", "for_background"), [(1, 2, 1), (2, 2, 1), (3, 3, 2), (4, 4, 3), (8, 8, 6), (64, 64, 48)]
)
def test_background_work_never_has_the_last_thread(workers: int, threads: int, for_background: int) -> None:
    """One thread at the least is for people, whatever the number of workers."""
    room = Room(workers)
    assert (room.threads, room.for_background) == (threads, for_background)
    background = [work(f"b{number}", lane=Lane.IN_BULK, row=number) for number in range(for_background)]
    assert not room.has_any(background, background=True)
    assert room.has_any(background, background=False)


@pytest.mark.parametrize(
    ("old", "recent", "lanes"),
    [
        (MOST_BY_HAND, 0, {Lane.PERSON}),
        (MOST_BY_HAND + 1, 0, {Lane.BACKLOG}),
        (0, MOST_BY_HAND, {Lane.PERSON}),
        (0, MOST_BY_HAND + 1, {Lane.BACKLOG}),
        (200, 1, {Lane.BACKLOG, Lane.PERSON}),
        (200, MOST_BY_HAND + 1, {Lane.BACKLOG}),
    ],
)
def test_a_backlog_is_told_from_what_somebody_waits_for(old: int, recent: int, lanes: set[Lane]) -> None:
    """Very many of one owner's are a backlog, unless few of them came just now: those are a person's."""
    works = [work(f"old {number}", row=number) for number in range(old)]
    new = [work(f"new {number}", seconds=1, row=1000 + number) for number in range(recent)]
    placed = in_lanes([*works, *new, work("bob", BOB)], NOW)
    assert {each.lane for each in placed if each.owner == ALICE} == lanes
    assert [each.lane for each in placed if each.owner == BOB] == [Lane.PERSON]
    if len(lanes) > 1:
        assert {each.lease for each in placed if each.lane is Lane.PERSON} == {"bob", *(each.lease for each in new)}


def test_lanes_owners_and_leases_take_turns() -> None:
    """A person's before a backlog before an import before what failed; one of each owner's; the oldest first."""
    works = [
        work("f", lane=Lane.FAILED, seconds=900, row=1),
        work("i", lane=Lane.IN_BULK, seconds=900, row=2),
        work("k", lane=Lane.BACKLOG, seconds=900, row=3),
        work("a1", seconds=9, row=4),
        work("a2", seconds=8, row=5),
        work("b1", BOB, seconds=2, row=6),
        work("b2", BOB, seconds=1, row=7),
    ]
    assert [each.lease for each in in_turn(works, Served())] == ["a1", "b1", "a2", "b2", "k", "i", "f"]


def test_whoever_waited_longest_since_their_last_turn_is_next() -> None:
    """One row after the other is started, with a fresh look before each: no lease and no owner is forgotten."""
    served, started = Served(), []
    for row in range(9):
        due = [
            work("a1", seconds=50, row=10 + row),  # the next of sixty calls, always the oldest
            work("a2", seconds=3, row=30 + row),
            work("b", BOB, seconds=1, row=50 + row),
        ]
        chosen = first(in_turn(due, served), under_way=[], room=Room(1))
        assert chosen is not None
        served.note(chosen)
        started.append(chosen.lease)
    assert started[:8] == ["a1", "b", "a2", "b"] * 2


def test_no_two_of_one_lease_and_no_more_than_there_is_room_for() -> None:
    """What would meet waits, and background work beyond its room lets a person's pass."""
    works = [work("x", row=1), work("y", lane=Lane.IN_BULK, row=2), work("z", row=3)]
    assert first(works, under_way=[work("x", row=9)], room=Room(8)) == works[1]
    assert first(works, under_way=[work("x", row=9), work("b", lane=Lane.FAILED, row=8)], room=Room(2)) is None
    assert first(works[1:], under_way=[work("b", lane=Lane.FAILED, row=8)], room=Room(2)) == works[2]


@pytest.mark.parametrize(
    ("waiting", "old", "under_way", "goes"),
    [
        (OLDEST_EVERY, Lane.BACKLOG, [], "old"),
        (OLDEST_EVERY - 1, Lane.BACKLOG, [], "new 0"),  # nobody is crowded out, so a lone row waits behind nothing
        (OLDEST_EVERY, Lane.IN_BULK, [], "new 0"),  # nobody waits for it
        (OLDEST_EVERY, Lane.FAILED, [], "new 0"),
        (OLDEST_EVERY, Lane.BACKLOG, ["old"], "new 0"),  # its lease is taken: it is the turn of the oldest that is free
        (OLDEST_EVERY, Lane.BACKLOG, ["a", "b"], None),
    ],
)
def test_the_oldest_has_its_turn_in_a_crowd(waiting: int, old: Lane, under_way: list[str], goes: str | None) -> None:
    """It goes in the lane of what people wait for, and in its room."""
    new = [work(f"new {number}", number, seconds=9 - number, row=number) for number in range(waiting)]
    works = [*new, work("old", 99, old, seconds=900, row=99)]
    busy = [work(lease, row=1000) for lease in under_way]
    chosen = first(works, under_way=busy, room=Room(2), oldest_has_its_turn=True)
    assert (chosen and chosen.lease) == goes
    assert chosen is None or chosen.lane is Lane.PERSON
    others = first(works, under_way=busy, room=Room(2))
    assert (others and others.lease) == (goes and "new 0")


def test_one_turn_of_four_is_that_of_the_oldest() -> None:
    """Of what people wait for; background work takes none of them."""
    served, started = Served(), []
    for row in range(12):
        served.note(work("import", lane=Lane.IN_BULK, row=row))
        due = [work(f"new {number}", number, seconds=1, row=row * 10 + number) for number in range(5)]
        old = [work("old", 99, Lane.BACKLOG, seconds=900, row=900 + row)]
        is_oldest = served.is_turn_of_the_oldest()
        chosen = first(in_turn([*old, *due], served), under_way=[], room=Room(8), oldest_has_its_turn=is_oldest)
        assert chosen is not None
        served.note(chosen)
        started.append(chosen.lease == "old")
    assert started == [False, False, False, True] * 3


def test_turns_are_not_remembered_for_ever() -> None:
    """However many leases pass, what is remembered of them has an end, and is of the last ones."""
    served = Served()
    for number in range(5000):
        served.note(work(f"lease {number}", row=number))
    assert served.of_lease(work("lease 4999")) == 5000
    assert served.of_lease(work("lease 1")) == 0


@given(
    st.lists(
        st.builds(work, st.sampled_from("abcdef"), st.sampled_from([1, 2, 3]), st.sampled_from(Lane)), max_size=12
    ),
    st.integers(1, 8),
)
def test_what_can_be_started_is_started(works: list[Work], workers: int) -> None:
    """Starting one after the other ends with no room, or with nothing that would not meet what is under way."""
    room, under_way, served = Room(workers), list[Work](), Served()
    while (chosen := first(in_turn(works, served), under_way=under_way, room=room)) is not None:
        served.note(chosen)
        under_way.append(chosen)
        works = [each for each in works if each is not chosen]
    assert len({each.lease for each in under_way}) == len(under_way) <= room.threads
    assert sum(each.is_background for each in under_way) <= room.for_background
    for each in works:
        assert each.lease in {other.lease for other in under_way} or not room.has_any(
            under_way, background=each.is_background
        )
