"""One round of the real thing: a server under load, killed with -9 at random moments and started again, over HTTP."""

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from threading import Event
from typing import Any

import httpx
from chaos.breach import Breach
from chaos.installations import Installation, OnSqlite
from programs import free_port, new_token
from waiting import found_in_time

from warmline.sandbox import Fault, Sandbox, World, serving

PATIENCE = 120  # seconds: an uncertain create is settled after 30, and may be uncertain again


@dataclass
class Round:
    """What one round was like."""

    kills: int = 0
    requests: int = 0
    breaches: list[Breach] = field(default_factory=list)


def kill_round(folder: Path, seed: int, *, contacts: int, kills: int) -> Round:
    """Save warm contacts with an activity each, kill the server so many times on the way, and look what came of it.

    Args:
        folder: An empty one.
        seed: Draws the moments.
        contacts: How many.
        kills: How many.
    """
    chance, result = Random(seed), Round()
    world = World.sample(token="sandbox-token", search_delay=600)
    world.settings.burst = world.settings.searches = 200
    sandbox = Sandbox(world, seed=seed)
    sandbox.faults.add(Fault(kind="no_answer_after", method="POST", probability=0.05))
    port, limits = free_port(), {"WARMLINE_LIMITS": "150/2", "WARMLINE_SEARCH_LIMIT": "150/2"}
    with serving(sandbox, latency=0.01, latency_jitter=0.03) as pipedrive_url:
        ours = OnSqlite(folder, pipedrive_url, **limits)
        token = new_token(ours.env, "alice@example.com", "--admin")
        saved = 0
        for life in range(kills):
            with ours.running(port) as kill:
                more = contacts - saved if life == kills - 1 else contacts // kills
                _save(port, token, range(saved, saved + more))
                saved += more
                Event().wait(chance.uniform(0.0, 0.6))  # the random moment itself, not a wait for anything
                kill()
                result.kills += 1
        sandbox.faults.clear()
        with ours.running(port):
            settled = found_in_time(partial(is_settled, port, token, world, contacts), PATIENCE)
    result.requests = len(world.calls)
    result.breaches = list(breaches(world, ours, contacts, settled=settled))
    return result


def breaches(world: World, ours: Installation, contacts: int, *, settled: bool) -> list[Breach]:
    """Return what is missing or there twice, in the database and in the sandbox, of so many contacts and activities."""
    found = [] if settled else [Breach("loss", "not at rest in time")]
    for kind, table, link, expected in (
        ("persons", "crm_contact", "pipedrive_person_id", contacts),
        ("activities", "crm_activity", "pipedrive_activity_id", contacts),
        ("organizations", "crm_organization", "pipedrive_org_id", None),
    ):
        linked = ours.ids(table, link)
        there = set(world.records[kind])
        found += [Breach("duplicate", f"{kind} {record_id} is nobody's") for record_id in there - linked]
        found += [Breach("loss", f"{kind}: a row points at {record_id}") for record_id in linked - there]
        if expected is not None and len(there) != expected:
            found.append(Breach("duplicate" if len(there) > expected else "loss", f"{len(there)} {kind}"))
    names = [record["name"] for record in world.organizations.values()]
    found += [Breach("duplicate", f"organization {name}") for name in set(names) if names.count(name) > 1]
    return found


def _save(port: int, token: str, numbers: range) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}/api", headers={"Authorization": f"Bearer {token}"}) as api:
        for number in numbers:
            contact = {
                "name": f"Contact {number}",
                "email": f"contact{number}@example.com" if number % 4 else None,
                "organization": {"name": f"Larkspur {number % 13}"},
                "warmness_score": 5,
            }
            saved = api.post("/contacts", json=contact).raise_for_status().json()
            api.post("/activities", json={"contact_id": saved["id"], "type": "CALL"}).raise_for_status()


def is_settled(port: int, token: str, world: World, contacts: int) -> bool:
    """Tell whether all activities are there, and nothing is under way."""
    headers = {"Authorization": f"Bearer {token}"}
    # Reading certificates would cost more than the call.
    with httpx.Client(verify=False) as client:  # noqa: S501 (on this machine, without TLS)
        sync: dict[str, Any] = (
            client.get(f"http://127.0.0.1:{port}/api/sync", headers=headers).raise_for_status().json()
        )
    return len(world.activities) >= contacts and sync["wanted"] + sync["in_progress"] + sync["failed"] == 0
