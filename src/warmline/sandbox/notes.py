"""Notes of persons and organizations, which only v1 has (`/v1/notes`). No published document describes them.

They are modelled for other integrations: Warmline writes none. The content is HTML; times are v1's.
"""

from typing import Any

from warmline.sandbox import events, queries, shapes
from warmline.sandbox.answers import Json, invalid, missing
from warmline.sandbox.cleaning import cleaned
from warmline.sandbox.world import User, World

OF = {"person_id": "persons", "org_id": "organizations"}


def page(world: World, query: Any) -> Json:
    """Return one page of notes (GET /v1/notes), by number and not by cursor, as v1 does."""
    asked = shapes.read(queries.NoteListing, query)
    wanted = {name: value for name, value in asked.model_dump(include={*OF, "user_id"}).items() if value is not None}
    found = [one for one in world.notes.values() if all(one[name] == value for name, value in wanted.items())]
    rows = found[asked.start : asked.start + asked.limit]
    more = asked.start + len(rows) < len(found)
    pagination = {"start": asked.start, "limit": asked.limit, "more_items_in_collection": more}
    if more:
        pagination["next_start"] = asked.start + len(rows)
    return {"data": rows, "additional_data": {"pagination": pagination}}


def one(world: World, note_id: int) -> Json:
    """Return a note.

    Raises:
        Refused: 404, there is none.
    """
    if note_id not in world.notes:
        raise missing("Note")
    return world.notes[note_id]


def create(world: World, body: Any, user: User) -> Json:
    """Add a note to a person, an organization or both (POST /v1/notes).

    Raises:
        Refused: The shape is wrong, or it belongs to nothing that is there.
    """
    asked = _checked(world, shapes.sent(shapes.read(shapes.NewNote, body)))
    if not any(asked.get(name) for name in OF):
        raise invalid("org_id, person_id", "one of them is needed")
    number, now = world.next_id("note"), world.stamp().replace("T", " ").removesuffix("Z")
    note = {
        "id": number, "user_id": user.id, "person_id": None, "org_id": None, "deal_id": None, "lead_id": None,
        "active_flag": True, "add_time": now, "update_time": now,
    } | asked  # fmt: skip
    world.notes[number] = note
    events.happened(world, "note", None, note)
    return note


def change(world: World, note_id: int, body: Any) -> Json:
    """Change a note (PUT /v1/notes/{id}).

    Raises:
        Refused: As for `create`; or 404, there is none.
    """
    before = one(world, note_id)
    asked = _checked(world, shapes.sent(shapes.read(shapes.Note, body)))
    note = before | asked | {"update_time": world.stamp().replace("T", " ").removesuffix("Z")}
    world.notes[note_id] = note
    events.happened(world, "note", before, note)
    return note


def delete(world: World, note_id: int) -> bool:
    """Delete a note (DELETE /v1/notes/{id}).

    Raises:
        Refused: 404, there is none.
    """
    note = one(world, note_id)
    del world.notes[note_id]
    events.happened(world, "note", note, None)
    return True


def _checked(world: World, asked: Json) -> Json:
    for name, kind in OF.items():
        if asked.get(name) is not None and not world.alive(kind, asked[name]):
            raise invalid(name, f"{asked[name]} not found")
    return asked | ({"content": cleaned({"note": asked["content"]})["note"]} if _is_cleaned(world, asked) else {})


def _is_cleaned(world: World, asked: Json) -> bool:
    return world.settings.cleaning and "content" in asked
