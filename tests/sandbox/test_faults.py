"""What goes wrong on demand: each kind of fault, which calls a rule strikes, for how long, and with which chance."""

import json
from collections import Counter
from typing import Any

import httpx
import pytest
from pydantic import ValidationError
from virtual_clock import VirtualClock

from warmline.sandbox import Fault, Sandbox, SandboxTransport, World
from warmline.sandbox.faults import KINDS, FaultKind, When

PERSONS = "/api/v2/persons"
FIELDS = "/api/v2/personFields"
ROBIN = {"name": "Robin Vale"}

OUTCOMES: dict[FaultKind, tuple[Any, bool]] = {
    "error": (500, False),
    "error_after": (500, True),
    "html_error": (502, False),
    "html_error_after": (502, True),
    "html_after": (200, True),
    "truncated": (200, True),
    "slow": (200, True),
    "no_answer": (httpx.ReadTimeout, False),
    "no_answer_after": (httpx.ReadTimeout, True),
    "late_commit": (httpx.ReadTimeout, False),
    "reset_before": (httpx.WriteError, False),
    "reset_after": (httpx.ReadError, True),
    "refuse": (httpx.ConnectError, False),
    "outage": (httpx.ConnectError, False),
    "unauthorized": (401, False),
    "throttled": (429, False),
    "budget_spent": (429, False),
    "blocked": (403, False),
    "suspended": (402, False),
}


def _fault(kind: FaultKind, **how: Any) -> Fault:
    return Fault(kind=kind, delay=2.0 if KINDS[kind].delayed else 0.0, **how)


def _result(client: httpx.Client, method: str = "POST", path: str = PERSONS) -> Any:
    """Return the status of a call, or the kind of error that it ended in."""
    try:
        return client.request(method, path, json=ROBIN if method == "POST" else None).status_code
    except httpx.TransportError as error:
        return type(error)


def test_every_kind_of_fault_is_in_the_table() -> None:
    """A new kind needs a row in the table of outcomes; those of events are in test_events.py."""
    assert set(OUTCOMES) == {kind for kind, outcome in KINDS.items() if outcome.when is not When.EVENT}


@pytest.mark.parametrize("kind", OUTCOMES)
def test_a_fault_strikes_once_and_goes(alice: httpx.Client, sandbox: Sandbox, kind: FaultKind) -> None:
    """Each kind gives its outcome, stores what it should, is in the log, and then the world is well again."""
    outcome, stored = OUTCOMES[kind]
    sandbox.faults.add(_fault(kind, method="POST", path=PERSONS, times=1))
    assert _result(alice) == outcome
    assert len(sandbox.world.persons) == stored
    assert sandbox.faults.all() == []
    assert _result(alice) == 200
    status = outcome if isinstance(outcome, int) else 0
    assert [(call.status, call.fault) for call in sandbox.world.calls] == [(status, kind), (200, "")]


@pytest.mark.parametrize(("kind", "remaining"), [("throttled", "0"), ("budget_spent", "19")])
def test_the_two_kinds_of_429_can_be_told_apart(
    alice: httpx.Client, sandbox: Sandbox, kind: FaultKind, remaining: str
) -> None:
    """By what remains in the window, the only sign that there is."""
    sandbox.faults.add(Fault(kind=kind))
    assert alice.get(PERSONS).headers["x-ratelimit-remaining"] == remaining


@pytest.mark.parametrize("kind", ["blocked", "html_error", "html_error_after", "html_after"])
def test_pages_are_html(alice: httpx.Client, sandbox: Sandbox, kind: FaultKind) -> None:
    """A block, a bad gateway and a page instead of the answer are not JSON."""
    sandbox.faults.add(Fault(kind=kind))
    page = alice.get(PERSONS)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.text.startswith("<html>")


def test_a_truncated_answer_is_no_json(alice: httpx.Client, sandbox: Sandbox) -> None:
    """It says 200 and JSON, begins well, and breaks off."""
    sandbox.faults.add(Fault(kind="truncated", times=1))
    broken = alice.post(PERSONS, json=ROBIN)
    assert (broken.status_code, broken.headers["content-type"][:16]) == (200, "application/json")
    assert broken.text.startswith('{"success": true')
    with pytest.raises(json.JSONDecodeError):
        broken.json()


@pytest.mark.parametrize(
    ("method", "path", "matches"),
    [
        ("POST", PERSONS, True),
        ("*", "/api/v2/*", True),
        ("*", "*", True),
        ("GET", PERSONS, False),
        ("POST", "/api/v2/person", False),
        ("POST", "/api/v2/persons/*", False),
    ],
)
def test_which_calls_a_rule_means(method: str, path: str, *, matches: bool) -> None:
    """Exact, or a beginning before a star."""
    assert Fault(kind="error", method=method, path=path).matches("POST", PERSONS) is matches


@pytest.mark.parametrize(
    "rule",
    [
        {"kind": "slow"},
        {"kind": "late_commit"},
        {"kind": "error", "delay": 1.0},
        {"kind": "error", "probability": 1.1},
        {"kind": "error", "probability": -0.1},
        {"kind": "error", "seconds": 0.0},
        {"kind": "error", "times": 0},
        {"kind": "earthquake"},
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(rule: dict[str, Any]) -> None:
    """A delay goes with the kinds that take time, and with no other; numbers keep within their bounds."""
    with pytest.raises(ValidationError):
        Fault.model_validate(rule)


@pytest.mark.parametrize("kind", [kind for kind, (_, stored) in OUTCOMES.items() if stored])
def test_an_after_fault_waits_for_a_success(alice: httpx.Client, sandbox: Sandbox, kind: FaultKind) -> None:
    """A refused call is answered as it is, and the rule keeps its strike."""
    sandbox.faults.add(_fault(kind, times=1))
    assert alice.post(PERSONS, json={}).status_code == 400
    assert sandbox.world.calls[-1].fault == ""
    assert _result(alice) == OUTCOMES[kind][0]
    assert len(sandbox.world.persons) == 1


def test_a_rule_ends_with_its_seconds(alice: httpx.Client, sandbox: Sandbox, clock: VirtualClock) -> None:
    """By the world's clock, from when it was added, whatever was struck until then."""
    sandbox.faults.add(Fault(kind="outage", seconds=60.0))
    assert _result(alice) is httpx.ConnectError
    clock.sleep(59.5)
    assert _result(alice, "GET", "/v1/users/me") is httpx.ConnectError
    assert [rule.seconds for rule in sandbox.faults.all()] == [0.5]
    clock.sleep(0.5)
    assert (sandbox.faults.all(), _result(alice)) == ([], 200)


def test_nothing_comes_through_an_outage(alice: httpx.Client, sandbox: Sandbox, clock: VirtualClock) -> None:
    """It goes before the rules that were there before it, and they are in force again after it."""
    sandbox.faults.add(Fault(kind="error_after"), Fault(kind="outage", seconds=5.0))
    assert (_result(alice), sandbox.world.persons) == (httpx.ConnectError, {})
    clock.sleep(5.0)
    assert (_result(alice), len(sandbox.world.persons)) == (500, 1)


def _struck(seed: int, calls: int = 400) -> list[str]:
    """Return what struck each of many calls, through four rules of which two leave something to chance."""
    world = World.sample(lambda: 0.0)
    world.settings.burst = calls
    sandbox = Sandbox(world, seed=seed)
    sandbox.faults.add(
        Fault(kind="error", method="PATCH"),
        Fault(kind="no_answer_after", method="POST", probability=0.25),
        Fault(kind="reset_before", probability=0.5),
        Fault(kind="throttled", probability=0.0),
    )
    transport = SandboxTransport(sandbox)
    with httpx.Client(transport=transport, base_url="http://sandbox", headers={"x-api-token": "sandbox-token"}) as http:
        for _ in range(calls):
            _result(http)
    return [call.fault for call in world.calls]


def test_the_same_seed_and_calls_break_alike() -> None:
    """A run can be replayed from its seed alone, and another seed is another run."""
    assert _struck(7) == _struck(7)
    assert _struck(7) != _struck(8)


def test_a_rule_strikes_with_its_chance() -> None:
    """A quarter is struck by the first, half of the others by the second, and a chance of 0 is none."""
    counted = Counter(_struck(7))
    assert set(counted) == {"no_answer_after", "reset_before", ""}
    assert abs(counted["no_answer_after"] - 100) < 30
    assert abs(counted["reset_before"] - 150) < 35


def test_a_seed_begins_anew(alice: httpx.Client, sandbox: Sandbox) -> None:
    """Reseeding and resetting both begin the sequence of chances from its start."""

    def run() -> list[Any]:
        sandbox.faults.add(Fault(kind="error", probability=0.5))
        results = [_result(alice, "GET") for _ in range(30)]
        sandbox.faults.clear()
        return results

    sandbox.faults.reseed(3)
    first = run()
    assert set(first) == {200, 500}
    sandbox.reset()
    sandbox.world.settings.burst = 1_000
    assert run() == first
    assert run() != first
    sandbox.faults.reseed(3)
    assert run() == first


def test_a_late_commit_happens_at_its_own_time(
    alice: httpx.Client, sandbox: Sandbox, world: World, clock: VirtualClock
) -> None:
    """Nothing is there until the delay is over; then the record is, with that moment as its time."""
    sandbox.faults.add(Fault(kind="late_commit", method="POST", times=1, delay=15.0))
    with pytest.raises(httpx.ReadTimeout):
        alice.post(PERSONS, json=ROBIN)
    assert [(call.status, call.tokens, call.fault) for call in world.calls] == [(0, 5, "late_commit")]
    clock.sleep(14.0)
    assert alice.get(PERSONS).json()["data"] == []
    assert sandbox.commit_late() == 1
    clock.sleep(46.0)
    assert sandbox.commit_late() == 0
    assert [(one["name"], one["add_time"]) for one in world.persons.values()] == [
        ("Robin Vale", "2026-01-05T08:00:15Z")
    ]
    assert alice.post(PERSONS, json=ROBIN).json()["data"]["add_time"] == "2026-01-05T08:01:00Z"


def test_late_commits_come_before_what_comes_after_them(
    alice: httpx.Client, sandbox: Sandbox, clock: VirtualClock
) -> None:
    """A call or a deed by hand finds all that was due by then, in the order in which it was due."""
    for name, delay in (("Third", 9.0), ("Second", 6.0), ("First", 3.0)):
        sandbox.faults.add(Fault(kind="late_commit", times=1, delay=delay))
        with pytest.raises(httpx.ReadTimeout):
            alice.post(PERSONS, json={"name": name})
    clock.sleep(6.0)
    sandbox.people.add("persons", name="By hand")
    clock.sleep(6.0)
    names = [one["name"] for one in alice.get(PERSONS).json()["data"]]
    assert names == ["First", "Second", "By hand", "Third"]


def test_a_late_commit_can_come_to_nothing(alice: httpx.Client, sandbox: Sandbox, clock: VirtualClock) -> None:
    """What it names may be gone by then; a refusal on arrival, for a wrong token or path, is told at once."""
    sandbox.add("persons", **ROBIN)
    sandbox.faults.add(Fault(kind="late_commit", delay=5.0))
    with pytest.raises(httpx.ReadTimeout):
        alice.patch(f"{PERSONS}/1", json={"name": "Robin Moor"})
    assert alice.get(PERSONS, headers={"x-api-token": "wrong"}).status_code == 401
    sandbox.people.delete("persons", 1)
    clock.sleep(5.0)
    assert sandbox.commit_late() == 0
    assert sandbox.world.persons[1]["name"] == "Robin Vale"


def test_a_reset_forgets_late_commits(alice: httpx.Client, sandbox: Sandbox, clock: VirtualClock) -> None:
    """An empty world stays empty."""
    sandbox.faults.add(Fault(kind="late_commit", delay=5.0))
    with pytest.raises(httpx.ReadTimeout):
        alice.post(PERSONS, json=ROBIN)
    sandbox.reset()
    clock.sleep(5.0)
    assert (sandbox.commit_late(), sandbox.world.persons) == (0, {})


@pytest.mark.parametrize(
    ("delay", "patience", "outcome", "passed"),
    [
        (3.0, 10.0, 200, 3.0),
        (10.0, 10.0, 200, 10.0),
        (10.5, 10.0, httpx.ReadTimeout, 10.0),
        (3600.0, None, 200, 3600.0),
    ],
)
def test_a_slow_answer_passes_time(
    sandbox: Sandbox, clock: VirtualClock, delay: float, patience: float | None, outcome: Any, passed: float
) -> None:
    """Up to the caller's read timeout, which then strikes although all is stored."""
    sandbox.faults.add(Fault(kind="slow", delay=delay))
    with httpx.Client(
        transport=SandboxTransport(sandbox, sleep=clock.sleep),
        base_url="http://sandbox",
        headers={"x-api-token": "sandbox-token"},
        timeout=httpx.Timeout(5.0, read=patience),
    ) as client:
        assert _result(client) == outcome
    assert clock.elapsed == passed
    assert sandbox.world.persons[1]["add_time"] == "2026-01-05T08:00:00Z"


def test_what_is_made_late_can_be_a_field(alice: httpx.Client, sandbox: Sandbox, clock: VirtualClock) -> None:
    """Not only records: any call can be carried out late."""
    sandbox.faults.add(Fault(kind="late_commit", path=FIELDS, times=1, delay=5.0))
    with pytest.raises(httpx.ReadTimeout):
        alice.post(FIELDS, json={"field_name": "Warmline ID", "field_type": "varchar"})
    before = alice.get(FIELDS).json()["data"]
    clock.sleep(5.0)
    after = alice.get(FIELDS).json()["data"]
    assert [one["field_name"] for one in after if one not in before] == ["Warmline ID"]
