"""The audit: what it finds, and what is no problem."""

from datetime import timedelta
from typing import Any

import pytest
from audit_desk import Desk
from bench_engine import Bench
from meddler import Meddler

from warmline.crm import book
from warmline.crm.activities import Activity
from warmline.crm.emails_phones import Labelled
from warmline.crm.models import Contact, Organization
from warmline.crm.users import User
from warmline.sandbox import Sandbox
from warmline.sync.audit.checking import Checks
from warmline.sync.audit.repairing import Repairs
from warmline.sync.audit_models import AuditedLink, Finding, Suspect
from warmline.sync.leases import Leases
from warmline.sync.status import audit_choices
from warmline.sync.status.audit_findings import described
from warmline.sync.status.retry_and_choose import choose

pytestmark = pytest.mark.django_db


@pytest.fixture
def team(bench: Bench, alice: User) -> list[Contact]:
    """Return some warm contacts in Pipedrive, each with an organization and an activity."""
    contacts = []
    for name in ("Vera Holm", "Bo Lind", "Ida Falk", "Tom Ek", "Una Berg", "Kai Dahl"):
        first = name.split()[0]
        contact = book.add_contact(
            alice,
            name=name,
            email=f"{first.casefold()}@example.com",
            phone="+46 8 1234567",
            warmness_score=8,
            organization=book.OrganizationDetails(f"{first}s Mill"),
        )
        contacts.append(contact)
    bench.settle()
    for contact in contacts:
        book.log_activity(alice, contact, type="CALL", subject=f"Call with {contact.name}")
    bench.settle()
    for contact in contacts:
        contact.refresh_from_db()
        assert contact.is_linked
    return contacts


def person_of(sandbox: Sandbox, contact: Contact) -> dict[str, Any]:
    """Return a contact's person as the sandbox has it."""
    return sandbox.world.persons[contact.pipedrive_person_id or 0]


def test_a_clean_account_is_clean(desk: Desk, team: list[Contact], sandbox: Sandbox) -> None:
    """Everything is compared, nothing is found, and it costs the pages that have to be read."""
    before = len(sandbox.world.calls)

    result = desk.audit()

    assert result.is_clean, Finding.objects.values()
    assert (result.warm, result.there) == (6, 6)
    assert result.compared == 18
    assert result.tokens == 30
    assert [call.path for call in sandbox.world.calls[before:]] == [
        "/api/v1/users/me",  # whose token it is, as before all work
        "/api/v2/persons",
        "/api/v2/organizations",
        "/api/v2/activities",
    ]


def test_each_kind_is_found_and_nothing_else(desk: Desk, team: list[Contact], sandbox: Sandbox) -> None:
    """What a colleague did there, and what was lost here."""
    vera, bo, ida, tom, una, kai = team
    world = sandbox.world
    sandbox.people.change("persons", vera.pipedrive_person_id or 0, name="Viola Holm")
    sandbox.people.change("persons", bo.pipedrive_person_id or 0, owner_id=2)
    sandbox.people.change("persons", ida.pipedrive_person_id or 0, label_ids=[])
    sandbox.people.change(
        "persons", tom.pipedrive_person_id or 0, org_id=Organization.objects.get(name="Unas Mill").pipedrive_org_id
    )
    sandbox.people.delete("persons", una.pipedrive_person_id or 0)
    sandbox.add("persons", name="Kai Dahl", emails=[{"value": "KAI@example.com", "primary": True, "label": "work"}])
    twin = {**world.persons[bo.pipedrive_person_id or 0], "emails": []}
    sandbox.add("persons", name="Someone", custom_fields=twin["custom_fields"])
    calls = list(Activity.objects.order_by("pk"))
    sandbox.people.delete("activities", calls[0].pipedrive_activity_id or 0)
    sandbox.people.change("activities", calls[1].pipedrive_activity_id or 0, subject="Another subject")
    Contact.objects.filter(pk=kai.pk).update(phone="+46 8 7654321")

    desk.audit()

    assert desk.found() == {
        ("contact", vera.pk, "different"),
        ("contact", bo.pk, "owner"),
        ("contact", bo.pk, "double"),
        ("contact", ida.pk, "label"),
        ("contact", tom.pk, "organization"),
        ("contact", una.pk, "gone"),
        ("contact", kai.pk, "double"),
        ("contact", kai.pk, "different"),
        ("activity", calls[0].pk, "activity"),
        ("activity", calls[1].pk, "activity"),
    }
    assert set(Finding.objects.filter(mends_itself=True).values_list("row_id", "problem")) == {(kai.pk, "different")}


def test_what_an_adopted_person_has_is_no_problem(desk: Desk, bench: Bench, alice: User, sandbox: Sandbox) -> None:
    """Owner, organization and name of somebody who was there before are as they are."""
    mill = sandbox.add("organizations", name="Old Mill")
    entry = {"value": "vera@example.com", "primary": True, "label": "work"}
    person = sandbox.add("persons", name="Vera Holm-Lind", emails=[entry], owner_id=2, org_id=mill["id"])
    mine = book.OrganizationDetails("New Mill")
    contact = book.add_contact(alice, name="Vera Holm", email="vera@example.com", organization=mine, warmness_score=9)
    bench.settle()
    contact.refresh_from_db()
    assert contact.pipedrive_person_id == person["id"]
    sandbox.people.change("persons", person["id"], owner_id=1, org_id=None)

    assert desk.audit().is_clean, Finding.objects.values()


def test_an_owner_after_a_hand_over_is_no_problem(desk: Desk, team: list[Contact], bob: User, sandbox: Sandbox) -> None:
    """Neither that it stays in Pipedrive, nor that somebody follows there."""
    book.hand_over(Contact.objects.filter(pk__in=[team[0].pk, team[1].pk]), bob)
    sandbox.people.change("persons", team[1].pipedrive_person_id or 0, owner_id=2)

    assert desk.audit().is_clean, Finding.objects.values()


def test_whom_somebody_told_apart_is_no_double(desk: Desk, bench: Bench, alice: User, sandbox: Sandbox) -> None:
    """“Make a new one” says that the other person with this e-mail is somebody else; a third one is one too many."""
    entry = {"value": "desk@example.com", "primary": True, "label": "work"}
    sandbox.add("persons", name="Nora Dahl", emails=[entry])
    contact = book.add_contact(alice, name="Vera Holm", email="desk@example.com", warmness_score=9)
    bench.settle()
    contact.refresh_from_db()
    assert contact.pipedrive_candidates
    choose(contact, None)
    bench.settle()

    assert desk.audit().is_clean, Finding.objects.values()

    third = sandbox.add("persons", name="Vera Holm", emails=[entry])
    desk.audit()
    assert desk.found() == {("contact", contact.pk, "double")}
    assert Finding.objects.get().others == [third["id"]]


def test_two_contacts_with_one_person_are_in_line(desk: Desk, bench: Bench, team: list[Contact], bob: User) -> None:
    """Each has its own e-mail and phone there, and neither is missing the other's."""
    same = book.add_contact(bob, name="Vera Holm", email="vera@example.com", phone="+46 70 1", warmness_score=9)
    bench.settle()
    same.refresh_from_db()
    assert same.pipedrive_person_id == team[0].pipedrive_person_id
    assert desk.audit().is_clean, Finding.objects.values()

    book.change_contact(same, {"phone": "+46 70 2"})
    bench.settle()

    assert desk.audit().is_clean, Finding.objects.values()


def test_more_of_a_colleagues_is_no_difference(desk: Desk, team: list[Contact], sandbox: Sandbox) -> None:
    """Another e-mail, another label, a title, another spelling of a phone number."""
    person = person_of(sandbox, team[0])
    more = {"value": "more@example.com", "primary": False, "label": "home"}
    phones = [{**person["phones"][0], "value": "+46-8-123 45 67"}]
    emails, labels = [*person["emails"], more], [*person["label_ids"], 11]
    sandbox.people.change("persons", person["id"], emails=emails, label_ids=labels, phones=phones)

    assert desk.audit().is_clean, Finding.objects.values()


@pytest.fixture
def jordan(bench: Bench, alice: User) -> Contact:
    """Return a warm contact in Pipedrive with two e-mails and two phones."""
    emails = (Labelled("jordan@example.com"), Labelled("j.ames@example.org", "home"))
    phones = (Labelled("+49 30 5550100"), Labelled("+49 151 5550102", "mobile"))
    contact = book.add_contact(alice, name="Jordan Ames", warmness_score=8, emails=emails, phones=phones)
    bench.settle()
    contact.refresh_from_db()
    return contact


def change_phones(sandbox: Sandbox, contact: Contact, *phones: tuple[str, str]) -> None:
    """Have a colleague give a contact's person other phones; the first is the primary one."""
    entries = [{"value": value, "label": label, "primary": not at} for at, (value, label) in enumerate(phones)]
    sandbox.people.change("persons", contact.pipedrive_person_id or 0, phones=entries)


def phones_of(sandbox: Sandbox, contact: Contact) -> list[tuple[str, str]]:
    """Return the phones that a contact's person has."""
    return [(each["value"], each["label"]) for each in person_of(sandbox, contact)["phones"]]


def repair(desk: Desk, bench: Bench) -> None:
    """Have what was found repaired; then nothing is found any more."""
    for finding in Finding.objects.all():
        audit_choices.repair(finding)
    Repairs(desk.pipedrive, desk.policy, desk.clock).repair_all()
    bench.settle(30)
    assert desk.audit().is_clean, Finding.objects.values()


DESK, MOBILE, HOME = ("+49 30 5550100", "work"), ("+49 151 5550102", "mobile"), ("+44 20 79460000", "home")
FAX = (MOBILE[0], "Fax")


@pytest.mark.parametrize(
    ("there", "values", "after"),
    [
        pytest.param([DESK], {"phones": [[[*MOBILE]], [[MOBILE[0], None]]]}, [DESK, MOBILE], id="taken away"),
        pytest.param([DESK, FAX], {"phones": [[[*MOBILE]], [[*FAX]]]}, [DESK, MOBILE], id="labelled"),
        pytest.param(
            [HOME, DESK],
            {"phones": [[[*MOBILE]], [[MOBILE[0], None]]]},
            [HOME, DESK, MOBILE],
            id="taken away, and another added",
        ),
        pytest.param(
            [HOME, MOBILE], {"phones": [[[*DESK]], [[DESK[0], None]]]}, [HOME, MOBILE, DESK], id="another in its place"
        ),
        pytest.param([MOBILE], {"phones": [[[*DESK]], [[DESK[0], None]]]}, [MOBILE, DESK], id="no primary one"),
        pytest.param(
            [(DESK[0], "Fax"), MOBILE], {"phones": [[[*DESK]], [[DESK[0], "Fax"]]]}, [DESK, MOBILE], id="its label"
        ),
        pytest.param(
            [],
            {"phones": [[[*DESK], [*MOBILE]], [[DESK[0], None], [MOBILE[0], None]]]},
            [DESK, MOBILE],
            id="all taken away",
        ),
    ],
)
def test_each_of_several_that_was_changed_there_is_found(
    desk: Desk,
    bench: Bench,
    jordan: Contact,
    sandbox: Sandbox,
    there: list[tuple[str, str]],
    values: dict[str, Any],
    after: list[tuple[str, str]],
) -> None:
    """It alone, and once; accepted, it counts no more, whatever a colleague adds; repaired, it is there again."""
    change_phones(sandbox, jordan, *there)
    desk.audit()
    (finding,) = Finding.objects.all()
    assert (finding.problem, finding.mends_itself, finding.values) == ("different", False, values)

    audit_choices.accept(finding)
    change_phones(sandbox, jordan, *there, ("+44 20 79460001", "work"))
    assert desk.audit().is_clean, Finding.objects.values()

    change_phones(sandbox, jordan, *there)
    AuditedLink.objects.update(accepted={})  # as if nobody had
    desk.audit()
    repair(desk, bench)
    assert sorted(phones_of(sandbox, jordan)) == sorted(after)


@pytest.mark.parametrize(
    "there",
    [
        pytest.param([DESK, MOBILE, HOME], id="added"),
        pytest.param([HOME, DESK, MOBILE], id="added as the primary one"),
        pytest.param([MOBILE, DESK], id="another of ours is the primary one"),
        pytest.param([DESK, ("+49 (151) 5550102", "mobile")], id="spelled otherwise"),
    ],
)
def test_what_a_colleague_adds_to_several_is_no_difference(
    desk: Desk, jordan: Contact, sandbox: Sandbox, there: list[tuple[str, str]]
) -> None:
    """All of ours are there."""
    change_phones(sandbox, jordan, *there)

    assert desk.audit().is_clean, Finding.objects.values()


def test_the_first_one_that_only_a_colleague_has_is_no_difference(
    desk: Desk, bench: Bench, alice: User, sandbox: Sandbox
) -> None:
    """The contact has no phone here, and none was taken away."""
    contact = book.add_contact(alice, name="Kim Castell", email="kim@example.com", warmness_score=8)
    bench.settle()
    contact.refresh_from_db()
    change_phones(sandbox, contact, HOME)

    assert desk.audit().is_clean, Finding.objects.values()


@pytest.mark.parametrize(
    ("here", "values"),
    [
        pytest.param([MOBILE, HOME], {"phones": [[[*HOME]], [[HOME[0], None]]]}, id="added"),
        pytest.param([], {"phones": [[[MOBILE[0], None]], [[*MOBILE]]]}, id="taken away"),
        pytest.param([(MOBILE[0], "home")], {"phones": [[[MOBILE[0], "home"]], [[*MOBILE]]]}, id="labelled"),
    ],
)
def test_one_of_several_that_was_never_sent_is_sent_without_anybody(
    desk: Desk,
    bench: Bench,
    jordan: Contact,
    sandbox: Sandbox,
    here: list[tuple[str, str]],
    values: dict[str, Any],
) -> None:
    """Whatever has lost it, such as a database that was restored; what a colleague has added stays."""
    theirs = ("+44 20 79460001", "work")
    change_phones(sandbox, jordan, DESK, MOBILE, theirs)
    Contact.objects.filter(pk=jordan.pk).update(more_phones=[[*each] for each in here])
    desk.audit()
    (finding,) = Finding.objects.all()
    assert (finding.problem, finding.mends_itself, finding.values) == ("different", True, values)
    assert audit_choices.repair_what_needs_nobody() == 1

    repair(desk, bench)

    assert sorted(phones_of(sandbox, jordan)) == sorted([DESK, theirs, *here])


def test_a_place_that_was_never_sent_is_sent(desk: Desk, bench: Bench, jordan: Contact, sandbox: Sandbox) -> None:
    """Another of the same phones is the primary one here."""
    moved = {"phone": MOBILE[0], "phone_label": MOBILE[1], "more_phones": [[*DESK]]}
    Contact.objects.filter(pk=jordan.pk).update(**moved)
    desk.audit()
    assert Finding.objects.get().values == {"phone": [MOBILE[0], DESK[0]]}

    repair(desk, bench)

    assert [each["value"] for each in person_of(sandbox, jordan)["phones"] if each["primary"]] == [MOBILE[0]]


def test_what_is_accepted_of_several_stays_accepted(desk: Desk, jordan: Contact, sandbox: Sandbox) -> None:
    """Each by itself: a second one is found alone, and in words."""
    change_phones(sandbox, jordan, DESK)
    desk.audit()
    audit_choices.accept(Finding.objects.get())
    change_phones(sandbox, jordan, (DESK[0], "Fax"))
    desk.audit()
    (finding,) = Finding.objects.all()
    assert finding.values == {"phones": [[[*DESK]], [[DESK[0], "Fax"]]]}
    text = described([finding])[0].text
    assert text == f"In Pipedrive, among the phones is “{DESK[0]} (Fax)”; here it is “{DESK[0]} (work)”."
    audit_choices.accept(finding)

    assert desk.audit().is_clean, Finding.objects.values()


def test_a_row_that_is_on_its_way_is_no_problem(desk: Desk, team: list[Contact], sandbox: Sandbox) -> None:
    """What was changed here and not sent yet, what a worker holds, and what belongs in Pipedrive since a minute."""
    vera, bo, ida, *_ = team
    for contact in (vera, bo, ida):
        sandbox.people.change("persons", contact.pipedrive_person_id or 0, name="Somebody Else")
    book.change_contact(vera, {"name": "Viola Holm"})
    later = desk.clock.now() + timedelta(minutes=1)
    new = Contact.objects.create(owner=vera.owner, name="New", warmness_score=9, next_pipedrive_sync_attempt=later)
    with Leases(desk.clock).hold_row("contact", bo.pk, "person:bo"):
        desk.audit()

    assert desk.found() == {("contact", ida.pk, "different")}
    assert not new.is_linked


def test_a_row_that_changes_during_its_check_is_left_alone(
    desk: Desk, team: list[Contact], sandbox: Sandbox, meddler: Meddler
) -> None:
    """Whoever sends it meanwhile knows better."""
    vera = team[0]
    sandbox.people.change("persons", vera.pipedrive_person_id or 0, name="Viola Holm")
    Suspect.objects.create(kind="contact", row_id=vera.pk)
    path = f"/api/v2/persons/{vera.pipedrive_person_id}"
    meddler.once("GET", path, lambda: book.change_contact(vera, {"name": "Vera Lind"}))

    Checks(desk.pipedrive, desk.policy, desk.clock).check(Suspect.objects.get(), 1)

    assert meddler.is_done
    assert not Finding.objects.exists()
    assert not Suspect.objects.exists()


def test_what_was_right_on_the_page_and_wrong_before_is_no_problem(
    desk: Desk, team: list[Contact], sandbox: Sandbox
) -> None:
    """A list may show what was so a moment ago; each suspect is looked at again."""
    vera = team[0]
    Suspect.objects.create(kind="contact", row_id=vera.pk, others=[vera.pipedrive_person_id])

    assert desk.audit().is_clean


def test_an_organization_that_is_gone_is_found_once(desk: Desk, team: list[Contact], sandbox: Sandbox) -> None:
    """Its contacts have lost it in Pipedrive as well, which is no problem of their own."""
    organization = team[0].organization
    assert organization is not None
    sandbox.people.delete("organizations", organization.pipedrive_org_id or 0)
    sandbox.people.change("persons", team[0].pipedrive_person_id or 0, org_id=None)

    desk.audit()

    assert desk.found() == {("organization", organization.pk, "gone")}


def test_what_is_missing_is_found(desk: Desk, team: list[Contact], alice: User) -> None:
    """A contact and an activity that nobody has sent for long, one that would never be, and one that nobody decided."""
    long_ago, never = desk.clock.now() - timedelta(days=1), desk.clock.now() + timedelta(days=3650)
    lost = Contact.objects.create(owner=alice, name="L", warmness_score=9, next_pipedrive_sync_attempt=long_ago)
    hidden = Contact.objects.create(owner=alice, name="H", warmness_score=9, next_pipedrive_sync_attempt=never)
    Contact.objects.create(owner=alice, name="Cold", warmness_score=1, next_pipedrive_sync_attempt=long_ago)
    call = Activity.objects.create(contact=team[0], type="CALL", subject="C", time_zone="UTC", replicate=True)
    undecided = Activity.objects.create(contact=team[0], type="CALL", subject="U", time_zone="UTC", replicate=None)
    Activity.objects.update(created_at=long_ago)
    Activity.objects.filter(pk=call.pk).update(next_pipedrive_sync_attempt=long_ago)

    result = desk.audit()

    rows = {("contact", lost.pk), ("contact", hidden.pk), ("activity", call.pk), ("activity", undecided.pk)}
    assert desk.found() == {(*row, "missing") for row in rows}
    assert (result.warm, result.there) == (8, 6)
