"""What webhooks tell: an event for each record that is made, changed, deleted or merged, in the shape of version 2.0.

Whoever changes the world says so here, and `webhooks.py` decides who is told. An event holds standard fields only, so
that a client cannot do without looking at the record.
"""

import uuid
from datetime import UTC, datetime

from warmline.sandbox.answers import Json
from warmline.sandbox.world import World

ENTITIES = {"persons": "person", "organizations": "organization", "activities": "activity"}


def happened(
    world: World,
    entity: str,
    before: Json | None,
    after: Json | None,
    *,
    merged_to: int | None = None,
    merged_from: int | None = None,
) -> None:
    """Note an event, if there is a webhook at all.

    Args:
        world: Where.
        entity: "person", "organization", "activity", "note" or "user".
        before: The record until now; none when it is new.
        after: The record from now on; none when it is deleted.
        merged_to: For a deletion by a merge: the record that stays.
        merged_from: For the change of that one: the record that is gone.
    """
    if not world.webhooks:
        return
    meta = _meta(world, entity, before, after)
    if merged_to is not None:
        meta["merged_to_id"] = str(merged_to)
    if merged_from is not None:
        meta["merged_from_id"] = str(merged_from)
    data, previous = _standard(after), _standard(before)
    if data is not None and previous is not None:
        previous = {name: value for name, value in previous.items() if data.get(name) != value}
    world.events.append({"meta": meta, "data": data, "previous": previous})


def _meta(world: World, entity: str, before: Json | None, after: Json | None) -> Json:
    actor = world.actor
    return {
        "action": "create" if before is None else "delete" if after is None else "change",
        "entity": entity,
        "entity_id": str((after or before or {})["id"]),
        "id": str(uuid.UUID(int=world.random.getrandbits(128), version=4)),
        "company_id": str(world.company_id),
        "user_id": str(actor.user_id),
        "change_source": actor.source,
        "is_bulk_edit": actor.is_bulk_edit,
        "correlation_id": actor.correlation_id,
        "permitted_user_ids": [str(user.id) for user in world.users.values() if user.active],
        "host": f"{world.domain}.pipedrive.com",
        "timestamp": _stamp(world),
        "type": "general",
        "version": "2.0",
    }


def _standard(record: Json | None) -> Json | None:
    if record is None:
        return None
    return {name: value for name, value in record.items() if name != "custom_fields"}


def _stamp(world: World) -> str:
    if world.settings.numeric_timestamps:
        return str(int(world.now()))
    return datetime.fromtimestamp(world.now(), UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
