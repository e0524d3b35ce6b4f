"""What Today costs does not grow with the contact book: the steps that SQLite takes for its parts, and the order."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from warmline.crm import preferences
from warmline.crm.activities import Activity
from warmline.crm.models import NOT_CONTACTED, Contact
from warmline.crm.users import User
from warmline.sync.status import today

pytestmark = [pytest.mark.django_db, pytest.mark.only_on("sqlite")]
SMALL, LARGE = 1500, 9000
A_STEP = 1000  # instructions of SQLite's


def fill(user: User, first: int, number: int) -> None:
    """Add contacts of every warmness, each with an activity: done, overdue, and without a date."""
    now = timezone.now()
    day = now.date()
    contacts = [
        Contact(
            owner=user,
            name=f"Kim {each}",
            warmness_score=each % 11,
            last_contacted_on=NOT_CONTACTED if each % 3 else day - timedelta(days=each % 200),
            created_at=now - timedelta(days=each % 300),
        )
        for each in range(first, first + number)
    ]
    Contact.objects.bulk_create(contacts)
    activities = [
        Activity(
            contact=contact,
            type="CALL",
            subject="Call",
            time_zone="UTC",
            done=bool(number % 2),
            due_date=day - timedelta(days=number % 50) if number % 4 else None,
        )
        for number, contact in enumerate(contacts)
    ]
    Activity.objects.bulk_create(activities)


def steps(user: User) -> tuple[int, int]:
    """Return how many thousand instructions SQLite runs for the page, and how many statements there are."""
    counted = 0

    def count() -> int:
        nonlocal counted
        counted += 1
        return 0

    connection.ensure_connection()
    database: Any = connection.connection
    database.set_progress_handler(count, A_STEP)
    with CaptureQueriesContext(connection) as asked:
        today.of(user, preferences.current(), timezone.now())
    database.set_progress_handler(None, 0)
    return counted, len(asked)


def test_it_does_not_grow() -> None:
    """Six times as many rows cost less than half as much again, and no statement more."""
    user = User.objects.create_user("alice@example.com", "Alice")
    fill(user, 0, SMALL)
    small, statements = steps(user)
    fill(user, SMALL, LARGE - SMALL)
    large, of_large = steps(user)
    assert of_large == statements
    assert large <= max(1.5 * small, small + 5)
