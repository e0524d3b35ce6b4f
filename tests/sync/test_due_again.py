"""When a changed row is due again, and that saying so costs the contact book nothing."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from warmline.crm.activities import Activity
from warmline.crm.book import add_contact, change_activity, change_contact, log_activity
from warmline.crm.imports.bulk import import_contacts
from warmline.crm.models import Contact, Organization
from warmline.crm.sync_columns import DELETED_THERE
from warmline.crm.users import User
from warmline.sync.after_change import after_change, fresh_attempts

COLD, WARM = 0, 9
FRESH = fresh_attempts(timezone.now()).keys()
FAILED = {"pipedrive_sync_failed": True, "pipedrive_sync_attempts": 3, "pipedrive_sync_error_code": "rejected"}
LINKED = {"pipedrive_person_id": 7}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("values", "before", "starts_again", "is_told"),
    [
        (LINKED, {"phone": "1"}, True, True),
        (LINKED, {"warmness_score": COLD}, False, False),
        (LINKED, {}, False, False),
        ({}, {"phone": "1"}, False, True),
        ({}, {"email": "old@example.com"}, True, True),
        ({}, {"name": "Old"}, True, True),
        (FAILED, {}, True, False),
        (FAILED | {"pipedrive_sync_error_code": DELETED_THERE}, {"name": "Old"}, False, True),
        ({"warmness_score": WARM}, {"warmness_score": COLD}, True, False),
        ({"warmness_score": WARM}, {"warmness_score": WARM - 1}, False, False),
        ({"warmness_score": COLD}, {"warmness_score": WARM}, False, False),
        ({"warmness_score": WARM, "pipedrive_sync_attempts": 1}, {"warmness_score": COLD}, False, False),
    ],
    ids=str,
)
def test_what_a_change_means(
    values: dict[str, Any], before: dict[str, Any], *, starts_again: bool, is_told: bool
) -> None:
    """Attempts are fresh if a change may help or has to be sent, and the revision counts what Pipedrive is told."""
    found = after_change(Contact(name="Kim", **values), before, in_bulk=False)
    assert (found.keys() >= FRESH) == starts_again
    assert ("revision" in found) == is_told


@pytest.mark.parametrize(
    ("values", "in_bulk", "expected"),
    [
        ({}, True, False),  # somebody waits for it
        ({"pipedrive_in_bulk": True}, True, True),
        ({"pipedrive_in_bulk": True}, False, False),
        ({"pipedrive_org_id": 7}, True, True),  # nobody waits for one that is in line
        ({"pipedrive_org_id": 7, "revision": 2}, True, False),
    ],
    ids=str,
)
def test_an_import_delays_nobody(values: dict[str, Any], *, in_bulk: bool, expected: bool) -> None:
    """A row goes in bulk only if nobody waits for it already."""
    organization = Organization(name="Larkspur Mills", **values)
    found = after_change(organization, {"sector": ""}, in_bulk=in_bulk)
    assert found["pipedrive_in_bulk"] is expected


def test_a_change_is_one_update(alice: User) -> None:
    """The sync columns are stored in the same statement as the change."""
    contact = add_contact(alice, name="Kim", email="kim@example.com", warmness_score=WARM)
    with CaptureQueriesContext(connection) as asked:
        change_contact(contact, {"phone": "+49 30 5550100"})
    assert _updates(asked, "crm_contact") == 1
    activity = log_activity(alice, contact, type="CALL")
    with CaptureQueriesContext(connection) as asked:
        change_activity(activity, {"note": "Called back."})
    assert _updates(asked, "crm_activity") == 1


def test_a_new_row_is_no_update(alice: User) -> None:
    """What is added by hand or imported is complete when it is inserted."""
    with CaptureQueriesContext(connection) as asked:
        contact = add_contact(alice, name="Kim", warmness_score=WARM)
        assert list(import_contacts(alice, [{"name": "Dana"}, {"name": "Eli"}]))
    assert _updates(asked, "crm_contact") == 0
    assert Contact.objects.filter(pipedrive_in_bulk=True).count() == 2
    with CaptureQueriesContext(connection) as asked:
        log_activity(alice, contact, type="CALL")
        Contact.objects.filter(pk=contact.pk).update(**LINKED)
        log_activity(alice, contact, type="CALL")
    assert _updates(asked, "crm_activity") == 0
    assert list(Activity.objects.order_by("pk").values_list("replicate", flat=True)) == [None, True]


def _updates(asked: CaptureQueriesContext, table: str) -> int:
    return sum(query["sql"].startswith(f'UPDATE "{table}"') for query in asked.captured_queries)
