"""Listens to the contact book: a saved row wakes the engine, and a mended organization lets its contacts go on.

Whoever is at a row that is deleted has to stop. Once a day what is old is forgotten.
"""

from datetime import datetime
from typing import Any

from django.db.models import Model
from django.db.models.signals import post_save
from django.utils import timezone

from warmline.crm.activities import Activity, Row
from warmline.crm.models import Contact, Organization
from warmline.crm.signals import day_passed, row_changing, rows_deleted, rows_saved
from warmline.sync import attempt_log, notifications, wakeups
from warmline.sync.pending import let_contacts_go_on
from warmline.sync.policy import Policy
from warmline.sync.reconcile import snapshots
from warmline.sync.reconcile.local_deletes import let_go


def connect() -> None:
    """Begin to listen."""
    for model in (Contact, Organization, Activity):
        post_save.connect(_saved, sender=model, dispatch_uid=f"warmline.sync.{model.__name__}")
    row_changing.connect(_complete_snapshot, dispatch_uid="warmline.sync.snapshots")
    rows_saved.connect(_saved_in_bulk, dispatch_uid="warmline.sync.bulk")
    rows_deleted.connect(let_go, dispatch_uid="warmline.sync.reconcile.local_deletes")
    day_passed.connect(_forget_old, dispatch_uid="warmline.sync.old")


def _forget_old(now: datetime, **_: Any) -> None:
    attempt_log.forget_old(now)
    notifications.forget_old(now)


def _complete_snapshot(sender: type[Row], row: Row, **_: Any) -> None:
    complete = snapshots.complete(row, Policy.current().types)
    if complete is not None:
        row.pipedrive_agreed = complete
        sender._default_manager.filter(pk=row.pk).update(pipedrive_agreed=complete)  # noqa: SLF001 (documented)


def _saved(sender: type[Model], instance: Any, **_: Any) -> None:
    if sender is Organization and not instance.pipedrive_sync_failed and let_contacts_go_on(instance, timezone.now()):
        wakeups.after_commit()
    wakeups.after_commit(instance)


def _saved_in_bulk(**_: Any) -> None:
    wakeups.after_commit()
