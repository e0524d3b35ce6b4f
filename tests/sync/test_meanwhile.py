"""What a person decides while an engine is at the same row wins over what the engine has found by then."""

from random import Random

import pytest
from bench_engine import Bench
from meddler import Meddler
from virtual_clock import VirtualClock

from warmline.crm.book import OrganizationDetails, add_contact, change_contact, change_organization
from warmline.crm.models import Contact, Organization
from warmline.crm.users import User
from warmline.pipedrive import Limiter, Pipedrive
from warmline.sandbox import Sandbox, World
from warmline.sync.engine.reconciler import Engine
from warmline.sync.policy import Policy
from warmline.sync.status.retry_and_choose import choose, retry

pytestmark = pytest.mark.django_db

TOKEN = "sandbox-token"
Row = Contact | Organization


@pytest.fixture(params=["persons", "organizations"])
def undecided(request: pytest.FixtureRequest, bench: Bench, sandbox: Sandbox, alice: User) -> tuple[str, Row]:
    """Return a row with two candidates that waits for a person, and of which kind they are."""
    email = [{"value": "jordan@example.com"}]
    for _ in range(2):
        if request.param == "persons":
            sandbox.add("persons", name="Jordan Ames", emails=email)
        else:
            sandbox.add("organizations", name="Larkspur Mills")
    firm = OrganizationDetails("Larkspur Mills") if request.param == "organizations" else None
    contact = add_contact(alice, name="Jordan Ames", email="jordan@example.com", organization=firm, warmness_score=5)
    bench.settle()
    row = contact.organization or contact
    row.refresh_from_db()
    assert row.pipedrive_sync_error_code == "ambiguous"
    return request.param, row


def test_what_is_found_is_not_linked_against_a_choice(
    bench: Bench, world: World, sandbox: Sandbox, meddler: Meddler, undecided: tuple[str, Row]
) -> None:
    """One candidate is gone when they are looked for again; a person wants a new one before the other is linked."""
    kind, row = undecided
    sandbox.people.delete(kind, 2)  # type: ignore[arg-type]
    retry(row)
    meddler.once("GET", f"/api/v2/{kind}/1", lambda: choose(row, None))

    bench.settle(30)

    row.refresh_from_db()
    assert getattr(row, row.LINK) == 3
    assert world.records[kind][getattr(row, row.LINK)]["name"] == row.name


def test_a_choice_is_not_put_off(bench: Bench, meddler: Meddler, undecided: tuple[str, Row]) -> None:
    """A person chooses while the engine finds once more that it cannot: it is carried out now, and not in a day."""
    kind, row = undecided
    retry(row)
    meddler.once("GET", f"/api/v2/{kind}/1", lambda: choose(row, 2))

    bench.settle(30)

    row.refresh_from_db()
    assert getattr(row, row.LINK) == 2


def test_whoever_gets_a_contacts_e_mail_while_its_create_waits_for_its_turn_is_the_same_person(
    meddler: Meddler, policy: Policy, clock: VirtualClock, alice: User, world: World
) -> None:
    """He is linked already, and his person bears the old e-mail in Pipedrive still."""
    limiter, sleep = Limiter(clock=clock), clock.sleep
    with Pipedrive("http://sandbox", TOKEN, transport=meddler, limiter=limiter, clock=clock) as pipedrive:
        bench = Bench(Engine(pipedrive, policy, clock, Random(7)), clock, policy, pipedrive).fill_directory()
        other = add_contact(alice, name="Jordan Ames", email="old@example.com", warmness_score=5)
        bench.settle()
        clock.sleep(60)
        contact = add_contact(alice, name="Jordan Ames", email="jordan@example.com", warmness_score=5)
        waits: list[float] = []

        def edited_meanwhile(seconds: float) -> None:
            if seconds > 30 and not waits:
                waits.append(seconds)
                change_contact(other, {"email": "jordan@example.com"})
            sleep(seconds)

        meddler.once("GET", "/api/v2/persons", lambda: limiter.pause(40))
        clock.sleep = edited_meanwhile  # type: ignore[method-assign]
        bench.settle(120)

    contact.refresh_from_db()
    other.refresh_from_db()
    assert waits
    assert contact.pipedrive_person_id == other.pipedrive_person_id
    assert len(world.persons) == 1


def test_what_is_edited_while_its_create_waits_for_its_turn_is_looked_for_anew(
    sandbox: Sandbox, meddler: Meddler, policy: Policy, clock: VirtualClock, alice: User, world: World
) -> None:
    """A turn can be a minute away. By then the row is somebody who is there already, and nobody is made."""
    there = sandbox.add("persons", name="Jordan Ames", emails=[{"value": "jordan@example.com"}])
    sandbox.add("organizations", name="Larkspur Mills")
    limiter, sleep = Limiter(clock=clock), clock.sleep
    with Pipedrive("http://sandbox", TOKEN, transport=meddler, limiter=limiter, clock=clock) as pipedrive:
        bench = Bench(Engine(pipedrive, policy, clock, Random(7)), clock, policy, pipedrive).fill_directory()
        add_contact(alice, name="Robin Vale", organization=OrganizationDetails("Tern Optics"), warmness_score=5)
        bench.settle()  # the account is known by now
        clock.sleep(60)
        firm = OrganizationDetails("Larkspur Mils")
        contact = add_contact(alice, name="Jordan Ames", email="old@example.com", organization=firm, warmness_score=5)
        waits: list[str] = []

        def edited_meanwhile(seconds: float) -> None:
            if seconds > 30 and "organization" not in waits:
                waits.append("organization")
                change_organization(Organization.objects.get(name="Larkspur Mils"), {"name": "Larkspur Mills"})
                meddler.once("GET", "/api/v2/organizations/1", lambda: limiter.pause(40))
            elif seconds > 30 and "contact" not in waits:
                waits.append("contact")
                change_contact(contact, {"email": "jordan@example.com"})
            sleep(seconds)

        meddler.once("GET", "/api/v2/organizations", lambda: limiter.pause(40))
        clock.sleep = edited_meanwhile  # type: ignore[method-assign]
        bench.settle(300)

    contact.refresh_from_db()
    assert waits == ["organization", "contact"]
    assert contact.pipedrive_person_id == there["id"]
    assert len(world.organizations) == 2
    assert len(world.persons) == 2
