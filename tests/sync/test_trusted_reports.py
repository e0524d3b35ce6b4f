"""With WARMLINE_TRUST_EVENTS, a lone lead costs no look while Pipedrive's reports are proven to come."""

from random import Random
from typing import Any

import pytest
from audit_desk import Desk
from bench_engine import POLL_EVERY, Bench
from door_client import HERE, deliver
from pytest_django import Settings
from virtual_clock import VirtualClock

from warmline import database_time
from warmline.crm import book
from warmline.crm.book import OrganizationDetails, add_contact
from warmline.crm.models import Contact
from warmline.crm.users import User
from warmline.pipedrive import Pipedrive
from warmline.sandbox import Fault, Sandbox, World
from warmline.sync import reported_changes, trusted_reports
from warmline.sync.account_models import AwaitedReport, ReportIntake
from warmline.sync.audit_models import Finding
from warmline.sync.engine.reconciler import Engine
from warmline.sync.models import DirectoryEntry, DirectoryState
from warmline.sync.policy import Policy
from warmline.sync.remote.known_by_reports import in_words, why_looked
from warmline.sync.status import audit_findings

pytestmark = pytest.mark.django_db
AT_MOST = 12  # tokens for a lead without a look


class Trusting(Bench):
    """An engine that trusts reports, in an account that reports everything."""

    sandbox: Sandbox
    alice: User
    number = 0

    def work(self, seconds: float = 5) -> None:
        """Let what is reported come in, and everything be done."""
        for _ in range(int(seconds)):
            self.sandbox.deliver(deliver)
            self.settle(1)
        self.sandbox.deliver(deliver)

    def lead(self, name: str = "", email: str = "", organization: str = "") -> int:
        """Add a lead of its own, and return what it costs until everything is quiet."""
        self.number += 1
        before = self.sandbox.world.tokens_spent
        add_contact(
            self.alice,
            name=name or f"Robin Vale {self.number}",
            email=email or f"robin{self.number}@example.com",
            organization=OrganizationDetails(organization or f"Tidewater {self.number}"),
            warmness_score=9,
        )
        self.work()
        return self.sandbox.world.tokens_spent - before

    @property
    def why(self) -> str:
        """Why leads are looked for at this moment."""
        return why_looked(self.clock.now())


@pytest.fixture
def trusting(
    pipedrive: Pipedrive,
    policy: Policy,
    clock: VirtualClock,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    sandbox: Sandbox,
    alice: User,
) -> Trusting:
    """Return an engine whose account is known, and whose reports are proven to come."""
    monkeypatch.setattr(database_time, "now", clock.now)
    settings.PIPEDRIVE_API_TOKEN, settings.TRUST_EVENTS = "sandbox-token", True
    settings.PUBLIC_URL, settings.PIPEDRIVE_BASE_URL = HERE, "http://sandbox"
    bench = Trusting(Engine(pipedrive, policy, clock, Random(7), poll_every=POLL_EVERY), clock, policy, pipedrive)
    bench.sandbox, bench.alice = sandbox, alice
    bench.work(20)
    for _ in range(3):
        bench.lead()
    assert bench.why == ""
    return bench


def _persons(world: World, email: str) -> list[int]:
    return [number for number, each in world.persons.items() if email in {entry["value"] for entry in each["emails"]}]


def test_a_lone_lead_costs_no_look(trusting: Trusting, sandbox: Sandbox, world: World) -> None:
    """One hundred of them, while people make and change records there: each known one is adopted, and none doubled."""
    costs = []
    for number in range(100):
        name, email, firm = f"Kim Reed {number}", f"kim{number}@example.com", f"Harbour {number}"
        if number % 4 == 1:
            sandbox.add("persons", name=name, emails=[{"value": email, "primary": True}])
        elif number % 4 == 2:
            sandbox.add("organizations", name=firm)
        elif number % 4 == 3:
            sandbox.people.change("persons", sandbox.add("persons", name=name)["id"], emails=[{"value": email}])
        trusting.sandbox.deliver(deliver)
        costs.append(trusting.lead(name, email, firm))
        assert len(_persons(world, email)) == 1
    assert max(costs) <= AT_MOST
    assert Contact.objects.filter(pipedrive_person_id=None).count() == 0
    names = [each["name"] for each in world.organizations.values()]
    assert len(names) == len(set(names))


def test_without_the_setting_each_lead_is_looked_for(trusting: Trusting, settings: Settings) -> None:
    """The default."""
    settings.TRUST_EVENTS = False
    watched = Engine(trusting.pipedrive, trusting.policy, trusting.clock, Random(7), poll_every=POLL_EVERY)
    trusting.engine = watched
    trusting.clock.sleep(15)  # no earlier look serves
    assert trusting.lead() >= 30


def test_what_is_made_while_a_lead_waits_is_known_in_time(trusting: Trusting, sandbox: Sandbox, world: World) -> None:
    """Its report is under way when the lead is saved, and comes within the time that reports take."""
    ReportIntake.objects.update(delay=4.0)
    sandbox.faults.add(Fault(kind="event_late", delay=4.0))
    sandbox.add("persons", name="Kim Reed", emails=[{"value": "kim@example.com", "primary": True}])
    assert trusting.lead("Kim Reed", "kim@example.com") <= AT_MOST + 1
    trusting.work(10)
    assert len(_persons(world, "kim@example.com")) == 1
    assert Contact.objects.get(email="kim@example.com").pipedrive_person_id is not None


def test_what_is_reported_and_not_read_yet_counts(trusting: Trusting, sandbox: Sandbox, world: World) -> None:
    """A lead that goes over right behind the report."""
    add_contact(trusting.alice, name="Kim Reed", email="kim@example.com", warmness_score=9)
    sandbox.add("persons", name="Kim Reed", emails=[{"value": "kim@example.com", "primary": True}])
    sandbox.deliver(deliver)
    trusting.clock.sleep(2)
    trusting.engine.step(trusting.clock.now())
    assert _persons(world, "kim@example.com") == [Contact.objects.get(email="kim@example.com").pipedrive_person_id]


def test_what_we_sent_is_known_without_a_look(trusting: Trusting, world: World) -> None:
    """A lead that was deleted here and is saved again finds its person; so does one with an e-mail that was edited."""
    assert trusting.lead() == 10  # two creates, and no get when they come back
    contact = Contact.objects.order_by("pk")[0]
    book.change_contact(contact, {"email": "vale@example.org"})
    trusting.work()
    person_id = Contact.objects.get(pk=contact.pk).pipedrive_person_id
    book.delete_contacts(Contact.objects.filter(pk=contact.pk))
    assert trusting.lead(contact.name, "vale@example.org") <= AT_MOST
    assert Contact.objects.get(email="vale@example.org").pipedrive_person_id == person_id


@pytest.mark.parametrize("is_empty", [True, False])
def test_many_at_once_are_one_list(trusting: Trusting, sandbox: Sandbox, world: World, *, is_empty: bool) -> None:
    """A program there adds forty persons; a known name costs nothing when it is reported again."""
    before = len(world.calls)
    made = [
        sandbox.add("persons", name=f"Kim {n}", emails=[{"value": f"kim{n}@example.com", "primary": True}])
        for n in range(40)
    ]
    if is_empty:
        for told in sandbox.world.outgoing:
            told.body["data"] = {"id": int(told.body["meta"]["entity_id"])}
    trusting.work(10)
    assert [call.path for call in world.calls[before:]] == ["/api/v2/persons"]
    sandbox.people.change("persons", made[0]["id"], job_title="Miller")
    trusting.work()
    assert len(world.calls) == before + 1
    assert trusting.lead("Kim 7", "kim7@example.com") <= AT_MOST
    assert len(_persons(world, "kim7@example.com")) == 1


def test_a_report_is_not_believed(trusting: Trusting, sandbox: Sandbox, world: World) -> None:
    """What it says is only where to look."""
    sandbox.add("persons", name="Kim Reed", emails=[{"value": "kim@example.com", "primary": True}])
    for told in sandbox.world.outgoing:
        told.body["data"]["emails"] = [{"value": "another@example.com", "primary": True}]
    trusting.work()
    trusting.lead("Kim Reed", "kim@example.com")
    trusting.lead("Kim Reed", "another@example.com")
    assert len(_persons(world, "kim@example.com")) == 1
    assert len(_persons(world, "another@example.com")) == 1


def _lose(trusting: Trusting, seconds: float = 3600.0) -> None:
    trusting.sandbox.faults.add(Fault(kind="event_lost", seconds=seconds))


def test_a_report_that_does_not_come_ends_it_within_a_minute(trusting: Trusting, sandbox: Sandbox) -> None:
    """Looks are made until reports are proven anew, and a look has shown what was missed."""
    sandbox.faults.add(Fault(kind="event_lost", times=1, path="person.create"))
    assert trusting.lead() <= AT_MOST
    sandbox.add("persons", name="Kim Reed", emails=[{"value": "kim@example.com", "primary": True}])
    trusting.work(65)
    assert trusting.why != ""
    assert [trusting.lead() >= 20 for _ in range(3)] == [True, True, False]
    assert trusting.why == ""


def test_what_was_lost_is_found_by_the_look_that_follows(trusting: Trusting, sandbox: Sandbox, world: World) -> None:
    """Before reports are trusted again."""
    _lose(trusting, 30)
    trusting.lead()
    sandbox.add("persons", name="Kim Reed", emails=[{"value": "kim@example.com", "primary": True}])
    trusting.work(70)
    for _ in range(3):
        trusting.lead()
    assert trusting.why == ""
    assert trusting.lead("Kim Reed", "kim@example.com") <= AT_MOST
    assert len(_persons(world, "kim@example.com")) == 1


def test_it_is_said_whether_leads_are_looked_for(trusting: Trusting, settings: Settings) -> None:
    """In a sentence, with the reason; nothing where nobody asked for it."""
    now = trusting.clock.now()
    assert in_words(now).startswith("Leads are created without a look first")
    trusted_reports.after_a_pause()
    assert in_words(now).startswith("Each lead is looked for before it is created. Reports may have been lost")
    settings.TRUST_EVENTS = False
    assert in_words(now) == ""


@pytest.mark.parametrize("ends", ["door", "start", "webhook", "silence", "slow", "unread", "forgotten"])
def test_what_ends_it(trusting: Trusting, sandbox: Sandbox, ends: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """At once; and with reports that come it begins again."""
    match ends:
        case "door":
            reported_changes.note_gap("the disk is full")
            reported_changes.note([])
        case "start":
            trusted_reports.after_a_pause()
        case "webhook":
            sandbox.people.remove_webhook(1)
            ReportIntake.objects.update(checked_at=None)
            trusting.settle(12)  # it is looked at after ten seconds, if nothing else is to be done
        case "silence":
            trusting.clock.sleep(3601)
        case "slow":
            ReportIntake.objects.update(delay=30.0)
        case "unread":
            sandbox.faults.add(Fault(kind="error", status=500, method="GET", path="/api/v2/persons/*", times=9))
            sandbox.add("persons", name="Kim Reed", emails=[{"value": "kim@example.com", "primary": True}])
            sandbox.deliver(deliver)
            trusting.settle(1)
        case "forgotten":
            reported_changes.forget()
    assert trusting.why != ""
    sandbox.faults.clear()
    trusting.work(100)
    for _ in range(12):
        trusting.lead()
    assert trusting.why == ""
    assert trusting.lead() <= AT_MOST


@pytest.mark.parametrize("kind", ["event_lost", "event_late"])
def test_a_double_is_named_by_the_next_audit(trusting: Trusting, sandbox: Sandbox, world: World, kind: Any) -> None:
    """Person and organization whose reports are lost or late: that is what trust can cost."""
    sandbox.faults.add(Fault(kind=kind, delay=50.0 if kind == "event_late" else 0.0, times=2))
    sandbox.add("persons", name="Kim Reed", emails=[{"value": "kim@example.com", "primary": True}])
    sandbox.add("organizations", name="Harbour Ltd")
    assert trusting.lead("Kim Reed", "kim@example.com", "Harbour Ltd") <= AT_MOST
    persons = _persons(world, "kim@example.com")
    organizations = [number for number, each in world.organizations.items() if each["name"] == "Harbour Ltd"]
    assert (len(persons), len(organizations)) == (2, 2)
    trusting.work(70)
    desk = Desk(trusting.pipedrive, trusting.policy, trusting.clock, sandbox)
    desk.audit()
    contact = Contact.objects.get(email="kim@example.com")
    assert desk.found() == {("contact", contact.pk, "double"), ("organization", contact.organization_id, "double")}
    told = [each.text for each in audit_findings.described(Finding.objects.all())]
    assert sum("the same e-mail" in each for each in told) == sum("the same name" in each for each in told) == 1


def test_an_account_that_is_not_indexed_is_searched(trusting: Trusting, sandbox: Sandbox, world: World) -> None:
    """As ever; what is reported there is not even read."""
    DirectoryState.objects.update(is_full=False)
    before = len(world.calls)
    sandbox.add("persons", name="Kim Reed", emails=[{"value": "kim@example.com", "primary": True}])
    sandbox.deliver(deliver)
    assert trusting.engine._watch._changes.heed(trusting.engine._watch._hear(trusting.pipedrive)) == 0
    assert (len(world.calls), trusting.why) == (before, "Not everything that Pipedrive holds is indexed.")


def test_what_has_come_is_not_missing(trusting: Trusting, sandbox: Sandbox) -> None:
    """Although nobody has heard of it for minutes, because Pipedrive could not be reached."""
    AwaitedReport.objects.create(kind="person", record_id=1, sent_at=trusting.clock.now())
    sandbox.people.change("persons", 1, name="Robin Veil")
    for told in sandbox.world.outgoing:
        told.body["meta"]["action"] = "create"
    sandbox.deliver(deliver)
    trusting.clock.sleep(300)
    trusted_reports.notice_overdue(trusting.clock.now())
    assert ReportIntake.objects.get().gap_since is None
    trusting.work()
    assert (trusting.why, AwaitedReport.objects.count()) == ("", 0)


def test_an_uncertain_create_is_looked_for(trusting: Trusting, sandbox: Sandbox, world: World) -> None:
    """Whatever is reported: what it may have made is searched as ever."""
    sandbox.faults.add(Fault(kind="no_answer_after", method="POST", path="/api/v2/persons", times=1))
    trusting.lead("Kim Reed", "kim@example.com")
    trusting.work(60)
    assert len(_persons(world, "kim@example.com")) == 1
    assert Contact.objects.get(email="kim@example.com").pipedrive_person_id is not None


def test_nothing_is_kept_without_trust(watching: Bench, alice: User, sandbox: Sandbox) -> None:
    """The default costs nothing more."""
    add_contact(alice, name="Robin Vale", email="robin@example.com", warmness_score=9)
    watching.settle(20)
    sandbox.deliver(deliver)
    watching.settle(5)
    assert (AwaitedReport.objects.count(), ReportIntake.objects.get().proven_from) == (0, None)
    assert not DirectoryEntry.objects.filter(record_id=1, kind="person").exists()
