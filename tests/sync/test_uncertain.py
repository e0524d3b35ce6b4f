"""A create whose answer never came: look before it is made again, by means that do not depend on the search."""

from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from bench_engine import Bench
from meddler import Meddler
from virtual_clock import VirtualClock

from warmline.crm.activities import Activity
from warmline.crm.book import OrganizationDetails, add_contact, change_activity, change_contact, log_activity
from warmline.crm.models import Contact
from warmline.crm.users import User
from warmline.pipedrive import Limiter, Pipedrive
from warmline.sandbox import Fault, FaultKind, Sandbox, SandboxTransport, World
from warmline.sync.engine.reconciler import Engine
from warmline.sync.models import Intent, Lease

pytestmark = pytest.mark.django_db

CREATES = ["/api/v2/organizations", "/api/v2/persons", "/api/v2/activities", "/api/v2/personFields/*"]


@pytest.mark.parametrize("path", CREATES)
@pytest.mark.parametrize("kind", ["no_answer_after", "error_after", "no_answer", "html_error", "error"])
@pytest.mark.parametrize("email", ["jordan@example.com", ""])
def test_one_of_each_whatever_was_lost(
    bench: Bench, world: World, sandbox: Sandbox, alice: User, path: str, kind: FaultKind, email: str
) -> None:
    """Whether it was done or not, one of each is there in the end, and the ids point at them."""
    world.settings.search_delay = 600
    sandbox.faults.add(Fault(kind=kind, method="POST", path=path, times=1))
    organization = OrganizationDetails(name="Larkspur Mills")
    contact = add_contact(alice, name="Jordan Ames", email=email, organization=organization, warmness_score=5)
    activity = log_activity(alice, contact, type="CALL")

    bench.settle(120)

    contact.refresh_from_db()
    activity.refresh_from_db()
    assert list(world.organizations) == [1]
    assert list(world.persons) == [contact.pipedrive_person_id]
    assert list(world.activities) == [activity.pipedrive_activity_id]
    options = next(field for field in world.fields["persons"] if field["field_code"] == "label_ids")["options"]
    assert [option["label"] for option in options].count("Warm Lead") == 1
    assert not Intent.objects.exists()


def test_a_silent_create_is_not_repeated_before_it_has_settled(
    bench: Bench, world: World, sandbox: Sandbox, alice: User
) -> None:
    """Without an answer, the second create comes 30 s after the first at the earliest."""
    sandbox.faults.add(Fault(kind="no_answer", method="POST", path="/api/v2/persons", times=1))
    add_contact(alice, name="Jordan Ames", warmness_score=5)

    bench.settle(120)

    first, second = [call.at for call in world.calls if (call.method, call.path) == ("POST", "/api/v2/persons")]
    assert second - first >= 30
    assert Contact.objects.get().pipedrive_sync_attempts == 2


@pytest.mark.parametrize(
    ("kind", "change", "shown"),
    [
        ("persons", {"name": "Jordan P. Ames"}, {"name": "Jordan P. Ames"}),
        ("organizations", {"name": "Larkspur Mills Ltd"}, {"organization__name": "Larkspur Mills Ltd"}),
    ],
)
def test_what_people_change_before_it_is_found_is_shown_here(
    bench: Bench, sandbox: Sandbox, alice: User, kind: Any, change: dict[str, Any], shown: dict[str, str]
) -> None:
    """They are known by our mark and their own kind; an activity, which bears none, is not recognized then."""
    sandbox.faults.add(Fault(kind="no_answer_after", method="POST", path=f"/api/v2/{kind}", times=1))
    organization = OrganizationDetails("Larkspur Mills")
    contact = add_contact(alice, name="Jordan Ames", organization=organization, warmness_score=5)
    while 1 not in sandbox.world.records[kind]:
        bench.settle(0.5)
    sandbox.people.change(kind, 1, **change)

    bench.settle(120)

    assert Contact.objects.filter(pk=contact.pk, **shown).exists()
    assert len(sandbox.world.records[kind]) == 1


def test_an_engine_that_died_after_the_create_finds_it(
    bench: Bench, world: World, sandbox: Sandbox, alice: User
) -> None:
    """The intent is there before the request, so whoever comes next knows that it must look."""
    contact = add_contact(alice, name="Jordan Ames", email="jordan@example.com", warmness_score=5)
    world.settings.search_delay = 600
    emails = [{"value": "jordan@example.com", "primary": True, "label": "work"}]
    Intent.objects.create(
        key=f"contact {contact.pk}",
        what="person:jordan@example.com",
        sent_at=bench.clock.now(),
        begun_at=bench.clock.now(),
        body={"name": "Jordan Ames", "owner_id": 1, "emails": emails},
    )
    made = sandbox.add("persons", name="Jordan Ames", emails=emails)

    bench.settle()

    contact.refresh_from_db()
    assert contact.pipedrive_person_id == made["id"]
    assert len(world.persons) == 1


def test_two_alike_without_e_mail_become_two(bench: Bench, world: World, sandbox: Sandbox, alice: User) -> None:
    """Two contacts of one name, both lost on the way: one person each."""
    sandbox.faults.add(Fault(kind="no_answer_after", method="POST", path="/api/v2/persons", times=2))
    for _ in range(2):
        add_contact(alice, name="Jordan Ames", warmness_score=5)

    bench.settle(120)

    assert set(Contact.objects.values_list("pipedrive_person_id", flat=True)) == set(world.persons) == {1, 2}


def test_two_alike_activities_become_two(bench: Bench, world: World, sandbox: Sandbox, alice: User) -> None:
    """Two equal calls with one contact, both lost on the way: one record each."""
    contact = add_contact(alice, name="Jordan Ames", warmness_score=5)
    sandbox.faults.add(Fault(kind="no_answer_after", method="POST", path="/api/v2/activities", times=2))
    for _ in range(2):
        log_activity(alice, contact, type="CALL")

    bench.settle(120)

    assert set(Activity.objects.values_list("pipedrive_activity_id", flat=True)) == set(world.activities) == {1, 2}


@pytest.mark.parametrize("mark", [True, False])
@pytest.mark.parametrize("changes", [{"name": "Jordan Amesbury"}, {"email": "j@example.org"}, {"phone": "+2"}])
def test_an_edit_meanwhile_hides_nothing(
    bench: Bench, world: World, sandbox: Sandbox, alice: User, changes: dict[str, str], *, mark: bool
) -> None:
    """What was sent is looked for, not what the row says by now; the edit goes over afterwards."""
    bench = bench.under(mark=mark)
    world.settings.search_delay = 600
    sandbox.faults.add(Fault(kind="no_answer_after", method="POST", path="/api/v2/persons", times=1))
    contact = add_contact(alice, name="Jordan Ames", email="jordan@example.com", phone="+1", warmness_score=5)
    bench.engine.step(bench.clock.now())
    change_contact(contact, changes)

    bench.settle(60)

    contact.refresh_from_db()
    (person,) = world.persons.values()
    assert contact.pipedrive_person_id == person["id"]
    assert person["name"] == contact.name
    assert [email["value"] for email in person["emails"]] == [contact.email]
    assert [phone["value"] for phone in person["phones"]] == [contact.phone]


def test_an_activity_edited_meanwhile_is_found(bench: Bench, world: World, sandbox: Sandbox, alice: User) -> None:
    """The same for an activity, which has no field for our mark."""
    contact = add_contact(alice, name="Jordan Ames", warmness_score=5)
    bench.settle()
    sandbox.faults.add(Fault(kind="no_answer_after", method="POST", path="/api/v2/activities", times=1))
    activity = log_activity(alice, contact, type="CALL", note="first")
    bench.engine.step(bench.clock.now())
    change_activity(activity, {"note": "second"})

    bench.settle(60)

    (record,) = world.activities.values()
    assert record["note"] == "second"


@pytest.mark.parametrize("kind", ["no_answer_after", "late_commit"])
def test_a_lost_burst_costs_two_looks(
    bench: Bench, world: World, sandbox: Sandbox, alice: User, kind: FaultKind
) -> None:
    """Twenty creates whose answers never came, or that were done 15 s later: no duplicate, two looks at the most."""
    bench.fill_directory()
    before = len(world.calls)
    delay = 15.0 if kind == "late_commit" else 0.0
    sandbox.faults.add(Fault(kind=kind, method="POST", path="/api/v2/persons", times=20, delay=delay))
    for number in range(20):
        add_contact(alice, name="Jordan Ames", email=f"jordan{number}@example.com", warmness_score=5)

    bench.settle(120)

    assert len(world.persons) == 20
    assert set(Contact.objects.values_list("pipedrive_person_id", flat=True)) == set(world.persons)
    lists = [call for call in world.calls[before:] if (call.method, call.path) == ("GET", "/api/v2/persons")]
    assert len(lists) <= 1 + 2  # the first one is the look before all of them are made


BEFORE_ITS_CREATE = {
    "persons": ("POST", "/api/v2/organizations"),
    "organizations": ("GET", "/api/v2/organizations"),
    "activities": ("POST", "/api/v2/persons"),
}


@pytest.mark.parametrize("pause", [10, 40, 59, 300])
@pytest.mark.parametrize("kind", ["persons", "organizations", "activities"])
def test_thirty_seconds_count_from_when_a_create_was_sent(
    bench: Bench, world: World, sandbox: Sandbox, meddler: Meddler, alice: User, kind: str, pause: int
) -> None:
    """However long it waited for its turn: one that is committed 20 s after it was sent is found, and made once."""
    limiter = prepared(bench, alice)
    sandbox.faults.add(Fault(kind="late_commit", method="POST", path=f"/api/v2/{kind}", times=1, delay=20.0))
    meddler.once(*BEFORE_ITS_CREATE[kind], lambda: limiter.pause(pause))
    organization = OrganizationDetails("Larkspur Mills")
    contact = add_contact(alice, name="Jordan Ames", organization=organization, warmness_score=5)
    log_activity(alice, contact, type="CALL")

    bench.settle(pause + 300)

    assert meddler.is_done
    assert sandbox.commit_late() == 0
    assert [len(world.persons), len(world.organizations), len(world.activities)] == [3, 2, 3]
    assert not Intent.objects.exists()


def test_thirty_seconds_count_from_when_an_update_was_sent(
    bench: Bench, world: World, sandbox: Sandbox, meddler: Meddler, alice: User
) -> None:
    """The same for an update that waited 40 s for its turn: it cannot undo a newer one."""
    limiter = prepared(bench, alice)
    contact = Contact.objects.get(name="Kim Castell")
    sandbox.faults.add(Fault(kind="late_commit", method="PATCH", times=1, delay=20.0))
    meddler.once("GET", f"/api/v2/persons/{contact.pipedrive_person_id}", lambda: limiter.pause(40))
    change_contact(contact, {"phone": "+1"})
    bench.engine.step(bench.clock.now())
    assert meddler.is_done
    change_contact(contact, {"phone": "+2"})

    bench.settle(120)

    assert sandbox.commit_late() == 0
    person = world.persons[contact.pipedrive_person_id or 0]
    assert [phone["value"] for phone in person["phones"]] == ["+2"]


@pytest.mark.parametrize("jump", [0, 3600])
def test_thirty_seconds_count_also_for_who_comes_after_a_crash(
    bench: Bench, world: World, sandbox: Sandbox, meddler: Meddler, alice: User, jump: float
) -> None:
    """The process dies 1 s after the create was sent, which had waited 40 s; its heir waits for the late commit."""
    limiter = prepared(bench, alice)
    sandbox.faults.add(Fault(kind="late_commit", method="POST", path="/api/v2/persons", times=1, delay=20.0))
    meddler.once("POST", "/api/v2/organizations", lambda: limiter.pause(40))
    organization = OrganizationDetails("Larkspur Mills")
    add_contact(alice, name="Jordan Ames", organization=organization, warmness_score=5)
    bench.engine.step(bench.clock.now())
    assert [intent.uncertain_at is None for intent in Intent.objects.all()] == [False]
    Intent.objects.update(uncertain_at=None)
    bench.clock.sleep(1)
    bench.clock.jump(jump)

    bench.under().settle(120)

    assert sandbox.commit_late() == 0
    assert len(world.persons) == 3
    assert not Intent.objects.exists()


def lose_a_create(bench: Bench, alice: User) -> None:
    """Have a contact, its organization and an activity sent until the answer to a create is lost; a second passes."""
    organization = OrganizationDetails("Larkspur Mills")
    contact = add_contact(alice, name="Jordan Ames", organization=organization, warmness_score=5)
    log_activity(alice, contact, type="CALL")
    for _ in range(5):
        if not Intent.objects.exists():
            bench.engine.step(bench.clock.now())
    bench.clock.sleep(1)


@pytest.mark.parametrize("path", ["persons", "organizations", "activities"])
def test_a_clock_set_back_and_then_ahead_hides_no_age_from_who_comes_after_a_crash(
    bench: Bench, world: World, sandbox: Sandbox, alice: User, path: str
) -> None:
    """Of the clocks that the heir can ask, only Pipedrive's was right all the time; its answer is not falsified."""
    prepared(bench, alice)
    sandbox.faults.add(Fault(kind="late_commit", method="POST", path=f"/api/v2/{path}", times=1, delay=20.0))
    lose_a_create(bench, alice)
    bench.clock.jump(-40)
    bench.engine.step(bench.clock.now())
    bench.clock.jump(3600)

    bench.under().settle(120)

    assert sandbox.commit_late() == 0
    assert [len(world.persons), len(world.organizations), len(world.activities)] == [3, 2, 3]
    assert not Intent.objects.exists()


def test_who_lost_the_lease_while_a_create_waited_for_its_turn_does_not_send_it(
    bench: Bench, world: World, meddler: Meddler, alice: User
) -> None:
    """A clock that is set ahead meanwhile ends leases early; the worker notices before it writes."""
    limiter = prepared(bench, alice)

    def robbed() -> None:
        limiter.pause(40)
        Lease.objects.all().update(holder="another")

    bench.clock.sleep(60)
    meddler.once("GET", "/api/v2/persons", robbed)
    add_contact(alice, name="Jordan Ames", warmness_score=5)
    bench.engine.step(bench.clock.now())
    assert len(world.persons) == 2
    assert not Intent.objects.exists()

    bench.settle(200)
    assert len(world.persons) == 3


@pytest.mark.parametrize(
    ("kind", "jump", "everywhere"),
    [
        *((kind, jump, False) for kind in ("no_answer_after", "late_commit") for jump in (-3600, -20, 20, 3600, 90000)),
        *(("no_answer_after", jump, True) for jump in (-3600, -20, 20, 3600)),
        *(("late_commit", jump, True) for jump in (20, 3600)),  # set back, it would commit an hour later
    ],
)
@pytest.mark.parametrize("path", ["persons", "organizations", "activities"])
def test_a_clock_that_is_set_makes_nothing_twice(
    bench: Bench,
    world: World,
    sandbox: Sandbox,
    alice: User,
    kind: FaultKind,
    jump: float,
    path: str,
    *,
    everywhere: bool,
) -> None:
    """An hour ahead a second after a create is not thirty seconds, and an hour back is not an hour to wait.

    Pipedrive's clock goes on, or is set as well, as where the sandbox runs on the same machine.
    """
    prepared(bench, alice)
    delay = 20.0 if kind == "late_commit" else 0.0
    sandbox.faults.add(Fault(kind=kind, method="POST", path=f"/api/v2/{path}", times=1, delay=delay))
    lose_a_create(bench, alice)
    if everywhere:
        bench.clock.start += timedelta(seconds=jump)
    else:
        bench.clock.jump(jump)

    bench.settle(120)

    assert sandbox.commit_late() == 0
    assert [len(world.persons), len(world.organizations), len(world.activities)] == [3, 2, 3]
    assert not Intent.objects.exists()


def prepared(bench: Bench, alice: User) -> Limiter:
    """Bring two contacts and an activity over, so that the account is known; return what gives calls their turns."""
    bench.fill_directory()
    for name in ("Robin Vale", "Kim Castell"):
        contact = add_contact(alice, name=name, organization=OrganizationDetails("Tern Optics"), warmness_score=5)
        log_activity(alice, contact, type="CALL")
        bench.settle()
    return bench.pipedrive._limiter


@pytest.mark.parametrize("mark", [True, False])
@pytest.mark.parametrize("path", CREATES[:3])
@pytest.mark.parametrize("name", ["alice", "dave"])
def test_the_token_is_a_colleagues_by_then(
    bench: Bench,
    world: World,
    sandbox: Sandbox,
    user: Callable[..., User],
    clock: VirtualClock,
    path: str,
    name: str,
    *,
    mark: bool,
) -> None:
    """What was made with one user's token is recognized with another's, whoever stood in for an owner then."""
    bench = bench.under(mark=mark)
    sandbox.faults.add(Fault(kind="no_answer_after", method="POST", path=path, times=1))
    organization = OrganizationDetails(name="Larkspur Mills")
    contact = add_contact(user(name), name="Jordan Ames", organization=organization, warmness_score=5)
    log_activity(contact.owner, contact, type="CALL")
    for _ in range(3):
        bench.engine.step(clock.now())
    world.tokens["bobs-token"] = 2
    limiter, transport = Limiter(clock=clock), SandboxTransport(sandbox)
    with Pipedrive("http://sandbox", "bobs-token", transport=transport, limiter=limiter, clock=clock) as pipedrive:
        engine = Engine(pipedrive, bench.policy, clock, Random(7))
        Bench(engine, clock, bench.policy, pipedrive).settle(120)

    assert [len(rows) for rows in world.records.values()] == [1, 1, 1]
    contact.refresh_from_db()
    assert contact.pipedrive_person_id == 1
    assert Activity.objects.get().pipedrive_activity_id == 1
    assert not Intent.objects.exists()


def test_an_intent_of_an_earlier_version_does_not_say_whose_it_is(
    bench: Bench, world: World, sandbox: Sandbox, alice: User
) -> None:
    """Then all else that was sent must do."""
    contact = add_contact(alice, name="Jordan Ames", warmness_score=5)
    bench.settle()
    sandbox.faults.add(Fault(kind="no_answer_after", method="POST", path="/api/v2/activities", times=1))
    log_activity(alice, contact, type="CALL")
    bench.engine.step(bench.clock.now())
    Intent.objects.update(creator_id=None)
    world.activities[1]["creator_user_id"] = 2

    bench.settle(60)

    assert list(world.activities) == [1]
