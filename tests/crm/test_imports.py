"""Imports: what is foreseen happens, what was cut off goes on, and twice is once."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Event
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.db import OperationalError, connection
from django.utils import timezone

from warmline.crm import chunks, retention, team
from warmline.crm.book import add_contact
from warmline.crm.imports import bulk, decisions, runs, worker
from warmline.crm.imports.runs import ImportRow, ImportRun, RowResult, Status
from warmline.crm.models import Contact
from warmline.crm.users import User

pytestmark = pytest.mark.django_db

FILE = b"""Name,E-mail,Warmness,Firma
Dana Diaz,dana@example.com,5,Larkspur Mills
Robin Vale,ROBIN@example.com,2,
Jordan Ames,jordan,9,
"Diaz, Dana",Dana@Example.com,9,
No Warmth,none@example.com,hot,
Kim Lee,,4,Larkspur  MILLS
Too,long@example.com,1,X,more
"""
NONE = {"completed": 0, "differs": 0, "left_out": 0, "taken_back": 0, "kept": 0}


def work() -> None:
    """Do all that is to be done."""
    while worker.step(timezone.now()):
        pass


def outcomes(run: ImportRun) -> list[str]:
    """Return the result of each row."""
    return list(run.contacts.order_by("number").values_list("result", flat=True))


@pytest.fixture
def alice() -> User:
    """Return Alice, who knows Robin already."""
    user = User.objects.create_user("alice@example.com", "Alice")
    add_contact(user, name="Robin", email="robin@example.com")
    return user


def test_a_file_from_beginning_to_end(alice: User) -> None:
    """Each row is foreseen with its reasons, and what was foreseen happens."""
    run = runs.begin(alice, "people.csv", FILE)
    assert (run.status, run.columns) == (Status.CHECKING, ["name", "email", "warmness_score", "organization"])
    work()
    run.refresh_from_db()
    assert run.status == Status.CHECKED
    assert outcomes(run) == ["new", "completes", "invalid", "known", "invalid", "new", "invalid"]
    assert Contact.objects.count() == 1
    reasons = [row.reasons for row in run.contacts.filter(result=RowResult.INVALID).order_by("number")]
    assert reasons[0] == ["Enter an e-mail address such as kim@example.com."]
    assert reasons[1] == ["Warmness must be a whole number from 0 to 10."]
    assert reasons[2][0].startswith("This row has more cells")
    assert runs.counts(run) == {
        "all": 7, "warm": 2, "unchecked": 0, "new": 2, "added": 0, "known": 1, "completes": 1, "invalid": 3, **NONE
    }  # fmt: skip
    runs.start(run)
    work()
    run.refresh_from_db()
    assert run.status == Status.DONE
    assert outcomes(run) == ["added", "completes", "invalid", "known", "invalid", "added", "invalid"]
    assert sorted(Contact.objects.values_list("name", flat=True)) == ["Dana Diaz", "Kim Lee", "Robin"]
    added = Contact.objects.filter(pk__in=run.contacts.filter(result="added").values("contact_id"))
    assert {contact.organization.name for contact in added if contact.organization} == {"Larkspur Mills"}


def test_twice_is_once(alice: User) -> None:
    """The same file again has nothing new."""
    for _ in range(2):
        run = runs.begin(alice, "people.csv", FILE)
        work()
        runs.start(run)
        work()
    assert runs.counts(run)["known"] == 3
    assert runs.counts(run)["added"] == 0
    assert Contact.objects.count() == 3


def test_a_worker_that_died(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """After some were added but not noted, the next one goes on when the hold has ended, and adds nothing twice."""
    file = b"Name,Email\n" + b"".join(b"Contact %d,c%d@example.com\n" % (n, n) for n in range(30))
    monkeypatch.setattr(chunks, "MOST", 10)
    run = runs.begin(alice, "people.csv", file)
    work()
    runs.start(run)
    for _ in bulk.import_contacts(alice, [{"name": "Contact 0", "email": "c0@example.com"}]):
        pass
    ImportRun.objects.filter(pk=run.pk).update(holder="dead", held_until=timezone.now() + timedelta(seconds=5))
    work()
    assert runs.counts(run)["new"] == 30
    assert worker.step(timezone.now() + timedelta(seconds=6))
    assert runs.counts(run) | {"unchecked": 0} == {
        "all": 30, "warm": 0, "unchecked": 0, "new": 0, "added": 29, "known": 1, "invalid": 0, "completes": 0, **NONE
    }  # fmt: skip
    assert Contact.objects.filter(name__startswith="Contact").count() == 30


def test_a_worker_that_died_before_the_clock_was_set_back(alice: User) -> None:
    """Its hold ends like any other, a few seconds after somebody wanted the run, and not an hour later."""
    run = runs.begin(alice, "people.csv", b"Name\nDana\n")
    now = timezone.now()
    ImportRun.objects.filter(pk=run.pk).update(holder="dead", held_until=now + timedelta(hours=1))
    assert not worker.step(now)
    assert not worker.step(now + worker.HOLD / 2)
    assert worker.step(now + worker.HOLD)
    assert outcomes(run) == ["new"]


@pytest.mark.parametrize("jump", [timedelta(days=400), timedelta(days=-400), timedelta(0)])
def test_a_clock_that_is_set_makes_nothing_old(alice: User, jump: timedelta) -> None:
    """What was kept for a day was kept for a day."""
    run = runs.begin(alice, "people.csv", b"Name\nDana\n")
    ImportRun.objects.filter(pk=run.pk).update(status=Status.DONE)
    began, elapsed = timezone.now(), [100.0]

    def present() -> datetime:
        return began + timedelta(seconds=elapsed[0] - 100) + (jump if elapsed[0] > 100 else timedelta(0))

    clock = retention.SteadyClock(lambda: elapsed[0], present)
    for hours in (0, 24, 24):
        elapsed[0] += 3600 * hours
        retention.sweep(clock.now())
    assert ImportRun.objects.exists()
    assert clock.now() <= began + timedelta(days=2)


def test_stopping_between_two_batches(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left is left to the next start."""
    monkeypatch.setattr(chunks, "MOST", 2)
    run = runs.begin(alice, "people.csv", b"Name\nA\nB\nC\n")
    work()
    runs.start(run)
    stopping = Event()
    stopping.set()
    assert worker.step(timezone.now(), stopping)
    assert runs.counts(run)["new"] == 1
    work()
    run.refresh_from_db()
    assert (run.status, runs.counts(run)["added"]) == (Status.DONE, 3)


def test_other_columns_while_it_is_checked(alice: User) -> None:
    """Who is at it gives up what is no longer its own, and the check begins anew."""
    run = runs.begin(alice, "people.csv", b"Name,Other\nDana,d@example.com\n")
    hold = worker._Hold(run)
    assert hold.is_taken(timezone.now())
    decisions.choose(run, ["name", "email"], heading=None)
    assert not hold.is_kept()
    assert worker.step(timezone.now())
    run.refresh_from_db()
    assert run.status == Status.CHECKED
    assert outcomes(run) == ["invalid", "new"]


def test_nothing_is_imported_before_it_is_checked(alice: User) -> None:
    """Nor twice."""
    run = runs.begin(alice, "people.csv", b"Who,Mail address\nDana,d@example.com\n")
    assert run.status == Status.MATCHING
    runs.start(run)
    work()
    assert Contact.objects.count() == 1
    decisions.choose(run, ["name", "email"], heading=1)
    work()
    runs.start(run)
    work()
    decisions.choose(run, ["", "name"], heading=1)
    run.refresh_from_db()
    assert (run.status, run.columns) == (Status.DONE, ["name", "email"])
    assert Contact.objects.count() == 2


@pytest.fixture
def bob() -> User:
    """Return Bob, who is about to leave."""
    return User.objects.create_user("bob@example.com", "Bob")


def begun(owner: User, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have a file with three contacts imported, and return the work at it after the first of them."""
    monkeypatch.setattr(chunks, "MOST", 1)
    run = runs.begin(owner, "people.csv", b"Name\nA\nB\nC\n")
    work()
    runs.start(run)
    run.refresh_from_db()
    hold = worker._Hold(run)
    assert hold.is_taken(timezone.now())
    batches = worker._import(run, hold)
    next(batches)
    return batches


def test_an_import_of_one_who_leaves_goes_on_as_the_heirs(
    alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is at it lets go at once; what is left becomes the heir's, and nothing comes twice."""
    batches = begun(bob, monkeypatch)
    team.deactivate(bob, alice)
    assert list(batches) == []
    assert Contact.objects.filter(owner=alice, name="A").exists()
    work()
    assert [run.status for run in ImportRun.objects.filter(owner=alice)] == [Status.DONE]
    assert sorted(Contact.objects.filter(owner=alice).values_list("name", flat=True)) == ["A", "B", "C", "Robin"]


def test_an_import_of_one_who_leaves_without_heir_ends(alice: User, bob: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was added stays, and nothing follows."""
    User.objects.filter(pk=alice.pk).update(is_admin=True)
    batches = begun(bob, monkeypatch)
    team.deactivate(bob, None)
    assert list(batches) == []
    work()
    assert not ImportRun.objects.exists()
    assert not ImportRow.objects.exists()
    assert list(Contact.objects.filter(owner=bob).values_list("name", flat=True)) == ["A"]


@contextmanager
def breaking(word: str, error: Exception) -> Iterator[None]:
    """Have every look into the contact book break that asks for a word."""

    def wrapper(execute: Any, sql: str, params: Any, *rest: Any) -> Any:
        if sql.startswith("SELECT") and "crm_contact" in sql and word in (params or ()):
            raise error
        return execute(sql, params, *rest)

    with connection.execute_wrapper(wrapper):
        yield


@pytest.mark.parametrize("breaks_at", [Status.CHECKING, Status.IMPORTING])
def test_a_row_that_breaks_something_is_set_aside(alice: User, breaks_at: Status) -> None:
    """With its reason, and the others go on."""
    run = runs.begin(alice, "people.csv", b"Name\nDana\nBad\nKim\n")
    if breaks_at == Status.IMPORTING:
        work()
        runs.start(run)
    with breaking("bad", RuntimeError("the inside")):
        work()
    run.refresh_from_db()
    assert run.status == (Status.CHECKED if breaks_at == Status.CHECKING else Status.DONE)
    done = "new" if breaks_at == Status.CHECKING else "added"
    assert outcomes(run) == [done, "invalid", done]
    assert run.rows.get(result=RowResult.INVALID).reasons == [
        "Something went wrong on our side with this row (RuntimeError). The error was logged. Tell your administrator."
    ]


def test_where_the_database_is_at_fault_no_row_is(alice: User) -> None:
    """All of it is tried again."""
    run = runs.begin(alice, "people.csv", b"Name\nDana\n")
    with breaking("dana", OperationalError("database is locked")), pytest.raises(OperationalError):
        work()
    assert worker.step(timezone.now() + worker.HOLD)
    assert outcomes(run) == ["new"]


def test_what_is_started_is_not_discarded(alice: User) -> None:
    """Also by who looked at it before it was started; it is gone when it is done."""
    run = runs.begin(alice, "people.csv", b"Name\nDana\n")
    work()
    as_read = ImportRun.objects.get(pk=run.pk)
    runs.start(run)
    assert not runs.discard(as_read)
    assert ImportRun.objects.get().status == Status.IMPORTING
    work()
    assert runs.discard(as_read)
    assert not runs.discard(as_read)
    assert Contact.objects.filter(name="Dana").exists()


def test_old_files_are_forgotten(alice: User, bob: User) -> None:
    """After a month, everybody's; what is at work stays."""
    made = [runs.begin(owner, f"{n}.csv", b"Name\nDana\n") for n, owner in enumerate((alice, alice, bob, bob))]
    ImportRun.objects.filter(pk__in=[made[0].pk, made[2].pk]).update(status=Status.DONE)
    old = timezone.now() - runs.KEPT - timedelta(minutes=1)
    ImportRun.objects.filter(pk__in=[run.pk for run in made[:3]]).update(created_at=old)
    retention.sweep(timezone.now())
    assert set(ImportRun.objects.values_list("file_name", flat=True)) == {"1.csv", "3.csv"}
    assert ImportRow.objects.count() == 4


def test_expired_sessions_are_forgotten() -> None:
    """They would never go by themselves."""
    for number, days in enumerate((-1, 1)):
        Session.objects.create(session_key=f"key-{number}", expire_date=timezone.now() + timedelta(days=days))
    retention.sweep(timezone.now())
    assert [session.session_key for session in Session.objects.all()] == ["key-1"]


@pytest.mark.django_db(transaction=True)
def test_the_thread() -> None:
    """It is woken by the commit, checks and imports, and ends with the block."""
    poll = Event()

    def until(status: Status) -> None:
        for _ in range(1200):
            if ImportRun.objects.get(pk=run.pk).status == status:
                return
            poll.wait(0.05)
        pytest.fail(f"it was not {status} within 60 s")

    user = User.objects.create_user("alice@example.com", "Alice")
    with worker.running():
        run = runs.begin(user, "people.csv", FILE)
        until(Status.CHECKED)
        runs.start(run)
        until(Status.DONE)
    assert Contact.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_the_thread_that_sweeps() -> None:
    """It deletes what is outdated as soon as it is started."""
    poll = Event()
    Session.objects.create(session_key="old", expire_date=timezone.now() - timedelta(days=1))
    with retention.running():
        for _ in range(1200):
            if not Session.objects.exists():
                return
            poll.wait(0.05)
    pytest.fail("it was not deleted within 60 s")
