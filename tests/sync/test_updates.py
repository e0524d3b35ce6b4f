"""Changes after the link go over too: only what was changed here, and never over what was changed there."""

from datetime import date, time
from typing import Any

import httpx
import pytest
from bench_engine import Bench
from django.utils import timezone
from meddler import Meddler

from warmline.crm.activities import Activity
from warmline.crm.book import OrganizationDetails, add_contact, change_activity, change_contact, change_organization
from warmline.crm.book import log_activity as log
from warmline.crm.models import Contact, Organization
from warmline.crm.users import User
from warmline.sandbox import Fault, Sandbox, World
from warmline.sync.models import Notification
from warmline.sync.row_state import with_state
from warmline.sync.status.retry_and_choose import retry, retry_all

pytestmark = pytest.mark.django_db

MILLS = OrganizationDetails(name="Larkspur Mills", sector="Manufacturing", country="Germany")


@pytest.fixture
def contact(bench: Bench, alice: User) -> Contact:
    """Return a contact that is in Pipedrive, with its organization."""
    contact = add_contact(
        alice, name="Jordan Ames", email="jordan@example.com", phone="+1", organization=MILLS, warmness_score=5
    )
    bench.settle()
    return Contact.objects.select_related("organization", "owner").get(pk=contact.pk)


def state(row: Contact | Organization | Activity) -> str:
    """Return a row's state."""
    rows = type(row)._default_manager.filter(pk=row.pk)
    return str(with_state(rows, threshold=4, now=timezone.now()).get().sync_state)


def patches(world: World) -> list[str]:
    """Return the paths that were changed by calls."""
    return [call.path for call in world.calls if call.method == "PATCH"]


@pytest.mark.parametrize(
    ("changes", "field", "expected"),
    [
        ({"name": "Jordan Amesbury"}, "name", "Jordan Amesbury"),
        ({"email": "j@example.org"}, "emails", [{"value": "j@example.org", "primary": True, "label": "work"}]),
        ({"phone": "+2"}, "phones", [{"value": "+2", "primary": True, "label": "work"}]),
        ({"phone": ""}, "phones", []),
        ({"organization": OrganizationDetails(name="Other Mills")}, "org_id", 2),
    ],
)
def test_a_contacts_change_goes_over(
    bench: Bench, world: World, contact: Contact, changes: dict[str, Any], field: str, expected: Any
) -> None:
    """The changed field arrives, the others stay, and the row says so."""
    before = dict(world.persons[1])
    change_contact(contact, changes)
    assert state(contact) == "wanted"

    bench.settle()

    after = world.persons[1]
    assert after[field] == expected
    assert {k: v for k, v in after.items() if k not in {field, "update_time", "first_name", "last_name"}} == {
        k: v for k, v in before.items() if k not in {field, "update_time", "first_name", "last_name"}
    }
    assert state(contact) == "synced"
    assert len(world.persons) == 1


def test_what_pipedrive_is_not_told_of_costs_nothing(bench: Bench, world: World, contact: Contact) -> None:
    """A changed score of a linked contact is nobody's business but ours."""
    calls = len(world.calls)
    change_contact(contact, {"warmness_score": 9, "name": contact.name})

    bench.settle()

    assert len(world.calls) == calls
    assert state(contact) == "synced"


def test_others_e_mails_stay(bench: Bench, world: World, sandbox: Sandbox, contact: Contact) -> None:
    """A person's further e-mails are not ours to change."""
    more = [
        {"value": "private@example.net", "primary": True, "label": "home"},
        {"value": "JORDAN@example.com", "primary": False, "label": "work"},
    ]
    world.persons[1]["emails"] = more
    change_contact(contact, {"email": "new@example.com"})

    bench.settle()

    assert [email["value"] for email in world.persons[1]["emails"]] == ["private@example.net", "new@example.com"]


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"name": "Larkspur Mills AG"}, lambda record: record["name"] == "Larkspur Mills AG"),
        ({"country": "France"}, lambda record: record["address"]["country"] == "France"),
        ({"sector": "Software"}, lambda record: record["industry"] not in {34, None}),
        ({"sector": "Baskets"}, lambda record: "Baskets" in record["custom_fields"].values()),
    ],
)
def test_an_organizations_change_goes_over(
    bench: Bench, world: World, contact: Contact, changes: dict[str, Any], check: Any
) -> None:
    """Name, country and sector arrive, each in its place."""
    organization = Organization.objects.get()
    change_organization(organization, changes)
    assert state(organization) == "wanted"

    bench.settle()

    assert check(world.organizations[1])
    assert state(organization) == "synced"
    assert patches(world) == ["/api/v2/organizations/1"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"done": True}, {"done": True}),
        ({"subject": "Other", "note": "n"}, {"subject": "Other", "note": "n"}),
        ({"type": "MEETING"}, {"type": "meeting"}),
        ({"due_time": time(0, 30)}, {"due_date": "2026-12-01", "due_time": "00:30"}),
        ({"due_date": date(2026, 12, 2)}, {"due_date": "2026-12-02", "due_time": "09:00"}),
    ],
)
def test_an_activitys_change_goes_over(
    bench: Bench, world: World, alice: User, contact: Contact, changes: dict[str, Any], expected: dict[str, Any]
) -> None:
    """An activity edited or marked done is updated, in one call beside the look."""
    activity = log(alice, contact, type="CALL", due_date=date(2026, 12, 1), due_time=time(9, 0), done=False)
    bench.settle()
    change_activity(activity, changes)
    assert state(activity) == "wanted"

    bench.settle()

    (record,) = world.activities.values()
    assert {name: str(record[name])[:5] if name == "due_time" else record[name] for name in expected} == expected
    assert state(activity) == "synced"
    assert patches(world) == ["/api/v2/activities/1"]


def test_a_change_on_both_sides_keeps_pipedrives(bench: Bench, world: World, contact: Contact) -> None:
    """Pipedrive's value stays and is taken over here, the user is told both, and other fields still go over."""
    world.persons[1]["name"] = "J. Ames"
    change_contact(contact, {"name": "Jordan Amesbury", "phone": "+2"})

    bench.settle()

    contact.refresh_from_db()
    assert world.persons[1]["name"] == contact.name == "J. Ames"
    assert contact.name_key == "j. ames"
    assert [phone["value"] for phone in world.persons[1]["phones"]] == ["+2"]
    note = Notification.objects.get(kind="change_kept")
    assert "J. Ames" in note.text
    assert "Jordan Amesbury" in note.text
    assert state(contact) == "synced"


def test_a_change_there_alone_is_left_alone(bench: Bench, world: World, contact: Contact) -> None:
    """What only Pipedrive changed is not overwritten by our old value."""
    world.persons[1]["name"] = "J. Ames"
    change_contact(contact, {"phone": "+2"})

    bench.settle()

    assert world.persons[1]["name"] == "J. Ames"
    assert not Notification.objects.filter(kind="change_kept").exists()


def test_a_change_while_the_create_is_under_way_goes_over(
    bench: Bench, world: World, meddler: Meddler, alice: User
) -> None:
    """The revision that was read is the one that counts: an edit during the call is wanted again."""
    contact = add_contact(alice, name="Jordan Ames", warmness_score=5)

    def edit() -> None:
        change_contact(Contact.objects.get(pk=contact.pk), {"name": "Jordan Amesbury"})

    meddler.once("POST", "/api/v2/persons", edit)
    bench.settle()

    assert meddler.is_done
    assert world.persons[1]["name"] == "Jordan Amesbury"
    assert state(contact) == "synced"


@pytest.mark.parametrize("kind", ["error", "no_answer_after", "error_after", "html_error"])
def test_an_update_that_fails_is_tried_again(
    bench: Bench, world: World, sandbox: Sandbox, contact: Contact, kind: Any
) -> None:
    """By the same rules as a create; one that was done after all needs nothing more."""
    sandbox.faults.add(Fault(kind=kind, method="PATCH", path="/api/v2/persons/*", times=2))
    change_contact(contact, {"name": "Jordan Amesbury"})

    bench.settle(60)

    assert world.persons[1]["name"] == "Jordan Amesbury"
    assert state(contact) == "synced"
    assert not Notification.objects.filter(kind="change_kept").exists()


def test_an_update_that_keeps_failing_is_failed(bench: Bench, world: World, sandbox: Sandbox, contact: Contact) -> None:
    """Three attempts, then failed with its reason; a retry brings it over."""
    sandbox.faults.add(Fault(kind="error", method="PATCH", path="/api/v2/persons/*"))
    change_contact(contact, {"name": "Jordan Amesbury"})
    bench.settle(60)
    assert patches(world).count("/api/v2/persons/1") == 3
    assert state(contact) == "failed"

    sandbox.faults.clear()
    contact.refresh_from_db()
    retry(contact)
    bench.settle()

    assert state(contact) == "synced"
    assert world.persons[1]["name"] == "Jordan Amesbury"


def test_a_deleted_person_is_not_made_again_unless_asked(bench: Bench, world: World, contact: Contact) -> None:
    """Unlinked and shown with that reason; neither time nor an edit makes it anew, but a retry does."""
    world.persons[1]["is_deleted"] = True
    change_contact(contact, {"name": "Jordan Amesbury"})
    bench.settle()
    contact.refresh_from_db()
    assert contact.pipedrive_person_id is None
    assert contact.pipedrive_sync_error_code == "deleted"
    assert state(contact) == "failed"
    assert Notification.objects.filter(kind="deleted_there").count() == 1
    assert retry_all(None) == 0  # that is decided for one row at a time

    change_contact(contact, {"name": "Jordan Amesworth"})
    bench.settle(60 * 60)
    assert len(world.persons) == 1

    contact.refresh_from_db()
    retry(contact)
    bench.settle()

    contact.refresh_from_db()
    assert contact.pipedrive_person_id == 2
    assert world.persons[2]["name"] == "Jordan Amesworth"


def test_a_merged_person_is_followed(bench: Bench, world: World, sandbox: Sandbox, contact: Contact) -> None:
    """The one that it was merged into has its e-mail now, and is linked."""
    emails = [
        {"value": "j@example.net", "primary": True, "label": "work"},
        {"value": "jordan@example.com", "primary": False, "label": "work"},
    ]
    winner = sandbox.add("persons", name="J. Ames", emails=emails)
    world.persons[1]["is_deleted"] = True
    change_contact(contact, {"phone": "+2"})

    bench.settle()

    contact.refresh_from_db()
    assert contact.pipedrive_person_id == winner["id"]
    assert state(contact) == "synced"


def test_an_activity_of_a_deleted_person_waits_for_it(
    bench: Bench, world: World, alice: User, contact: Contact
) -> None:
    """The refusal shows that the person is gone; the activity follows when the person is made anew."""
    world.persons[1]["is_deleted"] = True
    activity = log(alice, contact, type="CALL")
    bench.settle()
    contact.refresh_from_db()
    assert contact.pipedrive_sync_error_code == "deleted"
    assert not world.activities
    activity.refresh_from_db()
    assert not activity.pipedrive_sync_failed

    retry(contact)
    bench.settle()

    assert len(world.activities) == 1


def test_a_contact_of_a_deleted_organization(bench: Bench, world: World, alice: User, contact: Contact) -> None:
    """The next contact of it finds that it is gone, says so, and goes on when a person has it made anew."""
    world.organizations[1]["is_deleted"] = True
    second = add_contact(alice, name="Robin Vale", organization=MILLS, warmness_score=5)
    bench.settle()
    second.refresh_from_db()
    assert second.pipedrive_sync_error_code == "organization_failed"
    organization = Organization.objects.get()
    assert organization.pipedrive_sync_error_code == "deleted"

    retry(organization)
    bench.settle()

    second.refresh_from_db()
    assert second.pipedrive_person_id is not None
    assert len(world.organizations) == 2


def test_a_deleted_activity_is_unlinked(bench: Bench, world: World, alice: User, contact: Contact) -> None:
    """Shown with that reason, and made anew only when a person asks."""
    activity = log(alice, contact, type="CALL")
    bench.settle()
    world.activities[1]["is_deleted"] = True
    activity.refresh_from_db()
    change_activity(activity, {"subject": "Other"})
    bench.settle(60 * 60)
    activity.refresh_from_db()
    assert (activity.pipedrive_activity_id, activity.pipedrive_sync_error_code) == (None, "deleted")
    assert len(world.activities) == 1

    retry(activity)
    bench.settle()

    activity.refresh_from_db()
    assert activity.pipedrive_activity_id == 2


def test_the_mark_finds_a_record_that_the_database_forgot(bench: Bench, world: World, alice: User) -> None:
    """A restored backup knows the contact and not its person; without an e-mail, our own id in Pipedrive tells."""
    contact = add_contact(alice, name="Jordan Ames", warmness_score=5)
    bench.settle()
    Contact.objects.filter(pk=contact.pk).update(pipedrive_person_id=None)
    bench.clock.sleep(60)

    bench.settle()

    contact.refresh_from_db()
    assert contact.pipedrive_person_id == 1
    assert len(world.persons) == 1


@pytest.mark.parametrize("mark", [True, False])
def test_the_mark_is_a_setting(bench: Bench, world: World, alice: User, *, mark: bool) -> None:
    """Made once for each kind, or not at all."""
    for name in ("Jordan Ames", "Robin Vale"):
        add_contact(alice, name=name, organization=MILLS, warmness_score=5)

    bench.under(mark=mark).settle()

    for kind in ("persons", "organizations"):
        assert [field["field_name"] for field in world.fields[kind]].count("Warmline ID") == mark
    assert len(world.persons) == 2


def test_a_full_address_outlives_a_new_country(bench: Bench, world: World, sandbox: Sandbox, contact: Contact) -> None:
    """The line of text that a colleague wrote stays; only the country is ours to change."""
    line = "Hauptstr. 1, 10115 Berlin"
    sandbox.people.change("organizations", 1, address={"value": line, "country": "Germany"})
    change_organization(Organization.objects.get(), {"country": "Austria"})

    bench.settle()

    assert world.organizations[1]["address"] == {"value": line, "country": "Austria"}


def test_a_colleagues_industry_outlives_a_new_sector(bench: Bench, world: World, alice: User, sandbox: Sandbox) -> None:
    """A sector of ours goes into our field; the industry that someone chose is not ours to change."""
    details = OrganizationDetails(name="Larkspur Mills", sector="Baskets")
    add_contact(alice, name="Jordan Ames", organization=details, warmness_score=5)
    bench.settle()
    sandbox.people.change("organizations", 1, industry=31)
    change_organization(Organization.objects.get(), {"sector": "Wickerwork"})

    bench.settle()

    assert world.organizations[1]["industry"] == 31
    assert "Wickerwork" in world.organizations[1]["custom_fields"].values()


def test_a_due_moment_is_one_value(bench: Bench, world: World, alice: User, sandbox: Sandbox, contact: Contact) -> None:
    """A new time here and a new date there are one conflict: Pipedrive's moment is kept whole, and told."""
    activity = log(alice, contact, type="CALL", due_date=date(2030, 1, 10), due_time=time(10, 0))
    bench.settle()
    sandbox.people.change("activities", 1, due_date="2030-01-20")
    activity.refresh_from_db()
    change_activity(activity, {"due_time": time(11, 0)})

    bench.settle()

    assert (world.activities[1]["due_date"], world.activities[1]["due_time"][:5]) == ("2030-01-20", "10:00")
    assert "2030-01-20 10:00" in Notification.objects.get(kind="change_kept").text
    assert state(activity) == "synced"


def test_an_update_that_comes_late_undoes_no_later_one(
    bench: Bench, world: World, sandbox: Sandbox, contact: Contact
) -> None:
    """While an unanswered update may still come to be, no newer one is sent for that row."""
    fault = Fault(kind="late_commit", method="PATCH", path="/api/v2/persons/*", times=1, delay=15)
    sandbox.faults.add(fault)
    change_contact(contact, {"name": "Jordan B"})
    bench.engine.step(bench.clock.now())
    change_contact(contact, {"name": "Jordan C"})

    bench.settle(120)

    assert world.persons[1]["name"] == "Jordan C"
    assert state(contact) == "synced"


def test_a_deleted_activity_stays_deleted(
    bench: Bench, world: World, alice: User, sandbox: Sandbox, contact: Contact
) -> None:
    """Also when its contact is deleted later, and made anew."""
    activity = log(alice, contact, type="CALL")
    bench.settle()
    sandbox.people.delete("activities", 1)
    activity.refresh_from_db()
    change_activity(activity, {"note": "n"})
    bench.settle()
    sandbox.people.delete("persons", 1)
    change_contact(contact, {"phone": "+2"})
    bench.settle()
    contact.refresh_from_db()
    retry(contact)

    bench.settle()

    assert list(world.activities) == [1]


def test_a_merged_person_is_followed_by_its_old_e_mail(
    bench: Bench, world: World, sandbox: Sandbox, contact: Contact
) -> None:
    """An e-mail edited here since is not what it is found by; and a stranger who has the new one is left alone."""
    work = {"primary": True, "label": "work"}
    winner = sandbox.add("persons", name="J. Ames", emails=[{"value": "j@example.net", **work}])
    stranger = sandbox.add("persons", name="Somebody Else", emails=[{"value": "new@example.org", **work}])
    sandbox.people.merge("persons", 1, winner["id"])
    change_contact(contact, {"email": "new@example.org"})

    bench.settle()

    contact.refresh_from_db()
    assert contact.pipedrive_person_id == winner["id"]
    assert {email["value"] for email in world.persons[winner["id"]]["emails"]} == {"j@example.net", "new@example.org"}
    assert world.persons[stranger["id"]]["name"] == "Somebody Else"


def test_an_organization_is_made_anew_for_who_asks(
    bench: Bench, world: World, sandbox: Sandbox, contact: Contact
) -> None:
    """Although no contact waits for it: all of them are linked."""
    organization = Organization.objects.get()
    sandbox.people.delete("organizations", 1)
    change_organization(organization, {"country": "Austria"})
    bench.settle()
    assert state(organization) == "failed"
    organization.refresh_from_db()

    retry(organization)
    bench.settle()

    organization.refresh_from_db()
    assert organization.pipedrive_org_id == 2
    assert state(organization) == "synced"


def test_an_organization_that_cannot_be_updated_is_told(
    bench: Bench, sandbox: Sandbox, alice: User, contact: Contact
) -> None:
    """The user of its contact hears of it, once, and may try again."""
    sandbox.faults.add(Fault(kind="error", method="PATCH", path="/api/v2/organizations/*"))
    change_organization(Organization.objects.get(), {"country": "Austria"})

    bench.settle(60 * 60)

    assert [note.user for note in Notification.objects.filter(kind="organization_failed")] == [alice]
    assert retry_all(alice) == 1


def test_an_edit_during_a_refused_create_is_tried_at_once(
    bench: Bench, world: World, meddler: Meddler, alice: User
) -> None:
    """The verdict is on what was sent, not on what the row says by now."""
    contact = add_contact(alice, name="Jordan Ames", warmness_score=5)

    def refuse_while_edited() -> httpx.Response:
        change_contact(Contact.objects.get(pk=contact.pk), {"name": "Jordan Amesbury"})
        return httpx.Response(400, json={"success": False, "error": "name is not valid", "code": "ERR_BAD_REQUEST"})

    meddler.once("POST", "/api/v2/persons", refuse_while_edited)
    bench.settle()

    assert meddler.is_done
    assert world.persons[1]["name"] == "Jordan Amesbury"
    assert not Notification.objects.filter(kind="contact_failed").exists()


def test_a_deactivated_type_is_not_sent_with_another_change(
    bench: Bench, world: World, alice: User, contact: Contact
) -> None:
    """Only what was changed here goes over."""
    activity = log(alice, contact, type="MEETING")
    bench.settle()
    world.set_activity_type_active("meeting", active=False)
    bench.clock.sleep(7200)
    activity.refresh_from_db()
    change_activity(activity, {"note": "n"})

    bench.settle()

    assert (world.activities[1]["type"], world.activities[1]["note"]) == ("meeting", "n")
