"""A real server, killed with -9 in the middle of a burst and started again: nothing lost, nothing doubled."""

import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from threading import Event

import httpx
import pytest
from programs import environment, free_port, new_token, serving_warmline

from warmline.sandbox import Sandbox, World, serving

CONTACTS, ORGANIZATIONS = 100, 30
PATIENCE = 90  # seconds: an uncertain create is settled after 30


@pytest.fixture
def world() -> World:
    """Return a company that limits little, and whose search is slow to find what is new."""
    world = World.sample(token="sandbox-token", search_delay=600)
    world.settings.burst = world.settings.searches = 200
    return world


def test_kills_in_a_burst_lose_and_double_nothing(world: World, tmp_path: Path) -> None:
    """A hundred warm contacts with an activity each, the server killed three times on the way."""
    chance = Random(20261201)
    log, port = tmp_path / "warmline.log", free_port()
    with serving(Sandbox(world), latency=0.02, latency_jitter=0.04) as pipedrive_url:
        env = environment(tmp_path, pipedrive_url, WARMLINE_LIMITS="150/2", WARMLINE_SEARCH_LIMIT="150/2")
        token = new_token(env, "alice@example.com", "--admin")
        with serving_warmline(env, port, log=log) as server:
            _save_all(port, token)
            _until(partial(_has_persons, world, 5))
            server.kill()
        for _ in range(2):
            before = len(world.persons)
            with serving_warmline(env, port, log=log) as server:
                more = chance.randint(5, 25)
                _until(partial(_has_persons, world, min(before + more, CONTACTS)))
                server.kill()
        with serving_warmline(env, port, log=log):
            _until(lambda: len(world.activities) >= CONTACTS and _waiting(port, token) == 0)

    assert len(world.persons) == len(world.activities) == CONTACTS
    assert len(world.organizations) == ORGANIZATIONS
    assert len({person["name"] for person in world.persons.values()}) == CONTACTS
    with sqlite3.connect(tmp_path / "warmline.sqlite3") as database:
        linked = database.execute("SELECT pipedrive_person_id FROM crm_contact").fetchall()
        replicated = database.execute("SELECT pipedrive_activity_id FROM crm_activity").fetchall()
    database.close()
    assert {row[0] for row in linked} == set(world.persons)
    assert {row[0] for row in replicated} == set(world.activities)


def _has_persons(world: World, count: int) -> bool:
    return len(world.persons) >= count


def _save_all(port: int, token: str) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}/api", headers={"Authorization": f"Bearer {token}"}) as api:
        for number in range(CONTACTS):
            contact = {
                "name": f"Contact {number}",
                "email": f"contact{number}@example.com" if number % 4 else None,
                "organization": {"name": f"Larkspur {number % ORGANIZATIONS}"},
                "warmness_score": 5,
            }
            saved = api.post("/contacts", json=contact)
            assert saved.status_code == 201, saved.text
            logged = api.post("/activities", json={"contact_id": saved.json()["id"], "type": "CALL"})
            assert logged.status_code == 201, logged.text


def _waiting(port: int, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    sync = httpx.get(f"http://127.0.0.1:{port}/api/sync", headers=headers).raise_for_status().json()
    assert sync["failed"] == 0, sync
    waiting: int = sync["wanted"] + sync["in_progress"]
    return waiting


def _until(there: Callable[[], bool]) -> None:
    poll = Event()
    for _ in range(PATIENCE * 20):
        if there():
            return
        poll.wait(0.05)
    pytest.fail("it did not come in time")
