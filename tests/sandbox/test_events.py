"""Webhooks: what is told of which change, and what becomes of it on a bad way."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Event, Thread
from typing import Any

import httpx
import pytest
from virtual_clock import VirtualClock

from warmline.sandbox import Fault, Sandbox, World, serving
from warmline.sandbox.outgoing import Outgoing

HOOK = "http://127.0.0.1:9/hook"
Told = list[dict[str, Any]]


@pytest.fixture
def hooked(alice: httpx.Client) -> int:
    """Return a webhook that is told everything."""
    return _made(alice)


def _made(alice: httpx.Client, **how: Any) -> int:
    asked = {"subscription_url": HOOK, "event_action": "*", "event_object": "*", "name": "Ours", **how}
    answer = alice.post("/v1/webhooks", json=asked)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["data"]["id"])


def _ear(told: Told, status: int = 200) -> Callable[[Outgoing], int]:
    def post(one: Outgoing) -> int:
        told.append(json.loads(one.content))
        return status

    return post


def _told(sandbox: Sandbox, status: int = 200) -> Told:
    told: Told = []
    sandbox.deliver(_ear(told, status))
    return told


def _in_short(told: Told) -> list[tuple[str, str, str]]:
    return [(one["meta"]["entity"], one["meta"]["action"], one["meta"]["entity_id"]) for one in told]


@pytest.mark.usefixtures("hooked")
def test_a_life_is_told_as_it_happens(alice: httpx.Client, sandbox: Sandbox) -> None:
    """A create has no previous, a change only what changed, a delete no data; custom fields are in none."""
    alice.post("/api/v2/persons", json={"name": "Robin Vale"})
    sandbox.people.change("persons", 1, job_title="Miller")
    sandbox.people.delete("persons", 1)
    created, changed, deleted = _told(sandbox)
    assert _in_short([created, changed, deleted]) == [("person", act, "1") for act in ("create", "change", "delete")]
    assert (created["previous"], created["data"]["name"]) == (None, "Robin Vale")
    assert "custom_fields" not in created["data"]
    assert set(changed["previous"]) <= {"job_title", "update_time"}
    assert changed["data"]["job_title"] == "Miller"
    assert (deleted["data"], deleted["previous"]["job_title"]) == (None, "Miller")
    assert [one["meta"]["change_source"] for one in (created, changed, deleted)] == ["api", "app", "app"]
    meta = created["meta"]
    assert (meta["attempt"], meta["user_id"], meta["company_id"], meta["version"]) == (1, "1", "1", "2.0")
    assert meta["timestamp"] == "2026-01-05T08:00:00.000Z"
    assert len({one["meta"]["id"] for one in (created, changed, deleted)}) == 3


@pytest.mark.usefixtures("hooked")
def test_a_merge_names_both(sandbox: Sandbox) -> None:
    """A delete that says where it went, and a change that says what came; what moved over has changed as well."""
    for name in ("Robin", "Robin V."):
        sandbox.add("persons", name=name)
    sandbox.add("activities", subject="Call", participants=[{"person_id": 2}])
    _told(sandbox)
    sandbox.people.merge("persons", 2, 1)
    told = _told(sandbox)
    assert _in_short(told) == [("person", "delete", "2"), ("person", "change", "1"), ("activity", "change", "1")]
    assert (told[0]["meta"]["merged_to_id"], told[1]["meta"]["merged_from_id"]) == ("1", "2")
    assert "merged_to_id" not in told[1]["meta"]


@pytest.mark.usefixtures("hooked")
def test_a_bulk_edit_says_so(sandbox: Sandbox, world: World) -> None:
    """Many events of one deed have one correlation; times can have ten characters."""
    world.settings.numeric_timestamps = True
    for number in range(3):
        sandbox.add("persons", name=f"Robin {number}")
    _told(sandbox)
    assert sandbox.people.bulk_change("persons", [1, 2, 3, 9], owner_id=2) == {"changed": 3}
    told = _told(sandbox)
    assert [one["meta"]["is_bulk_edit"] for one in told] == [True] * 3
    assert len({one["meta"]["correlation_id"] for one in told}) == 1
    assert [len(one["meta"]["timestamp"]) for one in told] == [10] * 3


def test_users_and_notes_are_told_too(alice: httpx.Client, sandbox: Sandbox) -> None:
    """And only what a webhook asked for is."""
    _made(alice, event_object="user", event_action="change")
    _made(alice, event_object="note")
    sandbox.add("persons", name="Robin")
    alice.post("/v1/notes", json={"content": "Likes tea", "person_id": 1})
    sandbox.people.rename_user(2, "Robert Finch")
    sandbox.people.set_user_active(2, active=False)
    assert _in_short(_told(sandbox)) == [("note", "create", "1"), ("user", "change", "2"), ("user", "change", "2")]


@pytest.mark.usefixtures("hooked")
def test_what_was_not_taken_comes_again(sandbox: Sandbox, clock: VirtualClock) -> None:
    """After 3, 30 and 150 s, with the attempt's number; then it is lost."""
    sandbox.add("persons", name="Robin")
    attempts = []
    for wait in (0.0, 2.9, 0.1, 30.0, 150.0, 3_600.0):
        clock.sleep(wait)
        attempts.append([one["meta"]["attempt"] for one in _told(sandbox, 500)])
    assert attempts == [[1], [], [2], [3], [4], []]
    assert sandbox.world.webhooks[1].lost == 1


@pytest.mark.usefixtures("hooked")
@pytest.mark.parametrize(("status", "again"), [(200, 0), (204, 0), (302, 1), (401, 1), (0, 1)])
def test_any_2xx_is_success(sandbox: Sandbox, clock: VirtualClock, status: int, again: int) -> None:
    """A redirect is none, and no answer neither."""
    sandbox.add("persons", name="Robin")
    _told(sandbox, status)
    clock.sleep(3)
    assert len(_told(sandbox)) == again


@pytest.mark.usefixtures("hooked")
def test_ten_failed_first_attempts_are_a_ban(sandbox: Sandbox, clock: VirtualClock) -> None:
    """Half an hour in which events, and what waits for its next attempt, are lost."""
    for number in range(10):
        sandbox.add("persons", name=f"Robin {number}")
        _told(sandbox, 500)
    sandbox.add("persons", name="Nobody hears of me")
    clock.sleep(1_799)
    assert _told(sandbox) == []
    clock.sleep(1)
    sandbox.add("persons", name="Kim")
    assert [one["data"]["name"] for one in _told(sandbox)] == ["Kim"]
    assert sandbox.world.webhooks[1].lost == 11


@pytest.mark.usefixtures("hooked")
def test_three_days_without_a_success_delete_it(alice: httpx.Client, sandbox: Sandbox, clock: VirtualClock) -> None:
    """A success begins them anew."""
    clock.sleep(2 * 86_400)
    sandbox.add("persons", name="Robin")
    _told(sandbox)
    clock.sleep(3 * 86_400 - 1)
    assert len(alice.get("/v1/webhooks").json()["data"]) == 1
    clock.sleep(1)
    alice.get("/v1/users/me")
    assert alice.get("/v1/webhooks").json()["data"] == []


@pytest.mark.usefixtures("hooked")
@pytest.mark.parametrize(
    ("kind", "delay", "at_once", "later"),
    [
        ("event_late", 20.0, [], ["A", "B"]),
        ("event_twice", 0.0, ["A", "A", "B", "B"], []),
        ("event_lost", 0.0, [], []),
    ],
)
def test_events_are_late_twice_or_lost(
    sandbox: Sandbox, clock: VirtualClock, kind: Any, delay: float, at_once: list[str], later: list[str]
) -> None:
    """As a rule has it, which strikes no call."""
    sandbox.faults.add(Fault(kind=kind, delay=delay, path="person.*"))
    for name in ("A", "B"):
        sandbox.add("persons", name=name)
    assert [one["data"]["name"] for one in _told(sandbox)] == at_once
    clock.sleep(delay)
    assert [one["data"]["name"] for one in _told(sandbox)] == later


@pytest.mark.usefixtures("hooked")
def test_events_come_out_of_order(sandbox: Sandbox, clock: VirtualClock) -> None:
    """One is held back until the next has gone out, or its time is over."""
    sandbox.faults.add(Fault(kind="event_out_of_order", delay=60, times=1))
    for name in ("A", "B"):
        sandbox.add("persons", name=name)
    assert [one["data"]["name"] for one in _told(sandbox)] == ["B"]
    clock.sleep(0.01)
    assert [one["data"]["name"] for one in _told(sandbox)] == ["A"]
    sandbox.faults.add(Fault(kind="event_out_of_order", delay=60, times=1))
    sandbox.add("persons", name="C")
    clock.sleep(60)
    assert [one["data"]["name"] for one in _told(sandbox)] == ["C"]


def test_a_ban_and_a_removal_on_demand(alice: httpx.Client, sandbox: Sandbox, hooked: int, clock: VirtualClock) -> None:
    """What happens meanwhile is lost; a removed one is gone."""
    sandbox.people.ban_webhook(hooked)
    sandbox.add("persons", name="Robin")
    clock.sleep(1_800)
    assert _told(sandbox) == []
    sandbox.people.remove_webhook(hooked)
    assert alice.delete(f"/v1/webhooks/{hooked}").status_code == 404


def test_forty_are_the_most(alice: httpx.Client) -> None:
    """One more is refused with 422, and deleting one makes room."""
    made = [_made(alice) for _ in range(40)]
    asked = {"subscription_url": HOOK, "event_action": "*", "event_object": "*", "name": "One more"}
    assert alice.post("/v1/webhooks", json=asked).status_code == 422
    alice.delete(f"/v1/webhooks/{made[0]}")
    assert alice.post("/v1/webhooks", json=asked).status_code == 201


@pytest.mark.parametrize(
    "url",
    [
        "https://warmline.example.com/hook", "http://10.0.0.1/hook", "ftp://127.0.0.1/hook", "hook", "http://[::2]/",
        "http://user@127.0.0.1/hook", "http://127.0.0.1.example.com/",
    ],
)  # fmt: skip
def test_nothing_leaves_this_machine(alice: httpx.Client, url: str) -> None:
    """The sandbox sends to loopback addresses only."""
    asked = {"subscription_url": url, "event_action": "*", "event_object": "*", "name": "Ours"}
    refused = alice.post("/v1/webhooks", json=asked)
    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["subscription_url"])


def test_a_real_server_is_told(world: World) -> None:
    """Over real sockets: the body, Basic authentication, and the state of the webhook."""
    heard: list[tuple[str, Any]] = []
    came = Event()

    token = {"x-api-token": "sandbox-token"}
    with (
        serving(Sandbox(world)) as url,
        _listening(heard, came) as ear,
        httpx.Client(base_url=url, headers=token) as alice,
    ):
        _made(alice, subscription_url=ear, http_auth_user="warmline", http_auth_password="s3cret")
        alice.post("/api/v2/persons", json={"name": "Robin"})
        assert came.wait(30)
    authorization, body = heard[0]
    assert httpx.BasicAuth("warmline", "s3cret")._auth_header == authorization
    assert (body["meta"]["entity"], body["data"]["name"]) == ("person", "Robin")


@contextmanager
def _listening(heard: list[tuple[str, Any]], came: Event) -> Iterator[str]:
    class Ear(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            heard.append((self.headers["authorization"], json.loads(body)))
            self.send_response(200)
            self.end_headers()
            came.set()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Ear) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/hook"
        finally:
            server.shutdown()
            thread.join()
