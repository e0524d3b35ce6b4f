"""The order of commits: what commits late is not missed, whichever transaction began first."""

from threading import Event, Thread

import pytest
from django.db import connection, connections, transaction

from warmline.crm import commit_order
from warmline.crm.book import add_contact
from warmline.crm.models import Contact
from warmline.crm.users import User

pytestmark = pytest.mark.django_db(transaction=True)


def _new_since(position: int) -> set[str]:
    return set(Contact.objects.filter(changed_in__gte=position).values_list("name", flat=True))


def test_what_commits_late_is_not_missed(alice: User) -> None:
    """A transaction that has written and not committed yet holds the horizon back, however much is written after it.

    On SQLite nobody else writes meanwhile, so there a reader comes between instead.
    """
    has_written, may_commit = Event(), Event()

    def late() -> None:
        try:
            with transaction.atomic():
                add_contact(alice, name="Late")
                has_written.set()
                may_commit.wait(60)
        finally:
            connections.close_all()

    add_contact(alice, name="Early")
    thread = Thread(target=late)
    thread.start()
    try:
        assert has_written.wait(60)
        if connection.vendor == "postgresql":
            add_contact(alice, name="Quick")  # with a later id and a later moment, committed earlier
        until = commit_order.horizon()
        seen = _new_since(0)
    finally:
        may_commit.set()
        thread.join()
    assert "Late" not in seen
    assert "Late" in _new_since(until)
    assert "Early" not in _new_since(until)
    assert _new_since(commit_order.horizon()) == set()


def test_a_change_that_was_rolled_back_leaves_no_gap(alice: User) -> None:
    """The next one is found from the horizon of before."""
    add_contact(alice, name="Dana")
    until = commit_order.horizon()
    with pytest.raises(RuntimeError), transaction.atomic():
        add_contact(alice, name="Nobody")
        raise RuntimeError
    add_contact(alice, name="Eli")
    assert _new_since(until) == {"Eli"}


def test_all_rows_of_one_transaction(alice: User) -> None:
    """They come together: none is left behind when a reader comes between two transactions."""
    until = commit_order.horizon()
    with transaction.atomic():
        for number in range(3):
            add_contact(alice, name=str(number))
    assert _new_since(until) == {"0", "1", "2"}
    Contact.objects.filter(name="1").update(phone="1")
    assert _new_since(until) == {"0", "1", "2"}


def test_many_writers_and_a_reader(alice: User) -> None:
    """Whoever goes on from each horizon to the next has seen all of what many threads have written in the end."""
    over = Event()

    def write(name: int) -> None:
        try:
            for number in range(15):
                with transaction.atomic():
                    add_contact(alice, name=f"{name}.{number}")
        finally:
            connections.close_all()

    threads = [Thread(target=write, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    seen, since = set[str](), 0
    while not over.is_set():
        if not any(thread.is_alive() for thread in threads):
            over.set()  # one more look, at what came last
        until = commit_order.horizon()
        seen |= _new_since(since)
        since = until
    for thread in threads:
        thread.join()
    assert len(seen) == 60
