"""What the sync tells others: written down for webhooks, in the transaction in which it happens."""

import json
from typing import Any

import pytest
from bench_engine import Bench

from warmline.crm.activities import Activity
from warmline.crm.book import add_contact, change_activity, change_contact, log_activity
from warmline.crm.models import Contact
from warmline.crm.users import User
from warmline.sandbox import Fault, Sandbox, World
from warmline.webhooks import endpoints
from warmline.webhooks.models import Delivery, Event

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _endpoint(db: None) -> None:
    """Have somebody who wants to know everything."""
    endpoints.add("https://example.com/hook", Event.values)


def told() -> list[tuple[str, str, dict[str, Any]]]:
    """Return what is to be told: the event, what it is about, and what is told of it."""
    rows = Delivery.objects.order_by("pk")
    return [(row.event, row.record, json.loads(row.payload)["data"]) for row in rows]


def test_the_way_of_a_contact_and_its_call(bench: Bench, alice: User) -> None:
    """Warm, then in Pipedrive, with the ids there; and again after each change that went over."""
    contact = add_contact(alice, name="Jordan Ames", warmness_score=5)
    activity = log_activity(alice, contact, type="CALL")
    bench.settle()
    change_contact(contact, {"phone": "1"})
    change_activity(activity, {"note": "n"})
    bench.settle()
    contact, activity = Contact.objects.get(), Activity.objects.get()
    name, call = f"contact:{contact.pk}", f"activity:{activity.pk}"
    events = told()
    assert [each[:2] for each in events[:3]] == [
        ("contact.warm", name),
        ("contact.synced", name),
        ("activity.synced", call),
    ]
    assert sorted(each[:2] for each in events[3:]) == [("activity.synced", call), ("contact.synced", name)]
    for event, _, data in events[1:]:
        field = "pipedrive_person_id" if event == "contact.synced" else "pipedrive_activity_id"
        assert data[field] == (contact if event == "contact.synced" else activity).__dict__[field]


def test_a_contact_that_fails(bench: Bench, sandbox: Sandbox, alice: User) -> None:
    """With the reason, once it has failed and not at each attempt."""
    sandbox.faults.add(Fault(kind="error", method="POST", path="/api/v2/persons"))
    add_contact(alice, name="Jordan Ames", warmness_score=5)
    bench.settle(60)
    failed = [data for event, _, data in told() if event == "contact.failed"]
    assert len(failed) == 1
    assert failed[0]["error"]["code"] == Contact.objects.get().pipedrive_sync_error_code
    assert failed[0]["error"]["message"]


def test_a_person_that_was_deleted_in_pipedrive(bench: Bench, world: World, alice: User) -> None:
    """The contact is linked no more."""
    contact = add_contact(alice, name="Jordan Ames", warmness_score=5)
    bench.settle()
    for person in world.persons.values():
        person["is_deleted"] = True
    change_contact(Contact.objects.get(pk=contact.pk), {"phone": "1"})
    bench.settle()
    event, _, data = told()[-1]
    assert (event, data["pipedrive_person_id"]) == ("contact.unlinked", None)


def test_the_connection(bench: Bench, sandbox: Sandbox, alice: User) -> None:
    """Lost once, and back once."""
    sandbox.faults.add(Fault(kind="refuse", method="*", path="/*"))
    add_contact(alice, name="Jordan Ames", warmness_score=5)
    bench.settle(60)
    sandbox.faults.clear()
    bench.settle(310)
    connection = [(event, data["state"]) for event, record, data in told() if record == "connection"]
    assert connection == [("connection.lost", "down"), ("connection.back", "ok")]
