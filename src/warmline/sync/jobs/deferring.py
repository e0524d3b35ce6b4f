"""Makes jobs of what changes, in the transaction that changes it: rolled back, it leaves none behind.

A saved row that is due gets its own job. Where any row may be due by now, the queue is to be fed.
"""

from datetime import datetime
from typing import Any

from django.db.models import Model

from warmline import database_time
from warmline.crm.activities import Activity, Row
from warmline.crm.models import Contact, Organization
from warmline.crm.signals import import_wanted
from warmline.sync import wakeups
from warmline.sync.jobs.queues import FEED, IMPORT, put_chore, put_rows
from warmline.sync.policy import Policy
from warmline.sync.priorities import Lane, RowKind

KINDS: dict[type[Model], RowKind] = {Contact: "contact", Organization: "organization", Activity: "activity"}


def connect() -> None:
    """Begin."""
    wakeups.defer_by(_defer)
    import_wanted.connect(_import, dispatch_uid="warmline.sync.jobs.import")


def _defer(row: Model | None) -> None:
    if row is None:
        put_chore(FEED)
    elif isinstance(row, Contact | Organization | Activity) and is_due(
        row, Policy.current().threshold, database_time.now()
    ):
        put_rows([((KINDS[type(row)], row.pk), Lane.PERSON)])


def _import(**_: Any) -> None:
    put_chore(IMPORT)


def is_due(row: Row, threshold: int, now: datetime) -> bool:
    """Tell whether a person waits for a row that was saved; whoever takes its job decides afresh.

    Args:
        row: As it was saved.
        threshold: The least warm score.
        now: The present moment, aware.
    """
    if row.pipedrive_sync_failed or row.pipedrive_in_bulk or row.next_pipedrive_sync_attempt > now:
        return False  # the feeder's
    if row.is_linked:
        return row.revision > row.pipedrive_revision
    match row:
        case Contact():
            return row.warmness_score >= threshold
        case Organization():
            return row.pipedrive_asked_for
    return bool(row.replicate)
