"""Deleting an activity, and what becomes of it in Pipedrive: the setting, what the pages say, and both doors."""

import re
from datetime import timedelta

import pytest
from api.caller import Caller
from django.test import Client
from django.utils import timezone
from test_metrics import of, read
from web.pages import look
from web.test_settings import RULES

from warmline.crm import preferences
from warmline.crm.activities import Activity
from warmline.crm.book import add_contact, log_activity
from warmline.crm.models import Contact
from warmline.crm.undo import GOOD_FOR
from warmline.crm.users import User
from warmline.sync.deletion_models import ActivityDeletion
from warmline.sync.status import deletions, unproven

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true", "HX-Current-URL": "http://testserver/contacts/1"}


@pytest.fixture
def call(alice: User) -> Activity:
    """Return Alice's call, which is in Pipedrive."""
    contact = add_contact(alice, name="Kim Castell", warmness_score=7)
    Contact.objects.update(pipedrive_person_id=3)
    call = log_activity(alice, contact, type="CALL")
    Activity.objects.update(pipedrive_activity_id=7, replicated_to_pipedrive=True)
    return call


def failed(call: Activity, message: str = "Pipedrive refused this: no right.") -> None:
    """Have the deletion of a call failed."""
    ActivityDeletion.objects.update(failed=True, attempts=1, message=message, due_at=timezone.now() + timedelta(days=1))


def test_an_admin_chooses_it(alices: Client, bobs: Client, call: Activity) -> None:
    """It is not so unless somebody has chosen it; a member cannot."""
    html = look(alices.get("/settings/warm-leads"))
    assert 'value="no" selected>stay in Pipedrive' in html
    assert bobs.post("/settings/warm-leads", {**RULES, "delete_there": "yes"}).status_code == 403
    assert not preferences.current().delete_there
    look(alices.post("/settings/warm-leads", {**RULES, "delete_there": "yes"}, follow=True))
    assert preferences.current().delete_there


@pytest.mark.parametrize("there", [True, False])
def test_the_page_says_what_follows(alices: Client, call: Activity, *, there: bool) -> None:
    """And the Sync page counts it until it has happened; undone, nothing follows."""
    preferences.change({"delete_there": there})
    html = look(alices.post(f"/activities/{call.pk}/delete", headers=HTMX))
    assert ("is deleted, in Pipedrive in 10 minutes." in html) == there
    waiting = "<strong>1 activity</strong> will be deleted in Pipedrive too, once that can no longer be undone here."
    assert (waiting in look(alices.get("/sync"))) == there
    if there:
        due = ActivityDeletion.objects.get().due_at - timezone.now()
        assert timedelta(0) < GOOD_FOR - due < timedelta(minutes=5)
    (group,) = set(re.findall(r'action="(/undo/[^"]+)"', html))
    look(alices.post(group, {"page": "/contacts"}, follow=True))
    assert ActivityDeletion.objects.count() == 0
    assert "still in Pipedrive" not in look(alices.get("/sync"))
    assert Activity.objects.get().pipedrive_activity_id == 7


def test_what_failed_says_why_and_can_be_tried_again(
    alices: Client, bobs: Client, alice: User, bob: User, call: Activity
) -> None:
    """Its owner and admins see it, nobody else does."""
    preferences.change({"delete_there": True})
    look(alices.post(f"/activities/{call.pk}/delete", headers=HTMX))
    failed(call)
    html = look(alices.get("/sync"))
    assert "<strong>1 activity</strong> could not be deleted in Pipedrive yet." in html
    assert "“Call with Kim Castell” with Kim Castell: Pipedrive refused this: no right." in html
    assert "still in Pipedrive" not in look(bobs.get("/sync"))
    bobs.post("/sync/retry")
    assert ActivityDeletion.objects.get().failed
    assert "Trying again: 1 record." in look(alices.post("/sync/retry", follow=True))
    deletion = ActivityDeletion.objects.get()
    assert (deletion.failed, deletion.attempts, deletion.due_at <= timezone.now()) == (False, 0, True)


def test_the_api_deletes_at_once(alice: User, call: Activity) -> None:
    """Nothing there can be undone, so nothing waits; `GET /sync` counts what is still there."""
    preferences.change({"delete_there": True})
    api = Caller(alice)
    assert api.delete(f"/activities/{call.pk}").status == 204
    assert ActivityDeletion.objects.get().due_at <= timezone.now()
    assert api.get("/sync").body["still_there"] == 1


def test_it_counts_as_not_proven(alices: Client, alice: User, call: Activity) -> None:
    """In the metrics, on the command line and in the morning e-mail, as long as it is not gone there."""
    preferences.change({"delete_there": True})
    look(alices.post(f"/activities/{call.pk}/delete", headers=HTMX))
    assert of(read(), "warmline_pending_rows")["deletion", "wanted"] == 1
    ActivityDeletion.objects.update(due_at=timezone.now() - timedelta(minutes=2))
    assert of(read(), "warmline_oldest_due_seconds")[("deletion",)] >= 120
    failed(call)
    found = read()
    assert (of(found, "warmline_pending_rows")["deletion", "failed"], deletions.counts()["wanted"]) == (1, 0)
    assert of(found, "warmline_oldest_due_seconds")[("deletion",)] == 0
    said = "Deleted here, still in Pipedrive. Pipedrive refused this: no right."
    assert ("“Call with Kim Castell” with Kim Castell", said) in unproven.of(alice, timezone.now()).rows
