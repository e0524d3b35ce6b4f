"""One row, known by its name: whether it is due, what its work is, and what follows it under the same lease.

`pending.py` answers the same for all rows at once.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from warmline.crm.activities import Activity, Row
from warmline.sync import pending
from warmline.sync.lease_keys import activities_key, organization_key, person_key
from warmline.sync.leases import BusyError
from warmline.sync.priorities import MOST_BY_HAND, Lane, RowKind, Work, is_backlog

WITHOUT_EMAIL = "person:/"  # how the lease of a contact begins that shares it with no other


def work_of(kind: RowKind, row_id: int, threshold: int, now: datetime) -> Work | None:
    """Return the work that a row is, in its lane, read afresh; None when it is not due, or not there any more.

    Of an activity, that is the first due one with the same contact: they go over one after the other, in order.

    Args:
        kind: The row's table.
        row_id: The row's id.
        threshold: The lowest warm score.
        now: The present moment, aware.
    """
    found = _found(kind, row_id, threshold, now)
    return None if found is None else _in_lane(found, threshold, now)


def next_of_lease(work: Work, threshold: int, now: datetime) -> Work | None:
    """Return the work that has the same lease as one that is done, and is due; None when there is none.

    Args:
        work: What is done.
        threshold: The lowest warm score.
        now: The present moment, aware.
    """
    ids: list[int] = []
    if work.kind == "contact" and not work.lease.startswith(WITHOUT_EMAIL):
        email_key = work.lease.removeprefix("person:")
        for some in (pending.contacts(threshold), pending.changed_contacts()):
            ids += _first_due(some.filter(email_key=email_key), now)
    elif work.kind == "activity" and (done := Activity.objects.filter(pk=work.row_id).first()):
        for logged in (pending.activities(), pending.changed_activities()):
            ids += _first_due(logged.filter(contact=done.contact_id), now)
    return work_of(work.kind, min(ids), threshold, now) if ids else None


def _found(kind: RowKind, row_id: int, threshold: int, now: datetime) -> Work | None:
    named = Work(kind, row_id, "", Lane.PERSON, None, now)
    match kind:
        case "contact":
            found = pending.contact(named, threshold, now)
            return None if found is None else _work(kind, found, person_key(found), found.owner_id)
        case "organization":
            theirs = pending.organization(named, now)
            return None if theirs is None else _work(kind, theirs, organization_key(theirs), None)
    logged = pending.activity(named, now)
    if logged is None:
        return None
    first = _first_of_its_contact(logged, now)
    return _work(kind, first, activities_key(first.contact), first.owner_id)


def _in_lane(work: Work, threshold: int, now: datetime) -> Work:
    """Tell a person's row from one of a backlog, as `pending.due` does."""
    if work.lane is not Lane.PERSON or work.owner is None:
        return work
    others = _since_of(work.owner, threshold, now)
    return replace(work, lane=Lane.BACKLOG) if is_backlog(work.since, others, now) else work


def _since_of(owner: int, threshold: int, now: datetime) -> list[datetime]:
    """Return since when an owner's rows are due that were saved by hand: of each table the newest."""
    by_hand: dict[str, Any] = {"owner": owner, "pipedrive_sync_failed": False, "pipedrive_in_bulk": False}
    tables: list[QuerySet[Any]] = [
        pending.contacts(threshold),
        pending.activities(),
        pending.changed_contacts(),
        pending.changed_activities(),
    ]
    found: list[datetime] = []
    for rows in tables:
        due = rows.filter(next_pipedrive_sync_attempt__lte=now, **by_hand).order_by("-next_pipedrive_sync_attempt")
        found += due.values_list("next_pipedrive_sync_attempt", flat=True)[: MOST_BY_HAND + 1]
    return found


def _work(kind: RowKind, row: Row, lease: str, owner: int | None) -> Work:
    lane = Lane.IN_BULK if row.pipedrive_in_bulk else Lane.PERSON
    if row.pipedrive_sync_failed:
        lane = Lane.FAILED
    return Work(kind, row.pk, lease, lane, owner, row.next_pipedrive_sync_attempt)


def _first_of_its_contact(row: Activity, now: datetime) -> Activity:
    for some in (pending.activities(), pending.changed_activities()):
        earlier = some.filter(contact=row.contact_id, pk__lt=row.pk, next_pipedrive_sync_attempt__lte=now)
        row = earlier.select_related("contact").order_by("pk").first() or row
    return row


def _first_due(rows: QuerySet[Any], now: datetime) -> list[int]:
    due = rows.filter(next_pipedrive_sync_attempt__lte=now).order_by("pk")
    return list(due.values_list("pk", flat=True)[:1])


def check_lease(work: Work, what: str) -> None:
    """Return if the lease is still the right one; the row may have been edited between the query and the lease.

    Args:
        work: The row, as it was found due.
        what: The lease's key of what is created for the row, as it is under the lease.

    Raises:
        BusyError: When the keys differ; the row is tried again with the right lease.
    """
    if what != work.lease:
        raise BusyError("The row was edited before it was leased.")
