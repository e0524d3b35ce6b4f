"""The rows that are not in Pipedrive: those that failed, and those that are not sent.

It reads no more rows than are shown, and counts no further than 1,000, because the tables may be large.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from warmline.crm.activities import Activity, Row
from warmline.crm.models import Contact, Organization
from warmline.crm.sync_columns import DELETED_THERE
from warmline.crm.users import User
from warmline.sync.policy import Policy
from warmline.sync.priorities import RowKind
from warmline.sync.row_state import SyncState, open_rows, parts, with_state
from warmline.sync.status.row_lists import COUNTED

TABLES: dict[RowKind, type[Row]] = {
    "contact": Contact,
    "organization": Organization,
    "activity": Activity,
}


@dataclass(frozen=True)
class LeftOut:
    """Rows that are not in Pipedrive, and are not being sent. Numbers beyond COUNTED stand for "more".

    Attributes:
        cold: How many contacts are not warm.
        earlier: How many activities are from before their contact was warm.
        examples: The latest of these activities, with their contacts.
        deleted: How many rows' records were deleted in Pipedrive; these rows have failed.
    """

    cold: int
    earlier: int
    examples: list[Activity]
    deleted: int


def visible(kind: RowKind, user: User) -> QuerySet[Any]:
    """Return the rows of a table that a user may see, with what is shown of them.

    Args:
        kind: The rows' table.
        user: The user.
    """
    match kind:
        case "contact":
            return Contact.objects.seen_by(user).select_related("owner", "organization")
        case "organization":
            return Organization.objects.all()
    return Activity.objects.seen_by(user).select_related("owner", "contact")


def failed(kind: RowKind, user: User, *, now: datetime, after: int = 0, limit: int) -> list[Any]:
    """Return the failed rows that a user may see, with their state, by id.

    Args:
        kind: The rows' table.
        user: The user.
        now: The present moment, aware; decides which leases are live.
        after: Only those with a larger id.
        limit: How many at the most.
    """
    threshold = Policy.current().threshold
    (rows,) = parts(visible(kind, user).filter(pk__gt=after), SyncState.FAILED, threshold=threshold, now=now)
    return list(with_state(rows, threshold=threshold, now=now).order_by("pk")[:limit])


def left_out(user: User) -> LeftOut:
    """Return the rows that a user may see, that are not in Pipedrive, and that are not being sent."""
    threshold = Policy.current().threshold
    cold = Contact.objects.seen_by(user).filter(pipedrive_person_id=None, warmness_score__in=range(threshold))
    # (`replicate=False` would become `NOT replicate`, for which no index is used.)
    earlier = Activity.objects.seen_by(user).filter(pipedrive_activity_id=None, replicate__in=[False])
    deleted = 0
    for kind, model in TABLES.items():
        rows = visible(kind, user).filter(pk__in=open_rows(model, threshold))
        deleted += rows.filter(pipedrive_sync_error_code=DELETED_THERE)[: COUNTED + 1].count()
    return LeftOut(
        cold=cold[: COUNTED + 1].count(),
        earlier=earlier[: COUNTED + 1].count(),
        examples=list(earlier.select_related("contact").order_by("-pk")[:5]),
        deleted=deleted,
    )
