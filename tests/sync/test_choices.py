"""What a person chose is carried out, or asked for anew; and our own mark is always looked for."""

from collections.abc import Callable
from typing import Any

import pytest
from bench_engine import Bench
from meddler import Meddler
from who import OFFICE, klaus, stated

from warmline.crm.book import OrganizationDetails, add_contact
from warmline.crm.emails_phones import Labelled
from warmline.crm.models import Contact, Organization
from warmline.crm.users import User
from warmline.sandbox import Fault, Sandbox, World
from warmline.sync.models import Intent, Notification
from warmline.sync.status.retry_and_choose import choose

pytestmark = pytest.mark.django_db

MILLS = OrganizationDetails("Larkspur Mills")
DAY_AND_HOUR = 25 * 3600


@pytest.fixture
def torn(alice: User, colleagues: Callable[..., Any]) -> Callable[[Bench], tuple[Contact, list[int]]]:
    """Return what makes a contact that could be two persons."""

    def make(bench: Bench) -> tuple[Contact, list[int]]:
        ids = [colleagues(name, "jordan@example.com")["id"] for name in ("J. Ames", "Jordan A.")]
        contact = add_contact(alice, name="Jordan Ames", email="jordan@example.com", warmness_score=5)
        bench.settle(30)
        contact.refresh_from_db()
        assert [each["pipedrive_id"] for each in contact.pipedrive_candidates] == ids
        return contact, ids

    return make


@pytest.mark.parametrize("how", ["deleted", "merged"])
def test_a_choice_that_is_gone_is_asked_for_anew(
    either: Bench, world: World, sandbox: Sandbox, torn: Callable[..., Any], how: str
) -> None:
    """The choice is dropped, the candidates are those that there are, and another choice works."""
    contact, (first, second) = torn(either)
    if how == "deleted":
        sandbox.people.delete("persons", first)
    else:
        sandbox.people.merge("persons", first, second)
    choose(contact, first)

    either.settle(30)

    row = stated(contact)
    assert (row.sync_state, row.pipedrive_sync_error_code, row.pipedrive_chosen_id) == ("failed", "ambiguous", None)
    assert row.pipedrive_candidates == [{"pipedrive_id": second, "name": "Jordan A."}]
    assert "no longer in Pipedrive" in row.pipedrive_sync_error_message
    assert Notification.objects.filter(kind="contact_failed").count() == 2

    choose(row, second)
    either.settle(30)

    contact.refresh_from_db()
    assert contact.pipedrive_person_id == second
    assert world.persons.keys() == {first, second}


def test_a_choice_that_is_gone_with_all_others_makes_a_new_one(
    either: Bench, world: World, sandbox: Sandbox, torn: Callable[..., Any]
) -> None:
    """There is nothing left to choose from, and a warm lead belongs there."""
    contact, ids = torn(either)
    choose(contact, ids[0])
    for record_id in ids:
        sandbox.people.delete("persons", record_id)

    either.settle(30)

    contact.refresh_from_db()
    assert world.persons[contact.pipedrive_person_id or 0]["name"] == "Jordan Ames"
    assert len(world.persons) == 3


def test_another_choice_works_while_the_first_cannot_be_carried_out(
    bench: Bench, sandbox: Sandbox, torn: Callable[..., Any]
) -> None:
    """An attempt that fails for another reason forgets no candidate."""
    contact, (first, second) = torn(bench)
    sandbox.faults.add(Fault(kind="error", method="PATCH", path="/api/v2/persons/*"))
    choose(contact, first)
    bench.settle(60)
    assert stated(contact).pipedrive_sync_error_code == "uncertain"

    sandbox.faults.clear()
    choose(contact, second)
    bench.settle()

    contact.refresh_from_db()
    assert contact.pipedrive_person_id == second


def test_the_last_choice_counts(bench: Bench, world: World, meddler: Meddler, torn: Callable[..., Any]) -> None:
    """One that was made while the one before was being carried out, or found to be gone."""
    contact, (first, second) = torn(bench)
    choose(contact, first)
    meddler.once("GET", f"/api/v2/persons/{first}", lambda: choose(contact, second))

    bench.settle()

    assert meddler.is_done
    contact.refresh_from_db()
    assert contact.pipedrive_person_id == second
    assert world.persons[first]["label_ids"] == []


def test_a_chosen_organization_that_is_gone_is_asked_for_anew(
    either: Bench, world: World, sandbox: Sandbox, alice: User
) -> None:
    """The same for an organization, and its contact goes on with it."""
    first, second = [sandbox.add("organizations", name="Larkspur Mills")["id"] for _ in range(2)]
    contact = add_contact(alice, name="Jordan Ames", organization=MILLS, warmness_score=5)
    either.settle(30)
    organization = Organization.objects.get()
    choose(organization, first)
    sandbox.people.delete("organizations", first)
    either.settle(30)
    row = stated(organization)
    assert (row.pipedrive_sync_error_code, row.pipedrive_chosen_id) == ("ambiguous", None)
    assert [each["pipedrive_id"] for each in row.pipedrive_candidates] == [second]

    choose(row, second)
    either.settle(30)

    contact.refresh_from_db()
    organization.refresh_from_db()
    assert organization.pipedrive_org_id == world.persons[contact.pipedrive_person_id or 0]["org_id"] == second


@pytest.mark.parametrize("mark", [True, False])
@pytest.mark.parametrize("email", ["jordan@example.com", ""])
def test_what_was_made_a_day_ago_is_found(
    either: Bench, world: World, sandbox: Sandbox, alice: User, email: str, *, mark: bool
) -> None:
    """Its answer was lost, and then nothing worked for 25 hours: by our mark, else by all that was said."""
    if email:
        for name in ("Petra Maier", "Jordan A."):
            emails = [{"value": email, "primary": True, "label": "work"}]
            sandbox.add("persons", name=name, emails=emails)
    contact = add_contact(alice, name="Jordan Ames", email=email, warmness_score=5)
    if email:
        either.settle(30)
        contact.refresh_from_db()
        choose(contact, None)
    sandbox.faults.add(Fault(kind="no_answer_after", method="POST", path="/api/v2/persons", times=1))
    either.engine.step(either.clock.now())
    while not Intent.objects.exists():
        either.engine.step(either.clock.now())
    made = max(world.persons)
    either.clock.sleep(DAY_AND_HOUR)

    either.settle(60)

    contact.refresh_from_db()
    assert contact.pipedrive_person_id == made == max(world.persons)
    assert not Intent.objects.exists()


@pytest.mark.parametrize("mark", [True, False])
def test_an_organization_that_was_made_a_day_ago_is_found(
    either: Bench, world: World, sandbox: Sandbox, alice: User, *, mark: bool
) -> None:
    """The same, where two of its name are there beside."""
    for _ in range(2):
        sandbox.add("organizations", name="Larkspur Mills", owner_id=2)
    add_contact(alice, name="Jordan Ames", organization=MILLS, warmness_score=5)
    either.settle(30)
    organization = Organization.objects.get()
    choose(organization, None)
    sandbox.faults.add(Fault(kind="no_answer_after", method="POST", path="/api/v2/organizations", times=1))
    either.engine.step(either.clock.now())
    assert Intent.objects.exists()
    either.clock.sleep(DAY_AND_HOUR)

    either.settle(60)

    organization.refresh_from_db()
    assert organization.pipedrive_org_id == 3 == max(world.organizations)
    assert world.persons[1]["org_id"] == 3


def test_a_new_one_that_a_restored_backup_forgot_is_found(
    either: Bench, world: World, alice: User, colleagues: Callable[..., Any]
) -> None:
    """The backup knows that a new one was asked for, and not that it was made."""
    colleagues("Petra Maier", OFFICE)
    contact = klaus(alice)
    either.settle(30)
    contact.refresh_from_db()
    choose(contact, None)
    either.settle(30)
    forgotten = {"pipedrive_person_id": None, "pipedrive_make_new": True}
    Contact.objects.update(**forgotten, next_pipedrive_sync_attempt=either.clock.now())

    either.settle(30)

    contact.refresh_from_db()
    assert world.persons[contact.pipedrive_person_id or 0]["name"] == "Klaus Petersen"
    assert len(world.persons) == 2


def test_our_mark_needs_no_agreement(either: Bench, world: World, sandbox: Sandbox, alice: User) -> None:
    """Renamed there, its link forgotten here: it is ours all the same, though another has the e-mail by now."""
    contact = klaus(alice)
    either.settle(30)
    contact.refresh_from_db()
    own = contact.pipedrive_person_id or 0
    sandbox.people.change("persons", own, name="Somebody Else")
    emails = [{"value": OFFICE, "primary": True, "label": "work"}]
    sandbox.add("persons", name="Klaus Petersen", emails=emails)
    Contact.objects.update(pipedrive_person_id=None, next_pipedrive_sync_attempt=either.clock.now())

    either.settle(30)

    contact.refresh_from_db()
    assert contact.pipedrive_person_id == own


@pytest.mark.parametrize("is_lost", [False, True])
def test_a_new_one_is_no_second_one_of_a_twin(
    either: Bench, world: World, sandbox: Sandbox, alice: User, *, is_lost: bool
) -> None:
    """While a person was asked about somebody else, a twin got its record: it was not among those to choose from."""
    sandbox.add("persons", name="Kim Castell", emails=[{"value": "shared@example.com"}])
    emails = (Labelled("jordan@example.com"), Labelled("shared@example.com"))
    asked = add_contact(alice, name="Jordan Ames", emails=emails, warmness_score=5)
    either.settle(30)
    asked.refresh_from_db()
    assert [each["name"] for each in asked.pipedrive_candidates] == ["Kim Castell"]
    if is_lost:
        sandbox.faults.add(Fault(kind="no_answer_after", method="POST", path="/api/v2/persons", times=1))
    twin = add_contact(alice, name="Jordan Ames", email="jordan@example.com", warmness_score=5)
    either.settle(1 if is_lost else 30)
    choose(asked, None)
    either.settle(120)
    for contact in (asked, twin):
        contact.refresh_from_db()
    assert [each["name"] for each in world.persons.values()] == ["Kim Castell", "Jordan Ames"]
    assert asked.pipedrive_person_id == twin.pipedrive_person_id == 2
