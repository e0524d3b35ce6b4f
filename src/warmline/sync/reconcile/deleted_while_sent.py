"""What follows when a row is deleted here: a worker that is sending it stops, and its owner hears of what stays there.

The row's lease is deleted with it, and a lease is renewed before each create. So a record that is created all the same
was begun before; then there is an intent, or the worker returns with the record. In both cases the owner is told.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone

from warmline.crm import undo
from warmline.crm.activities import Activity
from warmline.crm.models import Contact
from warmline.sync import notifications
from warmline.sync.audit_models import forget_rows
from warmline.sync.lease_keys import row_key, update_key
from warmline.sync.leases import BusyError
from warmline.sync.models import Intent, Lease, NotificationKind
from warmline.sync.reconcile import pending_deletions
from warmline.sync.reconcile.outcome import Brought

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
        if isinstance(row, Activity) and pending_deletions.is_wanted(row.pk):
            continue  # it is looked for, and deleted
        text = f"{_named(row)} was deleted here while it was being sent to Pipedrive, so it may still be created there."
        _tell(row, f"{text} If it is, delete it there too, or keep it.", timezone.now())


def made_for_nobody(row: Deleted, brought: Brought, told: Mapping[str, Any], now: datetime) -> None:
    """Note that a record was made for a row that was deleted here meanwhile, and notify the row's owner.

    Args:
        row: The row, as it was read; an activity with its contact.
        brought: Its record.
        told: The columns that say so; set if the deletion is undone.
        now: The present moment, aware.

    Raises:
        BusyError: If it was undone at this very moment. The intent stays, by which the next attempt finds the record.
    """
    if undo.note_made_since(row, told):
        raise BusyError("The row was deleted and restored while its record was made.")
    if brought.was_there or (isinstance(row, Activity) and pending_deletions.was_made(row, brought)):
        return
    what = "person" if isinstance(row, Contact) else "activity"
    text = f"{_named(row)} was deleted here while it was being created in Pipedrive."
    _tell(row, f"{text} It is there as {what} {brought.record_id}. Delete it there too, or keep it.", now)


def _tell(row: Deleted, text: str, now: datetime) -> None:
    notifications.tell(NotificationKind.LEFT_THERE, text, now=now, user=row.owner)


def _named(row: Deleted) -> str:
    return pending_deletions.named(row) if isinstance(row, Activity) else row.name


def _kind(row: Deleted) -> str:
    return str(row._meta.model_name)  # noqa: SLF001 (Django documents _meta as public)
