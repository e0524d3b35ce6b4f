"""Many records that people change at once in Pipedrive are looked at by lists, and by no get of each."""

from collections.abc import Callable
from typing import Any

import pytest
from bench_engine import POLL_EVERY, Bench
from door_client import deliver

from warmline.crm import book
from warmline.crm.book import add_contact
from warmline.crm.models import Contact
from warmline.crm.users import User
from warmline.pipedrive import Activity, Organization, Person
from warmline.sandbox import Fault, Sandbox, World
from warmline.sandbox.records import shown
from warmline.sync.account_models import ChangeReport, ReadAhead
from warmline.sync.reconcile.change_polling import A_FEW

MANY = 3 * A_FEW
PHONE = "+49 30 5550100"
pytestmark = pytest.mark.django_db


@pytest.fixture
def many(watching: Bench, sandbox: Sandbox, alice: User) -> list[int]:
    """Return the ids of many persons that contacts are linked to, with all quiet."""
    for number in range(MANY):
        add_contact(alice, name=f"Robin {number}", email=f"robin{number}@example.com", warmness_score=9)
    watching.settle(120)
    sandbox.deliver(deliver)
    watching.settle(60)
    ids = [each for each in Contact.objects.values_list("pipedrive_person_id", flat=True) if each is not None]
    assert len(ids) == MANY
    return ids


def _phones() -> set[str]:
    return set(Contact.objects.values_list("phone", flat=True))


@pytest.fixture(params=["reported", "polled"])
def heard(request: pytest.FixtureRequest, watching: Bench, sandbox: Sandbox) -> Callable[[], None]:
    """Return what lets Warmline hear of changes: by reports that come over some seconds, or by a look."""

    def reported() -> None:
        for _ in range(10):
            for _ in range(MANY // 10):
                sandbox.deliver(deliver)
            watching.settle(0.5)
        watching.settle(60)

    def polled() -> None:
        sandbox.world.outgoing.clear()
        watching.settle(POLL_EVERY.total_seconds())
        watching.settle(60)

    return reported if request.param == "reported" else polled


def test_a_bulk_edit_costs_a_few_lists(
    watching: Bench, many: list[int], sandbox: Sandbox, world: World, heard: Callable[[], None]
) -> None:
    """All is shown, no record is asked for by itself, and nothing is left behind."""
    sandbox.people.bulk_change("persons", many, phones=[{"value": PHONE}])
    before = len(world.calls)
    heard()
    assert _phones() == {PHONE}
    calls = [call for call in world.calls[before:] if call.path.startswith("/api/v2/persons")]
    assert [call.path for call in calls if call.path != "/api/v2/persons"] == []
    assert sum(call.tokens for call in calls) <= 3 * 10
    assert (ReadAhead.objects.count(), ChangeReport.objects.count()) == (0, 0)


def test_an_edit_here_has_the_record_read_anew(
    watching: Bench, many: list[int], sandbox: Sandbox, world: World
) -> None:
    """What a list has shown vouches for a row as it was then."""
    sandbox.people.bulk_change("persons", many, phones=[{"value": PHONE}])
    sandbox.world.outgoing.clear()
    watching.clock.sleep(POLL_EVERY.total_seconds())
    watching.engine.do_housekeeping()
    assert ReadAhead.objects.count() == MANY
    contact = Contact.objects.get(pipedrive_person_id=many[0])
    book.change_contact(contact, {"name": "Robin Vale"})
    sandbox.people.change("persons", many[0], phones=[{"value": "+49 30 5550199"}])
    watching.settle(60)
    contact.refresh_from_db()
    assert (contact.name, contact.phone) == ("Robin Vale", "+49 30 5550199")
    assert world.persons[many[0]]["name"] == "Robin Vale"
    assert len([call for call in world.calls if call.path == f"/api/v2/persons/{many[0]}" and call.tokens == 1]) == 1


def test_a_further_change_has_the_record_read_anew(watching: Bench, many: list[int], sandbox: Sandbox) -> None:
    """A report of it drops what the list has shown before."""
    sandbox.people.bulk_change("persons", many, phones=[{"value": PHONE}])
    sandbox.world.outgoing.clear()
    watching.clock.sleep(POLL_EVERY.total_seconds())
    watching.engine.do_housekeeping()
    sandbox.people.change("persons", many[0], phones=[{"value": "+49 30 5550199"}])
    sandbox.deliver(deliver)
    watching.engine.do_housekeeping()
    assert not ReadAhead.objects.filter(record_id=many[0]).exists()
    watching.settle(60)
    assert Contact.objects.get(pipedrive_person_id=many[0]).phone == "+49 30 5550199"
    assert _phones() == {PHONE, "+49 30 5550199"}


def test_what_was_sent_just_before_is_read_anew(watching: Bench, many: list[int], sandbox: Sandbox) -> None:
    """The list may be older than that."""
    watching.settle(POLL_EVERY.total_seconds())  # a look
    watching.clock.sleep(POLL_EVERY.total_seconds() - 2)
    contact = Contact.objects.get(pipedrive_person_id=many[0])
    book.change_contact(contact, {"name": "Robin Vale"})
    watching.settle(0)
    sandbox.people.bulk_change("persons", many, phones=[{"value": PHONE}])
    sandbox.world.outgoing.clear()
    watching.clock.sleep(3)
    watching.engine.do_housekeeping()
    assert set(ReadAhead.objects.values_list("record_id", flat=True)) == set(many[1:])
    watching.settle(60)
    assert (_phones(), sandbox.world.persons[many[0]]["name"]) == ({PHONE}, "Robin Vale")


def test_many_deletions_are_heard_of_at_once(watching: Bench, many: list[int], sandbox: Sandbox) -> None:
    """No list shows them, so each record is asked for."""
    for person_id in many:
        sandbox.people.delete("persons", person_id)
    while sandbox.deliver(deliver):
        pass
    for _ in range(10):
        watching.settle(1)
    assert not Contact.objects.exclude(pipedrive_person_id=None).exists()


def test_a_list_that_fails_loses_nothing(watching: Bench, many: list[int], sandbox: Sandbox) -> None:
    """The reports are gone by then; the next list shows what they were about."""
    sandbox.people.bulk_change("persons", many, phones=[{"value": PHONE}])
    sandbox.faults.add(Fault(kind="error", status=400, method="GET", path="/api/v2/persons", times=1))
    while sandbox.deliver(deliver):
        pass
    watching.settle(5)
    assert _phones() != {PHONE}
    watching.settle(120)
    watching.settle(60)
    assert _phones() == {PHONE}


@pytest.mark.parametrize(
    ("kind", "model"), [("persons", Person), ("organizations", Organization), ("activities", Activity)]
)
def test_a_record_that_is_kept_is_as_it_was_read(sandbox: Sandbox, kind: Any, model: Any) -> None:
    """In each of its fields, also those that we do not know."""
    more: dict[str, dict[str, Any]] = {
        "persons": {
            "name": "Robin",
            "emails": [{"value": "robin@example.com", "label": "Kitchen", "primary": True}],
            "phones": [{"value": PHONE}],
        },
        "organizations": {"name": "Tidewater Mills", "address": {"value": "Oslo, Norway", "country": "Norway"}},
        "activities": {
            "subject": "Call",
            "type": "call",
            "due_date": "2031-01-05",
            "due_time": "09:30",
            "note": "<p>x</p>",
        },
    }
    record = model.model_validate(shown(sandbox.world, sandbox.add(kind, **more[kind])))
    assert model.model_validate(record.model_dump(mode="json")) == record
