"""Stores the outcome when a row and its record are in line, or when the record is gone, in one transaction.

It stores id, revision and agreed snapshots, ends the intent, notifies people, and makes due what was waiting for this.
"""

from datetime import datetime
from typing import Any

from django.db.models import F, Value

from warmline.crm import row_changes
from warmline.crm.activities import Activity, Row
from warmline.crm.contact_details import further
from warmline.crm.models import Contact, Organization
from warmline.crm.sync_columns import DELETED_THERE
from warmline.crm.users import User
from warmline.sync import attempt_log, domain_events, normal_forms, notifications, wakeups
from warmline.sync.after_change import again_with_its_contact, fresh_attempts, let_contacts_go_on, no_choice
from warmline.sync.company import storing
from warmline.sync.intents import Intents
from warmline.sync.lease_keys import row_key, update_key
from warmline.sync.leases import BusyError
from warmline.sync.models import NotificationKind
from warmline.sync.pending import END_OF_TIME
from warmline.sync.policy import Policy
from warmline.sync.reconcile import audit_baseline, emails_phones_merge
from warmline.sync.reconcile.deleted_while_sent import made_for_nobody
from warmline.sync.reconcile.outcome import Brought
from warmline.sync.reconcile.shared_person import tell_the_others
from warmline.sync.reconcile.taking_over import keep_theirs, take_over
from warmline.sync.synced_fields import Form, called, column_of, first_of, form_of, is_taken_over

SHOWN = 300  # characters of Pipedrive's value in a notification; ours is shown in full, because it is lost


def link_contact(contact: Contact, brought: Brought, *, policy: Policy, now: datetime) -> None:
    """Store a contact's person, and decide which of its activities follow.

    Args:
        contact: The row, as read.
        brought: Its person.
        policy: Whether activities from before the contact was warm follow; that is decided here and stored on them.
        now: When the attempt was made, aware.

    Raises:
        BusyError: When it was edited, or a user has chosen, since its person was found: that may be another one now.
    """
    with storing():
        # This UPDATE comes first: it locks the row, for which book.log_activity waits (see there).
        is_there = _as_looked_for(contact, brought).update(
            **_id_of(contact, brought.record_id), **no_choice(), **_in_line(brought, now)
        )
        _check_found(contact, brought, is_there)
        Intents.end(row_key("contact", contact.pk))
        if not is_there:
            chosen = {"pipedrive_chosen_id": brought.record_id, "pipedrive_make_new": False}
            made_for_nobody(contact, brought, chosen, now)
            return
        audit_baseline.note_link(contact, brought, now, policy)
        undecided = Activity.objects.filter(contact=contact, replicate=None)
        if policy.earlier_activities:
            undecided.filter(logged_while_warm=False).update(next_pipedrive_sync_attempt=now)  # pending from now on
        undecided.update(replicate=Value(value=True) if policy.earlier_activities else F("logged_while_warm"))
        attempt_log.note(contact, f"{_arrival('person', brought)}{_only_here(brought)}", ok=True, now=now)
        text = f"{contact.name} is in Pipedrive as a {policy.label}."
        # Of an import its owner is told once, as a whole.
        kind, quiet = NotificationKind.CONTACT_SYNCED, contact.pipedrive_in_bulk
        notifications.tell(kind, text, now=now, user=contact.owner, contact=contact, is_quiet=quiet)
        domain_events.tell_synced(contact, brought.record_id)
        wakeups.after_commit()


def link_organization(organization: Organization, brought: Brought, *, now: datetime) -> None:
    """Store an organization's id, and make the contacts due that failed because of it.

    Args:
        organization: The row, as read.
        brought: Its organization in Pipedrive.
        now: When the attempt was made.

    Raises:
        BusyError: As in `link_contact`.
    """
    with storing():
        is_there = _as_looked_for(organization, brought).update(
            pipedrive_asked_for=False,
            **_id_of(organization, brought.record_id),
            **no_choice(),
            **_in_line(brought, now),
        )
        _check_found(organization, brought, is_there)
        Intents.end(row_key("organization", organization.pk))
        if not is_there:
            return
        audit_baseline.note_link(organization, brought, now)
        attempt_log.note(organization, _arrival("organization", brought), ok=True, now=now)
        let_contacts_go_on(organization, now)
        wakeups.after_commit()


def link_activity(activity: Activity, brought: Brought, *, now: datetime) -> None:
    """Store an activity's id and mark it replicated.

    Args:
        activity: The row, as read, with its contact.
        brought: Its activity in Pipedrive.
        now: When the attempt was made.
    """
    contact = activity.contact
    with storing():
        is_there = Activity.objects.filter(pk=activity.pk).update(
            **_id_of(activity, brought.record_id), **_in_line(brought, now), pipedrive_adopted=brought.was_there
        )
        Intents.end(row_key("activity", activity.pk))
        if not is_there:
            told = {"pipedrive_revision": brought.revision, "pipedrive_agreed": brought.agreed}
            made_for_nobody(activity, brought, {**_id_of(activity, brought.record_id), **told}, now)
            return
        attempt_log.note(activity, _arrival("activity", brought), ok=True, now=now)
        text = f"“{activity.subject}” is in Pipedrive, with {contact.name}."
        notifications.tell(NotificationKind.ACTIVITY_SYNCED, text, now=now, user=contact.owner, contact=contact)
        domain_events.tell_synced(activity, brought.record_id)


def align(row: Row, brought: Brought, *, now: datetime) -> None:
    """Store that a linked row's changes were sent; take over the values that Pipedrive keeps, and notify.

    Args:
        row: The row, as read; an activity with its contact.
        brought: Its record, which is another one when the old one was merged.
        now: When the attempt was made.
    """
    with storing():
        if isinstance(row, Activity) and (brought.kept or brought.changed_there):
            row_changes.hold_contact(row)
        is_there = _rows(row).filter(pk=row.pk).update(**_id_of(row, brought.record_id), **_in_line(brought, now))
        Intents.end(update_key(row))
        if not is_there:  # the row was deleted here; its record stays
            return
        if isinstance(row, Contact):
            left_there = {*brought.kept, *({"name"} if brought.not_renamed else ())}
            tell_the_others(row, brought.record_id, row.pipedrive_agreed, brought.agreed, left_there)
        but = f", except for the name: it is still “{brought.not_renamed}” there" if brought.not_renamed else ""
        taken_over = keep_theirs(row, brought) if brought.kept else frozenset[str]()
        shown = take_over(row, brought)
        said = f"Pipedrive has the latest changes{but}.{_only_here(brought)}{shown}"
        attempt_log.note(row, said, ok=True, now=now)
        domain_events.tell_synced(row, brought.record_id)
        if brought.not_renamed:
            _tell_of_name(row, brought, now)
        if brought.kept:
            _tell_of_kept(row, brought, taken_over, now)


def unlink(row: Row, now: datetime) -> None:
    """Store that a row's record was deleted in Pipedrive. It is created again only if a person asks for it.

    Args:
        row: The row, as read; an activity with its contact.
        now: The present moment, aware.
    """
    deleted = {
        "pipedrive_agreed": {},
        "last_pipedrive_sync_attempt": now,
        "next_pipedrive_sync_attempt": END_OF_TIME,
        "pipedrive_sync_failed": True,
        "pipedrive_sync_error_code": DELETED_THERE,
        "pipedrive_sync_error_message": "Deleted in Pipedrive. “Try again” creates it there again.",
        "pipedrive_sync_error_field": "",
    }
    with storing():
        if not _rows(row).filter(pk=row.pk).update(**_id_of(row, None), **deleted):
            return
        Intents.end(update_key(row))  # it was about the record that is gone
        attempt_log.note(row, "Deleted in Pipedrive.", ok=False, now=now)
        if isinstance(row, Contact):
            # Activities that have not been sent wait until the person exists again; the others are Pipedrive's concern.
            waiting = Activity.objects.filter(contact=row, replicate=True, pipedrive_activity_id=None)
            waiting = waiting.exclude(pipedrive_sync_error_code=DELETED_THERE)
            waiting.update(**again_with_its_contact(now))
            domain_events.tell(domain_events.What.CONTACT_UNLINKED, row, pipedrive_person_id=None)
        text = f"{_named(row)} was deleted in Pipedrive. Choose “Try again” to create it there again."
        notifications.tell(NotificationKind.DELETED_THERE, text, now=now, user=user_of(row), contact=_contact_of(row))


def look_again(row: Contact | Organization, now: datetime) -> datetime:
    """Make a linked row pending again, because its record seems to be gone.

    Args:
        row: The row, as read.
        now: When it becomes due, aware. A row that is pending already keeps its own due time.

    Returns:
        When it is due; `now` if it is not linked any more, or was deleted here.
    """
    in_line = _rows(row).filter(pk=row.pk, revision=F("pipedrive_revision"))
    in_line.update(revision=F("revision") + 1, **fresh_attempts(now))
    stored = _rows(row).filter(pk=row.pk).first()
    due: datetime = stored.next_pipedrive_sync_attempt if stored is not None and stored.is_linked else now
    return due


def _as_looked_for(row: Contact | Organization, brought: Brought) -> Any:
    """Return a queryset of the row. It is empty if the row was edited since an existing record was looked for."""
    return _rows(row).filter(pk=row.pk, **(row.as_read() if brought.was_there else {}))


def _check_found(row: Contact | Organization, brought: Brought, is_there: int) -> None:
    if not is_there and brought.was_there and _rows(row).filter(pk=row.pk).exists():
        raise BusyError("The row was edited after its record was found.")


def _arrival(what: str, brought: Brought) -> str:
    how = "Found in Pipedrive and linked" if brought.was_there else "Created in Pipedrive"
    return f"{how}: {what} {brought.record_id}."


def _only_here(brought: Brought) -> str:
    """Return a further sentence about tags that Pipedrive does not have; empty if there are none."""
    ours, theirs = brought.agreed["ours"], brought.agreed["theirs"]
    names = [name for name in ours if form_of(name) == Form.TAGS]
    left = [text for name in names if (text := further(column_of(name), ours[name], theirs.get(name) or ""))]
    return f" Tags that are only here: {', '.join(left)}." if left else ""


def _in_line(brought: Brought, now: datetime) -> dict[str, Any]:
    """Return the columns that a success sets. A row with a newer revision than the record's is pending again."""
    return {
        **fresh_attempts(now),
        "pipedrive_revision": brought.revision,
        "pipedrive_agreed": brought.agreed,
        "pipedrive_sync_attempts": F("pipedrive_sync_attempts") + 1,
        "last_pipedrive_sync_attempt": now,
    }


def _id_of(row: Row, record_id: int | None) -> dict[str, Any]:
    replicated = {"replicated_to_pipedrive": record_id is not None} if isinstance(row, Activity) else {}
    return {row.LINK: record_id, **replicated}


def _tell_of_kept(row: Row, brought: Brought, taken_over: frozenset[str], now: datetime) -> None:
    changes = " ".join(_told(name, row, brought, taken_over) for name in brought.kept)
    text = f"{_named(row)} was changed here and in Pipedrive at the same time. {changes}"
    notifications.tell(NotificationKind.CHANGE_KEPT, text, now=now, user=user_of(row), contact=_contact_of(row))


def _tell_of_name(row: Row, brought: Brought, now: datetime) -> None:
    text = (
        f"{_named(row)} was renamed only here. In Pipedrive it is still “{brought.not_renamed}”, because the names "
        "differed before. If both are the same, change the name in Pipedrive."
    )
    kind = NotificationKind.NOT_RENAMED
    once = f"{kind}:{update_key(row)}:{brought.record_id}"
    notifications.tell(kind, text, now=now, user=user_of(row), contact=_contact_of(row), once=once)


def _told(name: str, row: Row, brought: Brought, taken_over: frozenset[str]) -> str:
    """Return, in words, the outcome for a field that was changed on both sides."""
    theirs, ours = brought.names.get(name, (brought.kept[name], brought.agreed["ours"][name]))
    if first_of(name):
        changed = emails_phones_merge.entries(name, theirs)
        had = [each for form, each in emails_phones_merge.entries(name, ours).items() if form in changed]
        theirs, ours = normal_forms.in_words(theirs), normal_forms.in_words(had)
    there, here = _quoted(theirs if first_of(name) else normal_forms.in_our_words(name, theirs), SHOWN), _quoted(ours)
    if is_taken_over(type(row), name) and name not in taken_over:
        return f"{called(name)}: Pipedrive keeps {there}, which Warmline cannot store; the value here stays."
    return f"{called(name)}: Pipedrive's {there} was kept, not {here}."


def _quoted(value: Any, length: int | None = None) -> str:
    """Return a value as people read it, cut to a length if there is one."""
    if isinstance(value, bool):
        return "“yes”" if value else "“no”"
    text = "" if value is None else str(value)
    shown = text if length is None or len(text) <= length else f"{text[:length]}…"
    return f"“{shown}”" if shown else "(empty)"


def _named(row: Row) -> str:
    return f"“{row.subject}” with {row.contact.name}" if isinstance(row, Activity) else row.name


def _contact_of(row: Row) -> Contact | None:
    match row:
        case Contact():
            return row
        case Activity():
            return row.contact
    return row.contacts.first()


def user_of(row: Row) -> User | None:
    """Return a row's owner; for an organization, its first contact's owner; None if it has no contacts."""
    contact = _contact_of(row)
    return contact.owner if contact else None


def _rows(row: Row) -> Any:
    return type(row)._default_manager  # noqa: SLF001 (Django documents it as public)
