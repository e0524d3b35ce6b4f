"""People in Pipedrive give a person another organization, or an activity another type: it is shown here in seconds."""

import pytest
from audit_desk import Desk
from bench_engine import POLL_EVERY, Bench
from door_client import deliver

from warmline.crm import book
from warmline.crm.activities import Activity, ActivityType
from warmline.crm.book import OrganizationDetails, add_contact, log_activity
from warmline.crm.models import Contact, Organization
from warmline.crm.users import User
from warmline.sandbox import Sandbox, World
from warmline.sync.audit_models import AuditedLink, Finding, Problem
from warmline.sync.mapping import TYPES
from warmline.sync.models import Attempt, Notification, NotificationKind
from warmline.sync.reconcile.changed_org_or_type import type_here

pytestmark = pytest.mark.django_db


@pytest.fixture
def contact(watching: Bench, alice: User, sandbox: Sandbox) -> Contact:
    """Return a contact of Tidewater Mills (1) with an activity, beside one of Harbour (2); all quiet."""
    for name, firm in (("Robin Vale", "Tidewater Mills"), ("Kim Reed", "Harbour")):
        email = f"{name.split()[0].lower()}@example.com"
        add_contact(alice, name=name, email=email, organization=OrganizationDetails(firm), warmness_score=9)
        watching.settle(20)
    contact = Contact.objects.get(name="Robin Vale")
    log_activity(alice, contact, type=ActivityType.CALL, subject="First call")
    watching.settle(20)
    sandbox.deliver(deliver)
    watching.settle(20)
    contact.refresh_from_db()
    assert (contact.pipedrive_person_id, Organization.objects.get(name="Harbour").pipedrive_org_id) == (1, 2)
    assert Activity.objects.get().pipedrive_activity_id == 1
    return contact


def _soon(watching: Bench, sandbox: Sandbox) -> None:
    sandbox.deliver(deliver)
    watching.settle(1)
    watching.settle(1)


def _here() -> str | None:
    organization = Contact.objects.get(name="Robin Vale").organization
    return organization.name if organization else None


@pytest.mark.parametrize("is_reported", [True, False])
@pytest.mark.parametrize("to", ["known", "unknown", "namesake", "none"])
def test_another_organization_is_shown(
    watching: Bench, contact: Contact, sandbox: Sandbox, world: World, to: str, *, is_reported: bool
) -> None:
    """One that is ours by its link; one that is read, and made or linked here; or none. Nothing is sent for it."""
    org_id: int | None = 2
    name: str | None = "Harbour"
    if to == "unknown":
        org_id, name = sandbox.add("organizations", name="Mossbank")["id"], "Mossbank"
    elif to == "namesake":
        Organization.objects.create(name="Mossbank Ltd")
        org_id, name = sandbox.add("organizations", name="MOSSBANK  Ltd")["id"], "Mossbank Ltd"
    elif to == "none":
        org_id, name = None, None
    sandbox.people.change("persons", 1, org_id=org_id)
    if not is_reported:
        world.outgoing.clear()
        watching.settle(POLL_EVERY.total_seconds())
        watching.settle(5)
    before = len(world.calls)
    _soon(watching, sandbox)
    assert _here() == name
    if org_id is not None:
        assert Organization.objects.get(name=name).pipedrive_org_id == org_id
    assert Organization.objects.count() == 2 + (to in {"unknown", "namesake"})
    assert not Notification.objects.filter(kind=NotificationKind.CHANGE_KEPT).exists()
    said = Attempt.objects.filter(kind="contact", row_id=contact.pk).order_by("pk").values_list("text", flat=True)
    assert "and now here: organization" in list(said)[-1]
    calls = world.calls[before:]
    assert [call for call in calls if call.method != "GET"] == []
    assert sum(call.tokens for call in calls) <= 4
    before = len(world.calls)
    sandbox.people.change("persons", 1, org_id=org_id)
    _soon(watching, sandbox)
    assert len(world.calls) == before
    book.change_contact(Contact.objects.get(name="Robin Vale"), {"phone": "+49 30 5550100"})
    watching.settle(10)
    assert world.persons[1]["org_id"] == org_id


def test_one_that_was_changed_here_too_is_told_in_names(
    watching: Bench, contact: Contact, sandbox: Sandbox, world: World
) -> None:
    """Pipedrive's is kept there, and ours here."""
    sandbox.people.change("persons", 1, org_id=sandbox.add("organizations", name="Mossbank")["id"])
    book.change_contact(contact, {"organization": OrganizationDetails("Harbour")})
    _soon(watching, sandbox)
    told = Notification.objects.get(kind=NotificationKind.CHANGE_KEPT).text
    assert "organization: Pipedrive's “Mossbank” was kept, not “Harbour”" in told
    assert (_here(), world.persons[1]["org_id"]) == ("Harbour", 3)


def test_an_edit_here_meanwhile_is_not_overwritten(
    watching: Bench, contact: Contact, sandbox: Sandbox, world: World
) -> None:
    """Another field's: it is sent, and the organization is taken over."""
    sandbox.people.change("persons", 1, org_id=2)
    book.change_contact(contact, {"phone": "+49 30 5550100"})
    _soon(watching, sandbox)
    assert (_here(), world.persons[1]["org_id"]) == ("Harbour", 2)
    assert [each["value"] for each in world.persons[1]["phones"]] == ["+49 30 5550100"]


@pytest.mark.parametrize("deed", ["merge", "delete"])
def test_what_happens_to_an_organization_moves_nobody(
    watching: Bench, contact: Contact, sandbox: Sandbox, deed: str
) -> None:
    """Its person has another one there, or none, because of that; the organization here follows, or is let go."""
    if deed == "merge":
        sandbox.people.merge("organizations", 1, sandbox.add("organizations", name="Tidewater Mills")["id"])
    else:
        sandbox.people.delete("organizations", 1)
    _soon(watching, sandbox)
    watching.settle(30)
    organization = Organization.objects.get(name="Tidewater Mills")
    assert _here() == "Tidewater Mills"
    assert organization.pipedrive_org_id == (3 if deed == "merge" else None)
    assert Organization.objects.count() == 2
    assert not Finding.objects.exists()


def test_an_organization_that_cannot_be_told_apart_is_noticed(
    watching: Bench, contact: Contact, sandbox: Sandbox, world: World
) -> None:
    """Two of one name there: ours is linked to the other one. People see it, and it stays so if they accept it."""
    sandbox.people.change("persons", 1, org_id=sandbox.add("organizations", name="Harbour")["id"])
    _soon(watching, sandbox)
    assert _here() == "Tidewater Mills"
    assert list(Finding.objects.values_list("kind", "problem")) == [("contact", Problem.ORGANIZATION)]
    link = AuditedLink.objects.get(kind="contact", row_id=contact.pk)
    link.accepted = {"organization": 3}
    link.save()
    sandbox.people.change("persons", 1, name="Robin Veil")
    _soon(watching, sandbox)
    assert Contact.objects.get(pk=contact.pk).organization == Organization.objects.get(name="Tidewater Mills")


def test_an_adopted_person_keeps_its_organization(watching: Bench, alice: User, sandbox: Sandbox) -> None:
    """Its organization is a colleague's matter; ours is another one from the beginning."""
    first, second = (sandbox.add("organizations", name=name)["id"] for name in ("Mossbank", "Harbour"))
    sandbox.add("persons", name="Robin Vale", emails=[{"value": "robin@example.com", "primary": True}], org_id=first)
    organization = OrganizationDetails("Tidewater Mills")
    add_contact(alice, name="Robin Vale", email="robin@example.com", organization=organization, warmness_score=9)
    watching.settle(20)
    sandbox.people.change("persons", 1, org_id=second)
    _soon(watching, sandbox)
    assert _here() == "Tidewater Mills"


@pytest.mark.parametrize(
    ("there", "here"),
    [
        ("call", ActivityType.CALL),
        ("email", ActivityType.EMAIL),
        ("meeting", ActivityType.MEETING),  # and not the conference
        ("task", None),  # as which LinkedIn and referrals are sent
        ("lunch", None),
    ],
)
def test_which_type_it_is_here(there: str, here: ActivityType | None) -> None:
    """The one that is sent as that; of several, the one of that name; else none."""
    assert type_here(there, TYPES) == here


def test_the_one_that_the_team_chose() -> None:
    """Its types count."""
    assert type_here("lunch", {**TYPES, ActivityType.REFERRAL: "lunch"}) == ActivityType.REFERRAL


def test_another_type_is_shown(watching: Bench, contact: Contact, sandbox: Sandbox, world: World) -> None:
    """Nothing is sent back, and an edit afterwards leaves it."""
    before = len(world.calls)
    sandbox.people.change("activities", 1, type="meeting")
    _soon(watching, sandbox)
    assert Activity.objects.get().type == ActivityType.MEETING
    sandbox.people.change("activities", 1, type="meeting")
    _soon(watching, sandbox)
    assert [call.method for call in world.calls[before:]] == ["GET"]
    book.change_activity(Activity.objects.get(), {"note": "Likes tea"})
    watching.settle(10)
    assert world.activities[1]["type"] == "meeting"


def test_a_type_that_is_none_of_ours_is_noticed(
    watching: Bench, contact: Contact, sandbox: Sandbox, world: World
) -> None:
    """It stays there, whatever else is edited, and audits find the same; once it is ours again, they find no more."""
    sandbox.people.change("activities", 1, type="lunch")
    _soon(watching, sandbox)
    finding = Finding.objects.get()
    assert (finding.kind, finding.problem, finding.values) == (
        "activity",
        Problem.ACTIVITY,
        {"type": ["call", "lunch"]},
    )
    book.change_activity(Activity.objects.get(), {"note": "Likes tea"})
    watching.settle(10)
    assert (Activity.objects.get().type, world.activities[1]["type"]) == (ActivityType.CALL, "lunch")
    desk = Desk(watching.pipedrive, watching.policy, watching.clock, sandbox)
    desk.audit()
    assert desk.found() == {("activity", finding.row_id, Problem.ACTIVITY)}
    sandbox.people.change("activities", 1, type="call")
    _soon(watching, sandbox)
    desk.audit()
    assert not desk.found()


def test_a_type_that_was_changed_here_too_is_a_conflict(
    watching: Bench, contact: Contact, sandbox: Sandbox, world: World
) -> None:
    """It is told, and Pipedrive's is kept there."""
    sandbox.people.change("activities", 1, type="meeting")
    book.change_activity(Activity.objects.get(), {"type": ActivityType.EMAIL})
    _soon(watching, sandbox)
    assert Notification.objects.filter(kind=NotificationKind.CHANGE_KEPT).count() == 1
    assert world.activities[1]["type"] == "meeting"
