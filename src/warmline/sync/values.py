"""What both sides hold of a record, field by field and in the same words, so that the two can be compared. Pure.

All values can be written as JSON, because the two sides are remembered on the row as they last agreed.
"""

from collections.abc import Sequence
from datetime import date, time
from typing import Any

from warmline.crm.keys import key
from warmline.crm.models import Activity, Contact, Organization
from warmline.pipedrive import Activity as PipedriveActivity
from warmline.pipedrive import Email, Person, Phone
from warmline.pipedrive import Organization as PipedriveOrganization
from warmline.sync import mapping
from warmline.sync.changes import Values


def agreed(ours: Values, theirs: Values) -> dict[str, Values]:
    """Return the two sides in the form in which a row remembers them."""
    return {"ours": ours, "theirs": theirs}


def of_contact(contact: Contact) -> dict[str, Any]:
    """Return our side of a person. The organization is named by our own id: it may have no other yet."""
    organization = None if contact.organization_id is None else f"organization {contact.organization_id}"
    return {"name": contact.name, "email": contact.email, "phone": contact.phone, "organization": organization}


def of_person(person: Person, contact: Contact) -> dict[str, Any]:
    """Return Pipedrive's side of a person. Of several e-mails and phones, ours is the one that is compared.

    Args:
        person: As Pipedrive answered it.
        contact: Says which e-mail and phone are ours, now and when the two sides last agreed.
    """
    then = contact.pipedrive_agreed.get("ours", {})
    return {
        "name": person.name,
        "email": _ours_of([each.value for each in person.emails], contact.email, then.get("email", "")),
        "phone": _ours_of([each.value for each in person.phones], contact.phone, then.get("phone", "")),
        "organization": person.org_id,
    }


def of_our_organization(organization: Organization) -> dict[str, Any]:
    """Return our side of an organization."""
    return {"name": organization.name, "sector": organization.sector, "country": organization.country}


def of_their_organization(theirs: PipedriveOrganization, sector: str) -> dict[str, Any]:
    """Return Pipedrive's side of an organization.

    Args:
        theirs: As Pipedrive answered it.
        sector: Its industry's name, or what stands in our field.
    """
    return {"name": theirs.name, "sector": sector, "country": theirs.address_country or theirs.address_value}


def of_our_activity(activity: Activity, type: str) -> dict[str, Any]:
    """Return our side of an activity; its due moment is one value.

    Args:
        activity: The row.
        type: Pipedrive's type that it ought to have.
    """
    due_date, due_time = mapping.due_in_utc(activity.due_date, activity.due_time, activity.zone)
    return {
        "subject": activity.subject,
        "type": type,
        "note": activity.note,
        "due": _moment(due_date, due_time),
        "done": activity.done,
    }


def of_their_activity(theirs: PipedriveActivity) -> dict[str, Any]:
    """Return Pipedrive's side of an activity."""
    return {
        "subject": theirs.subject,
        "type": theirs.type,
        "note": theirs.note,
        "due": _moment(theirs.due_date, theirs.due_time),
        "done": theirs.done,
    }


def with_email(emails: Sequence[Email], now: str, then: str) -> tuple[Email, ...]:
    """Return a person's e-mails with ours put in the place of what it was; the others stay as they are.

    Args:
        emails: As Pipedrive has them.
        now: Ours; empty to take it out.
        then: What ours was.
    """
    return tuple(_with(emails, Email, now, then))


def with_phone(phones: Sequence[Phone], now: str, then: str) -> tuple[Phone, ...]:
    """Return a person's phones with ours put in the place of what it was; see `with_email`."""
    return tuple(_with(phones, Phone, now, then))


def _with(entries: Sequence[Any], kind: type[Email | Phone], now: str, then: str) -> list[Any]:
    result = []
    placed = not now
    for entry in entries:
        if not then or key(entry.value) != key(then):
            result.append(entry)
        elif not placed:
            result.append(entry.model_copy(update={"value": now}))
            placed = True
    return result if placed else [*result, kind(value=now, primary=not result)]


def _ours_of(values: list[str], now: str, then: str) -> str:
    for wished in (now, then):
        match = next((value for value in values if wished and key(value) == key(wished)), None)
        if match is not None:
            return wished
    return values[0] if values else ""


def _moment(due_date: date | None, due_time: time | None) -> str:
    return f"{due_date or ''} {due_time.strftime('%H:%M') if due_time else ''}".strip()
