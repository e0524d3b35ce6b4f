"""What follows when a row is deleted here: a worker that is sending it stops, and its owner hears of what stays there.

The row's lease is deleted with it, and a lease is renewed before each create. So a record that is created all the same
was begun before; then there is an intent, or the worker returns with the record. In both cases the owner is told.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.utils import timezone

from warmline.crm.activities import Activity
from warmline.crm.models import Contact
from warmline.sync import notifications
from warmline.sync.audit_models import forget_rows
from warmline.sync.lease_keys import row_key, update_key
from warmline.sync.models import Intent, Lease, NotificationKind

Deleted = Contact | Activity


def let_go(rows: Iterable[Deleted], **_: Any) -> None:
    """Delete the leases of rows that are about to be deleted, and notify of creates whose outcome is unknown.

    The intents of creates stay: what they made has to be looked for before another row creates the same. Call it within
    the transaction that deletes the rows.

    Args:
        rows: Rows of one table.
    """
    named = {row_key(_kind(row), row.pk): row for row in rows}
    for kind in {_kind(row) for row in named.values()}:
        forget_rows(kind, [row.pk for row in named.values()])  # rows of one table
    # The leases first: this waits for a create that is just beginning, so that its intent is seen below.
    Lease.objects.filter(key__in=named).delete()
    Intent.objects.filter(key__in=[update_key(row) for row in named.values()]).delete()
    for intent in Intent.objects.filter(key__in=named):
        row = named[intent.key]
        text = f"{_named(row)} was deleted here while it was being sent to Pipedrive, so it may still be created there."
        _tell(row, f"{text} If it is, delete it there too, or keep it.", timezone.now())


def tell_left_there(row: Deleted, record_id: int, now: datetime) -> None:
    """Notify a row's owner that a record was created for it, although it was deleted here meanwhile.

    Args:
        row: The row, as it was read; an activity with its contact.
        record_id: The record's id.
        now: The present moment, aware.
    """
    what = "person" if isinstance(row, Contact) else "activity"
    text = f"{_named(row)} was deleted here while it was being created in Pipedrive. It is there as {what} {record_id}."
    _tell(row, f"{text} Delete it there too, or keep it.", now)


def _tell(row: Deleted, text: str, now: datetime) -> None:
    notifications.tell(NotificationKind.LEFT_THERE, text, now=now, user=row.owner)


def _named(row: Deleted) -> str:
    return f"“{row.subject}” with {row.contact.name}" if isinstance(row, Activity) else row.name


def _kind(row: Deleted) -> str:
    return str(row._meta.model_name)  # noqa: SLF001 (Django documents _meta as public)
