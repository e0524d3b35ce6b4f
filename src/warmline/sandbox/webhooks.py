"""Webhooks, version 2.0: made, listed and deleted through v1, and told of events with Pipedrive's retries and bans.

An event goes out at once, and again after 3, 30 and 150 s unless it was taken with any 2xx within 10 s. Ten failed
first attempts ban a webhook for half an hour, in which events are lost; three days without a success delete it. What
breaks on the way is a fault like any other (see faults.py), of a call `EVENT person.change`.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from warmline.sandbox import queries, shapes
from warmline.sandbox.answers import FORBIDDEN, NOT_FOUND, Json, Refused
from warmline.sandbox.faults import Faults
from warmline.sandbox.outgoing import Outgoing, is_on_this_machine
from warmline.sandbox.world import DAY, User, World

RETRY_AFTER = (3.0, 30.0, 150.0)
PATIENCE = 10.0
MOST = 40
BAN_AFTER = 10
BAN = 1_800.0
DELETED_AFTER = 3 * DAY
SUCCESSFUL = range(200, 300)
UNPROCESSABLE = 422
METHOD = "EVENT"


@dataclass
class Webhook:
    """One of them.

    Attributes:
        row: As the API shows it.
        failed: How many first attempts have failed since the last ban.
        banned_until: Unix seconds.
        succeeded_at: Unix seconds of the last success, at first of its making.
        lost: How many events it was not told of.
    """

    row: Json
    failed: int = 0
    banned_until: float = 0.0
    succeeded_at: float = 0.0
    lost: int = 0


def create(world: World, body: Any, user: User) -> Json:
    """Make a webhook (POST /v1/webhooks).

    Raises:
        Refused: The shape is wrong, the address is not on this machine, or the user has 40 already (422).
    """
    try:
        asked = shapes.sent(shapes.read(shapes.NewWebhook, body))
    except Refused as refused:
        raise _refused(refused.message, "body") from None
    if not is_on_this_machine(asked["subscription_url"]):
        raise _refused("invalid or non-reachable URL", "subscription_url")
    owner = asked.get("user_id", user.id)
    if owner not in world.users:
        raise _refused("not found", "user_id")
    if sum(one.row["admin_id"] == user.id for one in world.webhooks.values()) >= MOST:
        raise _refused(f"A user can have {MOST} webhooks", "webhooks", status=UNPROCESSABLE)
    row: Json = {
        "id": world.next_id("webhook"),
        "company_id": world.company_id,
        "owner_id": owner,
        "user_id": owner,
        "admin_id": user.id,
        "version": "2.0",
        "is_active": 1,
        "add_time": _time(world.now()),
        "remove_time": None,
        "remove_reason": None,
        "type": "general",
        "http_auth_user": None,
        "http_auth_password": None,
        "last_delivery_time": None,
        "last_http_status": None,
    } | {name: value for name, value in asked.items() if name != "user_id"}
    world.webhooks[row["id"]] = Webhook(row, succeeded_at=world.now())
    return {"status": "ok", "data": row}


def listed(world: World, query: Any) -> Json:
    """Return every webhook of the company (GET /v1/webhooks)."""
    shapes.read(queries.Nothing, query)
    return {"status": "ok", "data": [one.row for one in world.webhooks.values()]}


def delete(world: World, webhook_id: int, user: User) -> Json:
    """Delete a webhook (DELETE /v1/webhooks/{id}).

    Raises:
        Refused: 404, there is none; 403, it is another user's, and this one is no administrator.
    """
    there = world.webhooks.get(webhook_id)
    if there is None:
        raise _refused("not found", "id", status=NOT_FOUND)
    if not user.admin and there.row["admin_id"] != user.id:
        forbidden = {"success": False, "message": "Forbidden"}
        raise Refused("Forbidden", status=FORBIDDEN, content=forbidden)
    del world.webhooks[webhook_id]
    return {"status": "ok"}


def ban(world: World, webhook_id: int) -> None:
    """Have a webhook lose what happens in the next half hour.

    Raises:
        Refused: 404, there is none.
    """
    if webhook_id not in world.webhooks:
        raise _refused("not found", "id", status=NOT_FOUND)
    world.webhooks[webhook_id].banned_until = world.now() + BAN


def send_out(world: World, faults: Faults) -> None:
    """Put what has happened on its way to whoever is to be told; the caller holds the sandbox's lock."""
    events, world.events = world.events, []
    now = world.now()
    for one in [one for one in world.webhooks.values() if now - one.succeeded_at >= DELETED_AFTER]:
        del world.webhooks[one.row["id"]]
    for event in events:
        for webhook in world.webhooks.values():
            if _wants(webhook, event["meta"]):
                _send(world, faults, webhook, event)


def due(world: World) -> list[Outgoing]:
    """Take what is due by now off the queue, in the order in which it is."""
    now = world.now()
    ready = sorted((one for one in world.outgoing if one.due <= now), key=lambda one: one.due)
    world.outgoing = [one for one in world.outgoing if one.due > now]
    there = [one for one in ready if not one.webhook_id or one.webhook_id in world.webhooks]
    kept = [one for one in there if not one.webhook_id or world.webhooks[one.webhook_id].banned_until <= now]
    for one in there:
        if one not in kept:
            world.webhooks[one.webhook_id].lost += 1
    return kept


def answered(world: World, sent: Outgoing, status: int) -> None:
    """Note how an attempt ended, and try again later if it failed.

    Args:
        world: Where.
        sent: What was sent.
        status: HTTP status; 0 when nobody answered within ten seconds.
    """
    webhook = world.webhooks.get(sent.webhook_id)
    if webhook is None:
        return
    now = world.now()
    webhook.row |= {"last_delivery_time": _time(now), "last_http_status": status or None}
    if status in SUCCESSFUL:
        webhook.succeeded_at = now
        return
    if sent.attempt == 1:
        webhook.failed += 1
        if webhook.failed >= BAN_AFTER:
            webhook.failed, webhook.banned_until = 0, now + BAN
    if sent.attempt <= len(RETRY_AFTER):
        sent.due, sent.attempt = now + RETRY_AFTER[sent.attempt - 1], sent.attempt + 1
        world.outgoing.append(sent)
    else:
        webhook.lost += 1


def _wants(webhook: Webhook, meta: Json) -> bool:
    row = webhook.row
    return row["event_object"] in {"*", meta["entity"]} and row["event_action"] in {"*", meta["action"]}


def _send(world: World, faults: Faults, webhook: Webhook, event: Json) -> None:
    now, row = world.now(), webhook.row
    if webhook.banned_until > now:
        webhook.lost += 1
        return
    meta = event["meta"] | {"webhook_id": str(row["id"]), "webhook_owner_id": str(row["owner_id"])}
    copies, delay, waits = 1, 0.0, False
    rule = faults.match_event(METHOD, f"{meta['entity']}.{meta['action']}")
    if rule is not None:
        faults.use(rule)
        kind = rule.fault.kind
        if kind == "event_lost":
            webhook.lost += 1
            return
        copies, delay, waits = 1 + (kind == "event_twice"), rule.fault.delay, kind == "event_out_of_order"
    for held in [one for one in world.outgoing if one.waits_for_next and one.webhook_id == row["id"]]:
        held.due, held.waits_for_next = now + delay + 0.001, False
    for _ in range(copies):
        world.outgoing.append(
            Outgoing(
                "POST",
                row["subscription_url"],
                event | {"meta": meta},
                now + delay,
                row["http_auth_user"] or "",
                row["http_auth_password"] or "",
                row["id"],
                waits_for_next=waits,
            )
        )


def _refused(message: str, name: str, *, status: int = 400) -> Refused:
    content = {"status": "error", "success": False, "errors": {name: [message]}}
    return Refused(f"{name}: {message}", status=status, content=content)


def _time(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
