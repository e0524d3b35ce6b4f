"""One state for the connection: no row is blamed, nothing is called but a probe, and it is told once each way."""

from datetime import timedelta
from random import Random

import pytest
from bench_engine import Bench
from virtual_clock import VirtualClock

from warmline.crm.activities import Activity
from warmline.crm.book import OrganizationDetails, add_contact, log_activity
from warmline.crm.models import Contact
from warmline.crm.users import User
from warmline.pipedrive import Limiter, Pipedrive
from warmline.sandbox import Fault, FaultKind, Sandbox, SandboxTransport, World
from warmline.sync.engine.reconciler import Engine
from warmline.sync.models import Connection, ConnectionState, Notification, Remembered
from warmline.sync.policy import Policy
from warmline.sync.remote import connection_health
from warmline.sync.retries import Trouble

pytestmark = pytest.mark.django_db

TOKEN = "sandbox-token"


def notes() -> list[str]:
    """Return what everyone was told, in order."""
    return [note.kind for note in Notification.objects.filter(user=None).order_by("pk")]


@pytest.mark.parametrize(
    ("kind", "state", "seconds"),
    [
        ("refuse", "down", 60),
        ("no_answer", "down", 60),
        ("error", "down", 60),
        ("html_error", "down", 60),
        ("unauthorized", "unauthorized", 5),
        ("blocked", "blocked", 90),
        ("suspended", "blocked", 90),
        ("budget_spent", "budget_spent", 600),
    ],
)
def test_an_outage_uses_up_no_attempt(
    bench: Bench, world: World, sandbox: Sandbox, alice: User, kind: FaultKind, state: str, seconds: int
) -> None:
    """However long it lasts: everything arrives afterwards by itself, at the first attempt."""
    sandbox.faults.add(Fault(kind=kind, method="*", path="/*"))
    contact = add_contact(alice, name="Jordan Ames", warmness_score=5)
    log_activity(alice, contact, type="CALL")
    bench.settle(seconds)
    status = connection_health.status()
    assert status.state == state
    assert status.message
    assert notes() == ["connection_lost"]

    sandbox.faults.clear()
    bench.settle(310)

    assert connection_health.status().state == "ok"
    assert notes() == ["connection_lost", "connection_back"]
    assert Contact.objects.get().pipedrive_sync_attempts == 1
    assert Activity.objects.get().pipedrive_sync_attempts == 1
    assert len(world.persons) == len(world.activities) == 1


@pytest.mark.parametrize(("kind", "most"), [("refuse", 8), ("unauthorized", 6), ("blocked", 3), ("budget_spent", 2)])
def test_trouble_is_met_with_few_calls(
    bench: Bench, world: World, sandbox: Sandbox, alice: User, kind: FaultKind, most: int
) -> None:
    """In a minute and a half of trouble, with many rows waiting, a handful of probes and nothing else."""
    sandbox.faults.add(Fault(kind=kind, method="*", path="/*"))
    for number in range(20):
        add_contact(alice, name=f"Contact {number}", warmness_score=5)

    bench.settle(90)

    assert len([call for call in world.calls if call.path != "/api/v1/users/me"]) <= 1
    assert len(world.calls) <= most + 1


def test_throttling_waits_and_is_not_told(bench: Bench, world: World, sandbox: Sandbox, alice: User) -> None:
    """A 429 costs no attempt and is no news."""
    sandbox.faults.add(Fault(kind="throttled", method="POST", path="/api/v2/persons", times=2))
    add_contact(alice, name="Jordan Ames", warmness_score=5)

    bench.settle(30)

    assert Contact.objects.get().pipedrive_sync_attempts == 1
    assert len(world.persons) == 1
    assert notes() == []


def test_a_restart_probes_at_once(bench: Bench, sandbox: Sandbox, alice: User) -> None:
    """Whoever restarts, or tries again by hand, does not wait for the next probe."""
    sandbox.faults.add(Fault(kind="blocked", method="*", path="/*"))
    add_contact(alice, name="Jordan Ames", warmness_score=5)
    bench.settle(1)
    sandbox.faults.clear()
    assert connection_health.status().state == "blocked"

    connection_health.probe_now()
    bench.settle(1)

    assert connection_health.status().state == "ok"
    assert Contact.objects.get().pipedrive_person_id is not None


def test_without_a_token(settings: pytest.FixtureRequest, db: None) -> None:
    """No token is a state of its own, told in plain words."""
    settings.PIPEDRIVE_API_TOKEN = ""  # type: ignore[attr-defined]
    assert connection_health.status().state == "no_token"
    assert "No Pipedrive API token" in connection_health.status().message
    assert not Connection.objects.exists()


@pytest.mark.parametrize("worse", ["down", "unauthorized", "blocked"])
def test_a_pause_ends_no_worse_trouble(bench: Bench, worse: str) -> None:
    """A 429 that was still under way does not open what a probe has to open."""
    connection_health.report(Trouble(ConnectionState(worse), "why"), bench.clock)
    connection_health.report(Trouble(ConnectionState.THROTTLED, "slow", timedelta(seconds=2)), bench.clock)
    assert connection_health.status().state == worse
    connection_health.report(
        Trouble(ConnectionState.THROTTLED, "slow", timedelta(seconds=2)), bench.clock, by_probe=True
    )
    assert connection_health.status().state == worse
    bench.clock.sleep(3600)
    bench.settle(1)
    assert notes() == ["connection_lost", "connection_back"]


@pytest.mark.parametrize("whose", ["Pipedrive's", "ours"])
@pytest.mark.parametrize("left", [2, 5, 9, 19])
def test_the_last_tokens_of_the_day(
    sandbox: Sandbox, world: World, policy: Policy, clock: VirtualClock, alice: User, left: int, whose: str
) -> None:
    """While they pay for a probe, and not for what is wanted, nobody is told that the connection is back."""
    contact = add_contact(alice, name="Jordan Ames", email="jordan@example.com", warmness_score=5)
    limiter, transport = Limiter(clock=clock), SandboxTransport(sandbox)
    with Pipedrive("http://sandbox", TOKEN, transport=transport, limiter=limiter, clock=clock) as pipedrive:
        bench = Bench(Engine(pipedrive, policy, clock, Random(7)), clock, policy, pipedrive)
        bench.settle()
        limiter.acquire(tokens=5000)
        world.spend(5000)
        if whose == "ours":
            limiter._daily_tokens = limiter.usage().tokens + left
        else:
            world.settings.daily_budget = 10_000
            world.spend((world.tokens_left or 0) - left)
        Remembered.objects.filter(name="users").delete()  # which makes the dearest call
        log_activity(alice, contact, type="CALL")
        for number in range(2):
            email = f"robin{number}@example.com"
            add_contact(alice, name="Robin Vale", email=email, organization=OrganizationDetails("O"), warmness_score=5)

        bench.settle(30 * 3600)

    assert notes() == ["connection_lost", "connection_back"]
    assert [len(rows) for rows in world.records.values()] == [3, 1, 1]


def test_failures_that_time_may_cure_are_told_once(bench: Bench, sandbox: Sandbox, alice: User) -> None:
    """A row that fails for six hours, now so and now so, is told about once."""
    for kind in ("error", "html_error"):
        fault: FaultKind = "error" if kind == "error" else "html_error"
        sandbox.faults.add(Fault(kind=fault, method="POST", path="/api/v2/persons", probability=0.5))
    sandbox.faults.add(Fault(kind="error", method="*", path="/api/v2/persons*"))
    add_contact(alice, name="Jordan Ames", email="jordan@example.com", warmness_score=5)

    bench.settle(6 * 3600)

    assert Notification.objects.filter(kind="contact_failed").count() == 1


def test_waiting_for_an_organization_costs_no_search(bench: Bench, world: World, sandbox: Sandbox, alice: User) -> None:
    """Thirty contacts of an organization that cannot be made are not looked for again and again."""
    sandbox.faults.add(Fault(kind="error", method="POST", path="/api/v2/organizations"))
    organization = OrganizationDetails(name="Larkspur Mills")
    for number in range(30):
        email = f"jordan{number}@example.com"
        add_contact(alice, name="Jordan Ames", email=email, organization=organization, warmness_score=5)

    bench.settle(120)

    assert sum(call.path == "/api/v2/persons/search" for call in world.calls) <= 40
