"""A contact is deleted here while the engine is at it: nothing breaks, and nothing is left in Pipedrive silently."""

import httpx
import pytest
from bench_engine import Bench
from meddler import Meddler

from warmline.crm.activities import Activity
from warmline.crm.book import add_contact, change_activity, change_contact, delete_contacts, log_activity
from warmline.crm.models import Contact
from warmline.crm.users import User
from warmline.sandbox import Fault, Sandbox, World
from warmline.sync.models import Attempt, Intent, Lease, Notification, NotificationKind

pytestmark = pytest.mark.django_db

PERSONS, ACTIVITIES = "/api/v2/persons", "/api/v2/activities"


def delete() -> httpx.Response | None:
    """Delete all contacts, while a call is on its way."""
    delete_contacts(Contact.objects.all())
    return None


def left_there() -> list[str]:
    """Return what is told of records that stay in Pipedrive."""
    return list(Notification.objects.filter(kind=NotificationKind.LEFT_THERE).values_list("text", flat=True))


@pytest.fixture
def kim(alice: User) -> Contact:
    """Return Kim, who is warm."""
    return add_contact(alice, name="Kim", email="kim@example.com", warmness_score=5)


def test_while_the_person_is_looked_for(bench: Bench, world: World, meddler: Meddler, kim: Contact) -> None:
    """Nobody is made for a contact that is gone."""
    meddler.once("GET", f"{PERSONS}/search", delete)
    bench.searching().settle(60)
    assert meddler.is_done
    assert (world.persons, left_there(), Intent.objects.count(), Lease.objects.count()) == ({}, [], 0, 0)


def test_while_the_person_is_made(bench: Bench, world: World, meddler: Meddler, alice: User, kim: Contact) -> None:
    """The person stays there, and the owner is told its id."""
    meddler.once("POST", PERSONS, delete)
    bench.settle(60)
    assert meddler.is_done
    assert len(world.persons) == 1
    begun, made = left_there()
    assert begun.startswith(
        "Kim was deleted here while it was being sent to Pipedrive, so it may still be created there."
    )
    assert made.startswith("Kim was deleted here while it was being created in Pipedrive. It is there as person 1.")
    assert all(told.user == alice and told.contact is None for told in Notification.objects.all())
    assert (Intent.objects.count(), Attempt.objects.count()) == (0, 0)


def test_while_its_create_is_uncertain(bench: Bench, world: World, sandbox: Sandbox, alice: User, kim: Contact) -> None:
    """The owner is told; and another contact with this e-mail finds the person, who is not made twice."""
    sandbox.faults.add(Fault(kind="no_answer_after", method="POST", path=PERSONS, times=1))
    bench.settle(1)
    delete()
    assert len(left_there()) == 1
    again = add_contact(alice, name="Kim", email="kim@example.com", warmness_score=5)
    bench.settle(120)
    again.refresh_from_db()
    assert [person["id"] for person in world.persons.values()] == [again.pipedrive_person_id]


@pytest.mark.parametrize("how", ["made", "changed"])
def test_while_an_activity_goes_over(
    bench: Bench, world: World, meddler: Meddler, alice: User, kim: Contact, how: str
) -> None:
    """Made or changed: it stays there; of one that was made just then, the owner is told."""
    bench.settle()
    call = log_activity(alice, kim, type="CALL")
    if how == "changed":
        bench.settle()
        change_activity(call, {"note": "She calls back."})
        meddler.once("PATCH", f"{ACTIVITIES}/1", delete)
    else:
        meddler.once("POST", ACTIVITIES, delete)
    bench.settle(60)
    assert meddler.is_done
    assert (len(world.persons), len(world.activities)) == (1, 1)
    assert [("activity 1" in text) for text in left_there()] == ([] if how == "changed" else [False, True])
    assert (Intent.objects.count(), Activity.objects.count()) == (0, 0)


@pytest.mark.parametrize("person", ["there", "gone"])
def test_while_its_person_is_read(bench: Bench, sandbox: Sandbox, meddler: Meddler, kim: Contact, person: str) -> None:
    """A contact was changed and is deleted then, whose person is there or not: nothing is told, nothing breaks."""
    bench.settle()
    change_contact(kim, {"name": "Kim Vale"})
    if person == "gone":
        sandbox.people.delete("persons", 1)
    before = Notification.objects.count()
    meddler.once("GET", f"{PERSONS}/1", delete)
    bench.settle(60)
    assert meddler.is_done
    assert Notification.objects.count() == before
    assert Intent.objects.count() == 0


def test_while_it_fails(bench: Bench, sandbox: Sandbox, meddler: Meddler, kim: Contact) -> None:
    """No attempt is written down for what is gone, and nobody hears of a failure."""
    sandbox.faults.add(Fault(kind="error", status=400, method="POST", path=PERSONS))
    meddler.once("POST", PERSONS, delete)
    bench.settle(60)
    assert (Attempt.objects.count(), Intent.objects.count()) == (0, 0)
    assert not Notification.objects.filter(kind=NotificationKind.CONTACT_FAILED).exists()
