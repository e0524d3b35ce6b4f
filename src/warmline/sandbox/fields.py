"""Fields of persons and organizations, and the options of those that have some: v2's way, and v1's for labels.

Names and labels may come twice, as in Pipedrive: nothing here saves a client from making a second one. v1 replaces the
whole list of options, so a careless PUT loses the labels of others.
"""

import hashlib
from typing import Any

from warmline.sandbox import paging, queries, shapes
from warmline.sandbox.answers import FORBIDDEN, Json, Refused, invalid, missing
from warmline.sandbox.cleaning import line
from warmline.sandbox.seed_data import field as new_field
from warmline.sandbox.world import World

LABELS = "label_ids"


def page(world: World, kind: str, query: Any) -> tuple[list[Json], str | None]:
    """Return one page of the fields of a kind of record (GET personFields), and the cursor of the next."""
    fields = world.fields[kind]
    asked = shapes.read(queries.FieldPage, query)
    rows, cursor = paging.cut(fields, asked, lambda field: [fields.index(field)])
    return [shown(kind, row, asked.include_fields) for row in rows], cursor


def shown(kind: str, field: Json, include_fields: str) -> Json:
    """Return a field as v2 answers it.

    Args:
        kind: Of which kind of record.
        field: As stored.
        include_fields: Display settings to add, with commas between them. The sandbox has only the usual ones.

    Raises:
        Refused: There are no such settings.
    """
    known: dict[str, Json] = {"ui_visibility": {"add_visible_flag": False, "details_visible_flag": True}}
    if kind != "activities":
        known |= {"important_fields": {"enabled": False, "stage_ids": []}, "required_fields": {"enabled": False}}
    asked = [name for name in include_fields.split(",") if name]
    if unknown := set(asked) - set(known):
        raise invalid("include_fields", f"{min(unknown)[:40]!r} cannot be included")
    return field | {name: known[name] for name in asked}


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
    asked = [shapes.read(shapes.NewOption, option) for option in _listed(body)]
    _options_to_change(world, kind, code)
    added = [_option(world, option.label) for option in asked]
    field["options"] += added
    return added


def change(world: World, kind: str, code: str, body: Any) -> Json:
    """Rename a custom field (PATCH personFields/{field_code}).

    Raises:
        Refused: The shape is wrong, nothing is sent, or the field is a built-in one (403) or not there (404).
    """
    field = _custom(one(world, kind, code))
    asked = shapes.sent(shapes.read(shapes.CustomFieldChange, body))
    if not asked:
        raise Refused("At least one field must be provided in the request body")
    field["field_name"] = asked.get("field_name", field["field_name"])
    return field


def delete(world: World, kind: str, code: str) -> Json:
    """Delete a custom field with the values that records have in it (DELETE personFields/{field_code}).

    Raises:
        Refused: The field is a built-in one (403) or not there (404).
    """
    field = _custom(one(world, kind, code))
    world.fields[kind].remove(field)
    for record in world.records[kind].values():
        record["custom_fields"].pop(code, None)
    return field | {"options": field["options"] or [], "subfields": field["subfields"] or []}


def change_options(world: World, kind: str, code: str, body: Any) -> list[Json]:
    """Rename options of a field, all or none (PATCH personFields/{field_code}/options).

    Raises:
        Refused: The shape is wrong, an option is not there, or the account refuses it (403).
    """
    options = _options_to_change(world, kind, code)
    asked = [shapes.read(shapes.KnownOption, each) for each in _listed(body)]
    chosen = [_known_option(options, each.id) for each in asked]
    for option, wanted in zip(chosen, asked, strict=True):
        option["label"] = wanted.label
    return [dict(option) for option in chosen]


def delete_options(world: World, kind: str, code: str, body: Any) -> list[Json]:
    """Delete options of a field, and from the records that have them (DELETE personFields/{field_code}/options).

    Raises:
        Refused: As for `change_options`.
    """
    options = _options_to_change(world, kind, code)
    gone = [_known_option(options, shapes.read(shapes.GoneOption, each).id) for each in _listed(body)]
    numbers = {option["id"] for option in gone}
    options[:] = [option for option in options if option["id"] not in numbers]
    for record in world.records[kind].values():
        values = record if code in record else record["custom_fields"]
        if isinstance(values.get(code), list):
            values[code] = [number for number in values[code] if number not in numbers]
        elif values.get(code) in numbers:
            values[code] = None
    return gone


def v1_list(world: World, query: Any) -> list[Json]:
    """Return all fields of persons in v1's shape (GET /v1/personFields); they fit on one page."""
    shapes.read(queries.V1Page, query)
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


def _listed(body: Any) -> list[Any]:
    if not isinstance(body, list) or not body:
        raise Refused("The body must be a JSON array with at least one option")
    return body


def _options_to_change(world: World, kind: str, code: str) -> list[Json]:
    field = one(world, kind, code)
    if field["options"] is None:
        raise invalid("field_code", f"a field of type {field['field_type']} has no options")
    if code == LABELS and world.settings.refuse_v2_label_options:
        raise _forbidden("Options of a built-in field cannot be changed here")
    if field["is_custom_field"] and world.settings.refuse_new_fields:
        raise _forbidden("Options of a custom field cannot be changed here")
    options: list[Json] = field["options"]
    return options


def _known_option(options: list[Json], number: int) -> Json:
    for option in options:
        if option["id"] == number:
            return option
    raise invalid("id", f"{number} is not an option of the field")


def _custom(field: Json) -> Json:
    if not field["is_custom_field"]:
        raise _forbidden("A built-in field cannot be changed")
    return field


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
