"""What is saved gets its job in the same transaction, and what has none is fed."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from pytest_django import Settings

from warmline import database_time
from warmline.crm import book
from warmline.crm.models import Contact
from warmline.crm.users import User
from warmline.sync import engine_health, processes, wakeups
from warmline.sync.models import Heartbeat
from warmline.sync.remote import connection_health

pytestmark = [pytest.mark.only_on("postgres"), pytest.mark.django_db(transaction=True)]
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def jobs(**conditions: object) -> list[tuple[str, str, object]]:
    """Return queue, task and arguments of the jobs that wait."""
    from procrastinate.contrib.django.models import ProcrastinateJob  # noqa: PLC0415 (only on PostgreSQL)

    found = ProcrastinateJob.objects.filter(status="todo", **conditions).order_by("id")
    return list(found.values_list("queue_name", "task_name", "args"))


def moments() -> list[datetime]:
    """Return for when the jobs are that wait."""
    from procrastinate.contrib.django.models import ProcrastinateJob  # noqa: PLC0415 (only on PostgreSQL)

    return list(ProcrastinateJob.objects.filter(status="todo").order_by("id").values_list("scheduled_at", flat=True))


@pytest.fixture(autouse=True)
def _no_jobs() -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE procrastinate_jobs CASCADE")


@pytest.fixture
def alice() -> User:
    """Return Alice."""
    return User.objects.create_user("alice@example.com", "Alice")


def test_a_warm_contact_gets_one_job_and_a_cold_one_none(alice: User) -> None:
    """It names the row and nothing else."""
    warm = book.add_contact(alice, name="Jordan Ames", warmness_score=7)
    book.add_contact(alice, name="Robin Vale", warmness_score=1)
    assert jobs() == [("interactive", "bring", {"kind": "contact", "row_id": warm.pk})]


def test_a_contact_in_its_grace_gets_its_job_for_the_end_of_it(alice: User, settings: Settings) -> None:
    """It need not wait for the feeder; and what shortens the wait is fed beside it."""
    from warmline.sync.jobs.feeder import _waiting  # noqa: PLC0415 (as above)
    from warmline.sync.jobs.jobs_on_save import LATE  # noqa: PLC0415 (only on PostgreSQL)

    settings.GRACE_SECONDS = 10
    before = database_time.now()
    book.add_contact(alice, name="Jordan Ames", warmness_score=7, grace=timedelta(seconds=10))
    cold = book.add_contact(alice, name="Robin Vale", warmness_score=1)
    book.change_contact(cold, {"warmness_score": 7}, grace=timedelta(seconds=10))
    contacts = list(Contact.objects.order_by("pk"))
    assert [args for _, _, args in jobs()] == [{"kind": "contact", "row_id": each.pk} for each in contacts]
    for each, at in zip(contacts, moments(), strict=True):
        assert before + timedelta(seconds=10) <= each.next_pipedrive_sync_attempt == at - LATE
    assert _waiting(before) == []
    assert len(_waiting(before + timedelta(minutes=1))) == len(contacts)


def test_what_is_due_much_later_is_left_to_the_feeder(alice: User, settings: Settings) -> None:
    """It may be called for long before."""
    settings.GRACE_SECONDS = 10
    book.add_contact(alice, name="Jordan Ames", warmness_score=7, grace=timedelta(minutes=1))
    assert jobs() == []


def test_what_is_rolled_back_leaves_no_job(alice: User) -> None:
    """The job is deferred in the transaction of the save."""
    with transaction.atomic():
        book.add_contact(alice, name="Jordan Ames", warmness_score=7)
        wakeups.after_commit()
        transaction.set_rollback(True)
    assert jobs() == []


def test_many_wake_ups_feed_once(alice: User) -> None:
    """As long as a job to feed waits, no other is put in."""
    for _ in range(5):
        wakeups.after_commit()
    assert jobs() == [("upkeep", "feed", {})]


def test_jobs_of_rows_have_no_locks(alice: User) -> None:
    """A job that is left behind holds no other back."""
    book.add_contact(alice, name="Jordan Ames", warmness_score=7)
    assert jobs(lock=None, queueing_lock=None) == jobs()


def test_without_a_worker_the_state_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Since it was first missed, and until one says that it is there."""
    monkeypatch.setattr(engine_health._Workers, "are_elsewhere", True)
    status = connection_health.status()
    assert (status.state, status.message) == ("stopped", engine_health.NO_WORKER)
    assert connection_health.status().since == status.since
    processes.note()
    assert engine_health.since() is None


def test_a_heartbeat_from_the_future_vouches_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """The database's clock was ahead when the last worker died."""
    monkeypatch.setattr(engine_health._Workers, "are_elsewhere", True)
    processes.note()
    Heartbeat.objects.update(at=database_time.now() + timedelta(hours=1))
    assert connection_health.status().state == "stopped"
    processes.note()
    assert engine_health.since() is None
