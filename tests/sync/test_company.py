"""Another company's token: no record there is touched, a person decides, and either way nothing is lost or doubled.

Both companies count their records from 1, so that each id of the one is somebody else in the other.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

import httpx
import pytest
from bench_engine import Bench
from meddler import Meddler
from pytest_django import Settings
from virtual_clock import VirtualClock

from warmline.crm import preferences
from warmline.crm.activities import Activity
from warmline.crm.book import OrganizationDetails, add_contact, change_contact, delete_contacts, log_activity
from warmline.crm.models import Contact, Organization
from warmline.crm.sync_columns import DELETED_THERE
from warmline.crm.undo import CannotUndoError, Keeper, undo
from warmline.crm.users import User
from warmline.pipedrive import Limiter, Pipedrive
from warmline.pipedrive import User as TheirUser
from warmline.sandbox import Fault, Sandbox, SandboxTransport, World
from warmline.sync import company, credentials
from warmline.sync.company import Membership, is_another
from warmline.sync.engine.reconciler import Engine
from warmline.sync.models import (
    Company,
    DirectoryEntry,
    DirectoryState,
    Intent,
    Lease,
    Notification,
    Remembered,
)
from warmline.sync.policy import Policy
from warmline.sync.remote import company_switch, connection_health

pytestmark = pytest.mark.django_db

ME = "/api/v1/users/me"
PERSONS, ORGANIZATIONS, ACTIVITIES = "/api/v2/persons", "/api/v2/organizations", "/api/v2/activities"
TABLES = (Contact, Organization, Activity)


@dataclass
class Office:
    """A company's Pipedrive, and engines that have a token of it."""

    world: World
    sandbox: Sandbox
    meddler: Meddler
    policy: Policy
    clock: VirtualClock

    def bench(self, membership: Membership | None = None) -> Bench:
        """Return a new engine, as after a start or a change of the token."""
        token = next(iter(self.world.tokens))
        limiter = Limiter(clock=self.clock)
        pipedrive = Pipedrive("http://sandbox", token, transport=self.meddler, limiter=limiter, clock=self.clock)
        engine = Engine(pipedrive, self.policy, self.clock, Random(7), membership=membership)
        return Bench(engine, self.clock, self.policy, pipedrive)

    @property
    def me(self) -> TheirUser:
        """Whose the token is."""
        return TheirUser(
            id=1,
            company_id=self.world.company_id,
            company_name=self.world.company,
            company_domain=self.world.domain,
        )

    @property
    def paths(self) -> set[str]:
        """The paths that were called."""
        return {call.path for call in self.world.calls}


@pytest.fixture
def office(policy: Policy, clock: VirtualClock, settings: Settings) -> Callable[..., Office]:
    """Return a maker of offices, by the company's id."""
    settings.PIPEDRIVE_API_TOKEN = "a-token"

    def make(company_id: int) -> Office:
        world = World.sample(clock, token=f"token-{company_id}", company_id=company_id)
        sandbox = Sandbox(world)
        return Office(world, sandbox, Meddler(SandboxTransport(sandbox)), policy, clock)

    return make


@pytest.fixture
def old(office: Callable[[int], Office]) -> Office:
    """Return the company in which everything is linked at first."""
    return office(1)


@pytest.fixture
def new(office: Callable[[int], Office]) -> Office:
    """Return another company, where every id of the first is a stranger's."""
    made = office(2)
    for number in range(1, 4):
        made.sandbox.add("persons", name=f"Stranger {number}", emails=[{"value": f"s{number}@example.org"}])
        made.sandbox.add("organizations", name=f"Strangers {number}")
        made.sandbox.add("activities", subject=f"Lunch {number}", type="lunch")
    return made


def lead(owner: User, name: str = "Jordan Ames", **more: Any) -> Contact:
    """Add a warm contact with an e-mail and an organization, and log a call with it."""
    details = {
        "email": f"{name.split(maxsplit=1)[0].lower()}@example.com",
        "organization": OrganizationDetails("Larkspur Mills"),
    }
    contact = add_contact(owner, name=name, warmness_score=5, **{**details, **more})
    log_activity(owner, contact, type="CALL")
    return contact


def links() -> list[tuple[int | None, ...]]:
    """Return the ids of all rows."""
    return [tuple(model.objects.order_by("pk").values_list(model.LINK, flat=True)) for model in TABLES]


def told() -> list[str]:
    """Return what everyone was told, in order."""
    return [note.kind for note in Notification.objects.filter(user=None).order_by("pk")]


def records(world: World) -> dict[str, int]:
    """Count a company's records that are there."""
    return {kind: sum(not row["is_deleted"] for row in rows.values()) for kind, rows in world.records.items()}


def test_a_stranger_gets_nothing(old: Office, new: Office, alice: User) -> None:
    """Under another company's token nothing is sent nor looked up; with the old one everything goes on as it was."""
    contact = lead(alice)
    old.bench().settle()
    linked, before = links(), {kind: dict(rows) for kind, rows in new.world.records.items()}
    log_activity(alice, contact, type="MEETING")
    change_contact(contact, {"name": "Jordan Amesbury"})
    lead(alice, "Robin Vale")

    new.bench().settle(3600)

    status = connection_health.status()
    assert status.state == "another_company"
    assert "Birch & Wren Partners (birchwren)" in status.message
    assert "Alder & Finch Consulting (alderfinch)" in status.message
    assert new.paths == {ME}
    assert len(new.world.calls) <= 12
    assert {kind: dict(rows) for kind, rows in new.world.records.items()} == before
    assert [row[: len(was)] for row, was in zip(links(), linked, strict=True)] == linked
    for model in TABLES:
        assert not model.objects.filter(pipedrive_sync_failed=True).exists()
    assert Contact.objects.get(name="Robin Vale").pipedrive_sync_attempts == 0
    assert told() == ["connection_lost"]

    old.bench().settle(10)

    assert told() == ["connection_lost", "connection_back"]
    assert links() == [(1, 2), (1,), (1, 2, 3)]
    assert old.world.persons[1]["name"] == "Jordan Amesbury"
    assert records(old.world) == {"persons": 2, "organizations": 1, "activities": 3}


def test_an_unfinished_create_waits_for_its_company(old: Office, new: Office, alice: User) -> None:
    """What was lost on the way in the old company is not looked for in another one, and found when one is back."""
    bench = old.bench().fill_directory()
    old.sandbox.faults.add(Fault(kind="no_answer_after", method="POST", path=PERSONS, times=1))
    contact = lead(alice, organization=None)
    bench.engine.step(bench.clock.now())
    assert Intent.objects.filter(key=f"contact {contact.pk}").exists()

    new.bench().settle(600)
    assert new.paths == {ME}
    old.bench().settle(60)

    assert links() == [(1,), (), (1,)]
    assert records(old.world) == {"persons": 1, "organizations": 0, "activities": 1}


@pytest.mark.parametrize("how", ["engine", "domain"])
def test_an_upgraded_installation_knows_its_company(old: Office, new: Office, alice: User, how: str) -> None:
    """An earlier version has noted its domain only: that is compared, and the id is filled in when it answers."""
    lead(alice)
    old.bench().settle()
    if how == "domain":
        Company.objects.update(company_id=None, name="Alder and Finch", domain="AlderFinch")
    new.bench().settle()
    assert connection_health.status().state == "another_company"
    old.bench().settle()
    assert connection_health.status().state == "ok"
    assert Company.objects.values_list("company_id", "name", "domain").get() == (
        1,
        "Alder & Finch Consulting",
        "alderfinch",
    )


def test_the_first_that_answers_is_remembered(old: Office, new: Office, alice: User) -> None:
    """Where nothing is known, as in an installation that has forgotten it."""
    lead(alice)
    old.bench().settle()
    Company.objects.all().delete()
    old.bench().settle()
    new.bench().settle()
    assert connection_health.status().state == "another_company"


def test_a_company_that_is_renamed_is_the_same(old: Office, alice: User) -> None:
    """Its new name and address are followed, without an alarm."""
    contact = lead(alice)
    old.bench().settle()
    old.world.company, old.world.domain = "Alder & Daughters", "alderdaughters"
    change_contact(contact, {"name": "Jordan Amesbury"})
    old.bench().settle()
    assert old.world.persons[1]["name"] == "Jordan Amesbury"
    assert (Company.objects.get().name, Company.objects.get().domain) == ("Alder & Daughters", "alderdaughters")
    assert told() == []


def test_where_nothing_is_linked_nothing_is_asked(old: Office, new: Office, alice: User) -> None:
    """A company that was only tried first is left without a word; once a person has started anew, somebody is asked."""
    alice.pipedrive_user_id = 1
    alice.save()
    old.bench().fill_directory()
    contact = lead(alice)
    new.bench().settle()
    contact.refresh_from_db()
    alice.refresh_from_db()
    assert new.world.persons[contact.pipedrive_person_id or 0]["name"] == "Jordan Ames"
    assert alice.pipedrive_user_id == 2
    assert told() == []

    company_switch.start_anew(old.me, old.clock.now())
    new.bench().settle()
    assert connection_health.status().state == "another_company"


def test_a_probe_after_an_outage_asks_again(old: Office, new: Office, alice: User) -> None:
    """What answers after an outage may be another company, under the same token and address."""
    bench = old.bench()
    contact = lead(alice)
    bench.settle()
    old.sandbox.faults.add(Fault(kind="outage"))
    change_contact(contact, {"name": "Jordan Amesbury"})
    bench.settle(20)
    assert connection_health.status().state == "down"
    old.meddler._inner = SandboxTransport(new.sandbox)
    new.world.tokens["token-1"] = 1

    bench.settle(120)

    assert connection_health.status().state == "another_company"
    assert new.paths == {ME}
    assert new.world.persons[1]["name"] == "Stranger 1"


def test_what_was_deleted_before_starting_anew(old: Office, new: Office, alice: User) -> None:
    """It does not come back: its links are to records of the old company, whose ids are strangers' in the new one."""
    lead(alice)
    old.bench().settle()
    keeper = Keeper(alice)
    delete_contacts(Contact.objects.all(), keeper.deleted)
    company_switch.start_anew(new.me, new.clock.now())
    assert keeper.group is not None
    with pytest.raises(CannotUndoError):
        undo(alice, keeper.group)


def test_starting_anew(old: Office, new: Office, alice: User, bob: User) -> None:
    """All is looked for in the new company before it is made, with its own users; the old one keeps its records."""
    known = new.sandbox.add("persons", name="Jordan Ames", emails=[{"value": "Jordan@example.com"}])
    lead(alice)
    robin = lead(bob, "Robin Vale")
    cold = add_contact(alice, name="Kim Castell", warmness_score=1)
    log_activity(alice, cold, type="CALL")
    old.bench().settle()
    change_contact(robin, {"warmness_score": 2})
    assert User.objects.get(pk=bob.pk).pipedrive_user_id == 2
    before = {kind: dict(rows) for kind, rows in old.world.records.items()}
    new.bench().settle()
    assert str(company_switch.belongings()) == "2 contacts, 1 organization and 2 activities"

    company_switch.start_anew(new.me, new.clock.now())
    new.bench().settle()

    jordan = Contact.objects.get(name="Jordan Ames")
    assert jordan.pipedrive_person_id == known["id"]
    assert records(new.world) == {"persons": 4, "organizations": 3, "activities": 4}
    call = Activity.objects.get(contact=jordan)
    assert new.world.activities[call.pipedrive_activity_id or 0]["owner_id"] == 2
    assert Contact.objects.get(name="Robin Vale").pipedrive_person_id is None
    assert not Activity.objects.filter(contact=robin, replicated_to_pipedrive=True).exists()
    assert {kind: dict(rows) for kind, rows in old.world.records.items()} == before
    alice.refresh_from_db()
    bob.refresh_from_db()
    assert (alice.pipedrive_user_id, bob.pipedrive_user_id) == (2, None)
    assert told() == ["connection_lost", "connection_back"]

    change_contact(robin, {"warmness_score": 7})
    new.bench().settle()
    robin.refresh_from_db()
    assert new.world.persons[robin.pipedrive_person_id or 0]["owner_id"] == 3
    assert Activity.objects.get(contact=robin).replicated_to_pipedrive
    assert records(new.world) == {"persons": 5, "organizations": 4, "activities": 5}


@pytest.mark.parametrize("email", ["jordan@example.com", ""])
def test_there_and_back_doubles_nothing(old: Office, new: Office, alice: User, email: str) -> None:
    """Who starts anew with another company and then with the old one finds everything again, activities as well."""
    contact = lead(alice, email=email)
    log_activity(alice, contact, type="CALL")  # one like the other
    log_activity(alice, contact, type="MEETING", note="About <this> & that")
    old.bench().settle()
    linked = links()
    for office in (new, old):
        company_switch.start_anew(office.me, office.clock.now())
        office.bench().settle()
        assert all(None not in ids for ids in links())
    assert [set(ids) for ids in links()] == [set(ids) for ids in linked]
    assert records(old.world) == {"persons": 1, "organizations": 1, "activities": 3}
    assert records(new.world) == {"persons": 4, "organizations": 4, "activities": 6}


def test_what_was_open_in_the_old_company_is_forgotten(old: Office, new: Office, alice: User) -> None:
    """Candidates, choices, failures and deletions were about the old company's records; the rows begin again."""
    for name in ("Jordan Ames", "J. Ames"):
        old.sandbox.add("persons", name=name, emails=[{"value": "jordan@example.com"}])
    jordan, robin, kim = lead(alice), lead(alice, "Robin Vale"), lead(alice, "Kim Castell")
    bench = old.bench()
    bench.settle()
    for contact in (robin, kim):
        contact.refresh_from_db()
        old.sandbox.people.delete("persons", contact.pipedrive_person_id or 0)
        change_contact(contact, {"phone": "+1 555 0100"})
    bench.settle()
    jordan.refresh_from_db()
    robin.refresh_from_db()
    assert len(jordan.pipedrive_candidates) == 2
    assert robin.pipedrive_sync_error_code == DELETED_THERE
    Contact.objects.filter(pk=kim.pk).update(pipedrive_chosen_id=2, pipedrive_make_new=True)
    Lease.objects.create(key="person:x", holder="elsewhere/1/x", expires_at=bench.clock.now())

    company_switch.start_anew(new.me, new.clock.now())

    assert not Lease.objects.exists()
    assert not Intent.objects.exists()
    assert not DirectoryEntry.objects.exists()
    assert not DirectoryState.objects.exists()
    assert not Remembered.objects.exists()
    new.bench().settle()
    for contact in (jordan, robin, kim):
        contact.refresh_from_db()
        assert new.world.persons[contact.pipedrive_person_id or 0]["name"] == contact.name
        assert contact.pipedrive_candidates == []
    assert Activity.objects.filter(replicated_to_pipedrive=True).count() == 3


CALLS = [
    ("GET", "/api/v1/users"),
    ("GET", "/api/v2/personFields"),
    ("POST", "/api/v2/personFields"),
    ("POST", "/api/v2/personFields/label_ids/options"),
    ("GET", ORGANIZATIONS),
    ("POST", ORGANIZATIONS),
    ("GET", PERSONS),
    ("POST", PERSONS),
    ("POST", ACTIVITIES),
]


@pytest.mark.parametrize("is_done", [True, False], ids=["answered", "lost"])
@pytest.mark.parametrize(("method", "path"), CALLS)
def test_a_late_answer_of_the_old_company_is_not_stored(
    old: Office, new: Office, alice: User, method: str, path: str, *, is_done: bool
) -> None:
    """A person starts anew while an engine of the old company is in the middle of a call: nothing of it comes in."""
    lead(alice)
    bench = old.bench()

    def start_anew() -> httpx.Response | None:
        company_switch.start_anew(new.me, new.clock.now())
        if not is_done:
            raise httpx.ReadTimeout("no answer")
        return None

    old.meddler.once(method, path, start_anew)
    bench.settle(30)
    assert old.meddler.is_done
    assert [set(ids) for ids in links()] == [{None}, {None}, {None}]
    assert not Intent.objects.exists()
    assert not DirectoryEntry.objects.exists()
    assert not Remembered.objects.exclude(name="me").exists()
    alice.refresh_from_db()
    assert alice.pipedrive_user_id is None

    new.bench().settle(120)
    alice.refresh_from_db()
    assert alice.pipedrive_user_id == 2
    for contact in Contact.objects.all():
        assert new.world.persons[contact.pipedrive_person_id or 0]["name"] == contact.name
    for activity in Activity.objects.select_related("contact"):
        record = new.world.activities[activity.pipedrive_activity_id or 0]
        assert record["person_id"] == activity.contact.pipedrive_person_id
    assert new.world.persons[1]["name"] == "Stranger 1"


def test_who_is_found_too_late_gets_no_label(old: Office, new: Office, alice: User) -> None:
    """The one write that is not written down before it is sent asks as well."""
    old.sandbox.add("persons", name="Jordan Ames", emails=[{"value": "jordan@example.com"}])
    bench = old.bench().fill_directory()
    lead(alice, organization=None)
    old.meddler.once("GET", f"{PERSONS}/1", lambda: company_switch.start_anew(new.me, new.clock.now()))  # type: ignore[arg-type, return-value]
    bench.settle(30)
    assert old.meddler.is_done
    assert old.world.persons[1]["label_ids"] == []


def test_an_engine_of_the_old_company_stays_silent(old: Office, new: Office, alice: User) -> None:
    """It asks whose its token is before it goes on, and then nothing more, whatever ids others have stored by then."""
    contact = lead(alice)
    bench = old.bench()
    bench.settle()
    company_switch.start_anew(new.me, new.clock.now())
    new.bench().settle()
    contact.refresh_from_db()
    change_contact(contact, {"name": "Jordan Amesbury"})
    before = len(old.world.calls)

    bench.settle(600)

    assert {call.path for call in old.world.calls[before:]} == {ME}
    assert old.world.persons[1]["name"] == "Jordan Ames"


def test_two_servers_with_tokens_of_two_companies(old: Office, new: Office, alice: User) -> None:
    """The one with the right token goes on, the other one waits, and people are told of it once."""
    right, wrong = old.bench(), new.bench()
    lead(alice)
    right.settle()
    for number in range(60):
        contact = lead(alice, f"Contact{number} Vale", organization=None)
        wrong.settle(5)
        right.settle(55)
        contact.refresh_from_db()
        assert contact.pipedrive_person_id in old.world.persons
    assert new.paths == {ME}
    assert told() == ["connection_lost", "connection_back"]


def test_an_old_tokens_finding_is_no_news(old: Office, new: Office, alice: User, settings: Settings) -> None:
    """Who has just started anew with another token is not told what the engine that is about to stop finds out."""
    settings.PIPEDRIVE_API_TOKEN = ""
    lead(alice)
    stored = {"pipedrive_token": credentials.encrypted("token-1")}
    preferences.change(stored)
    bench = old.bench(Membership("token-1"))
    bench.settle()
    preferences.change({"pipedrive_token": credentials.encrypted("token-2")})
    company_switch.start_anew(new.me, new.clock.now())

    bench.settle(5)
    assert connection_health.status().state == "ok"
    new.bench(Membership("token-2")).settle()

    assert told() == []
    assert connection_health.status().state == "ok"


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        ((1, "a"), (1, "a"), False),
        ((1, "a"), (1, "b"), False),
        ((1, "a"), (2, "a"), True),
        ((1, "a"), (2, "b"), True),
        ((None, "a"), (2, "a"), False),
        ((None, "A"), (2, "a"), False),
        ((None, "a"), (2, "b"), True),
        ((1, "a"), (None, "a"), False),
        ((1, "a"), (None, "b"), True),
        ((None, ""), (2, "b"), False),
        ((None, "a"), (None, ""), False),
    ],
)
def test_what_is_another_company(
    ours: tuple[int | None, str], theirs: tuple[int | None, str], *, expected: bool
) -> None:
    """Another id, or another domain where an id is not known; without evidence it is the same."""
    remembered = Company(company_id=ours[0], domain=ours[1], name="Alder")
    me = TheirUser(id=1, company_id=theirs[0], company_domain=theirs[1], company_name="Finch")
    assert is_another(remembered, me) == expected


def test_work_of_an_earlier_generation_stores_nothing(old: Office, new: Office) -> None:
    """Neither what it has learnt nor what it is about to send."""
    membership = Membership()
    with pytest.raises(company.StartedAnewError), membership.at_work():
        pass
    with old.bench().pipedrive as pipedrive:
        assert connection_health.probe(pipedrive, membership, old.clock) is None
    with membership.at_work():
        with company.storing():
            pass
        company.make_sure()
        company_switch.start_anew(new.me, new.clock.now())
        with pytest.raises(company.StartedAnewError), company.storing():
            pass
        with pytest.raises(company.StartedAnewError):
            company.make_sure()
    with company.storing():  # what is no work of an engine's is nobody's business
        pass
