"""Persons, organizations and activities: made, read, listed, changed and deleted as v2 does it.

One set of functions for the three; what differs is in the table `KINDS`. Every reference (owner, organization, label,
custom field) is checked before anything is stored, so that a refused call leaves no trace.
"""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from warmline.sandbox import events, paging, queries, shapes
from warmline.sandbox.answers import Json, Refused, invalid, missing
from warmline.sandbox.cleaning import cleaned
from warmline.sandbox.references import REFERENCES
from warmline.sandbox.search import changed
from warmline.sandbox.world import User, World

READ_ONLY_PERSON = "'person_id' is a read-only field. Add a primary participant to set 'person_id' instead."


@dataclass(frozen=True)
class Kind:
    """What sets one kind of record apart.

    Attributes:
        name: The plural in paths.
        one: The word for one of them, as messages say it.
        new: Shape of POST.
        change: Shape of PATCH.
        listing: Shape of the list's query.
        blank: What a new record has besides what was sent.
    """

    name: str
    one: str
    new: type[BaseModel]
    change: type[BaseModel]
    listing: type[queries.Listing]
    blank: Json


KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            "persons", "Person", shapes.NewPerson, shapes.Person, queries.PersonListing,
            {"is_deleted": False, "visible_to": 3, "emails": [], "phones": [], "label_ids": [], "custom_fields": {}},
        ),
        Kind(
            "organizations", "Organization", shapes.NewOrganization, shapes.Organization, queries.RecordListing,
            {"is_deleted": False, "visible_to": 3, "label_ids": [], "custom_fields": {}},
        ),
        Kind(
            "activities", "Activity", shapes.Activity, shapes.Activity, queries.ActivityListing,
            {"is_deleted": False, "type": "call", "busy": False, "done": False, "participants": []},
        ),
    )
}  # fmt: skip


def create(world: World, kind: Kind, body: Any, user: User) -> Json:
    """Make a record (POST).

    Args:
        world: Where.
        kind: Of which kind.
        body: As it came.
        user: Owner and creator where the body names none.

    Returns:
        The record as stored; show it with `shown`.

    Raises:
        Refused: The body has a wrong shape, or names something that is not there.
    """
    body = _checked(world, kind, kind.new, body)
    record: Json = {"id": world.next_id(kind.name), "owner_id": user.id, "add_time": world.stamp()} | kind.blank
    if kind.name == "activities":
        record["creator_user_id"] = user.id
        record["subject"] = body.get("type", record["type"]).capitalize()
    return keep(world, kind, record | body, before=None)


def change(world: World, kind: Kind, record_id: int, body: Any) -> Json:
    """Change the fields sent (PATCH). Arrays and addresses are replaced whole, custom fields one by one.

    Raises:
        Refused: As for `create`; or 404, there is no such record.
    """
    before = there(world, kind, record_id)
    body = _checked(world, kind, kind.change, body)
    if "custom_fields" in body:
        body["custom_fields"] = before["custom_fields"] | body["custom_fields"]
    return keep(world, kind, before | body, before=before)


def keep(world: World, kind: Kind, record: Json, *, before: Json | None, merged_from: int | None = None) -> Json:
    """Store a record as it is from now on, with what Pipedrive works out from the rest.

    Args:
        world: Where.
        kind: Of which kind.
        record: Checked already.
        before: The record until now; none when it is new.
        merged_from: The record that was merged into this one just now.
    """
    record["update_time"] = world.stamp()
    world.records[kind.name][record["id"]] = _derived(record)
    changed(world, kind.name, record["id"], before=before)
    events.happened(world, events.ENTITIES[kind.name], before, record, merged_from=merged_from)
    return record


def delete(world: World, kind: Kind, record_id: int, *, merged_to: int | None = None) -> Json:
    """Mark a record as deleted (DELETE); lists and searches no longer have it.

    Raises:
        Refused: 404, there is no such record.
    """
    record = there(world, kind, record_id)
    world.records[kind.name][record_id] = record | {"is_deleted": True, "update_time": world.stamp()}
    events.happened(world, events.ENTITIES[kind.name], record, None, merged_to=merged_to)
    return {"id": record_id}


def there(world: World, kind: Kind, record_id: int) -> Json:
    """Return a record that is not deleted.

    Raises:
        Refused: 404, there is no such record.
    """
    if not world.alive(kind.name, record_id):
        raise missing(kind.one)
    return world.records[kind.name][record_id]


def one(world: World, kind: Kind, record_id: int) -> Json:
    """Return a record by its id (GET); where the settings say so, a deleted one too.

    Raises:
        Refused: 404, there is no such record.
    """
    record = world.records[kind.name].get(record_id)
    if record is not None and world.settings.show_deleted:
        return record
    return there(world, kind, record_id)


def page(world: World, kind: Kind, asked: queries.Listing) -> tuple[list[Json], str | None]:
    """Return one page of a list, and the cursor of the next (none at the end).

    Args:
        world: Where.
        kind: Of which kind.
        asked: The query, as it was read.

    Raises:
        Refused: The cursor is not one of ours.
    """
    ids = {int(number) for number in asked.ids.split(",")} if asked.ids else None
    equal = {
        name: value
        for name, value in asked.model_dump(include={"owner_id", "org_id", "person_id", "done"}).items()
        if value is not None
    }
    found = [
        record
        for record in world.records[kind.name].values()
        if not record["is_deleted"]
        and (ids is None or record["id"] in ids)
        and all(record.get(name) == value for name, value in equal.items())
        and (not asked.updated_since or record["update_time"] >= asked.updated_since)
        and (not asked.updated_until or record["update_time"] < asked.updated_until)
    ]

    def place(record: Json) -> list[Any]:
        return [record.get(asked.sort_by) or "", record["id"]]

    return paging.cut(found, asked, place, descending=asked.sort_direction == "desc")


def shown(world: World, record: Json, custom_fields: str = "") -> Json:
    """Return a record as v2 answers it: without the fields that have no value.

    Args:
        world: Its settings say how participants are worded.
        record: As stored.
        custom_fields: Codes with commas between them; empty for all.
    """
    answer = {name: value for name, value in record.items() if value is not None}
    if "custom_fields" in record:
        codes = custom_fields.split(",") if custom_fields else list(record["custom_fields"])
        values = record["custom_fields"]
        answer["custom_fields"] = {code: values[code] for code in codes if values.get(code) is not None}
    if world.settings.primary_flag and "participants" in record:
        answer["participants"] = [
            {"person_id": one["person_id"], "primary_flag": one["primary"]} for one in record["participants"]
        ]
    return answer


def _derived(record: Json) -> Json:
    """Fill in what Pipedrive works out from the rest."""
    for reaches in ("emails", "phones", "im"):
        if record.get(reaches) and not any(reach.get("primary") for reach in record[reaches]):
            record[reaches][0]["primary"] = True
        for reach in record.get(reaches, ()):
            reach.setdefault("primary", False)
            reach.setdefault("label", "work")
    if "emails" in record:
        first, _, last = record["name"].strip().rpartition(" ")
        record["first_name"], record["last_name"] = (first, last) if first else (last, None)
    if "participants" in record:
        people = record["participants"]
        if people and not any(one.get("primary") for one in people):
            people[0]["primary"] = True
        for one in people:
            one.setdefault("primary", False)
        record["person_id"] = next((one["person_id"] for one in people if one["primary"]), None)
        record["marked_as_done_time"] = (
            (record.get("marked_as_done_time") or record["update_time"]) if record["done"] else None
        )
    return record


def _checked(world: World, kind: Kind, shape: type[BaseModel], body: Any) -> Json:
    if kind.name == "activities" and isinstance(body, dict) and "person_id" in body:
        raise Refused(READ_ONLY_PERSON)
    values = shapes.sent(shapes.read(shape, body))
    for name, value in values.items():
        if value is None and name in shapes.UNDOCUMENTED_NULLS and world.settings.refuse_nulls:
            raise invalid(name, "must not be null")
        if name in REFERENCES:
            REFERENCES[name](world, kind.name, value)
    return cleaned(values) if world.settings.cleaning else values
