"""The HTTP server on a loopback port: the same answers, cut connections, the control API, start and stop."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from time import monotonic, time
from typing import Any

import httpx
import pytest
from virtual_clock import VirtualClock

from warmline.sandbox import Fault, Sandbox, SandboxTransport, World, serving
from warmline.sandbox.faults import FaultKind

PERSONS = "/api/v2/persons"
TOKEN = "sandbox-token"


@pytest.fixture
def http(sandbox: Sandbox) -> Iterator[httpx.Client]:
    """Return a client with Alice's token, over a real socket."""
    with serving(sandbox) as url, httpx.Client(base_url=url, headers={"x-api-token": "sandbox-token"}) as client:
        yield client


def test_both_doors_answer_alike(http: httpx.Client, alice: httpx.Client) -> None:
    """Status, body, rate headers and date are those of the in-process transport."""
    http.post(PERSONS, json={"name": "Robin Väli"})
    http_answer, answer = http.get(f"{PERSONS}/1"), alice.get(f"{PERSONS}/1")
    assert http_answer.json() == answer.json()
    same = ("content-type", "date", "x-ratelimit-limit")
    assert [http_answer.headers[name] for name in same] == [answer.headers[name] for name in same]
    assert http_answer.headers.get_list("date") == ["Mon, 05 Jan 2026 08:00:00 GMT"]


@pytest.mark.parametrize(("kind", "stored"), [("no_answer", 0), ("no_answer_after", 1), ("refuse", 0), ("outage", 0)])
def test_a_silent_call_has_its_connection_cut(http: httpx.Client, sandbox: Sandbox, kind: str, stored: int) -> None:
    """Nothing comes back, the commit happens or not as the kind says, and the next call is answered."""
    assert http.post("/sandbox/faults", json={"kind": kind, "path": PERSONS, "times": 1}).status_code == 200
    with pytest.raises(httpx.TransportError):
        http.post(PERSONS, json={"name": "Robin"})
    assert len(sandbox.world.persons) == stored
    assert http.get(PERSONS).status_code == 200


@pytest.mark.parametrize(("kind", "stored"), [("reset_before", 0), ("reset_after", 1)])
def test_a_reset_is_one_on_the_wire(http: httpx.Client, sandbox: Sandbox, kind: str, stored: int) -> None:
    """The caller's socket learns of a reset, not of an orderly end, and the next call is answered."""
    http.post("/sandbox/faults", json={"kind": kind, "path": PERSONS, "times": 1})
    with pytest.raises(httpx.ReadError, match="reset"):
        http.post(PERSONS, json={"name": "Robin"})
    assert len(sandbox.world.persons) == stored
    assert http.get(PERSONS).status_code == 200


@pytest.mark.parametrize(("kind", "status"), [("truncated", 200), ("html_after", 200), ("html_error_after", 502)])
def test_an_unreadable_answer_is_the_same_at_both_doors(
    http: httpx.Client, alice: httpx.Client, sandbox: Sandbox, kind: FaultKind, status: int
) -> None:
    """The whole of what is sent arrives; it is what was sent that is broken."""
    sandbox.add("persons", name="Robin")
    sandbox.faults.add(Fault(kind=kind))
    answers = [client.get(f"{PERSONS}/1") for client in (http, alice)]
    assert [one.status_code for one in answers] == [status, status]
    assert answers[0].content == answers[1].content


def test_a_slow_answer_keeps_the_caller_waiting(http: httpx.Client, sandbox: Sandbox) -> None:
    """Who is patient gets it; who is not gives up on a record that is made, and keeps nobody else waiting."""
    http.post("/sandbox/faults", json={"kind": "slow", "path": PERSONS, "delay": 0.2, "times": 1})
    began = monotonic()
    assert http.post(PERSONS, json={"name": "Robin"}).status_code == 200
    assert monotonic() - began >= 0.2
    http.post("/sandbox/faults", json={"kind": "slow", "path": PERSONS, "delay": 600, "times": 1})
    with pytest.raises(httpx.ReadTimeout):
        http.post(PERSONS, json={"name": "Kim"}, timeout=httpx.Timeout(60, read=0.2))
    assert [one["name"] for one in http.get(PERSONS).json()["data"]] == ["Robin", "Kim"]


def test_half_of_the_latency_lies_before_the_commit() -> None:
    """A call is counted once it has got there, and its answer takes as long again."""
    sandbox = Sandbox(World.sample())
    with serving(sandbox, latency=0.2, latency_jitter=0.01) as url:
        sent = time()
        httpx.get(url + PERSONS, headers={"x-api-token": "sandbox-token"}).raise_for_status()
        answered = time()
    assert sent + 0.1 <= sandbox.world.calls[0].at <= answered - 0.1


def test_a_call_arrives_although_its_caller_has_hung_up(sandbox: Sandbox) -> None:
    """It was on the way there, and what is sent later arrives later."""
    with (
        serving(sandbox, latency=0.5) as url,
        httpx.Client(base_url=url, headers={"x-api-token": "sandbox-token"}) as client,
    ):
        with pytest.raises(httpx.ReadTimeout):
            client.post(PERSONS, json={"name": "Robin"}, timeout=httpx.Timeout(60, read=0.05))
        assert client.post(PERSONS, json={"name": "Kim"}).status_code == 200
    assert [person["name"] for person in sandbox.world.persons.values()] == ["Robin", "Kim"]


def test_a_caller_who_hangs_up_in_the_middle_of_a_request_is_no_error(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    """Half of it is nothing to answer, and nothing to print a traceback for; the next call is answered."""
    head = f"POST {PERSONS} HTTP/1.1\r\nHost: sandbox\r\nContent-Length: 100\r\n\r\n"
    with serving(sandbox) as url:
        address = httpx.URL(url)
        with socket.create_connection((address.host, address.port or 80)) as caller:
            caller.sendall(f'{head}{{"name": '.encode())
        assert httpx.get(f"{url}{PERSONS}", headers={"x-api-token": TOKEN}, trust_env=False).status_code == 200
    assert caplog.records == []


def test_a_late_commit_comes_after_the_cut(http: httpx.Client, sandbox: Sandbox, clock: VirtualClock) -> None:
    """Looking at the world through the control API is enough to see it."""
    http.post("/sandbox/faults", json={"kind": "late_commit", "path": PERSONS, "delay": 15, "times": 1})
    with pytest.raises(httpx.TransportError):
        http.post(PERSONS, json={"name": "Robin"})
    assert http.get("/sandbox/world").json()["persons"] == []
    clock.sleep(15)
    assert [one["add_time"] for one in http.get("/sandbox/world").json()["persons"]] == ["2026-01-05T08:00:15Z"]


def test_many_threads_make_each_record_once(http: httpx.Client, sandbox: Sandbox) -> None:
    """Forty calls from eight threads are forty records with forty ids."""
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda name: http.post(PERSONS, json={"name": f"P{name}"}).json(), range(40)))
    assert sorted(answer["data"]["id"] for answer in made) == list(range(1, 41))
    assert len(sandbox.world.calls) == 40


def test_the_control_door_shows_the_world_and_no_token(http: httpx.Client, sandbox: Sandbox) -> None:
    """Everything can be looked at without a token, at no price, and the token is not among it."""
    http.post(PERSONS, json={"name": "Robin"})
    world, calls = (httpx.get(f"{http.base_url}/sandbox/{what}") for what in ("world", "calls"))
    assert [person["name"] for person in world.json()["persons"]] == ["Robin"]
    assert calls.json()["tokens_spent"] == 5
    assert [call["path"] for call in calls.json()["calls"]] == [PERSONS]
    assert "sandbox-token" not in world.text + calls.text
    assert len(sandbox.world.calls) == 1


def test_the_control_door_turns_settings(http: httpx.Client, sandbox: Sandbox) -> None:
    """Only what is sent changes."""
    changed = http.put("/sandbox/settings", json={"search_delay": 2, "daily_budget": 100})
    assert changed.json()["burst"] == 1_000
    assert (sandbox.world.settings.search_delay, sandbox.world.settings.daily_budget) == (2.0, 100)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "settings", b'{"search_delay": -1}'),
        ("PUT", "settings", b'{"serch_delay": 1}'),
        ("PUT", "settings", b'{"burst": "20"}'),
        ("PUT", "settings", b"[]"),
        ("PUT", "settings", b"{"),
        ("POST", "faults", b'{"kind": "earthquake"}'),
        ("POST", "faults", b'{"kind": "error", "times": 0}'),
        ("POST", "faults", b'{"kind": "slow"}'),
        ("PUT", "seed", b'{"seed": "7"}'),
        ("PUT", "seed", b"{}"),
        ("PUT", "seed", b"7"),
        ("POST", "people", b"[]"),
        ("POST", "people", b'{"kind": "persons"}'),
        ("POST", "people", b'{"do": "promote", "user_id": 1}'),
        ("POST", "people", b'{"do": ["add"]}'),
        ("POST", "people", b'{"do": "add", "kind": "deals", "name": "Robin"}'),
        ("POST", "people", b'{"do": "add", "kind": "persons"}'),
        ("POST", "people", b'{"do": "delete", "kind": "persons", "id": "1"}'),
        ("POST", "people", b'{"do": "merge", "kind": "activities", "loser_id": 1, "winner_id": 2}'),
        ("POST", "people", b'{"do": "set_user_active", "user_id": 1}'),
    ],
)
def test_the_control_door_refuses_what_it_does_not_know(
    http: httpx.Client, sandbox: Sandbox, method: str, path: str, body: bytes
) -> None:
    """A typing error answers 400 with a reason, and changes nothing."""
    before = sandbox.world.settings.model_dump()
    refused = http.request(method, f"/sandbox/{path}", content=body)
    assert refused.status_code == 400
    assert refused.json()["error"]
    assert (sandbox.world.settings.model_dump(), sandbox.faults.all()) == (before, [])


def test_the_control_door_breaks_by_chance_and_for_a_while(
    http: httpx.Client, sandbox: Sandbox, clock: VirtualClock
) -> None:
    """Probability, seconds and seed are set over HTTP as in process, and the log says what struck."""
    assert http.put("/sandbox/seed", json={"seed": 7}).json() == {"seed": 7}
    rule = {"kind": "error", "path": PERSONS, "probability": 0.5, "seconds": 60}
    http.post("/sandbox/faults", json=rule)
    first = [http.get(PERSONS).status_code for _ in range(20)]
    assert http.put("/sandbox/seed", json={"seed": 7}).status_code == 200
    assert [http.get(PERSONS).status_code for _ in range(20)] == first
    assert set(first) == {200, 500}
    assert {(call["status"], call["fault"]) for call in http.get("/sandbox/calls").json()["calls"]} == {
        (200, ""),
        (500, "error"),
    }
    clock.sleep(20)
    assert [one["seconds"] for one in http.get("/sandbox/faults").json()] == [40]
    clock.sleep(40)
    assert http.get("/sandbox/faults").json() == []


def test_the_control_door_does_what_people_do(http: httpx.Client, sandbox: Sandbox) -> None:
    """Each deed by its name, with its values beside it."""
    deeds: list[dict[str, Any]] = [
        {"do": "add", "kind": "persons", "name": "Robin Vale", "label_ids": [12]},
        {"do": "add", "kind": "persons", "name": "Robin V.", "label_ids": [11]},
        {"do": "add", "kind": "persons", "name": "Kim Ode"},
        {"do": "change", "kind": "persons", "id": 2, "name": "Robin Vale"},
        {"do": "merge", "kind": "persons", "loser_id": 2, "winner_id": 1},
        {"do": "delete", "kind": "persons", "id": 3},
        {"do": "rename_label", "old": "Hot lead", "new": "Hottest lead"},
        {"do": "set_user_active", "user_id": 2, "active": False},
        {"do": "set_activity_type_active", "key": "lunch", "active": False},
    ]
    assert [http.post("/sandbox/people", json=deed).status_code for deed in deeds] == [200] * len(deeds)
    world = http.get("/sandbox/world").json()
    assert [(one["name"], one["label_ids"], one["is_deleted"]) for one in world["persons"]] == [
        ("Robin Vale", [12, 11], False),
        ("Robin Vale", [11], True),
        ("Kim Ode", [], True),
    ]
    assert "Hottest lead" in str(world["fields"]["persons"])
    assert [one["name"] for one in world["users"] if one["active"]] == ["Alice Alder"]
    assert [one["key_string"] for one in world["activity_types"] if not one["active_flag"]] == ["lunch"]
    assert sandbox.world.calls == []


def test_the_control_door_resets(http: httpx.Client, sandbox: Sandbox) -> None:
    """Rules can be listed and lifted, and everything can start anew."""
    http.post("/sandbox/faults", json={"kind": "error", "times": 2})
    http.get(PERSONS)
    assert [rule["times"] for rule in http.get("/sandbox/faults").json()] == [1]
    assert http.delete("/sandbox/faults").json() == []
    http.post(PERSONS, json={"name": "Robin"})
    assert http.post("/sandbox/reset").json()["persons"] == []
    assert sandbox.world.calls == []


def test_another_company_has_the_same_ids_for_others(clock: VirtualClock) -> None:
    """Id, name, domain and users are its own; its records are counted from 1 like those of any other."""
    seen = []
    for company_id in (1, 2, 7):
        world = World.sample(clock, token=TOKEN, company_id=company_id)
        sandbox = Sandbox(world)
        sandbox.add("persons", name="Robin Vale")
        transport, headers = SandboxTransport(sandbox), {"x-api-token": TOKEN}
        with httpx.Client(transport=transport, base_url="http://sandbox", headers=headers) as client:
            me = client.get("/api/v1/users/me").json()["data"]
        assert list(world.persons) == [1]
        assert len({user.email for user in world.users.values()}) == len(world.users) == 3
        seen.append((me["company_id"], me["company_name"], me["company_domain"], me["id"], me["email"]))
    assert seen == [
        (1, "Alder & Finch Consulting", "alderfinch", 1, "alice@example.com"),
        (2, "Birch & Wren Partners", "birchwren", 1, "charlie@example.com"),
        (7, "Company 7", "company7", 1, "charlie@example.com"),
    ]


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_it_listens_and_stops_at_once(stop: signal.Signals) -> None:
    """On port 0 the one line has the port that was taken; a signal ends it quietly, an open connection or not."""
    how = "port=0, token='theirs', latency=0.01, latency_jitter=0.01, company_id=2"
    code = f"from warmline.sandbox import serve; serve({how})"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        assert program.stderr is not None
        url = program.stdout.readline().removeprefix("Sandbox listens on ").strip()
        with httpx.Client(base_url=url, headers={"x-api-token": "theirs"}) as client:
            assert client.get("/v1/users/me").json()["data"]["email"] == "charlie@example.com"
            program.send_signal(stop)
            program.wait(timeout=60)
        assert (program.stdout.read(), program.stderr.read()) == ("", "")
        assert program.returncode in (0, -stop)
