"""Which due rows get a job."""

from datetime import UTC, datetime

import pytest

from warmline.sync.jobs.choosing import ROOM, Row, choose
from warmline.sync.priorities import Lane, Work

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def work(row_id: int, lane: Lane) -> Work:
    """Return the work of a contact."""
    return Work("contact", row_id, f"person:{row_id}", lane, 1, NOW)


BULK = [work(number, Lane.IN_BULK) for number in range(1, 500)]


@pytest.mark.parametrize(
    ("works", "waiting", "chosen"),
    [
        ([], [], []),
        (BULK, [], [each.row_id for each in BULK[:ROOM]]),
        ([work(1, Lane.PERSON)], [(("contact", 1), Lane.PERSON)], []),
        (BULK[:3], [(("contact", 2), Lane.IN_BULK)], [1, 3]),
        # A crowd in a later lane, or in the other queue, takes no room.
        ([work(900, Lane.BACKLOG)], [(("contact", n), Lane.IN_BULK) for n in range(500)], [900]),
        ([work(900, Lane.PERSON)], [(("contact", n), Lane.IN_BULK) for n in range(500)], [900]),
        ([work(900, Lane.FAILED)], [(("contact", n), Lane.PERSON) for n in range(500)], [900]),
        ([work(900, Lane.FAILED)], [(("contact", n), Lane.IN_BULK) for n in range(500)], []),
    ],
)
def test_what_is_fed(works: list[Work], waiting: list[tuple[Row, Lane]], chosen: list[int]) -> None:
    """In turn, never beside a job of the same row, and no more than there is room for."""
    assert [each.row_id for each in choose(works, waiting)] == chosen
