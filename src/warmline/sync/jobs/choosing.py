"""Which due rows get a job now. Pure, as `scheduling.py`, whose order it keeps; it needs no Procrastinate."""

from collections.abc import Collection, Iterable

from warmline.sync.priorities import Lane, RowKind, Work

ROOM = 100  # jobs of a lane, and of those before it, that wait in a queue at the most

Row = tuple[RowKind, int]


def choose(works: Iterable[Work], waiting: Collection[tuple[Row, Lane]]) -> list[Work]:
    """Return the works that get a job now.

    Args:
        works: What is due, in the order in which it is to go.
        waiting: The rows of which a job waits or is done, each with its lane.
    """
    have_jobs = {row for row, _ in waiting}
    lanes = [lane for _, lane in waiting]
    chosen = []
    for work in works:
        # Before a row go only those of its lane and of the lanes before it: a crowd behind it takes no room from it.
        ahead = sum(lane <= work.lane and bool(lane) == work.is_background for lane in lanes)
        if (work.kind, work.row_id) not in have_jobs and ahead < ROOM:
            chosen.append(work)
            lanes.append(work.lane)
    return chosen
