"""Who may write when: in the order of coming, one at a time, and beside other processes."""

import sqlite3
import threading
from pathlib import Path

import pytest
from django.db import OperationalError, connection, connections, transaction

from warmline import storage
from warmline.crm.users import User
from warmline.sqlite.base import _line
from warmline.sqlite.write_queue import Door, Line
from warmline.storage import WaitedError


def test_a_line_is_first_come_first_served() -> None:
    """Ten wait, and have it in the order in which they came."""
    line, came = Line(), []
    line.take(0)

    def wait(number: int) -> None:
        line.take(30)
        came.append(number)
        line.give_back()

    threads = []
    for number in range(10):
        threads.append(threading.Thread(target=wait, args=(number,)))
        threads[-1].start()
        while len(line._waiting) <= number:
            threads[-1].join(0.001)
    line.give_back()
    for thread in threads:
        thread.join()
    assert came == list(range(10))
    line.take(0)  # it is free again


def test_who_waited_for_too_long_leaves_the_line() -> None:
    """And the line goes on without them."""
    line = Line()
    line.take(0)
    with pytest.raises(WaitedError):
        line.take(0.01)
    line.give_back()
    line.take(0)


def test_a_door_keeps_another_process_out(tmp_path: Path) -> None:
    """Who holds it is another open file, as another process would be; it is had as soon as the other one lets go."""
    other, door = Door(str(tmp_path / "turn")), Door(str(tmp_path / "turn"))
    other.take(0)
    with pytest.raises(WaitedError):
        door.take(0.02)
    other.give_back()
    door.take(30)
    door.give_back()


def test_a_door_that_cannot_be_made_is_open(tmp_path: Path) -> None:
    """On a disk that cannot be written SQLite itself says no."""
    door = Door(str(tmp_path / "nowhere" / "turn"))
    door.take(0)
    door.give_back()


@pytest.mark.django_db(transaction=True)
def test_a_crowd_of_writers_waits_and_none_fails() -> None:
    """Transactions and single statements, from many threads, beside one of SQLite's own that has no turns."""
    User.objects.create_user("alice@example.com", "Alice")
    errors: list[Exception] = []

    def write(number: int) -> None:
        try:
            for _ in range(5):
                User.objects.filter(email="alice@example.com").update(name=f"Alice {number}")
                with transaction.atomic():
                    User.objects.create_user(f"u{number}.{User.objects.count()}@example.com", "Bob")
        except Exception as error:  # noqa: BLE001 (shown below)
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert User.objects.count() == 151


@pytest.mark.only_on("sqlite")
@pytest.mark.django_db(transaction=True)
def test_a_turn_is_given_back_whatever_happens() -> None:
    """After a commit, an error within a transaction, one of a single statement, and a connection that is closed."""
    line = _line(str(connection.settings_dict["NAME"]))[0]
    with transaction.atomic():
        assert line._is_taken
    assert not line._is_taken
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        User.objects.create_user("bob@example.com", "Bob")
        raise ZeroDivisionError
    assert not line._is_taken
    with pytest.raises(OperationalError), connection.cursor() as cursor:
        cursor.execute("INSERT INTO nowhere VALUES (1)")
    assert not line._is_taken
    with transaction.atomic():
        connection.close()
    assert not line._is_taken


@pytest.mark.only_on("sqlite")
@pytest.mark.django_db(transaction=True)
def test_one_who_never_lets_go_is_told_as_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """And not as a fault of ours."""
    monkeypatch.setattr("warmline.sqlite.base.WITHIN", 0.01)
    line = _line(str(connection.settings_dict["NAME"]))[0]
    line.take(0)
    with pytest.raises(OperationalError) as caught, transaction.atomic():
        pass
    assert storage.matter_of(caught.value) is storage.Matter.BUSY
    line.give_back()


def test_sqlite_says_what_it_met() -> None:
    """Its errors carry the name that we go by."""
    with sqlite3.connect(":memory:") as database, pytest.raises(sqlite3.Error) as caught:
        database.execute("PRAGMA page_size")
        database.execute("CREATE TABLE held (text)")
        database.execute("PRAGMA max_page_count = 2")
        database.execute("INSERT INTO held VALUES (?)", ("x" * 100_000,))
    assert storage.matter_of(caught.value) is storage.Matter.DISK_FULL
