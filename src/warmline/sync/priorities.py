"""Scheduling: which due row goes next. Pure: no clock, threads or database.

Rows that a person waits for have a lane of their own, and other rows never get the last thread. Within a lane the
owners take turns, and so do the leases of one owner: the one that was served longest ago goes first. When more is saved
than goes over, every fourth turn of what people wait for is that of the oldest row, so that nobody is forgotten.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Literal

RowKind = Literal["contact", "organization", "activity"]

FOR_PEOPLE = 0.25  # of the threads are kept for rows that people wait for
MOST_BY_HAND = 10  # due leases of one owner: nobody who saves by hand waits for more at a time
RECENTLY = timedelta(seconds=10)  # MOST_BY_HAND of an owner's rows in this time are no backlog, whatever else is due
OLDEST_EVERY = 4  # turns, of which one is the oldest row's while at least so many wait in the first lane
MOST_REMEMBERED = 2000  # owners and leases whose turns are remembered


class Lane(IntEnum):
    """A row's priority, the highest first."""

    PERSON = 0  # somebody waits for it
    BACKLOG = 1  # saved by hand, by somebody who has so many due that nobody waits for each
    IN_BULK = 2  # saved by an import
    FAILED = 3  # failed before, and is tried again automatically


@dataclass(frozen=True)
class Work:
    """A due row, by kind and id; the worker that takes it reads it again.

    Attributes:
        kind: The row's table.
        row_id: The row's id.
        lease: The key of what is created for it; two rows with one lease are not started side by side.
        lane: Its priority.
        owner: The owner's id; None for an organization, which belongs to the team.
        since: When it became due.
    """

    kind: RowKind
    row_id: int
    lease: str = field(compare=False)
    lane: Lane = field(compare=False)
    owner: int | None = field(compare=False)
    since: datetime = field(compare=False)

    @property
    def is_background(self) -> bool:
        """Whether nobody waits for it: it is in any lane but the first."""
        return self.lane is not Lane.PERSON


@dataclass(frozen=True)
class Room:
    """How many rows are worked on side by side.

    Attributes:
        workers: The setting; at least 1.
    """

    workers: int

    @property
    def threads(self) -> int:
        """How many threads are needed: at least one for people and one for background work."""
        return max(2, self.workers)

    @property
    def for_background(self) -> int:
        """How many threads background work may use."""
        return max(1, self.workers - math.ceil(self.workers * FOR_PEOPLE))

    def has_any(self, under_way: Collection[Work], *, background: bool) -> bool:
        """Tell whether one more row may be started.

        Args:
            under_way: The rows that are being worked on.
            background: Whether the row is background work.
        """
        in_background = sum(work.is_background for work in under_way)
        side_by_side, most = (
            (in_background, self.for_background) if background else (len(under_way) - in_background, self.workers)
        )
        return side_by_side < most and len(under_way) < self.threads


class Served:
    """Remembers in which order owners and leases were served, as far back as it matters."""

    def __init__(self) -> None:
        self._count = 0
        self._for_people = 0
        self._last: dict[tuple[Lane, int | None] | str, int] = {}

    def note(self, work: Work) -> None:
        """Note that a row is started now."""
        self._count += 1
        self._for_people += not work.is_background
        for name in ((work.lane, work.owner), work.lease):
            self._last.pop(name, None)
            self._last[name] = self._count  # the dict keeps the order
        while len(self._last) > MOST_REMEMBERED:
            del self._last[next(iter(self._last))]

    def of_owner(self, work: Work) -> int:
        """Return when the row's owner was last served in its lane, as a count of starts; 0 for never."""
        return self._last.get((work.lane, work.owner), 0)

    def is_turn_of_the_oldest(self) -> bool:
        """Tell whether the next turn in the first lane is that of the oldest row, if more wait than can be started."""
        return self._for_people % OLDEST_EVERY == OLDEST_EVERY - 1

    def of_lease(self, work: Work) -> int:
        """Return when the row's lease was last served, as a count of starts; 0 for never."""
        return self._last.get(work.lease, 0)


def in_lanes(works: Iterable[Work], now: datetime) -> list[Work]:
    """Move rows from the first lane to the backlog, if their owner has so many due that nobody waits for each.

    Args:
        works: The due rows, one of each lease; of an owner who has more than MOST_BY_HAND, at least that many of the
            oldest and of the newest. Rows saved by hand are in the first lane.
        now: The present moment, aware.
    """
    works = list(works)
    all_of = Counter(work.owner for work in works if not work.is_background)
    recent_of = Counter(work.owner for work in works if not work.is_background and work.since > now - RECENTLY)

    def is_backlog(work: Work) -> bool:
        is_recent = work.since > now - RECENTLY and recent_of[work.owner] <= MOST_BY_HAND
        return not work.is_background and not is_recent and all_of[work.owner] > MOST_BY_HAND

    return [replace(work, lane=Lane.BACKLOG) if is_backlog(work) else work for work in works]


def is_backlog(since: datetime, others: Collection[datetime], now: datetime) -> bool:
    """Tell whether a person's row is one of so many that nobody waits for each, as `in_lanes` does.

    Args:
        since: Since when it is due.
        others: Since when that person's rows are due, itself among them.
        now: Tells what became due just now.
    """
    recent = sum(other > now - RECENTLY for other in others)
    return len(others) > MOST_BY_HAND and not (since > now - RECENTLY and recent <= MOST_BY_HAND)


def in_turn(works: Iterable[Work], served: Served) -> list[Work]:
    """Return rows in the order in which they are to go.

    Args:
        works: The due rows.
        served: Who was served when.
    """
    queues: defaultdict[tuple[Lane, int | None], list[Work]] = defaultdict(list)
    for work in works:
        queues[work.lane, work.owner].append(work)
    placed: list[tuple[tuple[Lane, int, int, datetime, str, int], Work]] = []
    for (lane, _), queue in queues.items():
        queue.sort(key=lambda work: (served.of_lease(work), work.since, work.kind, work.row_id))
        last = served.of_owner(queue[0])
        placed += [((lane, place, last, work.since, work.kind, work.row_id), work) for place, work in enumerate(queue)]
    return [work for _, work in sorted(placed, key=lambda pair: pair[0])]


def first(
    works: Iterable[Work], *, under_way: Collection[Work], room: Room, oldest_has_its_turn: bool = False
) -> Work | None:
    """Return the first row that can be started; None when none can.

    Args:
        works: The due rows, in the order in which they are to go.
        under_way: The rows that are being worked on. No two with one lease are worked on side by side.
        room: How many are worked on side by side.
        oldest_has_its_turn: Whether the oldest row that was saved by hand goes in the first lane, if that is crowded.
    """
    leases = {work.lease for work in under_way}
    free = [work for work in works if work.lease not in leases]
    has_room = {background: room.has_any(under_way, background=background) for background in (False, True)}
    is_crowded = sum(not work.is_background for work in free) >= OLDEST_EVERY
    if oldest_has_its_turn and is_crowded and has_room[False]:
        by_hand = (work for work in free if work.lane <= Lane.BACKLOG)
        oldest = min(by_hand, key=lambda work: (work.since, work.kind, work.row_id))
        return replace(oldest, lane=Lane.PERSON)
    return next((work for work in free if has_room[work.is_background]), None)
