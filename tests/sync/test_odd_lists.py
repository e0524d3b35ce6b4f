"""Lists of users, types, fields and webhooks with an item that cannot be read: the others serve all the same."""

import json
from collections.abc import Iterator
from random import Random
from typing import Any

import httpx
import pytest
from bench_engine import POLL_EVERY, Bench
from door_client import HERE
from pytest_django import Settings
from virtual_clock import VirtualClock
from who import stated

from warmline import database_time
from warmline.crm.book import OrganizationDetails, add_contact, log_activity
from warmline.crm.models import Contact
from warmline.crm.users import User
from warmline.pipedrive import Limiter, Pipedrive
from warmline.sandbox import Fault, Sandbox, SandboxTransport, World
from warmline.sync.engine.reconciler import Engine
from warmline.sync.policy import Policy

pytestmark = pytest.mark.django_db
TOKEN = "sandbox-token"
ODD: dict[str, list[Any]] = {
    "/api/v1/users": [{"id": None, "name": "Nobody"}, {"id": 77, "name": ["Erin"], "email": 5}, "a user", None],
    "/api/v1/activityTypes": [{"id": "?", "key_string": 5}, []],
    "/api/v2/personFields": [{"field_name": "Odd"}, {"field_code": "odd", "options": [{"id": None, "label": 7}]}, 3],
    "/api/v2/organizationFields": [{"field_name": 5, "field_code": "odd"}, {"field_code": "odder", "options": 5}],
    "/api/v2/activities": [{"id": 900, "subject": "Lunch", "owner_id": "nobody"}, 7],
    "/api/v1/webhooks": [{"id": None}, {"id": 99, "subscription_url": 5}],
}


class OddItems(httpx.BaseTransport):
    """Puts items that cannot be read before those of the lists.

    Args:
        inner: The transport that it stands before.
    """

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self._inner = inner

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Pass a call on."""
        answer = self._inner.handle_request(request)
        odd = ODD.get(request.url.path)
        if request.method != "GET" or odd is None:
            return answer
        said = json.loads(answer.read())
        return httpx.Response(answer.status_code, json={**said, "data": [*odd, *said["data"]]})


@pytest.fixture
def odd(
    sandbox: Sandbox, policy: Policy, clock: VirtualClock, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Bench]:
    """Return an engine in an account with odd lists, to which Pipedrive reports."""
    monkeypatch.setattr(database_time, "now", clock.now)
    settings.PIPEDRIVE_API_TOKEN = TOKEN
    settings.PUBLIC_URL, settings.PIPEDRIVE_BASE_URL = HERE, "http://sandbox"
    transport, limiter = OddItems(SandboxTransport(sandbox)), Limiter(clock=clock)
    with Pipedrive("http://sandbox", TOKEN, transport=transport, limiter=limiter, clock=clock) as pipedrive:
        engine = Engine(pipedrive, policy, clock, Random(7), poll_every=POLL_EVERY)
        yield Bench(engine, clock, policy, pipedrive)


def test_what_can_be_read_serves(odd: Bench, world: World, bob: User) -> None:
    """Owner, label, mark, type, sector and webhooks are found or made, once each."""
    before = {kind: len(some) for kind, some in world.fields.items()}
    firm = OrganizationDetails("Tidewater Mills", sector="Timber")
    for name in ("Robin Vale", "Kim Reed"):
        contact = add_contact(bob, name=name, organization=firm, warmness_score=9)
        log_activity(bob, contact, type="CALL")
    odd.settle(60)
    odd.clock.sleep(86_400)
    odd.settle(60)
    assert {stated(row).sync_state for row in Contact.objects.all()} == {"synced"}
    assert [row["owner_id"] for row in world.persons.values()] == [2, 2]
    assert all(row["label_ids"] for row in world.persons.values())
    assert [row["type"] for row in world.activities.values()] == ["call", "call"]
    made = {kind: len(some) - before[kind] for kind, some in world.fields.items()}
    assert made == {"persons": 1, "organizations": 2, "activities": 0}
    assert len(world.webhooks) == 4


def test_a_create_of_yesterday_is_found_beside_them(odd: Bench, world: World, sandbox: Sandbox, bob: User) -> None:
    """The list of a person's activities is read then, and one that cannot be ours is passed over."""
    sandbox.faults.add(Fault(kind="no_answer_after", method="POST", path="/api/v2/activities", times=1))
    contact = add_contact(bob, name="Robin Vale", warmness_score=9)
    call = log_activity(bob, contact, type="CALL")
    odd.settle(1)
    assert len(world.activities) == 1
    odd.clock.sleep(25 * 3600)
    odd.settle(120)
    call.refresh_from_db()
    assert call.pipedrive_activity_id == 1
    assert len(world.activities) == 1
