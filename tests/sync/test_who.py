"""Who is who: whom a contact is taken for, when a person decides, and whose name a new name becomes."""

from collections.abc import Callable
from typing import Any

import pytest
from bench_engine import Bench
from who import OFFICE, klaus, stated

from warmline.crm.book import OrganizationDetails, add_contact, change_contact, change_organization
from warmline.crm.models import Contact, Organization
from warmline.crm.users import User
from warmline.sandbox import Sandbox, World
from warmline.sync.models import Attempt, Notification
from warmline.sync.status.contact_report import report
from warmline.sync.status.retry_and_choose import choose, retry
from warmline.sync.status.state_explanation import explain

pytestmark = pytest.mark.django_db

MILLS = OrganizationDetails("Larkspur Mills")
DAY_AND_HOUR = 25 * 3600


@pytest.mark.parametrize(
    "name", ["Klaus Petersen", "K. Petersen", "PETERSEN, Klaus", "Klaus", OFFICE, "Dr. Klaus Petersen (Acme GmbH)"]
)
def test_who_has_e_mail_and_name_is_adopted(
    either: Bench, world: World, alice: User, colleagues: Callable[..., Any], name: str
) -> None:
    """However the name is written; whoever is named by the address may be anybody."""
    person = colleagues(name, "Office@ACME.example.com")
    contact = klaus(alice)

    either.settle(30)

    contact.refresh_from_db()
    assert contact.pipedrive_person_id == person["id"]
    assert world.persons[person["id"]]["name"] == name
    assert len(world.persons) == 1


def test_another_name_is_for_a_person_to_decide(
    either: Bench, world: World, alice: User, colleagues: Callable[..., Any]
) -> None:
    """Nothing of hers is changed, both names are told everywhere, and so they are for who tries again."""
    petra = colleagues("Petra Maier", OFFICE)
    before = dict(world.persons[petra["id"]])
    contact = klaus(alice)

    either.settle(30)

    row = stated(contact)
    assert (row.sync_state, row.pipedrive_sync_error_code, row.pipedrive_sync_error_field) == (
        "failed",
        "ambiguous",
        "email",
    )
    assert row.pipedrive_candidates == [{"pipedrive_id": petra["id"], "name": "Petra Maier"}]
    assert world.persons == {petra["id"]: before}
    told = (
        row.pipedrive_sync_error_message,
        Notification.objects.get(kind="contact_failed").text,
        explain(row, either.policy).text,
        " ".join(report(contact.pk, either.policy)),
        Attempt.objects.get(kind="contact").text,
    )
    for text in told:
        assert "Petra Maier" in text
        assert "Klaus Petersen" in text
    assert not explain(row, either.policy).can_be_retried


@pytest.mark.parametrize("choice", ["this one", "a new one"])
def test_a_choice_needs_no_agreement(
    either: Bench, world: World, alice: User, colleagues: Callable[..., Any], choice: str
) -> None:
    """A person says that Petra is Klaus, or that he is somebody else; nothing else of hers is changed."""
    petra = colleagues("Petra Maier", OFFICE)
    contact = klaus(alice, phone="+49 30 5550100")
    either.settle(30)
    contact.refresh_from_db()

    choose(contact, petra["id"] if choice == "this one" else None)
    either.settle(30)

    contact.refresh_from_db()
    is_hers = choice == "this one"
    assert (contact.pipedrive_person_id == petra["id"]) is is_hers
    assert len(world.persons) == 2 - is_hers
    ours = {"label_ids", "update_time"}
    after = world.persons[petra["id"]]
    assert {each: after[each] for each in after.keys() - ours} == {each: petra[each] for each in petra.keys() - ours}
    assert bool(after["label_ids"]) is is_hers


def test_of_several_none_is_adopted(either: Bench, alice: User, colleagues: Callable[..., Any]) -> None:
    """Not even if one of them bears his name."""
    ids = [colleagues(name, OFFICE)["id"] for name in ("Petra Maier", "Klaus Petersen")]
    contact = klaus(alice)

    either.settle(30)

    contact.refresh_from_db()
    assert [each["pipedrive_id"] for each in contact.pipedrive_candidates] == ids
    assert contact.pipedrive_sync_error_message == (
        "Pipedrive has 2 persons with this e-mail: “Petra Maier”, “Klaus Petersen”. The name here is “Klaus Petersen”. "
        "Choose one, or create a new record."
    )


def test_who_was_made_meanwhile_is_a_candidate_too(
    bench: Bench, sandbox: Sandbox, alice: User, colleagues: Callable[..., Any]
) -> None:
    """What the directory knows does not settle it, so a look is taken before a person is asked."""
    petra = colleagues("Petra Maier", OFFICE)
    bench.fill_directory()
    bench.clock.sleep(60)
    other = colleagues("Klaus Petersen", OFFICE)
    contact = klaus(alice)
    Contact.objects.update(next_pipedrive_sync_attempt=bench.clock.now())

    bench.settle()

    contact.refresh_from_db()
    assert [each["pipedrive_id"] for each in contact.pipedrive_candidates] == [petra["id"], other["id"]]


def test_who_has_the_e_mail_no_more_is_nobody(
    bench: Bench, sandbox: Sandbox, world: World, alice: User, colleagues: Callable[..., Any]
) -> None:
    """The directory is as old as its last look; the get shows what the person has by now."""
    other = colleagues("Klaus Petersen", OFFICE)
    bench.fill_directory()
    sandbox.people.change("persons", other["id"], emails=[{"value": "k@example.net", "primary": True}])
    contact = klaus(alice)

    bench.settle()

    contact.refresh_from_db()
    assert contact.pipedrive_person_id not in {None, other["id"]}
    assert len(world.persons) == 2


def test_a_retry_of_who_has_another_name_tells_nothing_new(
    bench: Bench, world: World, alice: User, colleagues: Callable[..., Any]
) -> None:
    """Day after day the same is found, and told once."""
    colleagues("Petra Maier", OFFICE)
    contact = klaus(alice)
    bench.settle(3 * DAY_AND_HOUR)
    assert Notification.objects.filter(kind="contact_failed").count() == 1
    assert len(world.persons) == 1

    contact.refresh_from_db()
    retry(contact)
    bench.settle()

    assert stated(contact).pipedrive_candidates


@pytest.fixture
def chosen(bench: Bench, alice: User, colleagues: Callable[..., Any]) -> Contact:
    """Return Klaus, who is Petra in Pipedrive, as a person said."""
    petra = colleagues("Petra Maier", OFFICE)
    contact = klaus(alice)
    bench.settle()
    contact.refresh_from_db()
    choose(contact, petra["id"])
    bench.settle()
    contact.refresh_from_db()
    assert contact.pipedrive_person_id == petra["id"]
    return contact


def test_a_rename_leaves_another_name_alone(bench: Bench, world: World, alice: User, chosen: Contact) -> None:
    """Told once, and not at each later edit; the row is in line, and what else was changed goes over."""
    change_contact(chosen, {"name": "Klaus Petersson", "phone": "+2"})
    bench.settle()
    for changes in ({"name": "Klaus P."}, {"name": "Klaus Petersen", "phone": "+3"}):
        change_contact(chosen, changes)
        bench.settle()

    person = world.persons[chosen.pipedrive_person_id or 0]
    assert person["name"] == "Petra Maier"
    assert [each["value"] for each in person["phones"]] == ["+3"]
    row = stated(chosen)
    assert (row.name, row.sync_state) == ("Klaus Petersen", "synced")
    note = Notification.objects.get(kind="not_renamed")
    assert (note.user, note.contact) == (alice, chosen)
    assert "Petra Maier" in note.text
    assert "Klaus Petersson" in note.text
    assert "Petra Maier" in explain(row, bench.policy).text
    assert "Petra Maier" in report(chosen.pk, bench.policy)[0]
    assert not Notification.objects.filter(kind="change_kept").exists()


def test_a_rename_goes_to_who_had_the_name(
    bench: Bench, world: World, alice: User, colleagues: Callable[..., Any]
) -> None:
    """Spelled in another way, or by an address, it was the same person."""
    for name, email in (("K. PETERSEN", OFFICE), ("ana@example.org", "ana@example.org")):
        colleagues(name, email)
    contacts = [klaus(alice), add_contact(alice, name="Ana Reis", email="ana@example.org", warmness_score=5)]
    bench.settle()
    for contact, name in zip(contacts, ("Klaus Vale", "Ana Silva"), strict=True):
        change_contact(contact, {"name": name})

    bench.settle()

    assert [person["name"] for person in world.persons.values()] == ["Klaus Vale", "Ana Silva"]
    assert not Notification.objects.filter(kind="not_renamed").exists()


def test_a_name_that_was_never_ours_is_not_renamed_by_later_steps(bench: Bench, world: World, chosen: Contact) -> None:
    """Nor once the first change of the name is what both sides have seen."""
    for name in ("Petr Novak", "Petra Novak"):
        change_contact(chosen, {"name": name})
        bench.settle()
    assert world.persons[chosen.pipedrive_person_id or 0]["name"] == "Petra Maier"


def test_an_organization_named_otherwise_is_not_renamed(
    bench: Bench, world: World, sandbox: Sandbox, alice: User
) -> None:
    """Two of a name: the chosen one is renamed there before it is linked here."""
    ids = [sandbox.add("organizations", name="Larkspur Mills")["id"] for _ in range(2)]
    add_contact(alice, name="Jordan Ames", organization=MILLS, warmness_score=5)
    bench.settle()
    sandbox.people.change("organizations", ids[0], name="Osprey & Sons")
    organization = Organization.objects.get()
    choose(organization, ids[0])
    bench.settle()
    for name in ("Larkspur Holding", "Larkspur Group"):
        change_organization(organization, {"name": name, "country": "Peru"})
        bench.settle()

    assert world.organizations[ids[0]]["name"] == "Osprey & Sons"
    assert world.organizations[ids[0]]["address"]["country"] == "Peru"
    row = stated(organization)
    assert (row.name, row.sync_state) == ("Larkspur Group", "synced")
    assert "Osprey & Sons" in Notification.objects.get(kind="not_renamed").text
    assert "Osprey & Sons" in explain(row, bench.policy).text


def test_a_merged_one_is_followed_by_the_name_that_it_had_there(
    bench: Bench, world: World, sandbox: Sandbox, chosen: Contact, colleagues: Callable[..., Any]
) -> None:
    """Whoever was chosen under another name."""
    winner = colleagues("Maier, P.", "p@example.net")
    sandbox.people.merge("persons", chosen.pipedrive_person_id or 0, winner["id"])
    change_contact(chosen, {"phone": "+2"})

    bench.settle()

    row = stated(chosen)
    assert (row.pipedrive_person_id, row.sync_state) == (winner["id"], "synced")
    assert [each["value"] for each in world.persons[winner["id"]]["phones"]] == ["+2"]


def test_another_name_is_not_taken_over(bench: Bench, world: World, sandbox: Sandbox, chosen: Contact) -> None:
    """Renamed here and there at once, each keeps its own: the two were never one name."""
    sandbox.people.change("persons", chosen.pipedrive_person_id or 0, name="Petra Vale")
    change_contact(chosen, {"name": "Klaus Vale"})

    bench.settle()

    row = stated(chosen)
    assert (row.name, row.sync_state) == ("Klaus Vale", "synced")
    assert world.persons[chosen.pipedrive_person_id or 0]["name"] == "Petra Vale"
    assert {note.kind for note in Notification.objects.all()} >= {"not_renamed"}
    assert not Notification.objects.filter(kind="change_kept").exists()
