"""Makes jobs of what changes, in the transaction that changes it: rolled back, it leaves none behind.

A saved row that is due gets its own job; one whose grace has to end first gets it for that moment. Where any row may be
due by now, the queue is to be fed.
"""

from datetime import datetime, timedelta
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

LATE = timedelta(seconds=0.2)  # a worker's time may be a little behind, and then the row would not be due for it yet


def connect() -> None:
    """Begin."""
    wakeups.defer_by(_defer)
    import_wanted.connect(_import, dispatch_uid="warmline.sync.jobs.import")


def _defer(row: Model | None) -> None:
    if row is None:
        put_chore(FEED)
    elif isinstance(row, Contact | Organization | Activity):
        policy, now = Policy.current(), database_time.now()
        due_at = due_from(row, policy.threshold)
        if due_at is not None and due_at <= now + policy.grace:  # what is due later is the feeder's
            put_rows([((KINDS[type(row)], row.pk), Lane.PERSON)], at=due_at + LATE if due_at > now else None)


def _import(**_: Any) -> None:
    put_chore(IMPORT)


def due_from(row: Row, threshold: int) -> datetime | None:
    """Return the moment from which a person waits for a row that was saved; None if nobody does.

    Whoever takes its job decides afresh.

    Args:
        row: As it was saved.
        threshold: The least warm score.
    """
    if row.pipedrive_sync_failed or row.pipedrive_in_bulk:
        return None  # the feeder's
    return row.next_pipedrive_sync_attempt if _is_pending(row, threshold) else None


def _is_pending(row: Row, threshold: int) -> bool:
    if row.is_linked:
        return row.revision > row.pipedrive_revision
    match row:
        case Contact():
            return row.warmness_score >= threshold
        case Organization():
            return row.pipedrive_asked_for
    return bool(row.replicate)
