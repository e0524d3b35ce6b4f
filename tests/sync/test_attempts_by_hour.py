"""The last 24 hours: each attempt is counted in its hour, for whom it concerns, with how long its row had waited."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

import pytest
from bench_engine import Bench
from django.db import connection
from django.test.utils import CaptureQueriesContext

from warmline.crm.book import add_contact, log_activity
from warmline.crm.users import User
from warmline.sandbox import Fault, Sandbox
from warmline.sync.attempt_log import attempts_of
from warmline.sync.engine.reconciler import Engine
from warmline.sync.models import Attempt
from warmline.sync.status.attempts_by_hour import HOURS, SPANS, Hour, lately, together

NOW = datetime(2026, 3, 4, 12, 20, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def attempted(owner: User | None, minutes_ago: float, *, ok: bool = True, waited: float = 0.5) -> None:
    """Write down an attempt."""
    at = NOW - timedelta(minutes=minutes_ago)
    Attempt.objects.create(kind="contact", row_id=1, owner=owner, at=at, ok=ok, waited=waited, text="")


def test_each_attempt_is_in_its_hour(alice: User) -> None:
    """The present hour is the last one; what is older than the first one is left out."""
    for minutes in (1, 20, 21, 80, 23 * 60 + 20, 23 * 60 + 21):
        attempted(alice, minutes)
    attempted(alice, 2, ok=False)
    hours = lately(alice, NOW)

    assert len(hours) == HOURS
    assert [hour.arrived for hour in hours] == [1] + [0] * 21 + [2, 2]
    assert hours[-1].in_vain == together(hours).in_vain == 1
    assert hours[-1].begins == datetime(2026, 3, 4, 12, tzinfo=UTC)


def test_hours_begin_as_on_the_users_clock(alice: User) -> None:
    """Half an hour off where the time zone is; and a day on which the clock is set has 24 hours, too."""
    alice.time_zone = "Asia/Kolkata"
    assert [hour.begins.minute for hour in lately(alice, NOW)] == [0] * HOURS
    alice.time_zone = "Europe/Berlin"
    begins = [hour.begins.astimezone(UTC) for hour in lately(alice, datetime(2026, 3, 29, 12, tzinfo=UTC))]
    assert {after - before for before, after in pairwise(begins)} == {timedelta(hours=1)}


def test_whose_attempts_are_counted(alice: User, bob: User) -> None:
    """A member's and the team's; all for an admin."""
    alice.is_admin = True
    for owner in (alice, bob, bob, None):
        attempted(owner, 5)
    assert together(lately(bob, NOW)).arrived == 3
    assert together(lately(alice, NOW)).arrived == 4


@pytest.mark.parametrize(
    ("waits", "half", "most"),
    [
        ([], None, None),
        ([0.2], 1, 1),
        ([0.2, 0.3, 2.5, 70], 1, 300),
        ([1.0, 1.5], 1, 2),
        ([4000, 5000], None, None),
        ([0.5] * 19 + [4000], 1, 1),
        ([0.5] * 18 + [4000] * 2, 1, None),
    ],
)
def test_within_how_long(waits: list[float], half: int | None, most: int | None) -> None:
    """The shortest span within which so many arrived."""
    within = tuple(sum(wait <= span for wait in waits) for span in SPANS)
    hour = Hour(NOW, len(waits), 0, within)
    assert (hour.span(50), hour.span(95)) == (half, most)


def test_a_row_has_waited_since_it_is_wanted(bench: Bench, sandbox: Sandbox, alice: User) -> None:
    """Through the attempts in vain, and not since an earlier success."""
    sandbox.faults.add(Fault(kind="error", method="POST", path="/api/v2/persons", times=2))
    contact = add_contact(alice, name="Jordan Ames", warmness_score=5)
    contact.next_pipedrive_sync_attempt = began = bench.clock.now()
    contact.save()
    bench.settle(120)
    first, second, third = attempts_of(contact).reverse()

    assert [one.waited for one in (first, second, third)] == sorted(one.waited for one in (first, second, third))
    assert third.waited == pytest.approx((third.at - began).total_seconds())
    assert {one.owner for one in (first, second, third)} == {alice}


def test_an_earlier_activity_is_wanted_since_its_contact_is_linked(bench: Bench, alice: User) -> None:
    """It did not wait before, however long ago it was logged."""
    contact = add_contact(alice, name="Jordan Ames", warmness_score=0)
    activity = log_activity(alice, contact, type="CALL")
    type(activity).objects.update(next_pipedrive_sync_attempt=bench.clock.now() - timedelta(days=90))
    type(contact).objects.update(warmness_score=5, next_pipedrive_sync_attempt=bench.clock.now())
    policy = replace(bench.policy, earlier_activities=True)
    Bench(Engine(bench.pipedrive, policy, bench.clock, Random(7)), bench.clock, policy, bench.pipedrive).settle()
    assert 0 <= attempts_of(activity).get().waited < 60


@pytest.mark.only_on("sqlite")  # it reads its plans
def test_a_day_is_counted_from_an_index(alice: User, bob: User) -> None:
    """Without a look at the rows, for a member and for an admin."""
    alice.is_admin = True
    for user, index in ((alice, "attempt_at"), (bob, "attempt_of_owner")):
        with CaptureQueriesContext(connection) as captured:
            lately(user, NOW)
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {captured[0]['sql']}")
            plan = " ".join(row[3] for row in cursor.fetchall())
        assert f"USING COVERING INDEX {index}" in plan
        assert "SCAN" not in plan
