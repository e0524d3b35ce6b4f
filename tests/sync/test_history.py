"""Every attempt is written down with what came of it, for people to read."""

import pytest
from bench_engine import Bench

from warmline.crm.book import OrganizationDetails, add_contact, change_contact, log_activity
from warmline.crm.models import Contact
from warmline.crm.users import User
from warmline.sandbox import Fault, Sandbox, World
from warmline.sync.history import attempts_of

pytestmark = pytest.mark.django_db


def told(row: Contact) -> list[tuple[bool, str]]:
    """Return the attempts of a contact, the earliest first."""
    return [(attempt.ok, attempt.text) for attempt in attempts_of(row).reverse()]


def test_failures_and_success_are_told_in_order(bench: Bench, sandbox: Sandbox, alice: User) -> None:
    """Two failures, the create, and a change, each with its reason or its result."""
    sandbox.faults.add(Fault(kind="error", method="POST", path="/api/v2/persons", times=2))
    contact = add_contact(alice, name="Jordan Ames", warmness_score=5)
    bench.settle(120)
    contact.refresh_from_db()
    change_contact(contact, {"name": "Jordan Amesbury"})
    bench.settle()

    attempts = told(contact)
    assert [ok for ok, _ in attempts] == [False, False, True, True]
    assert "Internal server error" in attempts[0][1]
    assert attempts[2][1] == f"Made in Pipedrive: person {contact.pipedrive_person_id}."
    assert attempts[3][1] == "Pipedrive has the latest changes."


def test_what_was_there_is_told_apart_from_what_was_made(
    bench: Bench, sandbox: Sandbox, world: World, alice: User
) -> None:
    """An adopted person and organization were found; an activity is made."""
    sandbox.add("organizations", name="Larkspur Mills")
    emails = [{"value": "jordan@example.com", "primary": True, "label": "work"}]
    sandbox.add("persons", name="J. Ames", emails=emails, org_id=1)
    mills = OrganizationDetails("Larkspur Mills")
    contact = add_contact(alice, name="Jordan Ames", email="jordan@example.com", organization=mills, warmness_score=5)
    activity = log_activity(alice, contact, type="CALL")
    bench.settle()

    assert told(contact) == [(True, "Found in Pipedrive and linked: person 1.")]
    assert contact.organization is not None
    assert attempts_of(contact.organization).get().text == "Found in Pipedrive and linked: organization 1."
    assert attempts_of(activity).get().text == "Made in Pipedrive: activity 1."
