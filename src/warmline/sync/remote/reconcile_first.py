"""Reconcile first: after a restore, each link is checked before anything is created or changed in Pipedrive.

Here is whether that is so, how it begins and what it has found. The check itself is in `reconcile/link_checks.py`; it
goes on where it stopped, in whatever process. Beginning is a new generation (see company.py), so work that is under way
somewhere sends and stores nothing more.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django.db.models import F, Q

from warmline import database_time
from warmline.crm.activities import Activity, Row
from warmline.crm.models import Contact, Organization
from warmline.prepared_queries import PreparedExistence
from warmline.sync import wakeups
from warmline.sync.installation_models import LinkCheck
from warmline.sync.models import Company, Lease
from warmline.sync.remote.directory import forget_account

ON_REQUEST = "An administrator asked for it."
RESTORED = "A backup was restored."
# Organizations first: they are what persons belong to.
TABLES: dict[str, type[Row]] = {"organization": Organization, "contact": Contact, "activity": Activity}
LOOK_FIRST: dict[str, dict[str, str]] = {
    "ours": {},
    "theirs": {},
}  # the agreed snapshots of an activity that may be in Pipedrive already
SHOWN_FOR = timedelta(days=7)  # after its end
_GOING_ON = PreparedExistence({"check": partial(LinkCheck.objects.filter, pk=1, ended_at=None)})


def is_on() -> bool:
    """Tell whether nothing may be created or changed in Pipedrive, because links are still to be checked."""
    return bool(_GOING_ON.found())


def present() -> LinkCheck | None:
    """Return the check that goes on; None when there is none."""
    return LinkCheck.objects.filter(pk=1, ended_at=None).first() if is_on() else None


def last(now: datetime) -> LinkCheck | None:
    """Return the check that goes on, or that ended in the last days; None when there is none.

    Args:
        now: The present moment, aware.
    """
    return LinkCheck.objects.filter(Q(ended_at=None) | Q(ended_at__gt=now - SHOWN_FOR), pk=1).first()


def linked(model: type[Row]) -> "Iterable[Row]":
    """Return a table's rows that are linked, as a queryset."""
    return model._default_manager.filter(**{f"{model.LINK}__isnull": False})  # noqa: SLF001 (documented as public)


def begin(reason: str) -> None:
    """Have every link checked before anything is sent. What was found by an earlier check is dropped.

    Args:
        reason: Why, in a sentence.
    """
    with transaction.atomic():
        # This lock comes first, so that nothing is stored in between (see company.storing).
        Company.objects.select_for_update().filter(pk=1).first()
        Company.objects.filter(pk=1).update(generation=F("generation") + 1)
        Lease.objects.all().delete()
        forget_account()
        # Of activities nothing in Pipedrive says whose they are, so each is looked for before it is created.
        Activity.objects.filter(pipedrive_activity_id=None, pipedrive_agreed={}).update(pipedrive_agreed=LOOK_FIRST)
        total = sum(linked(model).count() for model in TABLES.values())  # type: ignore[attr-defined]  # a queryset
        LinkCheck.objects.filter(pk=1).delete()
        LinkCheck.objects.create(
            pk=1, reason=reason, began_at=database_time.now(), stage=next(iter(TABLES)), total=total
        )
        wakeups.after_commit()
