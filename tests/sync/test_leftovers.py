"""The disk cannot be written for a while: nothing is lost or doubled, no row is blamed, and all goes on at once."""

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from bench_engine import Bench
from django.db import DatabaseError, OperationalError, connection, transaction
from django.utils import timezone
from meddler import Meddler

from warmline import storage
from warmline.crm.book import OrganizationDetails, add_contact, log_activity
from warmline.crm.users import User
from warmline.pipedrive import SystemClock
from warmline.sandbox import World
from warmline.sync import postponed_cleanup
from warmline.sync.leases import Leases
from warmline.sync.models import Intent, Lease
from warmline.sync.remote import connection_health as pipedrive_connection
from warmline.sync.single_flight import one_asks

pytestmark = pytest.mark.django_db(transaction=True)

PERSONS, ORGANIZATIONS, ACTIVITIES = "/api/v2/persons", "/api/v2/organizations", "/api/v2/activities"


class Disk:
    """A database that can be told to refuse what is written, as on a disk that is mounted read-only."""

    def stops(self) -> None:
        """Take nothing more from now on."""
        self._set("ON")

    def goes_on(self) -> None:
        """Take everything again."""
        self._set("OFF")

    def _set(self, value: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA query_only = {value}")


@pytest.fixture
def disk(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    """Return the disk; a failure of it is believed for no time."""
    monkeypatch.setattr(storage, "BELIEVED_FOR", 0.0)
    made = Disk()
    yield made
    made.goes_on()
    postponed_cleanup.clear()


def test_leases_are_given_back_later(disk: Disk) -> None:
    """One that stayed for its two minutes would hold its row up, although all is well again."""
    with Leases(SystemClock()).hold("contact 12", row=("contact", 12)):
        disk.stops()
    postponed_cleanup.clear()
    assert Lease.objects.count() == 1  # not yet
    disk.goes_on()
    postponed_cleanup.clear()
    assert not Lease.objects.exists()


def test_a_lease_whose_write_failed_only_seemingly(disk: Disk) -> None:
    """The disk refused something behind the commit: nobody knows of the lease, and yet it is there."""

    def refuse() -> None:
        cause = sqlite3.OperationalError("database or disk is full")
        cause.sqlite_errorname = "SQLITE_FULL"
        raise OperationalError("database or disk is full") from cause

    def meddle(execute: Any, sql: str, params: Any, many: Any, context: Any) -> Any:
        if sql.startswith('INSERT INTO "sync_lease"'):
            transaction.on_commit(refuse)
        return execute(sql, params, many, context)

    with pytest.raises(OperationalError), connection.execute_wrapper(meddle):
        Leases(SystemClock()).take("contact 12")
    assert Lease.objects.count() == 1
    postponed_cleanup.clear()
    assert not Lease.objects.exists()


def test_who_asks_does_not_keep_others_from_it(disk: Disk) -> None:
    """The lease of who could not store the answer is given back as soon as that is possible, and not after 30 s."""
    with pytest.raises(DatabaseError):
        one_asks("who we are", clock=SystemClock(), known=lambda: None, ask=lambda: True, store=lambda _: _store(disk))
    disk.goes_on()
    postponed_cleanup.clear()
    assert not Lease.objects.exists()


def _store(disk: Disk) -> None:
    disk.stops()
    Lease.objects.all().delete()


@pytest.mark.parametrize("path", [PERSONS, ORGANIZATIONS, ACTIVITIES])
def test_the_disk_fills_up_while_a_record_is_made(
    bench: Bench, world: World, meddler: Meddler, alice: User, disk: Disk, path: str
) -> None:
    """The id that came back could not be stored; the record is found again within seconds, and is there once."""
    bench.settle()
    organization = OrganizationDetails("Larkspur Mills")
    contact = add_contact(alice, name="Kim", email="kim@example.org", organization=organization, warmness_score=5)
    activity = log_activity(alice, contact, type="CALL")
    meddler.once("POST", path, disk.stops)
    with suppress(DatabaseError):  # the dispatcher survives it
        bench.settle(1)
    assert meddler.is_done
    disk.goes_on()
    bench.settle(5)
    for row in (contact, activity):
        row.refresh_from_db()
        assert row.is_linked
        assert not row.pipedrive_sync_failed
        assert row.pipedrive_sync_attempts <= 1
    assert (len(world.persons), len(world.organizations), len(world.activities)) == (1, 1, 1)
    assert not Lease.objects.exists()
    assert not Intent.objects.exists()


def test_nothing_is_sent_while_the_disk_is_full(
    bench: Bench, world: World, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Pipedrive answers could not be written down; the state is told, and all goes on by itself."""
    add_contact(alice, name="Kim", email="kim@example.org", warmness_score=5)
    monkeypatch.setattr(storage, "present", lambda: storage.Matter.DISK_FULL)
    assert bench.engine.due(timezone.now() + timedelta(days=1)) == []
    assert pipedrive_connection.status().state == "disk_full"
    assert not world.persons
    monkeypatch.undo()
    bench.settle()
    assert len(world.persons) == 1
