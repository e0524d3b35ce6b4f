"""What a list or a get adds on request: counts and the like (`include_fields`), and labels in words.

Deals, files, followers and mails are not modelled, so their counts are 0 and their moments are left out.
"""

from typing import Any

from warmline.sandbox.answers import Json, invalid
from warmline.sandbox.world import World

DEALS = tuple(
    f"{one}_deals_count" for state in ("open", "closed", "won", "lost") for one in (state, f"related_{state}")
)
SHARED = (
    "next_activity_id", "last_activity_id", *DEALS, "email_messages_count", "activities_count",
    "done_activities_count", "undone_activities_count", "files_count", "notes_count", "followers_count",
    "smart_bcc_email",
)  # fmt: skip
INCLUDED = {
    "persons": (
        *SHARED, "participant_open_deals_count", "participant_closed_deals_count", "last_incoming_mail_time",
        "last_outgoing_mail_time", "marketing_status", "doi_status",
    ),
    "organizations": (*SHARED, "people_count"),
    "activities": ("attendees",),
}  # fmt: skip
KEY = {"persons": "person_id", "organizations": "org_id"}


def added(world: World, kind: str, record: Json, asked: Any) -> Json:
    """Return what is added to a record on request.

    Args:
        world: Where.
        kind: "persons", "organizations" or "activities".
        record: As stored.
        asked: The query, as it was read.

    Raises:
        Refused: It asks for what there is not.
    """
    names = asked_for(kind, asked)
    more = {name: value for name in names if (value := _value(world, kind, record, name)) is not None}
    if getattr(asked, "include_labels", False):
        more["labels"] = [_option(world, kind, "label_ids", number) for number in record["label_ids"]]
    return more


def asked_for(kind: str, asked: Any) -> list[str]:
    """Return the names in `include_fields`.

    Raises:
        Refused: One of them is not there.
    """
    names = [name for name in asked.include_fields.split(",") if name]
    if unknown := set(names) - set(INCLUDED[kind]):
        raise invalid("include_fields", f"{min(unknown)[:40]!r} cannot be included")
    return names


def in_words(world: World, kind: str, values: Json) -> Json:
    """Return custom fields with `{id, label}` for the number of an option."""
    types = {field["field_code"]: field["field_type"] for field in world.fields[kind]}
    said: Json = {}
    for code, value in values.items():
        if types.get(code) == "enum":
            said[code] = _option(world, kind, code, value)
        elif types.get(code) == "set":
            said[code] = [_option(world, kind, code, number) for number in value]
        else:
            said[code] = value
    return said


def _option(world: World, kind: str, code: str, number: int) -> Json:
    options = next(field["options"] for field in world.fields[kind] if field["field_code"] == code)
    return next({"id": one["id"], "label": one["label"]} for one in options if one["id"] == number)


def _value(world: World, kind: str, record: Json, name: str) -> Any:
    if kind == "activities" or name == "marketing_status":
        return record.get(name)
    if name == "smart_bcc_email":
        return f"{world.domain}+{kind.removesuffix('s')}{record['id']}@pipedrivemail.example.com"
    if name == "doi_status":
        return 1
    if name == "people_count":
        return sum(one.get("org_id") == record["id"] and not one["is_deleted"] for one in world.persons.values())
    if name == "notes_count":
        return sum(note[KEY[kind]] == record["id"] for note in world.notes.values())
    own = [one for one in world.activities.values() if one.get(KEY[kind]) == record["id"] and not one["is_deleted"]]
    by_day = sorted(own, key=lambda one: (one.get("due_date") or "", one["id"]))
    ended, open_ones = [one for one in by_day if one["done"]], [one for one in by_day if not one["done"]]
    counts = {
        "activities_count": len(own),
        "done_activities_count": len(ended),
        "undone_activities_count": len(open_ones),
        "next_activity_id": open_ones[0]["id"] if open_ones else None,
        "last_activity_id": ended[-1]["id"] if ended else None,
    }
    return counts[name] if name in counts else None if name.endswith("_time") else 0
