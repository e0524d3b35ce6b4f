"""A clock that is set, ahead or back: nothing waits for longer than it ever has to, and nothing is made twice."""

from dataclasses import fields, replace
from datetime import timedelta
from random import Random

import pytest
from bench_engine import Bench
from meddler import Meddler
from virtual_clock import VirtualClock

from warmline.crm import preferences
from warmline.crm.activities import Activity, Row
from warmline.crm.book import OrganizationDetails, add_contact, change_contact, log_activity
from warmline.crm.models import Contact, Organization
from warmline.crm.preferences import Preferences
from warmline.crm.users import User
from warmline.pipedrive import Limiter, Pipedrive
from warmline.sandbox import Fault, FaultKind, Sandbox, World
from warmline.sync import pending
from warmline.sync.domain_events import What, happened
from warmline.sync.engine import clock_jumps
from warmline.sync.engine.reconciler import Engine
from warmline.sync.leases import LIFETIME, BusyError, Leases
from warmline.sync.models import Connection, ConnectionState, DirectoryState, Lease, Remembered
from warmline.sync.pending import END_OF_TIME
from warmline.sync.policy import Policy
from warmline.sync.remote import connection_health
from warmline.sync.retries import Trouble, longest_wait

pytestmark = pytest.mark.django_db

TOKEN = "sandbox-token"
HOUR = 3600.0
JUMPS = [-86400.0, -HOUR, -20.0, HOUR]
MILLS = OrganizationDetails("Larkspur Mills")


def email(address: str) -> list[dict[str, object]]:
    """Return the e-mails of a person with this one."""
    return [{"value": address, "primary": True, "label": "work"}]


def waits(row: Row, clock: VirtualClock) -> float:
    """Return for how many seconds a row still waits."""
    row.refresh_from_db()
    return (row.next_pipedrive_sync_attempt - clock.now()).total_seconds()


@pytest.mark.parametrize("jump", JUMPS)
def test_what_was_saved_a_moment_before_goes_at_once(bench: Bench, world: World, alice: User, jump: float) -> None:
    """A contact and an activity that wait for nothing but the engine do not wait for the clock."""
    contact = add_contact(alice, name="Robin Vale", warmness_score=5)
    bench.settle()
    change_contact(contact, {"name": "Robin Vale-Ames"})
    log_activity(alice, contact, type="CALL")
    add_contact(alice, name="Jordan Ames", organization=MILLS, warmness_score=5)
    for model in (Contact, Activity, Organization):
        model._default_manager.update(next_pipedrive_sync_attempt=bench.clock.now())
    bench.clock.jump(jump)

    bench.settle(3)

    assert len(world.persons) == 2
    assert len(world.activities) == 1
    assert "Robin Vale-Ames" in {person["name"] for person in world.persons.values()}


@pytest.mark.parametrize("jump", [*JUMPS, -5.0])
def test_an_activity_of_a_contact_that_waits_too_goes_with_it(
    bench: Bench, world: World, alice: User, jump: float
) -> None:
    """It is wanted only once its contact is linked, and then it has waited long enough."""
    bench.settle(1)
    contact = add_contact(alice, name="Robin Vale", warmness_score=5)
    log_activity(alice, contact, type="CALL")
    for model in (Contact, Activity):
        model._default_manager.update(next_pipedrive_sync_attempt=bench.clock.now())
    bench.clock.jump(jump)

    bench.settle(2)

    assert (len(world.persons), len(world.activities)) == (1, 1)


@pytest.mark.parametrize("jump", JUMPS)
def test_what_is_tried_again_soon_is(bench: Bench, world: World, sandbox: Sandbox, alice: User, jump: float) -> None:
    """The waits of seconds after a failed attempt stay seconds, also for the contacts that wait for an organization."""
    sandbox.faults.add(Fault(kind="error", method="POST", path="/api/v2/organizations", times=1))
    for number in range(3):
        add_contact(alice, name=f"Lead {number}", organization=MILLS, warmness_score=5)
    bench.engine.step(bench.clock.now())
    bench.clock.jump(jump)

    bench.settle(60)

    assert len(world.persons) == 3
    assert len(world.organizations) == 1


@pytest.mark.parametrize("jump", JUMPS)
@pytest.mark.parametrize(("kind", "longest"), [("error", 900.0), ("refused", 86400.0)])
def test_what_failed_waits_as_long_as_it_has_to_and_no_longer(
    bench: Bench, sandbox: Sandbox, alice: User, kind: str, longest: float, jump: float
) -> None:
    """Fifteen minutes for what time may cure, a day for what needs a person, and the same for the organization's."""
    for path in ("organizations", "activities"):
        status = 400 if kind == "refused" else 500
        sandbox.faults.add(Fault(kind="error", method="POST", path=f"/api/v2/{path}", status=status))
    contact = add_contact(alice, name="Jordan Ames", organization=MILLS, warmness_score=5)
    another = add_contact(alice, name="Robin Vale", warmness_score=5)
    activity = log_activity(alice, another, type="CALL")
    bench.settle(60)
    rows: list[Row] = [contact, activity]
    assert [waits(row, bench.clock) <= longest and row.pipedrive_sync_failed for row in rows] == [True, True]
    before = [row.pipedrive_sync_attempts for row in rows]
    bench.clock.jump(jump)

    bench.engine.step(bench.clock.now())

    assert max(waits(row, bench.clock) for row in rows) <= longest
    bench.settle(longest + 60)
    for row in rows:
        row.refresh_from_db()
    assert all(row.pipedrive_sync_attempts > made for row, made in zip(rows, before, strict=True))


def test_what_waits_for_a_person_only_is_left_alone(bench: Bench, sandbox: Sandbox, alice: User) -> None:
    """A row that was deleted in Pipedrive is not tried again, whatever the clock says."""
    contact = add_contact(alice, name="Jordan Ames", warmness_score=5)
    bench.settle()
    contact.refresh_from_db()
    sandbox.people.delete("persons", contact.pipedrive_person_id or 0)
    change_contact(contact, {"name": "Jordan Amesbury"})
    bench.settle(60)
    bench.clock.jump(-HOUR)
    bench.engine.step(bench.clock.now())
    contact.refresh_from_db()
    assert contact.next_pipedrive_sync_attempt == END_OF_TIME


def test_another_machines_wrong_clock_is_seen_within_seconds(bench: Bench, world: World, alice: User) -> None:
    """What it stored is brought nearer, although this machine's clock was right all the time."""
    bench.settle(1)
    contact = add_contact(alice, name="Jordan Ames", warmness_score=5)
    Contact.objects.filter(pk=contact.pk).update(next_pipedrive_sync_attempt=bench.clock.now() + timedelta(hours=1))
    bench.settle(12)
    assert len(world.persons) == 1


@pytest.mark.parametrize("jump", [-HOUR, -20.0, HOUR])
@pytest.mark.parametrize("everywhere", [True, False])
def test_a_look_from_before_a_clock_was_set_serves_nobody(
    bench: Bench, world: World, sandbox: Sandbox, alice: User, jump: float, *, everywhere: bool
) -> None:
    """What a colleague makes afterwards is found, whether Pipedrive's clock was set as well or not."""
    bench.fill_directory()
    add_contact(alice, name="Robin Vale", warmness_score=5)
    bench.settle(1)
    bench.clock.sleep(3)
    if everywhere:
        bench.clock.start += timedelta(seconds=jump)
    else:
        bench.clock.jump(jump)
    person = sandbox.add("persons", name="Jordan Ames", emails=email("jordan@example.com"))
    bench.clock.sleep(1)
    contact = add_contact(alice, name="Jordan Ames", email="jordan@example.com", warmness_score=5)
    Contact.objects.filter(pk=contact.pk).update(next_pipedrive_sync_attempt=bench.clock.now())

    bench.settle(5)

    contact.refresh_from_db()
    assert contact.pipedrive_person_id == person["id"]
    assert len(world.persons) == 2


def test_a_look_from_the_future_is_none_for_an_engine_that_begins_later(
    bench: Bench, meddler: Meddler, sandbox: Sandbox, alice: User
) -> None:
    """The clock was set back, Pipedrive's too, while nobody ran to notice it."""
    bench.fill_directory()
    bench.clock.start -= timedelta(hours=1)
    client = Pipedrive(
        "http://sandbox", TOKEN, transport=meddler, limiter=Limiter(clock=bench.clock), clock=bench.clock
    )
    another = replace(bench, engine=Engine(client, bench.policy, bench.clock, Random(7)))
    person = sandbox.add("persons", name="Jordan Ames", emails=email("jordan@example.com"))
    contact = add_contact(alice, name="Jordan Ames", email="jordan@example.com", warmness_score=5)
    Contact.objects.filter(pk=contact.pk).update(next_pipedrive_sync_attempt=bench.clock.now())
    assert DirectoryState.objects.filter(looked_at__gt=bench.clock.now()).count() == 2

    with client:
        another.settle(5)

    contact.refresh_from_db()
    assert contact.pipedrive_person_id == person["id"]


def test_an_answer_from_the_future_is_asked_for_anew(bench: Bench, world: World, alice: User) -> None:
    """What the account is made of vouches for a day, and not for a day and a year."""
    add_contact(alice, name="Robin Vale", warmness_score=5)
    bench.settle()
    before = len(world.calls)
    bench.clock.jump(-365 * 86400)
    add_contact(alice, name="Jordan Ames", warmness_score=5)
    bench.settle(3)
    asked = [call.path for call in world.calls[before:] if call.path == "/api/v1/users"]
    assert len(asked) == 1
    assert not Remembered.objects.filter(name="users", at__gt=bench.clock.now()).exists()


@pytest.mark.parametrize("jump", [-HOUR, HOUR])
def test_a_dead_workers_lease_ends_in_time(clock: VirtualClock, jump: float) -> None:
    """Two minutes after the clock was set back at the latest, whoever notices first."""
    list(map(Leases(clock).take, ["person:a"]))
    clock.jump(jump)
    with pytest.raises(BusyError) if jump < 0 else Leases(clock).hold("person:b"), Leases(clock).hold("person:a"):
        pass
    clock.sleep(LIFETIME.total_seconds())
    with Leases(clock).hold("person:a"):
        pass


def test_a_living_workers_lease_outlives_a_clock_that_is_set_back(clock: VirtualClock) -> None:
    """It is not taken over, and renewed it lasts as long as ever."""
    worker = Leases(clock)
    with worker.hold("person:a"):
        clock.jump(-HOUR)
        clock_jumps.pull_in(clock.now(), Policy(threshold=4, label="", earlier_activities=False))
        assert Lease.objects.get().expires_at == clock.now() + LIFETIME
        clock.sleep(100)
        worker.renew()
        clock.sleep(100)
        with pytest.raises(BusyError), Leases(clock).hold("person:a"):
            pass


@pytest.mark.parametrize("jump", JUMPS)
@pytest.mark.parametrize(
    ("kind", "longest"),
    [("refuse", 60), ("unauthorized", 60), ("blocked", 1800), ("budget_spent", 300), ("throttled", 60)],
)
def test_a_connection_is_probed_in_time(
    bench: Bench, world: World, sandbox: Sandbox, alice: User, kind: FaultKind, longest: int, jump: float
) -> None:
    """Whatever was the matter, it is looked at again after its longest wait."""
    sandbox.faults.add(Fault(kind=kind, method="*", path="/*"))
    add_contact(alice, name="Jordan Ames", warmness_score=5)
    bench.settle(3)
    assert not connection_health.is_well()
    sandbox.faults.clear()
    bench.clock.jump(jump)

    bench.settle(longest + 5)

    assert len(world.persons) == 1


def test_a_long_pause_is_kept_by_the_limiter(bench: Bench, world: World, sandbox: Sandbox, alice: User) -> None:
    """Ten minutes that Pipedrive asked for are ten minutes, whatever the clock says, and no call is made in them."""
    bench.settle(1)
    connection_health.report(Trouble(ConnectionState.THROTTLED, "a pause", timedelta(seconds=600)), bench.clock)
    bench.pipedrive._limiter.pause(600)
    add_contact(alice, name="Jordan Ames", warmness_score=5)
    before = len(world.calls)
    bench.clock.jump(HOUR)
    bench.settle(590)
    assert len(world.calls) == before
    assert connection_health.status().state == "throttled"
    bench.settle(30)
    assert len(world.persons) == 1
    assert Connection.objects.get().state == "ok"


SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("changes", "failed", "code", "longest"),
    [
        ({}, False, "", MINUTE),
        ({}, False, "uncertain", MINUTE),
        ({"attempts": 10, "retry": 600 * SECOND}, False, "unavailable", 600 * 512 * 1.25 * SECOND),
        ({}, True, "unavailable", 15 * MINUTE),
        ({}, True, "uncertain", 15 * MINUTE),
        ({}, True, "unexpected", 15 * MINUTE),
        ({}, True, "rejected", DAY),
        ({}, True, "ambiguous", DAY),
        ({"failed_retry": 2 * DAY}, True, "ambiguous", 2 * DAY),
    ],
)
def test_the_longest_waits(
    policy: Policy, changes: dict[str, object], code: str, longest: timedelta, *, failed: bool
) -> None:
    """By the policy, and by why the last attempt failed."""
    assert longest_wait(code, failed=failed, policy=replace(policy, **changes)) == longest  # type: ignore[arg-type]


@pytest.mark.parametrize("hours", range(0, 24, 4))
@pytest.mark.parametrize("switched", ["", *(field.name for field in fields(Preferences) if field.type is bool)])
def test_no_failure_waits_for_too_long(bench: Bench, sandbox: Sandbox, alice: User, switched: str, hours: int) -> None:
    """At no hour, and whatever is set: a longer wait would be cut short, as if a wrong clock had stored it."""
    if switched:
        preferences.change({switched: not getattr(preferences.current(), switched)})
    bench = bench.under(**vars(Policy.current()))
    bench.clock.sleep(hours * HOUR)
    sandbox.faults.add(Fault(kind="error", method="POST", path="/api/v2/persons"))
    stored: list[float] = []

    def note(row: Contact, **_: object) -> None:
        stored.append(waits(Contact.objects.get(pk=row.pk), bench.clock))

    contact = add_contact(alice, name="Jordan Ames", warmness_score=5)
    happened.connect(note, sender=What)
    bench.settle(30)
    happened.disconnect(note, sender=What)
    contact.refresh_from_db()
    longest = longest_wait(contact.pipedrive_sync_error_code, failed=True, policy=bench.policy)
    assert contact.pipedrive_sync_failed
    assert [wait <= longest.total_seconds() for wait in stored] == [True]


@pytest.mark.only_on("sqlite")  # it reads its plans
def test_what_waits_too_long_is_found_by_the_indexes(bench: Bench, alice: User) -> None:
    """Looking for it reads what waits, and never a whole table."""
    now = bench.clock.now()
    later = now + timedelta(minutes=5)
    contacts = Contact.objects.bulk_create(
        Contact(
            owner=alice,
            name=f"Contact {number}",
            warmness_score=number % 11,
            pipedrive_person_id=number if number % 2 else None,
            next_pipedrive_sync_attempt=later if number % 5 == 0 else now,
        )
        for number in range(1000)
    )
    Activity.objects.bulk_create(
        Activity(contact=contact, type="CALL", subject="Call", time_zone="UTC", replicate=True) for contact in contacts
    )
    for rows in clock_jumps._waiting(4):
        plan = rows.filter(next_pipedrive_sync_attempt__gt=now, next_pipedrive_sync_attempt__lt=END_OF_TIME).explain()
        assert "next_pipedrive_sync_attempt>?" in plan, plan
        assert "SCAN" not in plan, plan
    clock_jumps.pull_in(now, bench.policy)
    late = pending.contacts(4).filter(next_pipedrive_sync_attempt__gt=now)
    assert not late.exists()
