"""Maps our rows to Pipedrive's records. Pure: no database, no calls, no clock."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from warmline.crm.activities import Activity, ActivityType, Row
from warmline.crm.keys import key
from warmline.crm.models import Contact, Organization
from warmline.pipedrive import Activity as PipedriveActivity
from warmline.pipedrive import (
    ActivityType as PipedriveType,
)
from warmline.pipedrive import (
    Address,
    Email,
    NewActivity,
    NewOrganization,
    NewPerson,
    Option,
    Person,
    Phone,
)
from warmline.pipedrive import Organization as PipedriveOrganization
from warmline.sync import normal_forms, tag_options
from warmline.sync.note_html import to_html
from warmline.sync.synced_fields import FIELDS, NONE_CHOSEN, Chosen, Target

TYPES: Mapping[str, str] = {  # unless the team chose others
    ActivityType.CALL: "call",
    ActivityType.EMAIL: "email",
    ActivityType.MEETING: "meeting",
    ActivityType.LINKEDIN: "task",
    ActivityType.REFERRAL: "task",
    ActivityType.CONFERENCE: "meeting",
}
FALLBACK_TYPE = "task"
JOB_TITLE = "job_title"  # the code of Pipedrive's built-in field, which is no custom one


def due_in_utc(due_date: date | None, due_time: time | None, zone: ZoneInfo) -> tuple[date | None, time | None]:
    """Return a due date and time in UTC, as Pipedrive expects them; the day may be a different one.

    A date without a time is a calendar day and stays as it is. (`due_time` is in UTC: docs/pipedrive.md.)

    Args:
        due_date: The day in the user's zone; None for none.
        due_time: The time of that day; None for none.
        zone: The user's time zone.
    """
    if due_date is None or due_time is None:
        return due_date, None
    moment = datetime.combine(due_date, due_time, zone).astimezone(UTC)
    return moment.date(), moment.time().replace(second=0, microsecond=0)


def due_here(due: str, zone: ZoneInfo) -> tuple[date | None, time | None]:
    """Return a due moment of Pipedrive's in the user's zone: the reverse of `due_in_utc`.

    Args:
        due: Date and time with a space between, as snapshots have it; either may be missing.
        zone: The user's time zone.
    """
    day, _, clock = due.partition(" ")
    due_date, due_time = (date.fromisoformat(day) if day else None), (time.fromisoformat(clock) if clock else None)
    if due_date is None or due_time is None:
        return due_date, None
    moment = datetime.combine(due_date, due_time, UTC).astimezone(zone)
    return moment.date(), moment.time().replace(tzinfo=None, fold=0)  # the database keeps no fold


def activity_type(wished: str, theirs: Iterable[PipedriveType]) -> str:
    """Return the type that an activity gets in Pipedrive: the wished one if it is active there, else a task.

    Args:
        wished: Pipedrive's type for ours (see Policy.types).
        theirs: The account's types.
    """
    return wished if any(known.key == wished and known.active for known in theirs) else FALLBACK_TYPE


def option_named(label: str, options: Sequence[Option]) -> int | None:
    """Return the id of the option with this label, whatever its case; None when there is none.

    Some built-in options have texts for ids, which cannot be sent as an id.
    """
    wished = key(label)
    return next((int(o.id) for o in options if key(o.label) == wished and str(o.id).isdecimal()), None)


def new_person(
    contact: Contact,
    *,
    owner_id: int,
    org_id: int | None,
    label_id: int | None,
    custom_fields: dict[str, str],
    chosen: Chosen = NONE_CHOSEN,
) -> NewPerson:
    """Return the person to create for a contact.

    Args:
        contact: The contact.
        owner_id: The user who is to own it.
        org_id: Its organization; None for none.
        label_id: The option of the label; None for none.
        custom_fields: Our mark, by the code of its field.
        chosen: The details that go over.
    """
    said = details(contact, chosen)
    written = {code: value for code, value in said.pop("custom_fields", {}).items() if value is not None}
    return NewPerson(
        job_title=said.get(JOB_TITLE) or None,
        **_as_it_is(contact),
        owner_id=owner_id,
        org_id=org_id,
        emails=tuple(Email(value=e.value, label=e.label, primary=not at) for at, e in enumerate(contact.emails)),
        phones=tuple(Phone(value=p.value, label=p.label, primary=not at) for at, p in enumerate(contact.phones)),
        label_ids=(label_id,) if label_id is not None else (),
        custom_fields={**written, **custom_fields} or None,
    )


def details(contact: Contact, chosen: Chosen) -> dict[str, Any]:
    """Return what is sent for some details of a contact, by Pipedrive's field; null empties a custom one.

    Args:
        contact: The contact.
        chosen: The details.
    """
    by_code = {target.code: _said_in(target, getattr(contact, column)) for column, target in chosen.items()}
    own = {JOB_TITLE: by_code.pop(JOB_TITLE)} if JOB_TITLE in by_code else {}
    return {**own, **({"custom_fields": {code: value or None for code, value in by_code.items()}} if by_code else {})}


def _said_in(target: Target, text: str) -> Any:
    return text if target.options is None else tag_options.ids(text, target)


def detail_there(person: Person, target: Target) -> str:
    """Return what a person has in the field of a detail; empty for nothing."""
    value = person.job_title if target.code == JOB_TITLE else person.custom_fields.get(target.code)
    if target.options is not None:
        return tag_options.as_tags(value, target)
    return "" if value is None else str(value)


def new_organization(
    organization: Organization, *, owner_id: int, industry: int | None, custom_fields: dict[str, str]
) -> NewOrganization:
    """Return the organization to create in Pipedrive for one of ours."""
    country = organization.country
    return NewOrganization(
        **_as_it_is(organization),
        owner_id=owner_id,
        industry=industry,
        address=Address(value=country, country=country) if country else None,
        custom_fields=custom_fields or None,
    )


def new_activity(activity: Activity, *, type: str, owner_id: int, person_id: int, org_id: int | None) -> NewActivity:
    """Return the activity to create in Pipedrive for one of ours, with that person as its primary participant."""
    due_date, due_time = due_in_utc(activity.due_date, activity.due_time, activity.zone)
    return NewActivity(
        **_as_it_is(activity),
        type=type,
        owner_id=owner_id,
        person_id=person_id,
        org_id=org_id,
        due_date=due_date,
        due_time=due_time,
        note=to_html(activity.note) or None,
    )


def changes(row: Row, names: Iterable[str], own_way: Mapping[str, Callable[[], Mapping[str, Any]]]) -> dict[str, Any]:
    """Return what an update sends for some fields, by Pipedrive's field.

    Args:
        row: The row.
        names: The fields that were changed here; all of them have to be sent.
        own_way: By field, returns what is sent for it, if Pipedrive does not hold the value as it is here.

    Raises:
        LookupError: When a field has no mapping. Leaving it out would call the row synced although it is not.
    """
    there = {field.name: field.there for field in FIELDS[type(row)] if field.there is not None}
    said: dict[str, Any] = {}
    for name in names:
        if name in own_way:
            said |= own_way[name]()
        elif name in there:
            said[there[name]] = getattr(row, name)
        else:
            raise LookupError(f"The field {name!r} has no mapping to Pipedrive.")
    return said


def _as_it_is(row: Row) -> dict[str, Any]:
    """Return what a create sends for fields that Pipedrive holds as they are here, with None, not sent, for no text."""
    fields = {field.there: getattr(row, field.name) for field in FIELDS[type(row)] if field.there is not None}
    return {there: None if value == "" else value for there, value in fields.items()}


def is_made_from(found: PipedriveActivity, body: Mapping[str, Any]) -> bool:
    """Tell whether an activity in Pipedrive can have been created with this body, whatever the server did to it.

    Args:
        found: As Pipedrive returned it.
        body: What was sent.
    """
    participants = [each["person_id"] for each in body.get("participants", ())]
    return (
        found.type == body["type"]
        and _alike("subject", found.subject, body["subject"])
        and found.owner_id == body["owner_id"]
        and [found.person_id] == participants
        and found.done == body.get("done", False)
        and (found.due_date.isoformat() if found.due_date else None) == body.get("due_date")
        and (found.due_time.strftime("%H:%M") if found.due_time else None) == body.get("due_time")
        and _alike("note", found.note, body.get("note"))
        and not found.is_deleted
    )


def is_person_made_from(found: Person, body: Mapping[str, Any]) -> bool:
    """Tell whether a person in Pipedrive can have been created with this body; see `is_made_from`."""

    def values(field: str, entries: Iterable[str]) -> list[Any]:
        return sorted(normal_forms.theirs(field, entry) for entry in entries)

    return (
        _alike("name", found.name, body["name"])
        and found.owner_id == body["owner_id"]
        and values("email", (each.value for each in found.emails)) == values("email", _sent(body, "emails"))
        and values("phone", (each.value for each in found.phones)) == values("phone", _sent(body, "phones"))
    )


def is_organization_made_from(found: PipedriveOrganization, body: Mapping[str, Any]) -> bool:
    """Tell whether an organization in Pipedrive is what a create with this body would have made; see `is_made_from`."""
    return _alike("name", found.name, body["name"]) and found.owner_id == body["owner_id"]


def _alike(field: str, found: Any, sent: Any) -> bool:
    return bool(normal_forms.theirs(field, found) == normal_forms.theirs(field, sent))


def _sent(body: Mapping[str, Any], name: str) -> list[str]:
    return [entry["value"] for entry in body.get(name, ())]
