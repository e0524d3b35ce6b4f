"""Another owner in Pipedrive, or our label taken off there, is found within seconds, as the audit would find it."""

from typing import Any

import pytest
from bench_engine import POLL_EVERY, Bench
from door_client import deliver

from warmline.crm import book
from warmline.crm.book import OrganizationDetails, add_contact
from warmline.crm.models import Contact, Organization
from warmline.crm.users import User
from warmline.sandbox import Sandbox, World
from warmline.sync.audit_models import Finding, Problem
from warmline.sync.status import audit_choices, audit_findings

BOB = 2
pytestmark = pytest.mark.django_db


@pytest.fixture
def contact(watching: Bench, alice: User, sandbox: Sandbox) -> Contact:
    """Return a contact that is in Pipedrive with its organization, all quiet."""
    organization = OrganizationDetails("Tidewater Mills")
    contact = add_contact(
        alice, name="Robin Vale", email="robin@example.com", organization=organization, warmness_score=9
    )
    watching.settle(20)
    sandbox.deliver(deliver)
    watching.settle(20)
    contact.refresh_from_db()
    return contact


def _soon(watching: Bench, sandbox: Sandbox) -> None:
    sandbox.deliver(deliver)
    watching.settle(1)
    watching.settle(1)


def _found() -> set[tuple[str, str]]:
    return set(Finding.objects.values_list("kind", "problem"))


CHANGES: list[tuple[Any, dict[str, Any], str, Problem]] = [
    ("persons", {"owner_id": BOB}, "contact", Problem.OWNER),
    ("persons", {"label_ids": []}, "contact", Problem.LABEL),
    ("organizations", {"owner_id": BOB}, "organization", Problem.OWNER),
]


@pytest.mark.parametrize("is_reported", [True, False])
@pytest.mark.parametrize(("kind", "change", "ours", "problem"), CHANGES)
def test_it_is_found_and_found_no_more(
    watching: Bench,
    contact: Contact,
    sandbox: Sandbox,
    world: World,
    kind: Any,
    change: dict[str, Any],
    ours: str,
    problem: Problem,
    *,
    is_reported: bool,
) -> None:
    """Reported or in a list, at the price of one get; and no more once Pipedrive has it again as it was."""

    def hear() -> None:
        if is_reported:
            _soon(watching, sandbox)
        else:
            sandbox.world.outgoing.clear()
            watching.settle(POLL_EVERY.total_seconds())
            watching.settle(5)

    before = {name: world.records[kind][1][name] for name in change}
    sandbox.people.change(kind, 1, **change)
    calls = len(world.calls)
    hear()
    assert _found() == {(ours, problem)}
    gets = [call.path for call in world.calls[calls:] if call.tokens == 1]
    assert gets == [f"/api/v2/{kind}/1"]
    row = contact if ours == "contact" else Organization.objects.get()
    assert len(audit_findings.of_row(row)) == 1
    calls = len(world.calls)
    sandbox.people.change(kind, 1, **change)
    hear()
    assert [call.path for call in world.calls[calls:] if call.tokens == 1] == []
    sandbox.people.change(kind, 1, **before)
    hear()
    assert _found() == set()


def test_what_is_accepted_is_found_no_more(watching: Bench, contact: Contact, sandbox: Sandbox, world: World) -> None:
    """And costs nothing when it is reported again."""
    sandbox.people.change("persons", 1, owner_id=BOB)
    _soon(watching, sandbox)
    audit_choices.accept(Finding.objects.get())
    calls = len(world.calls)
    sandbox.people.change("persons", 1, owner_id=BOB)
    _soon(watching, sandbox)
    assert (_found(), len(world.calls)) == (set(), calls)


def test_a_contact_that_is_handed_over_here_is_none(
    watching: Bench, contact: Contact, sandbox: Sandbox, bob: User
) -> None:
    """Its owner there may be another one than here, whoever changed it."""
    book.hand_over(Contact.objects.filter(pk=contact.pk), bob)
    sandbox.people.change("persons", 1, owner_id=BOB)
    _soon(watching, sandbox)
    assert _found() == set()


def test_an_adopted_record_keeps_its_owner(watching: Bench, alice: User, sandbox: Sandbox) -> None:
    """It is a colleague's, who may give it to somebody else."""
    sandbox.add("persons", name="Robin Vale", emails=[{"value": "robin@example.com", "primary": True}])
    add_contact(alice, name="Robin Vale", email="robin@example.com", warmness_score=9)
    watching.settle(20)
    sandbox.people.change("persons", 1, owner_id=BOB)
    _soon(watching, sandbox)
    assert _found() == set()
