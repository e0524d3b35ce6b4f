"""What is leased is what is made: a row that is edited on the way is brought over as it is by then."""

from collections.abc import Callable
from typing import Any

import pytest
from bench_engine import Bench
from meddler import Meddler
from who import emails_of, klaus, stated

from warmline.crm.activities import Activity
from warmline.crm.book import OrganizationDetails, add_contact, change_contact, change_organization, log_activity
from warmline.crm.models import Contact, Organization
from warmline.crm.users import User
from warmline.sandbox import Fault, Sandbox, World
from warmline.sync.models import Lease

pytestmark = pytest.mark.django_db

MILLS = OrganizationDetails("Larkspur Mills")
DAY_AND_HOUR = 25 * 3600


def works(bench: Bench) -> list[Any]:
    """Return what is due."""
    return bench.engine.due(bench.clock.now())


@pytest.mark.parametrize("who", ["the twin is at it", "the twin comes later"])
def test_an_e_mail_edited_before_the_lease_is_the_one_that_is_leased(
    bench: Bench, world: World, meddler: Meddler, alice: User, bob: User, who: str
) -> None:
    """Two contacts that have one e-mail by now never make it side by side."""
    contact = add_contact(alice, name="Jordan Ames", email="old@example.com", warmness_score=5)
    (stale,) = works(bench)
    brought: list[bool] = []
    twin = add_contact(bob, name="Jordan Ames", email="new@example.com", warmness_score=5)
    change_contact(contact, {"email": "new@example.com"})
    if who == "the twin is at it":
        meddler.once("GET", "/api/v2/persons", lambda: brought.append(bench.engine.bring(stale)))
        bench.engine.bring(next(work for work in works(bench) if work.row_id == twin.pk))
        assert brought == [False]
        assert meddler.is_done
    else:
        assert not bench.engine.bring(stale)

    bench.settle()

    (person_id,) = world.persons
    assert set(Contact.objects.values_list("pipedrive_person_id", flat=True)) == {person_id}
    assert not Lease.objects.exists()


def test_an_e_mail_edited_while_it_is_looked_for_is_looked_for(
    bench: Bench, world: World, meddler: Meddler, alice: User, bob: User
) -> None:
    """Nobody is made with an address that the contact does not have any more."""
    twin = add_contact(bob, name="Jordan Ames", email="new@example.com", warmness_score=5)
    bench.searching().settle()
    contact = add_contact(alice, name="Jordan Ames", email="old@example.com", warmness_score=5)
    edit = lambda: change_contact(Contact.objects.get(pk=contact.pk), {"email": "new@example.com"})  # noqa: E731
    meddler.once("GET", "/api/v2/persons/search", edit)

    bench.searching().settle()

    assert meddler.is_done
    contact.refresh_from_db()
    twin.refresh_from_db()
    assert list(world.persons) == [contact.pipedrive_person_id] == [twin.pipedrive_person_id]


def test_a_twin_waits_for_who_got_its_e_mail_on_the_way(
    bench: Bench, world: World, meddler: Meddler, alice: User, bob: User
) -> None:
    """A person is being made with the old address; a moment later it has the new one, and is the twin's as well."""
    contact = add_contact(alice, name="Jordan Ames", email="old@example.com", warmness_score=5)
    made = []

    def meanwhile() -> None:
        change_contact(Contact.objects.get(pk=contact.pk), {"email": "new@example.com"})
        add_contact(bob, name="Jordan Ames", email="new@example.com", warmness_score=5)
        made.append([bench.engine.bring(work) for work in works(bench)])

    meddler.once("POST", "/api/v2/persons", meanwhile)
    bench.settle(30)

    assert made == [[False, False]]
    (person,) = world.persons.values()
    assert emails_of(person) == ["new@example.com"]
    assert set(Contact.objects.values_list("pipedrive_person_id", flat=True)) == {person["id"]}


@pytest.mark.parametrize("kind", ["no_answer_after", "no_answer"])
def test_a_twin_waits_for_a_create_under_another_e_mail(
    bench: Bench, world: World, sandbox: Sandbox, alice: User, bob: User, kind: Any
) -> None:
    """The same, where its answer is lost."""
    contact = add_contact(alice, name="Jordan Ames", email="old@example.com", warmness_score=5)
    sandbox.faults.add(Fault(kind=kind, method="POST", path="/api/v2/persons", times=1))
    bench.engine.step(bench.clock.now())
    change_contact(contact, {"email": "new@example.com"})
    add_contact(bob, name="Jordan Ames", email="new@example.com", warmness_score=5)

    bench.settle(120)

    (person,) = world.persons.values()
    assert emails_of(person) == ["new@example.com"]
    assert set(Contact.objects.values_list("pipedrive_person_id", flat=True)) == {person["id"]}


def test_an_edit_after_somebody_was_found_is_heeded(
    bench: Bench, world: World, meddler: Meddler, alice: User, colleagues: Callable[..., Any]
) -> None:
    """A mistyped address is mended while a stranger is being adopted: the stranger keeps theirs."""
    stranger = colleagues("Jordan Ames", "wrong@example.com")
    bench.fill_directory()
    contact = add_contact(alice, name="Jordan Ames", email="wrong@example.com", warmness_score=5)
    edit = lambda: change_contact(Contact.objects.get(pk=contact.pk), {"email": "right@example.com"})  # noqa: E731
    meddler.once("PATCH", f"/api/v2/persons/{stranger['id']}", edit)

    bench.settle()

    assert meddler.is_done
    contact.refresh_from_db()
    assert contact.pipedrive_person_id not in {None, stranger["id"]}
    assert emails_of(world.persons[stranger["id"]]) == ["wrong@example.com"]
    assert emails_of(world.persons[contact.pipedrive_person_id or 0]) == ["right@example.com"]


def test_an_organization_renamed_before_the_lease(
    bench: Bench, world: World, meddler: Meddler, alice: User, bob: User
) -> None:
    """While one is made, another gets its name: it is not made beside it, whichever name was leased."""
    add_contact(alice, name="Jordan Ames", organization=MILLS, warmness_score=5)
    other = add_contact(bob, name="Robin Vale", organization=OrganizationDetails("Osprey & Sons"), warmness_score=5)
    assert other.organization is not None

    def rename() -> None:
        change_organization(Organization.objects.get(name="Osprey & Sons"), {"name": "Osprey Group"})

    # The contact was read with its organization; then it is renamed, before the organization is leased.
    meddler.once("GET", "/api/v2/persons", rename)
    (work,) = [work for work in works(bench) if work.row_id == other.pk]
    bench.engine.bring(work)
    bench.settle()
    assert meddler.is_done

    assert sorted(each["name"] for each in world.organizations.values()) == ["Larkspur Mills", "Osprey Group"]
    assert not Lease.objects.exists()


def test_an_organizations_lost_create_is_not_the_next_ones_of_that_name(
    bench: Bench, world: World, sandbox: Sandbox, alice: User
) -> None:
    """Renamed before it was found: whoever gets its old name is told, and does not become it."""
    sandbox.faults.add(Fault(kind="no_answer_after", method="POST", path="/api/v2/organizations", times=1))
    add_contact(alice, name="Jordan Ames", organization=MILLS, warmness_score=5)
    bench.engine.step(bench.clock.now())
    first = Organization.objects.get()
    change_organization(first, {"name": "Larkspur Holding"})
    add_contact(alice, name="Robin Vale", organization=MILLS, warmness_score=5)

    bench.settle(120)

    first.refresh_from_db()
    second = Organization.objects.get(name="Larkspur Mills")
    assert world.organizations[first.pipedrive_org_id or 0]["name"] == "Larkspur Holding"
    assert first.pipedrive_org_id != second.pipedrive_org_id


def test_a_contacts_organization_changed_on_the_way(bench: Bench, world: World, meddler: Meddler, alice: User) -> None:
    """The person is made with the one that it has by then, or gets it at once."""
    contact = add_contact(alice, name="Jordan Ames", organization=MILLS, warmness_score=5)

    def move() -> None:
        change_contact(Contact.objects.get(pk=contact.pk), {"organization": OrganizationDetails("Osprey & Sons")})

    meddler.once("POST", "/api/v2/organizations", move)
    bench.settle()

    named = {each["id"]: each["name"] for each in world.organizations.values()}
    (person,) = world.persons.values()
    assert named[person["org_id"]] == "Osprey & Sons"
    assert stated(contact).sync_state == "synced"


def test_an_activity_leases_the_person_that_its_contact_has(
    bench: Bench, world: World, sandbox: Sandbox, alice: User, colleagues: Callable[..., Any]
) -> None:
    """Its contact was followed to another person before the activity was leased."""
    contact = klaus(alice)
    bench.settle()
    log_activity(alice, contact, type="CALL")
    (stale,) = works(bench)
    other = colleagues("Klaus Petersen", "k@example.net")
    Contact.objects.update(pipedrive_person_id=other["id"])

    assert not bench.engine.bring(stale)
    bench.settle()

    assert Activity.objects.get().replicated_to_pipedrive
    assert [each["participants"][0]["person_id"] for each in world.activities.values()] == [other["id"]]
