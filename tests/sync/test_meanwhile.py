"""What a person decides while an engine is at the same row wins over what the engine has found by then."""

import pytest
from bench_engine import Bench
from meddler import Meddler

from warmline.crm.book import OrganizationDetails, add_contact
from warmline.crm.models import Contact, Organization
from warmline.crm.users import User
from warmline.sandbox import Sandbox, World
from warmline.sync.retry import choose, retry

pytestmark = pytest.mark.django_db

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
