"""Why a row is, or is not, in Pipedrive, in the words of its page; and where people see it there."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from warmline.crm.activities import Activity
from warmline.crm.book import OrganizationDetails, add_contact, log_activity
from warmline.crm.models import Contact, Organization
from warmline.crm.sync_columns import DELETED_THERE
from warmline.crm.users import User
from warmline.pipedrive import SystemClock
from warmline.sync.models import ConnectionState, Remembered
from warmline.sync.policy import Policy
from warmline.sync.remote import connection_health
from warmline.sync.retries import Trouble
from warmline.sync.row_state import with_state
from warmline.sync.status.contact_report import report
from warmline.sync.status.record_links import place
from warmline.sync.status.state_explanation import Explanation, explain

pytestmark = pytest.mark.django_db

FAILED = {
    "pipedrive_sync_failed": True,
    "pipedrive_sync_attempts": 1,
    "pipedrive_sync_error_code": "rejected",
    "pipedrive_sync_error_message": "Pipedrive refused this: email is not valid.",
}


@pytest.fixture(autouse=True)
def connected(settings: Settings) -> None:
    """Have a token."""
    settings.PIPEDRIVE_API_TOKEN = "sandbox-token"


@pytest.fixture
def kim(alice: User) -> Contact:
    """Return Kim, who is warm and works somewhere."""
    return add_contact(alice, name="Kim", organization=OrganizationDetails("Larkspur Mills"), warmness_score=5)


def why(row: Contact | Organization | Activity, policy: Policy, **values: Any) -> Explanation:
    """Return what is said of a row, with other values of its fields."""
    rows: Any = type(row)._default_manager.filter(pk=row.pk)
    if values:
        rows.update(**values)
    return explain(with_state(rows, threshold=policy.threshold, now=timezone.now()).get(), policy)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({}, "Waiting to be sent to Pipedrive as a Warm Lead."),
        ({"warmness_score": 2}, "Not sent: warmness is 2. From 4, it is sent to Pipedrive automatically"),
        ({"pipedrive_person_id": 7}, "In Pipedrive, with all changes made here."),
        ({"pipedrive_person_id": 7, "revision": 2}, "In Pipedrive. The latest changes are waiting to be sent."),
        (FAILED, "Pipedrive refused this: email is not valid."),
        ({**FAILED, "pipedrive_person_id": 7, "revision": 2}, "In Pipedrive, but without the latest changes."),
        (
            {**FAILED, "pipedrive_sync_failed": False, "pipedrive_sync_attempts": 2},
            "Waiting to be sent to Pipedrive as a Warm Lead. 2 of 3 attempts have failed so far. Pipedrive refused",
        ),
    ],
)
def test_a_contact(kim: Contact, policy: Policy, values: dict[str, Any], text: str) -> None:
    """In each state."""
    said = why(kim, policy, **values)
    assert said.text.startswith(text)
    assert said.can_be_retried == ("pipedrive_sync_failed" in values and values["pipedrive_sync_failed"])
    assert (said.next_attempt_at is not None) == ("pipedrive_sync_attempts" in values)


def test_a_choice_is_not_tried_again(kim: Contact, policy: Policy) -> None:
    """A person has to choose; trying again would only find the same."""
    candidates = [{"pipedrive_id": 1, "name": "Kim"}, {"pipedrive_id": 2, "name": "K."}]
    ambiguous = {**FAILED, "pipedrive_sync_error_code": "ambiguous", "pipedrive_candidates": candidates}
    said = why(kim, policy, **ambiguous)
    assert (said.can_be_retried, said.sync.candidates) == (False, candidates)


@pytest.mark.parametrize(
    ("score", "values", "text"),
    [
        (5, {}, "Waiting until Kim is in Pipedrive."),
        (2, {}, "Not sent: Kim is not warm."),
        (5, {"replicate": False}, "Not sent: logged before Kim was warm."),
    ],
)
def test_an_activity(kim: Contact, alice: User, policy: Policy, score: int, values: dict[str, Any], text: str) -> None:
    """It depends on its contact."""
    activity = log_activity(alice, kim, type="CALL")
    Contact.objects.update(warmness_score=score)
    assert why(activity, policy, **values).text == text


def test_an_organization(kim: Contact, policy: Policy) -> None:
    """It waits for a warm contact."""
    assert kim.organization
    assert why(kim.organization, policy).text == "Waiting to be sent to Pipedrive."
    Contact.objects.update(warmness_score=0)
    assert why(kim.organization, policy).text.startswith("Not sent: no warm contact needs it yet")


def test_a_pause(kim: Contact, policy: Policy) -> None:
    """While nothing can be sent, what waits says so; what is there does not."""
    connection_health.report(Trouble(ConnectionState.DOWN, "Pipedrive is not responding."), SystemClock())
    assert why(kim, policy).pause == "Sending is paused. Pipedrive is not responding."
    assert why(kim, policy, pipedrive_person_id=7).pause == ""


def test_the_report_of_a_contact(kim: Contact, alice: User, policy: Policy) -> None:
    """The command line has the same sentences, with ids, attempts and candidates; what is alike is counted."""
    for _ in range(2):
        log_activity(alice, kim, type="CALL")
    candidates = [{"pipedrive_id": 1, "name": "K."}]
    moment = {"last_pipedrive_sync_attempt": datetime(2026, 3, 1, 12, tzinfo=UTC)}
    ambiguous = {"pipedrive_sync_error_code": "ambiguous", "pipedrive_candidates": candidates}
    Contact.objects.update(**{**FAILED, **moment, **ambiguous})
    Organization.objects.update(pipedrive_org_id=3)
    first, second, *others, activities = report(kim.pk, policy)
    assert first.startswith(
        f"Kim (contact {kim.pk}): {why(kim, policy).text} Candidates: K. (id 1). Last attempt: 2026"
    )
    assert second == "Organization Larkspur Mills: In Pipedrive, with all changes made here. Linked to organization 3."
    assert others == ["Activities in Pipedrive: 0 of 2."]
    assert activities == "2 activities: Waiting until Kim is in Pipedrive."


def test_a_retry_is_offered_only_where_it_helps(kim: Contact, policy: Policy) -> None:
    """Retrying all leaves alone what was deleted in Pipedrive: a person decides on each."""
    Contact.objects.update(**FAILED)
    assert report(kim.pk, policy)[0].endswith("`warmline sync retry` tries again now.")
    Contact.objects.update(pipedrive_sync_error_code=DELETED_THERE)
    assert "retry" not in report(kim.pk, policy)[0]


@pytest.mark.parametrize(
    ("base", "domain", "expected"),
    [
        ("https://api.pipedrive.com", "alder-finch", "https://alder-finch.pipedrive.com/person/7"),
        ("https://api.pipedrive.com", "", ""),
        ("http://127.0.0.1:9000/", "alder-finch", "http://127.0.0.1:9000/person/7"),
        ("https://notpipedrive.com", "", "https://notpipedrive.com/person/7"),
    ],
)
def test_where_people_see_it(kim: Contact, settings: Settings, base: str, domain: str, expected: str) -> None:
    """At the company's own address, once it is known; a sandbox is at its own."""
    settings.PIPEDRIVE_BASE_URL = base
    Remembered.objects.create(name="me", value=[{"id": 1, "company_domain": domain}], at=timezone.now())
    assert place(kim) == ""
    kim.pipedrive_person_id = 7
    assert place(kim) == expected
    assert place(kim, 8) == expected.replace("person/7", "person/8")
    assert place(Organization(pipedrive_org_id=3)) == expected.replace("person/7", "organization/3")
