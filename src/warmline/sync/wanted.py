"""Which rows must still be brought to Pipedrive: the promise, as querysets.

Each is backed by an index whose condition holds no setting, so that it serves any threshold, and whose order is the
due time, so that its cost is that of the due rows and never of the whole table. A test reads the query plans.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Literal

from django.db.models import QuerySet

from warmline.crm.models import WARMEST, Activity, Contact
from warmline.sync.keys import activities_key, person_key

Kind = Literal["contact", "activity"]


@dataclass(frozen=True)
class Work:
    """A row that is due, by its name alone; whoever does the work reads it afresh.

    Attributes:
        kind: Of which table.
        row_id: Which row.
        claim: The key of what it makes, so that two works that would meet need not be started side by side.
    """

    kind: Kind
    row_id: int
    claim: str


def contacts(threshold: int) -> QuerySet[Contact]:
    """Return the warm contacts that are not in Pipedrive.

    The warm scores are named one by one, because the index begins with the score: each is then one range of due
    times in it. `score >= threshold` would be one range of scores, with every due time in it to be read.

    Args:
        threshold: The least warm score, 0 to 10.
    """
    return Contact.objects.filter(pipedrive_person_id=None, warmness_score__in=range(threshold, WARMEST + 1))


def activities() -> QuerySet[Activity]:
    """Return the activities that belong in Pipedrive and are not there. Their contacts are linked: see links.py."""
    return Activity.objects.filter(pipedrive_activity_id=None, replicate=True)


def due(now: datetime, threshold: int, limit: int) -> list[Work]:
    """Return what is due, oldest first; what failed before comes after what did not.

    Args:
        now: The present moment, aware.
        threshold: The least warm score.
        limit: How many of each kind at the most.
    """
    order = ("pipedrive_sync_failed", "next_pipedrive_sync_attempt", "pk")
    rows: Iterable[Contact | Activity] = chain(
        contacts(threshold).filter(next_pipedrive_sync_attempt__lte=now).order_by(*order)[:limit],
        activities().filter(next_pipedrive_sync_attempt__lte=now).select_related("contact").order_by(*order)[:limit],
    )
    oldest_first = sorted(rows, key=lambda row: (row.pipedrive_sync_failed, row.next_pipedrive_sync_attempt))
    return [work for row in oldest_first if (work := _work(row)) is not None]


def _work(row: Contact | Activity) -> Work | None:
    if isinstance(row, Contact):
        return Work("contact", row.pk, person_key(row))
    person_id = row.contact.pipedrive_person_id
    return None if person_id is None else Work("activity", row.pk, activities_key(person_id))
