"""Merges two persons or organizations: the winner keeps its id, and the loser's id is gone.

It is the same whether a colleague does it by hand or a program uses v1, the only version that offers it. Undocumented
details (labels, e-mails, empty fields, times) are decided here and described in README.md.
"""

from typing import Any

from warmline.sandbox import records
from warmline.sandbox.answers import Json, invalid
from warmline.sandbox.world import World

REACHES = ("emails", "phones", "im")
EMPTY: tuple[Any, ...] = (None, "", [], {})


def merge(world: World, kind_name: str, loser_id: int, winner_id: int) -> Json:
    """Merge one record into another.

    Args:
        world: Where.
        kind_name: "persons" or "organizations".
        loser_id: Whose id goes.
        winner_id: Whose id stays, and whose values do where both have one.

    Returns:
        The winner as stored.

    Raises:
        Refused: 404, one of them is not there; or 400, they are the same.
    """
    kind = records.KINDS[kind_name]
    loser, winner = (records.there(world, kind, one) for one in (loser_id, winner_id))
    if loser_id == winner_id:
        raise invalid("merge_with_id", "a record cannot be merged with itself")
    records.delete(world, kind, loser_id, merged_to=winner_id)
    merged = records.keep(world, kind, _united(loser, winner), before=winner, merged_from=loser_id)
    for name, mover in MOVERS[kind_name]:
        for record in list(world.records[name].values()):
            moved = mover(record, loser_id, winner_id)
            if moved != record and not record["is_deleted"]:
                records.keep(world, records.KINDS[name], moved, before=record)
    return merged


def v1_person(world: World, record: Json, loser_id: int) -> Json:
    """Return a merged person in v1's shape (PUT /v1/persons/{id}/merge)."""
    same = ("id", "name", "first_name", "last_name", "owner_id", "label_ids")
    optional = {"org_id": record["org_id"]} if record.get("org_id") else {}
    return (
        {name: record[name] for name in same}
        | optional
        | {
            "company_id": world.company_id,
            "active_flag": True,
            "email": record["emails"],
            "phone": record["phones"],
            "visible_to": str(record["visible_to"]),
            "add_time": _v1_time(record["add_time"]),
            "update_time": _v1_time(record["update_time"]),
            "merge_what_id": loser_id,
        }
    )


def _v1_time(moment: str) -> str:
    return moment.replace("T", " ").removesuffix("Z")


def _united(loser: Json, winner: Json) -> Json:
    record = loser | _filled(winner)
    record["custom_fields"] = loser["custom_fields"] | _filled(winner["custom_fields"])
    record["label_ids"] = list(dict.fromkeys(winner["label_ids"] + loser["label_ids"]))
    for reaches in REACHES:
        if reaches in record:
            record[reaches] = _joined(winner.get(reaches, []), loser.get(reaches, []))
    return record


def _filled(values: Json) -> Json:
    return {name: value for name, value in values.items() if value not in EMPTY}


def _joined(winners: list[Json], losers: list[Json]) -> list[Json]:
    known = {one["value"].casefold() for one in winners}
    return winners + [one | {"primary": False} for one in losers if one["value"].casefold() not in known]


def _to_organization(record: Json, loser_id: int, winner_id: int) -> Json:
    return record | {"org_id": winner_id} if record.get("org_id") == loser_id else record


def _to_person(activity: Json, loser_id: int, winner_id: int) -> Json:
    people: dict[int, bool] = {}
    for one in activity["participants"]:
        person_id = winner_id if one["person_id"] == loser_id else one["person_id"]
        people[person_id] = people.get(person_id, False) or one["primary"]
    return activity | {
        "participants": [{"person_id": person_id, "primary": primary} for person_id, primary in people.items()]
    }


MOVERS = {
    "persons": (("activities", _to_person),),
    "organizations": (("persons", _to_organization), ("activities", _to_organization)),
}
