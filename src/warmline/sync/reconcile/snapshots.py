"""Snapshots: what each side has of a record, field by field, so that the two can be compared. Pure.

All values can be stored as JSON, because the row keeps both snapshots as they were when the two sides last agreed.
Pipedrive's values are kept as it returned them, because how they are compared (see normal_forms.py) may change.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from typing import Any

from warmline.crm.activities import Activity, Row
from warmline.crm.emails_phones import as_json
from warmline.crm.models import Contact, Organization
from warmline.pipedrive import Activity as PipedriveActivity
from warmline.pipedrive import Address, Person
from warmline.pipedrive import Organization as PipedriveOrganization
from warmline.sync import mapping, normal_forms, tag_options
from warmline.sync.note_html import to_html
from warmline.sync.reconcile.three_way_merge import Values
from warmline.sync.synced_fields import (
    FIELDS,
    NONE_CHOSEN,
    Chosen,
    Target,
    detail,
    details,
    first_of,
)

Record = Person | PipedriveOrganization | PipedriveActivity
NOTHING: Mapping[str, Values] = {}


def agreed(ours: Values, theirs: Values) -> dict[str, Values]:
    """Return the two sides in the form in which a row stores them."""
    return {"ours": ours, "theirs": theirs}


def after_update(theirs: Values, then: Values, sent: Iterable[str]) -> dict[str, Any]:
    """Return Pipedrive's side after an update of ours, but for what people changed just before it.

    Nobody has compared that with ours yet, so it stays news until the next attempt reads it.

    Args:
        theirs: Pipedrive's side, as it was read before the update.
        then: The same, as Pipedrive returned it after the update.
        sent: Our fields that the update was about. The primary one of several values stands for all of them.
    """
    groups = {first_of(name) or name for name in sent}
    return {name: value if (first_of(name) or name) in groups else theirs[name] for name, value in then.items()}


def complete(row: Row, types: Mapping[str, str], chosen: Chosen = NONE_CHOSEN) -> dict[str, Values] | None:
    """Return a linked row's snapshots with the fields that an earlier version did not know, with their present values.

    Call it before a person changes the row. Then a change of such a field counts as a change, and only that. Pipedrive
    is assumed to have our value: if it does not, somebody changed one of the two, and Pipedrive's value is kept.

    Args:
        row: The row, before the change.
        types: Pipedrive's activity type for each of ours.
        chosen: The details that go over.

    Returns:
        The agreed snapshots, with the fields in `assumed` of which nothing was known; None if no field is missing, or
        nothing was agreed on.
    """
    then = row.pipedrive_agreed.get("ours", {})
    if not (row.is_linked and then):
        return None
    match row:
        case Contact():
            now, words = of_contact(row, chosen), words_of_contact(row, chosen)
        case Organization():
            now = words = of_our_organization(row)
        case Activity():
            now, words = of_our_activity(row, types[row.type]), words_of_activity(row, types[row.type])
    if now.keys() <= then.keys():
        return None
    assumed = {name: True for name in now if name not in then}
    return {**agreed({**now, **then}, {**words, **row.pipedrive_agreed.get("theirs", {})}), "assumed": assumed}


def of_contact(contact: Contact, chosen: Chosen = NONE_CHOSEN) -> dict[str, Any]:
    """Return our side of a person. The organization is given by our own id, because it may not be linked yet.

    Args:
        contact: The contact.
        chosen: The details that go over.
    """
    organization = None if contact.organization_id is None else f"organization {contact.organization_id}"
    several = {"emails": as_json(contact.emails), "phones": as_json(contact.phones)}
    known = {name: getattr(contact, column) for name, column in details(chosen).items()}
    return {**_ours(contact, organization=organization, **several), **known}


@dataclass(frozen=True)
class Others:
    """E-mails and phones of the other contacts linked to a person, which our update must neither remove nor adopt.

    Attributes:
        emails, phones: The values, as they are here.
        are_there: Whether there are other contacts, even without any.
    """

    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    are_there: bool = False


NOBODY = Others()


def others_of(contact: Contact, linked_too: Iterable[Contact]) -> Others:
    """Return e-mails and phones of the other contacts that are linked to a contact's person.

    Args:
        contact: The contact.
        linked_too: The contacts that are linked to the person.
    """
    rest = [each for each in linked_too if each.pk != contact.pk]
    emails, phones = ([each.value for row in rest for each in getattr(row, name)] for name in ("emails", "phones"))
    return Others(tuple(emails), tuple(phones), are_there=bool(rest))


def of_person(
    person: Person, contact: Contact, *said: Values, others: Others = NOBODY, chosen: Chosen = NONE_CHOSEN
) -> dict[str, Any]:
    """Return Pipedrive's side of a person. Its `email` and `phone` are those that are our primary ones there.

    Args:
        person: As Pipedrive returned it.
        contact: Shows which e-mail and phone are our primary ones, now and when the two sides last agreed.
        said: Our values in updates with unknown outcomes.
        others: E-mails and phones of the other contacts linked to this person.
        chosen: The details that go over.
    """
    ours, theirs_then = of_contact(contact), contact.pipedrive_agreed.get("theirs", {})
    known = [ours, *said, contact.pipedrive_agreed.get("ours", {}), theirs_then]
    emails, phones = [each.value for each in person.emails], [each.value for each in person.phones]
    # What is one of our others, or was there before, has not taken the place of the primary one.
    taken = {
        name: (*others_of, *(value for side in (ours, theirs_then) for value, _ in side.get(f"{name}s", ())))
        for name, others_of in (("email", others.emails), ("phone", others.phones))
    }
    values = _theirs(
        Contact,
        person,
        email=_ours_of("email", emails, known, taken["email"]),
        phone=_ours_of("phone", phones, known, taken["phone"]),
        emails=[[each.value, each.label] for each in person.emails],
        phones=[[each.value, each.label] for each in person.phones],
        organization=person.org_id,
    )
    return values | {
        detail(column, target.code): mapping.detail_there(person, target) for column, target in chosen.items()
    }


def shares(person: Person, then: Values) -> bool:
    """Tell whether a person has an e-mail or a phone that was in a snapshot of Pipedrive's side.

    Args:
        person: As Pipedrive returned it.
        then: The snapshot.
    """
    for first, entries in (("email", person.emails), ("phone", person.phones)):
        had = [then.get(first) or "", *(value for value, _ in then.get(f"{first}s", ()))]
        if any(each and _is_among(first, each, [entry.value for entry in entries]) for each in had):
            return True
    return False


def with_our_first(theirs: Values, ours: Values) -> Values:
    """Return Pipedrive's side with our primary e-mail and phone as those that are ours there, if they are there.

    Args:
        theirs: Pipedrive's side of a person.
        ours: Our side, which may have another primary one by now.
    """
    there = {
        first: {normal_forms.theirs(first, value) for value, _ in theirs.get(f"{first}s", ())} | {""}
        for first in ("email", "phone")
    }
    return {
        **theirs,
        **{first: ours[first] for first in there if normal_forms.theirs(first, ours[first]) in there[first]},
    }


def words_of_contact(contact: Contact, chosen: Chosen = NONE_CHOSEN) -> dict[str, Any]:
    """Return our side of a person as Pipedrive stores it: the organization by its id there, tags without an option not.

    Args:
        contact: The contact, with what both sides agreed on last.
        chosen: The details that go over.
    """
    ours, organization = of_contact(contact, chosen), contact.organization
    ours = as_options(ours, chosen, contact.pipedrive_agreed)
    if organization is not None and organization.pipedrive_org_id is not None:
        ours["organization"] = organization.pipedrive_org_id
    return ours


def as_options(ours: Values, chosen: Chosen, agreed: Mapping[str, Values] = NOTHING) -> dict[str, Any]:
    """Return our side of a person with those of the tags that Pipedrive should have, where they are options there.

    Args:
        ours: Our side.
        chosen: The details that go over.
        agreed: What both sides agreed on last.
    """
    found = dict(ours)
    for name, target in _offering(chosen).items():
        then = (agreed.get(side, {}).get(name) or "" for side in ("ours", "theirs"))
        found[name] = tag_options.words(ours[name], target, *then)
    return found


def with_what_stays(theirs: Values, ours: Values, words: Values, chosen: Chosen) -> dict[str, Any]:
    """Return values of Pipedrive's that come here, together with what of ours Pipedrive cannot have.

    Args:
        theirs: By field.
        ours: Our side.
        words: The same as Pipedrive stores it.
        chosen: The details that go over.
    """
    offering = _offering(chosen)
    return {
        name: tag_options.with_ours(value, ours[name], words[name]) if name in offering else value
        for name, value in theirs.items()
    }


def _offering(chosen: Chosen) -> dict[str, Target]:
    return {detail(column, each.code): each for column, each in chosen.items() if each.options is not None}


def of_our_organization(organization: Organization) -> dict[str, Any]:
    """Return our side of an organization."""
    return _ours(organization)


def of_their_organization(theirs: PipedriveOrganization, sector: str) -> dict[str, Any]:
    """Return Pipedrive's side of an organization.

    Args:
        theirs: As Pipedrive returned it.
        sector: Its industry's name, or the value of our custom field.
    """
    address = theirs.address
    return _theirs(Organization, theirs, sector=sector, country=address.country or address.value or "")


def of_our_activity(activity: Activity, type: str) -> dict[str, Any]:
    """Return our side of an activity; due date and time are one value.

    Args:
        activity: The row.
        type: Pipedrive's type that it should have.
    """
    due_date, due_time = mapping.due_in_utc(activity.due_date, activity.due_time, activity.zone)
    return _ours(activity, type=type, due=_moment(due_date, due_time))


def words_of_activity(activity: Activity, type: str) -> dict[str, Any]:
    """Return our side of an activity as Pipedrive stores it, with the note as HTML. See `of_our_activity`."""
    return {**of_our_activity(activity, type), "note": to_html(activity.note)}


def of_their_activity(theirs: PipedriveActivity) -> dict[str, Any]:
    """Return Pipedrive's side of an activity."""
    due = _moment(theirs.due_date, theirs.due_time)
    return _theirs(Activity, theirs, type=theirs.type, note=theirs.note, due=due)


def with_country(address: Address, now: str, then: str) -> Address:
    """Return an organization's address with our country. It has all parts, because a PATCH replaces the whole address.

    Args:
        address: As Pipedrive has it.
        now: Our present country.
        then: Our earlier country; an address line that consists of it only is replaced as well.
    """
    line = address.value or ""
    is_ours = normal_forms.theirs("country", line) in {"", normal_forms.theirs("country", then)}
    return address.model_copy(update={"value": now if is_ours else line, "country": now})


def _ours(row: Row, **own_way: Any) -> dict[str, Any]:
    """Return our side of each field: the given value, else the row's column with the field's name."""
    names = (field.name for field in FIELDS[type(row)])
    return {name: own_way[name] if name in own_way else getattr(row, name) for name in names}


def _theirs(kind: type[Row], record: Record, **own_way: Any) -> dict[str, Any]:
    """Return Pipedrive's side of each field: the record's value if it has ours as it is, else the given value."""
    return {
        field.name: own_way[field.name] if field.there is None else getattr(record, field.there)
        for field in FIELDS[kind]
    }


def _ours_of(field: str, values: Sequence[str], known: Sequence[Values], others: Sequence[str]) -> str:
    """Return the one of several values that is ours: now, in lost updates, or when the two sides last agreed.

    If none is, it is the first one that is nobody's. If there are only others', nothing has changed.
    """
    for wished in (side.get(field) for side in known):
        match = next(
            (v for v in values if wished and normal_forms.theirs(field, v) == normal_forms.theirs(field, wished)), None
        )
        if match is not None:
            return match
    if not values:
        return ""
    return next((v for v in values if not _is_among(field, v, others)), known[-1].get(field) or "")


def _is_among(field: str, value: str, others: Sequence[str]) -> bool:
    return normal_forms.theirs(field, value) in {normal_forms.theirs(field, each) for each in others if each}


def _moment(due_date: date | None, due_time: time | None) -> str:
    return f"{due_date or ''} {due_time.strftime('%H:%M') if due_time else ''}".strip()
