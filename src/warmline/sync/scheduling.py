"""Who goes next: decided here, apart from doing it, and without clock, threads or database.

What a person waits for has a lane of its own, from which nothing else takes the last thread. Within a lane one of each
person's rows goes in turn, and of a person's rows one of each lease: whoever was served longest ago.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Literal

Kind = Literal["contact", "organization", "activity"]

FOR_PEOPLE = 0.25  # of the threads
MANY = 10  # leases of one person's rows that are due by now: more than anybody saves by hand
RECENTLY = timedelta(seconds=10)  # so many within this time are no backlog, whatever else their person has
REMEMBERED = 2000  # owners and leases


class Lane(IntEnum):
    """Which way a row goes over, the first one first."""

    PERSON = 0  # somebody waits for it
    BACKLOG = 1  # saved by hand as well, by somebody who has very many
    IN_BULK = 2  # saved by an import
    FAILED = 3  # failed before, and is tried again by itself


@dataclass(frozen=True)
class Work:
    """A row that is due, by its name alone; whoever does the work reads it afresh.

    Attributes:
        kind: Of which table.
        row_id: Which row.
        lease: The key of what it makes, so that two works that would meet need not be started side by side.
        lane: Which way it goes.
        owner: Whose it is; None for an organization, which is the team's.
        since: Since when it is due.
    """

    kind: Kind
    row_id: int
    lease: str = field(compare=False)
    lane: Lane = field(compare=False)
    owner: int | None = field(compare=False)
    since: datetime = field(compare=False)

    @property
    def batch(self) -> bool:
        """Whether nobody waits for it."""
        return self.lane is not Lane.PERSON


@dataclass(frozen=True)
class Room:
    """How many rows go side by side.

    Attributes:
        workers: As it is set, at least 1.
    """

    workers: int

    @property
    def threads(self) -> int:
        """How many threads that takes: one for people and one for batch work at the least."""
        return max(2, self.workers)

    @property
    def for_batch(self) -> int:
        """How many of them batch work may have."""
        return max(1, self.workers - math.ceil(self.workers * FOR_PEOPLE))

    def has_any(self, under_way: Collection[Work], *, batch: bool) -> bool:
        """Tell whether a work may be started beside those that are under way.

        Args:
            under_way: Which.
            batch: Whether it is one that nobody waits for.
        """
        in_batch = sum(work.batch for work in under_way)
        side_by_side, most = (in_batch, self.for_batch) if batch else (len(under_way) - in_batch, self.workers)
        return side_by_side < most and len(under_way) < self.threads


class Served:
    """Remembers who was served when, as far back as it can matter."""

    def __init__(self) -> None:
        self._count = 0
        self._last: dict[tuple[Lane, int | None] | str, int] = {}

    def note(self, work: Work) -> None:
        """Note that a work is started now."""
        self._count += 1
        for name in ((work.lane, work.owner), work.lease):
            self._last.pop(name, None)
            self._last[name] = self._count  # the dict keeps the order
        while len(self._last) > REMEMBERED:
            del self._last[next(iter(self._last))]

    def of_owner(self, work: Work) -> int:
        """Return when the owner of a work was served last in its lane; 0 for never."""
        return self._last.get((work.lane, work.owner), 0)

    def of_lease(self, work: Work) -> int:
        """Return when the lease of a work was served last; 0 for never."""
        return self._last.get(work.lease, 0)


def in_lanes(works: Iterable[Work], now: datetime) -> list[Work]:
    """Tell a person's rows from a backlog: what very many of have one owner is no work that somebody waits for.

    Args:
        works: What is due, one work of each lease; of an owner who has very many, at least MANY of the oldest and of
            the newest. What was saved by hand is in the first lane, and stays there or becomes a backlog.
        now: Tells what became due just now.
    """
    works = list(works)
    all_of = Counter(work.owner for work in works if not work.batch)
    recent_of = Counter(work.owner for work in works if not work.batch and work.since > now - RECENTLY)

    def is_backlog(work: Work) -> bool:
        is_recent = work.since > now - RECENTLY and recent_of[work.owner] <= MANY
        return not work.batch and not is_recent and all_of[work.owner] > MANY

    return [replace(work, lane=Lane.BACKLOG) if is_backlog(work) else work for work in works]


def is_backlog(since: datetime, others: Collection[datetime], now: datetime) -> bool:
    """Tell whether a person's row is one of so many that nobody waits for each, as `in_lanes` does.

    Args:
        since: Since when it is due.
        others: Since when that person's rows are due, itself among them.
        now: Tells what became due just now.
    """
    recent = sum(other > now - RECENTLY for other in others)
    return len(others) > MANY and not (since > now - RECENTLY and recent <= MANY)


def in_turn(works: Iterable[Work], served: Served) -> list[Work]:
    """Return works in the order in which they are to go.

    Args:
        works: What is due.
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


def first(works: Iterable[Work], *, under_way: Collection[Work], room: Room) -> Work | None:
    """Return the first work that can be started; None when none can.

    Args:
        works: In the order in which they are to go.
        under_way: No two of one lease go side by side, and no more than there is room for.
        room: How many go side by side.
    """
    leases = {work.lease for work in under_way}
    has_room = {batch: room.has_any(under_way, batch=batch) for batch in (False, True)}
    return next((work for work in works if has_room[work.batch] and work.lease not in leases), None)
