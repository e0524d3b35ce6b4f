"""What is wanted costs what is due, at any threshold: the plans are read."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from warmline.crm.models import Activity, Contact
from warmline.crm.users import User
from warmline.sync import wanted

pytestmark = pytest.mark.django_db


@pytest.fixture
def book(alice: User) -> None:
    """Fill the book with contacts of every score and state, and statistics for the planner."""
    now = timezone.now()
    contacts = Contact.objects.bulk_create(
        Contact(
            owner=alice,
            name=f"Contact {number}",
            warmness_score=number % 11,
            pipedrive_person_id=number if number % 2 else None,
            next_pipedrive_sync_attempt=now + timedelta(minutes=-1 if number % 3 else 1),
        )
        for number in range(2000)
    )
    Activity.objects.bulk_create(
        Activity(
            contact=contact,
            type="CALL",
            subject="Call",
            time_zone="UTC",
            replicate=(None, True, False)[contact.pk % 3],
            next_pipedrive_sync_attempt=now + timedelta(minutes=-1 if contact.pk % 2 else 1),
        )
        for contact in contacts
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


@pytest.mark.parametrize("threshold", [3, 4, 7])
def test_due_contacts_are_read_from_their_index(book: None, threshold: int) -> None:
    """Each warm score is one range of due times in the index, whatever the threshold."""
    due = wanted.contacts(threshold).filter(next_pipedrive_sync_attempt__lte=timezone.now())
    plan = due.explain()
    assert "contact_wanted" in plan, plan
    assert "warmness_score=? AND next_pipedrive_sync_attempt<?" in plan, plan


def test_due_activities_are_read_from_their_index(book: None) -> None:
    """The due activities are one range of the index."""
    plan = wanted.activities().filter(next_pipedrive_sync_attempt__lte=timezone.now()).explain()
    assert "activity_wanted" in plan, plan
    assert "next_pipedrive_sync_attempt<?" in plan, plan


@pytest.mark.parametrize("threshold", [0, 4, 10])
def test_what_is_due(book: None, threshold: int) -> None:
    """Warm, not linked, and due: no more and no less; oldest first, what failed before last."""
    now = timezone.now()
    failed = Contact.objects.filter(pipedrive_person_id=None, warmness_score=10).first()
    assert failed is not None
    Contact.objects.filter(pk=failed.pk).update(
        pipedrive_sync_failed=True, next_pipedrive_sync_attempt=now - timedelta(days=1)
    )
    works = wanted.due(now, threshold, 10_000)
    due = [work.row_id for work in works if work.kind == "contact"]
    expected = {
        contact.pk
        for contact in Contact.objects.all()
        if contact.pipedrive_person_id is None
        and contact.warmness_score >= threshold
        and contact.next_pipedrive_sync_attempt <= now
    }
    assert set(due) == expected
    assert due[-1] == failed.pk


def contacts_of(owner: User, number: int, **more: object) -> None:
    """Add so many warm contacts of a user's, due for a second."""
    due = timezone.now() - timedelta(seconds=1)
    same: dict[str, Any] = {"name": "Lead", "warmness_score": 5, "next_pipedrive_sync_attempt": due, **more}
    Contact.objects.bulk_create(Contact(owner=owner, **same) for _ in range(number))


def owners(works: list[wanted.Work]) -> list[int]:
    """Return whose contacts works are about, in order."""
    of = dict(Contact.objects.values_list("pk", "owner_id"))
    return [of[work.row_id] for work in works]


def test_nobody_waits_behind_another_who_has_many(alice: User, bob: User) -> None:
    """One of Bob's contacts and one of Alice's go in turn, although five hundred of hers are older."""
    contacts_of(alice, 500)
    contacts_of(bob, 3)

    works = wanted.due(timezone.now(), 4, 100)

    assert owners(works)[:7] == [alice.pk, bob.pk] * 3 + [alice.pk]
    assert {work.batch for work, owner in zip(works, owners(works), strict=True) if owner == alice.pk} == {True}
    assert {work.batch for work, owner in zip(works, owners(works), strict=True) if owner == bob.pk} == {False}


def test_what_was_saved_by_hand_goes_before_ones_own_import(alice: User) -> None:
    """Of a thousand imported contacts and one saved by hand, that one is first, and the only one to hurry."""
    contacts_of(alice, 1000, pipedrive_in_bulk=True)
    contacts_of(alice, 1)

    works = wanted.due(timezone.now(), 4, 100)

    assert works[0].row_id == Contact.objects.latest("pk").pk
    assert [work.batch for work in works] == [False] + [True] * 99


def test_what_failed_goes_last(alice: User, bob: User) -> None:
    """A failed row waits for everyone's others, an import's included."""
    contacts_of(alice, 1, pipedrive_sync_failed=True)
    contacts_of(bob, 2, pipedrive_in_bulk=True)

    assert owners(wanted.due(timezone.now(), 4, 100)) == [bob.pk, bob.pk, alice.pk]
