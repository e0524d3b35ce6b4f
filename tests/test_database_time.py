"""One clock for all machines that share a database."""

import time
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Self

import pytest
from django.db import connection
from django.utils import timezone

from warmline import database_time
from warmline.crm.models import Contact
from warmline.sync.database_clock import DatabaseClock
from warmline.sync.leases import LIFETIME, Leases
from warmline.sync.models import Lease

pytestmark = pytest.mark.django_db

OFF = timedelta(minutes=-2)


class Wrong(datetime):
    """A machine's clock that is two minutes behind."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:  # noqa: ARG003 (as in datetime)
        """Return its moment."""
        return cls.fromtimestamp(time.time(), UTC) + OFF


@pytest.fixture
def _two_minutes_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "datetime", Wrong)


def _databases() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
    return moment


@pytest.mark.only_on("postgres")
@pytest.mark.usefixtures("_two_minutes_behind")
def test_a_machine_whose_clock_is_off_reads_the_database_s() -> None:
    """What it stores to be compared with a moment later is right all the same."""
    assert timezone.now() < datetime.fromtimestamp(time.time() - 100, UTC)
    before = _databases()
    assert before - timedelta(seconds=1) < database_time.now() < _databases() + timedelta(seconds=1)
    assert Contact().next_pipedrive_sync_attempt > before - timedelta(seconds=1)


@pytest.mark.only_on("postgres")
@pytest.mark.usefixtures("_two_minutes_behind")
def test_leases_expire_by_the_database_s_clock() -> None:
    """One of such a machine is as good as any other's, for as long."""
    Leases(DatabaseClock()).take("person:a")
    lasts = Lease.objects.get().expires_at - _databases()
    assert LIFETIME - timedelta(seconds=30) < lasts <= LIFETIME + timedelta(seconds=1)


@pytest.mark.only_on("postgres")
def test_the_database_is_asked_rarely(django_assert_num_queries: pytest.FixtureRequest) -> None:
    """In between its moment goes on with the seconds of the machine."""
    first = database_time.now()
    with django_assert_num_queries(0):  # type: ignore[operator]
        moments = [database_time.now() for _ in range(100)]
    assert moments == sorted(moments)
    assert first <= moments[0]


@pytest.mark.only_on("sqlite")
def test_on_sqlite_the_machine_s_clock_counts() -> None:
    """There is one machine, and its own tests turn its clock."""
    before = timezone.now()
    assert before <= database_time.now() <= timezone.now()
