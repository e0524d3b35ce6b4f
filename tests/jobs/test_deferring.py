"""What is saved gets its job in the same transaction, and what has none is fed."""

from datetime import UTC, datetime

import pytest
from django.db import connection, transaction

from warmline.crm import book
from warmline.crm.users import User
from warmline.sync import engine_health, processes, wakeups
from warmline.sync.remote import connection_health

pytestmark = [pytest.mark.only_on("postgres"), pytest.mark.django_db(transaction=True)]
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def jobs(**conditions: object) -> list[tuple[str, str, object]]:
    """Return queue, task and arguments of the jobs that wait."""
    from procrastinate.contrib.django.models import ProcrastinateJob  # noqa: PLC0415 (only on PostgreSQL)

    found = ProcrastinateJob.objects.filter(status="todo", **conditions).order_by("id")
    return list(found.values_list("queue_name", "task_name", "args"))


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
