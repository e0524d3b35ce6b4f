"""Search over persons and organizations, with a delay before changes are visible.

Pipedrive does not promise how soon a search finds a new record. Here `search_delay` decides: until then a search sees
the previous version, or nothing. Deleted records are never found.
"""

from collections.abc import Iterator
from typing import Any

from warmline.sandbox import paging, shapes
from warmline.sandbox.answers import Json, invalid
from warmline.sandbox.world import World

SHORTEST = 2
FIELDS = {
    "persons": ("name", "email", "phone", "notes", "custom_fields"),
    "organizations": ("name", "address", "notes", "custom_fields"),
}


def changed(world: World, kind: str, record_id: int, *, before: Json | None) -> None:
    """Note that a record changed just now.

    Args:
        world: Where.
        kind: "persons", "organizations" or "activities".
        record_id: Which.
        before: The record until now; none when it is new.
    """
    world.versions[kind, record_id] = (world.now(), _seen(world, kind, record_id, before))


def _seen(world: World, kind: str, record_id: int, current: Json | None) -> Json | None:
    changed_at, earlier = world.versions.get((kind, record_id), (0.0, None))
    return current if world.now() - changed_at >= world.settings.search_delay else earlier


def search(world: World, kind: str, query: Any) -> tuple[Json, str | None]:
    """Return what a search finds, and the cursor of the next page.

    Args:
        world: Where.
        kind: "persons" or "organizations".
        query: As it came.

    Raises:
        Refused: The query has a wrong shape, or its term is too short.
    """
    asked = shapes.read(shapes.PersonSearch if kind == "persons" else shapes.Search, query)
    term = asked.term.strip().casefold()
    if len(term) < (1 if asked.exact_match else SHORTEST):
        raise invalid("term", "must have at least 2 characters, or 1 with exact_match")
    fields = asked.fields.split(",") if asked.fields else FIELDS[kind]
    if unknown := set(fields) - set(FIELDS[kind]):
        raise invalid("fields", f"{min(unknown)[:40]!r} cannot be searched")
    org_id = getattr(asked, "organization_id", None)
    found = []
    for record_id, current in world.records[kind].items():
        record = None if current["is_deleted"] else _seen(world, kind, record_id, current)
        if record is None or (org_id is not None and record.get("org_id") != org_id):
            continue
        texts = (text.casefold() for field in fields for text in _texts(record, field))
        if any(text == term if asked.exact_match else term in text for text in texts):
            found.append(record)
    rows, cursor = paging.cut(found, asked, lambda record: [record["id"]])
    return {"items": [{"result_score": 1.0, "item": _item(world, kind, row)} for row in rows]}, cursor


def _texts(record: Json, field: str) -> Iterator[str]:
    if field in ("email", "phone"):
        yield from (reach["value"] for reach in record.get(f"{field}s", ()))
    elif field == "address":
        yield (record.get("address") or {}).get("value") or ""
    elif field == "custom_fields":
        yield from (value for value in record["custom_fields"].values() if isinstance(value, str))
    else:
        yield record.get(field) or ""


def _item(world: World, kind: str, record: Json) -> Json:
    item: Json = {"id": record["id"], "type": kind.removesuffix("s"), "name": record["name"]}
    item |= {"visible_to": record["visible_to"], "owner": {"id": record["owner_id"]}, "custom_fields": [], "notes": []}
    if kind == "persons":
        item["emails"] = [reach["value"] for reach in record["emails"]]
        item["phones"] = [reach["value"] for reach in record["phones"]]
        if organization := world.organizations.get(record.get("org_id", 0)):
            item["organization"] = {"id": organization["id"], "name": organization["name"]}
    elif address := (record.get("address") or {}).get("value"):
        item["address"] = address
    return item
