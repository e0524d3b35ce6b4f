"""Listens to the contact book: a saved row wakes the engine, and a mended organization lets its contacts go on.

Whoever is at a row that is deleted has to stop. An import is told once. Once a day what is old is forgotten.
"""

from datetime import datetime
from typing import Any

from django.db.models import Model
from django.db.models.signals import post_save
from django.utils import timezone

from warmline.crm import imports
from warmline.crm.activities import Activity, Row
from warmline.crm.imports import ImportRun
from warmline.crm.models import Contact, Organization
from warmline.crm.signals import day_passed, import_done, row_changing, rows_deleted, rows_saved
from warmline.sync import attempt_log, notifications, wakeups
from warmline.sync.models import NotificationKind
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
    import_done.connect(_tell_of_import, dispatch_uid="warmline.sync.imported")
    day_passed.connect(_forget_old, dispatch_uid="warmline.sync.old")


def _tell_of_import(run: ImportRun, **_: Any) -> None:
    counted = imports.counts(run)
    said = [
        f"{counted['added']:,} added",
        *([f"{counted['warm']:,} of them will be sent to Pipedrive"] if counted["warm"] else []),
        *([f"{counted['completed']:,} completed"] if counted["completed"] else []),
    ]
    text = f"Contacts of “{run.file_name}” were imported: {', '.join(said)}."
    kind = NotificationKind.IMPORT_DONE
    notifications.tell(kind, text, now=timezone.now(), user=run.owner, row_id=run.pk)


def _forget_old(now: datetime, **_: Any) -> None:
    attempt_log.forget_old(now)
    notifications.forget_old(now)


def _complete_snapshot(sender: type[Row], row: Row, **_: Any) -> None:
    complete = snapshots.complete(row, Policy.current().types)
    if complete is not None:
        row.pipedrive_agreed = complete
        sender._default_manager.filter(pk=row.pk).update(pipedrive_agreed=complete)  # noqa: SLF001 (documented)


def _saved(sender: type[Model], instance: Any, **_: Any) -> None:
    if sender is Organization and not instance.pipedrive_sync_failed:
        let_contacts_go_on(instance, timezone.now())
    wakeups.after_commit()


def _saved_in_bulk(**_: Any) -> None:
    wakeups.after_commit()
