"""Search over persons and organizations, with a delay before changes are visible.

Pipedrive does not promise how soon a search finds a new record. Here `search_delay` decides: until then a search sees
the previous version, or nothing. Deleted records are never found.
"""

from collections.abc import Iterator
from typing import Any

from warmline.sandbox import paging, queries, shapes
from warmline.sandbox.answers import Json, invalid
from warmline.sandbox.world import World

SHORTEST = 2
FIELDS = {
    "persons": ("name", "email", "phone", "notes", "custom_fields"),
    "organizations": ("name", "address", "notes", "custom_fields"),
}
ITEM_TYPES = ("deal", "person", "organization", "product", "lead", "file", "mail_attachment", "project")
ITEM_FIELDS = ("address", "code", "custom_fields", "email", "name", "notes", "phone", "title", "description")
SEARCHABLE = {"address", "varchar", "text", "varchar_auto", "double", "monetary", "phone"}


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
    asked = shapes.read(queries.PersonSearch if kind == "persons" else queries.Search, query)
    term = _term(asked.term, is_exact=asked.exact_match)
    fields = list(asked.fields.split(",") if asked.fields else FIELDS[kind])
    if unknown := set(fields) - set(FIELDS[kind]):
        raise invalid("fields", f"{min(unknown)[:40]!r} cannot be searched")
    org_id = getattr(asked, "organization_id", None)
    found = _found(world, kind, fields, term, is_exact=asked.exact_match, org_id=org_id)
    rows, cursor = paging.cut(found, asked, lambda record: [record["id"]])
    return {"items": [{"result_score": 1.0, "item": _item(world, kind, row)} for row in rows]}, cursor


def items(world: World, query: Any) -> tuple[Json, str | None]:
    """Return what a search over several kinds finds (GET itemSearch), and the cursor of the next page.

    Raises:
        Refused: The query has a wrong shape, or its term is too short.
    """
    asked = shapes.read(queries.ItemSearch, query)
    kinds = _chosen(asked.item_types, ITEM_TYPES, "item_types") or list(ITEM_TYPES)
    fields = _chosen(asked.fields, ITEM_FIELDS, "fields")
    _chosen(asked.include_fields, ("deal.cc_email", "person.picture", "product.price"), "include_fields")
    term = _term(asked.term, is_exact=asked.exact_match)
    found = []
    for kind, searched in FIELDS.items():
        own = [field for field in searched if field in (fields or searched)]
        if kind.removesuffix("s") in kinds and own:
            found += [(kind, row) for row in _found(world, kind, own, term, is_exact=asked.exact_match)]
    rows: list[Json] = [{"kind": kind, "row": row} for kind, row in found]
    page = queries.Page(limit=asked.limit, cursor=asked.cursor)
    rows, cursor = paging.cut(rows, page, lambda one: [one["kind"], one["row"]["id"]])
    hits = [{"result_score": 1.0, "item": _item(world, one["kind"], one["row"])} for one in rows]
    return {"items": hits, "related_items": []}, cursor


def values(world: World, query: Any) -> tuple[list[Json], str | None]:
    """Return the records that have a value in one field (GET itemSearch/field); it is case sensitive.

    Raises:
        Refused: The query has a wrong shape, its term is too short, or there is no such field to search.
    """
    asked = shapes.read(queries.FieldSearch, query)
    is_exact = asked.match == "exact"
    term = asked.term.strip()
    _term(term, is_exact=is_exact)
    kind = f"{asked.entity_type}s"
    if kind not in FIELDS:
        return [], None
    fields = {one["field_code"]: one for one in world.fields[kind]}
    if asked.field not in fields or fields[asked.field]["field_type"] not in SEARCHABLE:
        raise invalid("field", f"{asked.field[:40]!r} cannot be searched")
    hits = []
    for record_id, current in world.records[kind].items():
        record = None if current["is_deleted"] else _seen(world, kind, record_id, current)
        texts = [] if record is None else _values_of(record, asked.field)
        if matching := [text for text in texts if _fits(text, term, asked.match)]:
            hits.append({"id": record_id, asked.field: matching[0]})
    return paging.cut(hits, asked, lambda hit: [hit["id"]])


def _fits(text: str, term: str, match: str) -> bool:
    if match == "exact":
        return text == term
    return text.startswith(term) if match == "beginning" else term in text


def _values_of(record: Json, field: str) -> list[str]:
    if field in ("email", "phone"):
        return [reach["value"] for reach in record.get(f"{field}s", ())]
    value = record[field] if field in record else record["custom_fields"].get(field)
    value = value.get("value") if isinstance(value, dict) else value
    return [] if value is None else [str(value)]


def _chosen(text: str, known: tuple[str, ...], name: str) -> list[str]:
    chosen = [one for one in text.split(",") if one]
    if unknown := set(chosen) - set(known):
        raise invalid(name, f"{min(unknown)[:40]!r} is not one of {', '.join(known)}")
    return chosen


def _term(text: str, *, is_exact: bool) -> str:
    term = text.strip().casefold()
    if len(term) < (1 if is_exact else SHORTEST):
        raise invalid("term", "must have at least 2 characters, or 1 with exact_match")
    return term


def _found(
    world: World, kind: str, fields: list[str], term: str, *, is_exact: bool, org_id: int | None = None
) -> list[Json]:
    found = []
    for record_id, current in world.records[kind].items():
        record = None if current["is_deleted"] else _seen(world, kind, record_id, current)
        if record is None or (org_id is not None and record.get("org_id") != org_id):
            continue
        texts = (text.casefold() for field in fields for text in _texts(record, field))
        if any(text == term if is_exact else term in text for text in texts):
            found.append(record)
    return found


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
