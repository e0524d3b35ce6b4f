"""Every attempt is written down with what came of it, for people to read."""

from datetime import timedelta

import pytest
from bench_engine import Bench
from django.utils import timezone

from warmline.crm import chunks, retention
from warmline.crm.book import OrganizationDetails, add_contact, change_contact, log_activity
from warmline.crm.models import Contact
from warmline.crm.users import User
from warmline.sandbox import Fault, Sandbox, World
from warmline.sync import attempt_log
from warmline.sync.attempt_log import attempts_of

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
    assert attempts[2][1] == f"Created in Pipedrive: person {contact.pipedrive_person_id}."
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
    assert attempts_of(activity).get().text == "Created in Pipedrive: activity 1."


def test_old_attempts_are_forgotten(alice: User, bob: User) -> None:
    """After 90 days, however many there are, but for each row's latest."""
    now = timezone.now()
    jordan, kim = (add_contact(owner, name="Jordan Ames") for owner in (alice, bob))
    for days in (200, 100, 91, 89, 1):
        attempt_log.note(jordan, f"{days} days ago", ok=False, now=now - timedelta(days=days))
    for number in range(chunks.MOST + 100):
        attempt_log.note(kim, f"number {number}", ok=False, now=now - timedelta(days=200))
    retention.sweep(now)
    assert [text for _, text in told(jordan)] == ["89 days ago", "1 days ago"]
    assert [text for _, text in told(kim)] == [f"number {chunks.MOST + 99}"]
