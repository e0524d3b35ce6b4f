"""When a row is due again, and with what: the values of its sync columns after a change, an import or a new start.

The columns are declared in crm/sync_columns.py. The contact book only says that a row changed; what that means for the
row's revision, attempts, due time and lane is decided here, and stored in the same statement as the change.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Value
from django.utils import timezone

from warmline import database_time, tracing
from warmline.crm import preferences
from warmline.crm.activities import Activity, Row
from warmline.crm.models import Contact, Organization
from warmline.crm.signals import AT_ONCE
from warmline.crm.sync_columns import DELETED_THERE, Findable, Synced
from warmline.sync import trusted_reports
from warmline.sync.grace import end_of_grace
from warmline.sync.synced_fields import columns_found_by, columns_sent


def fresh_attempts(now: datetime) -> dict[str, Any]:
    """Return the column values of a row that starts again: no attempts, no error, due now.

    Args:
        now: The moment from which it is due, aware.
    """
    return {
        **_traced(),
        "pipedrive_sync_attempts": 0,
        "next_pipedrive_sync_attempt": now,
        "pipedrive_sync_failed": False,
        "pipedrive_sync_error_code": "",
        "pipedrive_sync_error_message": "",
        "pipedrive_sync_error_field": "",
    }


def _traced() -> dict[str, str]:
    """Return what a row notes of the request that it follows from; nothing if it follows from none."""
    trace = tracing.present()
    return {} if trace is None else {"trace": trace}


def no_choice() -> dict[str, Any]:
    """Return the column values of a contact or organization that has no candidates, and of which nothing was chosen."""
    return {"pipedrive_candidates": [], "pipedrive_chosen_id": None, "pipedrive_make_new": False}


def after_change(
    row: Row, before: Mapping[str, Any], *, in_bulk: bool, grace: timedelta = AT_ONCE, **_: Any
) -> dict[str, Any]:
    """Return the values of the sync columns that follow from a change. Receives `row_changed`.

    Args:
        row: With its new values, and the sync columns as they are stored.
        before: The earlier values of the fields that changed.
        in_bulk: Whether an import changed it.
        grace: How long a contact that becomes warm by this waits before it is sent.
    """
    changed = before.keys()
    sent = columns_sent(type(row)) | (preferences.current().detail_fields.keys() if isinstance(row, Contact) else set())
    is_sent = not sent.isdisjoint(changed)
    is_found_otherwise = not columns_found_by(type(row)).isdisjoint(changed)
    is_in_line = row.is_linked and row.revision == row.pipedrive_revision
    # An import does not delay what a person is waiting for already.
    values: dict[str, Any] = {**_traced(), "pipedrive_in_bulk": in_bulk and (is_in_line or row.pipedrive_in_bulk)}
    if is_sent:
        values["revision"] = row.revision + 1
    if isinstance(row, Findable) and is_found_otherwise:
        values |= no_choice()
    # What identifies the row has changed: it is due from now on, because an earlier look did not look for this.
    starts_again = row.pipedrive_sync_failed or (is_sent and row.is_linked) or is_found_otherwise
    is_deleted_there = row.pipedrive_sync_error_code == DELETED_THERE
    if (starts_again and not is_deleted_there) or _has_become_a_lead(row, before):
        values |= fresh_attempts(timezone.now())
        if isinstance(row, Contact) and not row.is_linked:
            values["next_pipedrive_sync_attempt"] += trusted_reports.wait()
    until = end_of_grace(row, before, grace)
    if until is not None:
        due = values.get("next_pipedrive_sync_attempt", row.next_pipedrive_sync_attempt)
        values["next_pipedrive_sync_attempt"] = max(until, due)
    return values


def mark_as_imported(rows: Iterable[Synced], **_: Any) -> None:
    """Have rows that an import is about to add go after what people wait for. Receives `rows_importing`."""
    wait = trusted_reports.wait()
    for row in rows:
        row.pipedrive_in_bulk = True
        row.next_pipedrive_sync_attempt += wait


def follow_its_contact(activity: Activity, **_: Any) -> None:
    """Send an activity that is about to be logged if its contact is linked, else let the link decide.

    Receives `activity_logging`. Its contact is locked, so it cannot be linked at the same moment.
    """
    contact = activity.contact
    activity.replicate = True if contact.is_linked else None
    activity.pipedrive_in_bulk = contact.pipedrive_in_bulk and not contact.is_linked


def follow_their_contacts(rows: Iterable[Any], **_: Any) -> None:
    """Have restored activities follow what became of their contacts meanwhile. Receives `rows_restored`.

    Their contacts are locked. Of one that was linked, the link could not decide about them; of one that was deleted in
    Pipedrive, they wait until it is there again.
    """
    restored = Activity.objects.filter(pk__in=[row.pk for row in rows if isinstance(row, Activity)])
    now = database_time.now()
    waiting = restored.filter(contact__pipedrive_person_id=None, replicate=True, pipedrive_activity_id=None)
    waiting.exclude(pipedrive_sync_error_code=DELETED_THERE).update(**again_with_its_contact(now))
    undecided = restored.filter(contact__pipedrive_person_id__isnull=False, replicate=None)
    follows = Value(value=True) if preferences.current().earlier_activities else F("logged_while_warm")
    undecided.update(replicate=follows, next_pipedrive_sync_attempt=now)


def again_with_its_contact(now: datetime) -> dict[str, Any]:
    """Return the column values of an activity that belongs in Pipedrive and waits until its contact is linked again.

    Args:
        now: The present moment, aware.
    """
    return {"replicate": None, "logged_while_warm": True, **fresh_attempts(now)}


def let_contacts_go_on(organization: Organization, now: datetime) -> int:
    """Give fresh attempts to the contacts that failed only because their organization had failed.

    Args:
        organization: One that has recovered, or is about to be tried again.
        now: The moment from which they are due, aware.

    Returns:
        How many contacts these are.
    """
    failed = Contact.objects.filter(organization=organization, pipedrive_sync_error_code="organization_failed")
    return failed.update(**fresh_attempts(now))


def _has_become_a_lead(row: Row, before: Mapping[str, Any]) -> bool:
    """Tell whether a contact that was never tried has become warm: its waiting time begins now."""
    if not isinstance(row, Contact) or row.is_linked or row.pipedrive_sync_attempts or row.pipedrive_sync_error_code:
        return False
    score_before: int = before.get("warmness_score", row.warmness_score)
    return row.warmness_score >= preferences.current().threshold > score_before
