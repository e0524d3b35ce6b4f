"""What is wanted costs what is due, at any threshold: the plans are read."""

import re
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from warmline.crm.activities import Activity
from warmline.crm.models import Contact
from warmline.crm.users import User
from warmline.sync import pending
from warmline.sync.priorities import Lane, Served, Work, in_turn

pytestmark = pytest.mark.django_db

by_plan = pytest.mark.only_on("sqlite")  # it reads SQLite's plans; see scale/test_postgres.py for PostgreSQL's


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


@by_plan
@pytest.mark.parametrize("threshold", [3, 4, 7])
def test_due_contacts_are_read_from_their_index(book: None, threshold: int) -> None:
    """Each warm score is one range of due times in the index, whatever the threshold."""
    due = pending.contacts(threshold).filter(next_pipedrive_sync_attempt__lte=timezone.now())
    plan = due.explain()
    assert "contact_wanted" in plan, plan
    assert "warmness_score=? AND next_pipedrive_sync_attempt<?" in plan, plan


@by_plan
def test_due_activities_are_read_from_their_index(book: None) -> None:
    """The due activities are one range of the index."""
    plan = pending.activities().filter(next_pipedrive_sync_attempt__lte=timezone.now()).explain()
    assert "activity_wanted" in plan, plan
    assert "next_pipedrive_sync_attempt<?" in plan, plan


@by_plan
def test_only_due_rows_are_read(book: None) -> None:
    """Every query of a look reads a table by the index of what is due, or a row by its id."""
    with CaptureQueriesContext(connection) as captured:
        _due(timezone.now(), 4)
    for query in captured:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {query['sql']}")
            plan = [row[3] for row in cursor.fetchall()]
        assert not [step for step in plan if re.match(r"SCAN (crm_\w+|U\d)", step)], plan
        first = next(step for step in plan if step.startswith("SEARCH"))
        assert re.search(r"_(wanted|changed|asked_for) \(.*next_pipedrive_sync_attempt<\?", first), plan


@pytest.mark.parametrize("threshold", [0, 4, 10])
def test_what_is_due(book: None, threshold: int) -> None:
    """Warm, not linked, and due: no more and no less; oldest first, what failed before last."""
    now = timezone.now()
    failed = Contact.objects.filter(pipedrive_person_id=None, warmness_score=10).first()
    assert failed is not None
    Contact.objects.filter(pk=failed.pk).update(
        pipedrive_sync_failed=True, next_pipedrive_sync_attempt=now - timedelta(days=1)
    )
    works = _due(now, threshold, 10_000)
    due = [work.row_id for work in works if work.kind == "contact"]
    expected = {
        contact.pk
        for contact in Contact.objects.all()
        if contact.pipedrive_person_id is None
        and contact.warmness_score >= threshold
        and contact.next_pipedrive_sync_attempt <= now
    }
    assert len(due) == len(expected)
    assert set(due) == expected
    assert due[-1] == failed.pk


def _due(now: datetime, threshold: int = 4, limit: int = 16, held: Collection[Work] = ()) -> list[Work]:
    return in_turn(pending.due(now, threshold, limit, held=held), Served())


def contacts_of(owner: User, number: int, *, seconds: float = 60, **more: object) -> None:
    """Add so many warm contacts of a user's, due for a minute."""
    due = timezone.now() - timedelta(seconds=seconds)
    same: dict[str, Any] = {"name": "Lead", "warmness_score": 5, "next_pipedrive_sync_attempt": due, **more}
    Contact.objects.bulk_create(Contact(owner=owner, **same) for _ in range(number))


def test_nobody_waits_behind_another_who_has_many(alice: User, bob: User) -> None:
    """Bob's contacts go before Alice's five hundred, which are older and a backlog."""
    contacts_of(alice, 500)
    contacts_of(bob, 3)

    works = _due(timezone.now())

    assert [(work.owner, work.is_background) for work in works[:5]] == [(bob.pk, False)] * 3 + [(alice.pk, True)] * 2
    assert {work.lane for work in works[3:]} == {Lane.BACKLOG}


def test_the_newest_of_a_backlog_are_seen(alice: User) -> None:
    """Of five hundred contacts and one that was saved just now, that one goes first, as a person's."""
    contacts_of(alice, 500)
    contacts_of(alice, 1, seconds=1)

    works = _due(timezone.now())

    assert works[0].row_id == Contact.objects.latest("pk").pk
    assert [work.is_background for work in works[:2]] == [False, True]


def test_what_was_saved_by_hand_goes_before_ones_own_import(alice: User) -> None:
    """Of a thousand imported contacts and one saved by hand, that one is first, and the only one to hurry."""
    contacts_of(alice, 1000, pipedrive_in_bulk=True)
    contacts_of(alice, 1)

    works = _due(timezone.now())

    assert works[0].row_id == Contact.objects.latest("pk").pk
    assert {work.is_background for work in works[1:]} == {True}


def test_what_failed_goes_last(alice: User, bob: User) -> None:
    """A failed row waits for everyone's others, an import's included."""
    contacts_of(alice, 1, pipedrive_sync_failed=True)
    contacts_of(bob, 2, pipedrive_in_bulk=True)

    assert [work.owner for work in _due(timezone.now())] == [bob.pk, bob.pk, alice.pk]


def test_one_row_of_each_lease_is_shown(alice: User) -> None:
    """Of forty calls of one contact and thirty contacts with one mailbox, one each; and the calls of two others."""
    contacts_of(alice, 30, email="info@example.org")
    contacts_of(alice, 3, pipedrive_person_id=7)
    people = list(Contact.objects.filter(pipedrive_person_id=7))
    for number, contact in enumerate(people):
        Contact.objects.filter(pk=contact.pk).update(pipedrive_person_id=number + 1)
    now = timezone.now()
    Activity.objects.bulk_create(
        Activity(contact=contact, type="CALL", subject="Call", time_zone="UTC", replicate=True)
        for contact in [*[people[0]] * 40, *people[1:]]
    )
    works = _due(now + timedelta(seconds=1))
    assert sorted(work.lease for work in works) == [
        *(f"activities:{number}" for number in (1, 2, 3)),
        "person:info@example.org",
    ]
    assert {work.lane for work in works} == {Lane.PERSON}


def test_held_rows_are_left_out(alice: User) -> None:
    """What others are at gives its place to the next ones."""
    contacts_of(alice, 60)
    now = timezone.now()
    held = _due(now, limit=20)
    rest = _due(now, limit=60, held=held)
    assert not {work.row_id for work in held} & {work.row_id for work in rest}
    assert len(held) + len(rest) == 60
