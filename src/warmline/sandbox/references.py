"""Checks that everything a body refers to exists: owner, organization, labels, industry, type, people, custom fields.

There is one check per field in `REFERENCES`, run after the body's format is checked and before anything is stored.
"""

from collections.abc import Callable
from typing import Any

from warmline.sandbox.answers import SERVER_ERROR, Json, Refused, invalid
from warmline.sandbox.world import World

NESTED = {"address", "monetary", "daterange", "timerange"}
LARGEST = 1e300
LONGEST = {"varchar": 255, "varchar_auto": 255, "text": 65_000}


def _owner(world: World, _kind: str, value: int) -> None:
    user = world.users.get(value)
    if user is None or not user.active:
        raise invalid("owner_id", f"user {value} is not an active user")


def _organization(world: World, _kind: str, value: int | None) -> None:
    if value is not None and not world.alive("organizations", value):
        raise invalid("org_id", f"organization {value} not found")


def _options(name: str, world: World, kind: str, values: list[int]) -> None:
    options = next(field["options"] for field in world.fields[kind] if field["field_code"] == name)
    for value in values:
        if value not in [option["id"] for option in options]:
            raise invalid(name, f"{value} is not an option of the field")


def _labels(world: World, kind: str, value: list[int]) -> None:
    _options("label_ids", world, kind, value)


def _industry(world: World, kind: str, value: int | None) -> None:
    _options("industry", world, kind, [] if value is None else [value])


def _activity_type(world: World, _kind: str, value: str) -> None:
    if value not in [one["key_string"] for one in world.activity_types if one["active_flag"]]:
        raise invalid("type", f"{value[:40]!r} is not an active activity type")


def _participants(world: World, _kind: str, value: list[Json]) -> None:
    for number, one in enumerate(value):
        if not world.alive("persons", one["person_id"]):
            raise invalid(f"participants.{number}.person_id", f"person {one['person_id']} not found")
    if sum(one.get("primary", False) for one in value) > 1:
        raise invalid("participants", "only one participant can be primary")


def _no_deals(_world: World, _kind: str, _value: object) -> None:
    raise invalid("deal_id, lead_id, project_id", "there are no deals, leads or projects in the sandbox")


def _custom_fields(world: World, kind: str, values: Json) -> None:
    fields = {field["field_code"]: field for field in world.fields[kind] if field["is_custom_field"]}
    for code, value in values.items():
        kind_of_field = fields[code]["field_type"] if code in fields else ""
        if isinstance(value, dict) and (code == "custom_fields" or (kind_of_field and kind_of_field not in NESTED)):
            # Wrongly nested custom fields have been seen to answer 500, not 400 (docs/pipedrive.md, "Errors").
            raise Refused("Internal server error", status=SERVER_ERROR, code="ERR_INTERNAL")
        if code not in fields:
            raise invalid(f"custom_fields.{code[:40]}", "unknown custom field")
        if value is not None:
            _custom_value(code, fields[code], value)


def _custom_value(code: str, field: Json, value: Any) -> None:
    kind = field["field_type"]
    where = f"custom_fields.{code}"
    if kind == "double":
        # JSON has no infinity, but Python reads 1e999 as one.
        fits = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < LARGEST
    elif kind in ("enum", "set"):
        chosen = [value] if kind == "enum" else value
        known = [option["id"] for option in field["options"]]
        fits = isinstance(chosen, list) and all(type(number) is int and number in known for number in chosen)
    elif kind in ("org", "people", "user"):
        fits = type(value) is int
    else:
        fits = isinstance(value, str) or kind in NESTED
    if not fits:
        raise invalid(where, f"is not a value for a field of type {kind}")
    if isinstance(value, str) and len(value) > LONGEST.get(kind, len(value)):
        raise invalid(where, f"must have at most {LONGEST[kind]} characters")


REFERENCES: dict[str, Callable[[World, str, Any], None]] = {
    "owner_id": _owner,
    "org_id": _organization,
    "label_ids": _labels,
    "industry": _industry,
    "type": _activity_type,
    "participants": _participants,
    "custom_fields": _custom_fields,
    "deal_id": _no_deals,
    "lead_id": _no_deals,
    "project_id": _no_deals,
}
