"""Connects the contact book's signals to what follows in the sync. The only module in `sync/` that listens to it.

A changed row gets its new sync columns, a saved one wakes the engine, and a deleted one is taken from its worker. An
organization that has recovered lets its contacts go on. An import is told once. Once a day, what has outlived its
retention is deleted.
"""

from datetime import datetime
from typing import Any

from django.db.models import Model
from django.db.models.signals import post_save

from warmline import database_time
from warmline.crm.activities import Activity, Row
from warmline.crm.imports import runs
from warmline.crm.imports.runs import ImportRun
from warmline.crm.models import Contact, Organization
from warmline.crm.signals import (
    activity_deleting,
    activity_logging,
    contact_adding,
    day_passed,
    import_done,
    row_changed,
    row_changing,
    rows_deleted,
    rows_imported,
    rows_importing,
    rows_restored,
)
from warmline.sync import after_change, attempt_log, call_counts, grace, notifications, processes, wakeups
from warmline.sync.models import NotificationKind
from warmline.sync.policy import Policy
from warmline.sync.reconcile import change_polling, pending_deletions, snapshots
from warmline.sync.reconcile.deleted_while_sent import let_go
from warmline.sync.remote import restore_detection
from warmline.sync.status import attempt_counts
from warmline.sync.synced_fields import as_texts


def connect() -> None:
    """Begin to listen."""
    for model in (Contact, Organization, Activity):
        post_save.connect(_saved, sender=model, dispatch_uid=f"warmline.sync.{model.__name__}")
    row_changing.connect(_complete_snapshot, dispatch_uid="warmline.sync.snapshots")
    row_changed.connect(after_change.after_change, dispatch_uid="warmline.sync.after_change.change")
    rows_importing.connect(after_change.mark_as_imported, dispatch_uid="warmline.sync.after_change.import")
    contact_adding.connect(grace.wait_for_grace, dispatch_uid="warmline.sync.grace")
    activity_logging.connect(after_change.follow_its_contact, dispatch_uid="warmline.sync.after_change.activity")
    rows_imported.connect(_imported, dispatch_uid="warmline.sync.imported")
    activity_deleting.connect(pending_deletions.want, dispatch_uid="warmline.sync.reconcile.pending_deletions")
    rows_deleted.connect(let_go, dispatch_uid="warmline.sync.reconcile.deleted_while_sent")
    rows_restored.connect(after_change.follow_their_contacts, dispatch_uid="warmline.sync.after_change.restored")
    rows_restored.connect(pending_deletions.take_back, dispatch_uid="warmline.sync.reconcile.pending_deletions.back")
    rows_restored.connect(change_polling.read_restored, dispatch_uid="warmline.sync.reconcile.change_polling")
    rows_restored.connect(_imported, dispatch_uid="warmline.sync.restored")
    import_done.connect(_tell_of_import, dispatch_uid="warmline.sync.import_done")
    day_passed.connect(_delete_old, dispatch_uid="warmline.sync.old")


def _tell_of_import(run: ImportRun, **_: Any) -> None:
    counted = runs.counts(run)
    said = [
        f"{counted['added']:,} added",
        *([f"{counted['warm']:,} of them will be sent to Pipedrive"] if counted["warm"] else []),
        *([f"{counted['completed']:,} completed"] if counted["completed"] else []),
    ]
    text = f"Contacts of “{run.file_name}” were imported: {', '.join(said)}."
    kind = NotificationKind.IMPORT_DONE
    notifications.tell(kind, text, now=database_time.now(), user=run.owner, row_id=run.pk)


def _delete_old(now: datetime, **_: Any) -> None:
    attempt_counts.counted()  # before some are deleted
    call_counts.fold_old(now)
    attempt_log.delete_old(now)
    notifications.delete_old(now)
    processes.delete_old(now)
    restore_detection.count_on()


def _complete_snapshot(sender: type[Row], row: Row, **_: Any) -> None:
    policy = Policy.current()
    complete = snapshots.complete(row, policy.types, as_texts(policy.details))
    if complete is not None:
        row.pipedrive_agreed = complete
        sender._default_manager.filter(pk=row.pk).update(pipedrive_agreed=complete)  # noqa: SLF001 (documented)


def _saved(sender: type[Model], instance: Any, **_: Any) -> None:
    is_well = sender is Organization and not instance.pipedrive_sync_failed
    if is_well and after_change.let_contacts_go_on(instance, database_time.now()):
        wakeups.after_commit()
    wakeups.after_commit(instance)


def _imported(**_: Any) -> None:
    wakeups.after_commit()
