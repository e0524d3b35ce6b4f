"""The audit: what it finds, what it does not, what it costs, and that it goes on where it was."""

from collections.abc import Callable
from typing import Any

import pytest
from audit_desk import Desk
from bench_engine import Bench

from warmline.crm import book
from warmline.crm.activities import Activity
from warmline.crm.models import Contact, Organization
from warmline.crm.users import User
from warmline.sandbox import Sandbox
from warmline.sync.audit_models import Audit, Finding, Problem
from warmline.sync.status import audit_choices

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
    return sandbox.world.persons[contact.pipedrive_person_id]


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
    sandbox.people.change("persons", vera.pipedrive_person_id, name="Viola Holm")
    sandbox.people.change("persons", bo.pipedrive_person_id, owner_id=2)
    sandbox.people.change("persons", ida.pipedrive_person_id, label_ids=[])
    sandbox.people.change("persons", tom.pipedrive_person_id, org_id=una.organization.pipedrive_org_id)
    sandbox.people.delete("persons", una.pipedrive_person_id)
    sandbox.add("persons", name="Kai Dahl", emails=[{"value": "KAI@example.com", "primary": True, "label": "work"}])
    twin = {**world.persons[bo.pipedrive_person_id], "emails": []}
    sandbox.add("persons", name="Someone", custom_fields=twin["custom_fields"])
    calls = list(Activity.objects.order_by("pk"))
    sandbox.people.delete("activities", calls[0].pipedrive_activity_id)
    sandbox.people.change("activities", calls[1].pipedrive_activity_id, subject="Another subject")
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
