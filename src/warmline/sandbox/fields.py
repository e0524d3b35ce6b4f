"""Fields of persons and organizations, and the options of those that have some: v2's way, and v1's for labels.

Names and labels may come twice, as in Pipedrive: nothing here saves a client from making a second one. v1 replaces the
whole list of options, so a careless PUT loses the labels of others.
"""

import hashlib
from typing import Any

from warmline.sandbox import paging, shapes
from warmline.sandbox.answers import FORBIDDEN, Json, Refused, invalid, missing
from warmline.sandbox.catalogue import field as new_field
from warmline.sandbox.cleaning import line
from warmline.sandbox.world import World

LABELS = "label_ids"


def page(world: World, kind: str, query: Any) -> tuple[list[Json], str | None]:
    """Return one page of the fields of a kind of record (GET personFields), and the cursor of the next."""
    fields = world.fields[kind]
    return paging.cut(fields, shapes.read(shapes.Page, query), lambda field: [fields.index(field)])


def one(world: World, kind: str, code: str) -> Json:
    """Return a field by its code.

    Raises:
        Refused: 404, there is no such field.
    """
    for field in world.fields[kind]:
        if field["field_code"] == code:
            return field
    raise missing("Field")


def create(world: World, kind: str, body: Any) -> Json:
    """Make a custom field with a code of 40 hex digits (POST personFields).

    Raises:
        Refused: The shape is wrong, options are missing, or the account makes no fields (403).
    """
    asked = shapes.read(shapes.NewField, body)
    if world.settings.refuse_new_fields:
        raise _forbidden("You do not have permission to create custom fields")
    chosen = asked.field_type in ("enum", "set")
    if chosen != bool(asked.options):
        raise invalid("options", "are required for enum and set, and for no other type")
    number = world.next_id("field")
    code = hashlib.sha256(f"{kind} {number}".encode()).hexdigest()[:40]
    options = [_option(world, option.label) for option in asked.options] if chosen else None
    field = new_field(asked.field_name, code, asked.field_type, options, custom=True)
    world.fields[kind].append(field)
    return field


def add_options(world: World, kind: str, code: str, body: Any) -> list[Json]:
    """Add options to a field, all or none (POST personFields/{field_code}/options).

    Raises:
        Refused: The shape is wrong, the field takes no options, or the account refuses it for built-in labels (403).
    """
    field = one(world, kind, code)
    if not isinstance(body, list) or not body:
        raise Refused("The body must be a JSON array with at least one option")
    asked = [shapes.read(shapes.NewOption, option) for option in body]
    if field["options"] is None:
        raise invalid("field_code", f"a field of type {field['field_type']} has no options")
    if code == LABELS and world.settings.refuse_v2_label_options:
        raise _forbidden("Options of a built-in field cannot be changed here")
    added = [_option(world, option.label) for option in asked]
    field["options"] += added
    return added


def v1_list(world: World, query: Any) -> list[Json]:
    """Return all fields of persons in v1's shape (GET /v1/personFields); they fit on one page."""
    shapes.read(shapes.V1Page, query)
    return [_v1(number, field) for number, field in enumerate(world.fields["persons"], 1)]


def v1_one(world: World, number: int) -> Json:
    """Return a field of persons by its v1 number.

    Raises:
        Refused: 404, there is no such field.
    """
    return _v1(number, _numbered(world, number))


def v1_change(world: World, number: int, body: Any) -> Json:
    """Rename a field or replace its options (PUT /v1/personFields/{id}). An option that is not sent is gone.

    Raises:
        Refused: The shape is wrong, an option's id is unknown, or the account refuses it (403).
    """
    field = _numbered(world, number)
    asked = shapes.sent(shapes.read(shapes.FieldChange, body))
    if "options" in asked:
        if field["options"] is None:
            raise invalid("options", f"a field of type {field['field_type']} has no options")
        if field["field_code"] == LABELS and world.settings.refuse_v1_label_options:
            raise _forbidden("You do not have permission to change this field")
        known = [option["id"] for option in field["options"]]
        if unknown := {option["id"] for option in asked["options"] if "id" in option} - set(known):
            raise invalid("options", f"{min(unknown)} is not an option of the field")
        field["options"] = [
            option if "id" in option else _option(world, option["label"]) for option in asked["options"]
        ]
    field["field_name"] = asked.get("name", field["field_name"])
    return _v1(number, field)


def _numbered(world: World, number: int) -> Json:
    if not 0 < number <= len(world.fields["persons"]):
        raise missing("Field")
    return world.fields["persons"][number - 1]


def _v1(number: int, field: Json) -> Json:
    answer = {
        "id": number,
        "key": field["field_code"],
        "name": field["field_name"],
        "field_type": field["field_type"],
        "edit_flag": field["is_custom_field"],
        "active_flag": True,
    }
    return answer if field["options"] is None else answer | {"options": field["options"]}


def _option(world: World, label: str) -> Json:
    return {"id": 100 + world.next_id("option"), "label": line(label) if world.settings.cleaning else label}


def _forbidden(why: str) -> Refused:
    return Refused(why, status=FORBIDDEN, code="ERR_FORBIDDEN")
