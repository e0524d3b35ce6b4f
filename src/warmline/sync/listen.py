"""Listens to the contact book: a saved row wakes the engine, and a mended organization lets its contacts go on.

Whoever is at a row that is deleted has to stop. Once a day what is old is forgotten.
"""

from datetime import datetime
from typing import Any

from django.db.models import Model
from django.db.models.signals import post_save
from django.utils import timezone

from warmline.crm.models import Activity, Contact, Organization
from warmline.crm.signals import day_passed, rows_deleted, rows_saved
from warmline.sync import history, notify, wake
from warmline.sync.deleted import let_go
from warmline.sync.links import let_contacts_go_on


def connect() -> None:
    """Begin to listen."""
    for model in (Contact, Organization, Activity):
        post_save.connect(_saved, sender=model, dispatch_uid=f"warmline.sync.{model.__name__}")
    rows_saved.connect(_saved_in_bulk, dispatch_uid="warmline.sync.bulk")
    rows_deleted.connect(let_go, dispatch_uid="warmline.sync.deleted")
    day_passed.connect(_forget_old, dispatch_uid="warmline.sync.old")


def _forget_old(now: datetime, **_: Any) -> None:
    history.forget_old(now)
    notify.forget_old(now)


def _saved(sender: type[Model], instance: Any, **_: Any) -> None:
    if sender is Organization and not instance.pipedrive_sync_failed:
        let_contacts_go_on(instance, timezone.now())
    wake.after_commit()


def _saved_in_bulk(**_: Any) -> None:
    wake.after_commit()
