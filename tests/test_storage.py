"""What is the matter with the disk: how it is known, for how long, and what it is told as."""

import errno
import logging
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest
from django.db import DatabaseError, IntegrityError, OperationalError
from psycopg_pool import PoolTimeout

from warmline import storage
from warmline.storage import Matter, WaitedError


def _sqlite(name: str) -> sqlite3.Error:
    error = sqlite3.OperationalError("x")
    error.sqlite_errorname = name
    return error


def _caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


def _of_postgresql(code: str) -> Exception:
    error = Exception("x")
    error.sqlstate = code  # type: ignore[attr-defined]
    return error


@pytest.mark.parametrize(
    ("error", "matter"),
    [
        (_caused(OperationalError("x"), _sqlite("SQLITE_FULL")), Matter.DISK_FULL),
        (_caused(OperationalError("x"), _sqlite("SQLITE_IOERR_WRITE")), Matter.DISK_ERROR),
        (_caused(OperationalError("x"), _sqlite("SQLITE_READONLY_DBMOVED")), Matter.DISK_ERROR),
        (_caused(OperationalError("x"), _sqlite("SQLITE_BUSY_SNAPSHOT")), Matter.BUSY),
        (_caused(OperationalError("x"), _sqlite("SQLITE_FULLER")), None),
        (_caused(IntegrityError("x"), _sqlite("SQLITE_CONSTRAINT_UNIQUE")), None),
        (_caused(OperationalError("x"), _of_postgresql("53100")), Matter.DISK_FULL),
        (_caused(OperationalError("x"), _of_postgresql("40P01")), Matter.BUSY),
        (_caused(OperationalError("x"), _of_postgresql("40001")), Matter.BUSY),
        (_caused(OperationalError("x"), _of_postgresql("57P01")), Matter.NO_DATABASE),
        (_caused(OperationalError("x"), _of_postgresql("08006")), Matter.NO_DATABASE),
        (_caused(OperationalError("x"), _of_postgresql("54000")), None),
        (_caused(OperationalError("x"), psycopg.OperationalError("the connection is closed")), Matter.NO_DATABASE),
        (_caused(OperationalError("x"), PoolTimeout("none came in time")), Matter.NO_DATABASE),
        (_caused(DatabaseError("x"), _of_postgresql("23505")), None),
        (OSError(errno.ENOSPC, "no space"), Matter.DISK_FULL),
        (OSError(errno.EDQUOT, "quota"), Matter.DISK_FULL),
        (OSError(errno.EROFS, "read-only"), Matter.DISK_ERROR),
        (FileNotFoundError(errno.ENOENT, "none"), None),
        (OSError(None, "text"), None),
        (WaitedError(), Matter.BUSY),
        (ValueError("x"), None),
    ],
)
def test_what_errors_mean(error: Exception, matter: Matter | None) -> None:
    """Of SQLite, PostgreSQL and the system alike, however deep the cause stands."""
    assert storage.matter_of(error) is matter


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """Return the clock, with nothing known and nothing looked at."""
    now = SimpleNamespace(seconds=1000.0)
    monkeypatch.setattr("warmline.storage.time.monotonic", lambda: now.seconds)
    for name, value in {"until": 0.0, "told_at": -100.0, "folder": None}.items():
        monkeypatch.setattr(storage._Known, name, value)
    return now


FULL = _caused(OperationalError("database or disk is full"), _sqlite("SQLITE_FULL"))


def test_a_failure_is_known_for_a_while(clock: SimpleNamespace) -> None:
    """Long enough to be seen, and no longer: then it is tried again."""
    assert storage.noticed(ValueError()) is None
    assert storage.present() is None
    assert storage.noticed(FULL) is Matter.DISK_FULL
    assert storage.present() is Matter.DISK_FULL
    clock.seconds += storage.BELIEVED_FOR
    assert storage.present() is None
    assert storage.noticed(WaitedError()) is Matter.BUSY
    assert storage.present() is None  # one who waited says nothing of the next one


def test_it_is_logged_once_a_minute(clock: SimpleNamespace, caplog: pytest.LogCaptureFixture) -> None:
    """However many fail."""
    with caplog.at_level(logging.ERROR):
        for seconds in (0.0, 30.0, 59.0, 60.0):
            clock.seconds = 1000.0 + seconds
            storage.noticed(FULL)
    assert [record.getMessage().split()[0] for record in caplog.records] == ["storage.disk_full"] * 2


@pytest.mark.parametrize(
    ("blocks", "free", "flag", "matter"),
    [
        (1000, 1000, 0, None),
        (1000, 10, 0, Matter.DISK_FULL),
        (0, 0, 0, None),  # some network disks do not say
        (1000, 1000, os.ST_RDONLY, Matter.DISK_ERROR),
    ],
)
def test_a_disk_is_looked_at(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, blocks: int, free: int, flag: int, matter: Matter | None
) -> None:
    """So that a process which writes nothing knows of it, too."""
    disk = SimpleNamespace(f_blocks=blocks, f_bfree=free, f_bavail=free, f_frsize=4096, f_flag=flag)
    monkeypatch.setattr(os, "statvfs", lambda _: disk)
    assert storage.present() is None
    storage.watch(tmp_path)
    assert storage.present() is matter


def test_what_is_good_to_know_is_left_out(clock: SimpleNamespace) -> None:
    """Who reads is not kept from it by what could not be noted; but a fault of ours is not hidden."""
    with storage.if_possible():
        raise FULL
    clock.seconds += storage.BELIEVED_FOR
    with pytest.raises(ZeroDivisionError), storage.if_possible():
        raise ZeroDivisionError
