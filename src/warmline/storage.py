"""What can be wrong where the data is stored: no space, a failing disk, too many writers at once, no database.

Each process keeps this in memory, because storing is what fails. Code that writes to a file or the database and gets
an error asks `noticed` whether it is one of these. A full disk is also detected by checking, so that a process that
writes nothing notices it, too.
"""

import errno
import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from functools import cache
from pathlib import Path

log = logging.getLogger(__name__)

LEAST_FREE = 1 << 20  # bytes; with less, the next save may fail
BELIEVED_FOR = 2.0  # seconds for which a failure is assumed to last
TOLD_EVERY = 60.0  # seconds between two log lines


class Matter(StrEnum):
    """What is wrong. The value is the API's error code."""

    BUSY = "busy"
    DISK_FULL = "disk_full"
    DISK_ERROR = "disk_error"
    NO_DATABASE = "no_database"


OF_THE_DISK = (Matter.DISK_FULL, Matter.DISK_ERROR)
WORDS = {
    Matter.BUSY: "Too many people are saving at the moment. Nothing was saved. Try again in a few seconds.",
    Matter.DISK_FULL: "The disk is full. Everything saved before is safe, but nothing new can be saved. "
    "Free up some space; Warmline then continues by itself.",
    Matter.DISK_ERROR: "Warmline cannot write to its disk. Everything saved before is safe, but nothing new can be "
    "saved. Check whether it is read-only or damaged; Warmline then continues by itself.",
    Matter.NO_DATABASE: "Warmline cannot reach its database at the moment. Everything saved before is safe, but "
    "nothing was saved now. Try again in a few seconds; Warmline continues by itself.",
}
BY_ERRNO = {
    errno.ENOSPC: Matter.DISK_FULL,
    errno.EDQUOT: Matter.DISK_FULL,
    errno.EROFS: Matter.DISK_ERROR,
    errno.EIO: Matter.DISK_ERROR,
}
BY_SQLITE = {
    "SQLITE_BUSY": Matter.BUSY,
    "SQLITE_LOCKED": Matter.BUSY,
    "SQLITE_FULL": Matter.DISK_FULL,
    "SQLITE_IOERR": Matter.DISK_ERROR,
    "SQLITE_READONLY": Matter.DISK_ERROR,
    "SQLITE_CANTOPEN": Matter.DISK_ERROR,
}
BY_SQLSTATE = {  # of PostgreSQL, by a code or the class that it begins with
    "53100": Matter.DISK_FULL,
    "58030": Matter.DISK_ERROR,
    "25006": Matter.DISK_ERROR,
    "53300": Matter.NO_DATABASE,  # it takes no more connections
    "55P03": Matter.BUSY,
    "40": Matter.BUSY,
    "08": Matter.NO_DATABASE,
    "57P0": Matter.NO_DATABASE,  # it is stopping, has crashed, or is starting
    "25P03": Matter.NO_DATABASE,  # it has ended a transaction in which nothing happened for too long
}
PASSING = "40"  # the class of serialization failures and deadlocks: of two, one is told to try again
# The classes of what cannot be stored, whoever tries: a text too long, a number too large, a key beyond an index entry.
UNSTORABLE = ("22", "54")


class WaitedError(Exception):
    """Other writers held the database for so long that this one did not get its turn in time."""


class _Known:
    """The last failure that this process saw."""

    matter = Matter.BUSY
    until = 0.0
    told_at = -TOLD_EVERY
    folder: Path | None = None  # on the disk that is checked


def watch(folder: Path | None) -> None:
    """From now on, check whether a folder's disk has space; None if the database is on another machine."""
    _Known.folder = folder


def matter_of(error: BaseException) -> Matter | None:
    """Return which of these problems an error stands for; None for any other error."""
    cause: BaseException | None = error
    while cause is not None:
        found = _of_one(cause)
        if found is not None:
            return found
        cause = cause.__cause__
    return None


def noticed(error: BaseException) -> Matter | None:
    """Remember a storage problem, and log it at most once a minute.

    Args:
        error: Any error.

    Returns:
        Which problem the error stands for; None for any other error.
    """
    matter = matter_of(error)
    if matter is Matter.DISK_ERROR and _looked() is Matter.DISK_FULL:
        matter = Matter.DISK_FULL  # SQLite's shared memory is written differently, and fails with another error
    if matter in OF_THE_DISK:
        now = time.monotonic()
        _Known.matter, _Known.until = matter, now + BELIEVED_FOR
        if now >= _Known.told_at + TOLD_EVERY:
            _Known.told_at = now
            log.error("storage.%s %s error=%s", matter, WORDS[matter], error)
    return matter


def present() -> Matter | None:
    """Return what is wrong with the disk at the moment; None if nothing is."""
    return _Known.matter if time.monotonic() < _Known.until else _looked()


def is_passing(error: BaseException) -> bool:
    """Tell whether two transactions met of which one was undone: done again, it will very likely succeed."""
    return any(state.startswith(PASSING) for state in _sqlstates(error))


def is_unstorable(error: BaseException) -> bool:
    """Tell whether the database can never store what it was given; trying again is no use."""
    return any(state.startswith(UNSTORABLE) for state in _sqlstates(error))


@contextmanager
def if_possible() -> Iterator[None]:
    """Ignore storage problems in the block, which writes something that is useful but not essential."""
    try:
        yield
    except Exception as error:
        if noticed(error) is None:
            raise


def _looked() -> Matter | None:
    if _Known.folder is None or sys.platform == "win32":
        return None
    try:
        disk = os.statvfs(_Known.folder)
    except OSError:
        return None
    if disk.f_flag & os.ST_RDONLY:
        return Matter.DISK_ERROR
    free = disk.f_bfree if os.geteuid() == 0 else disk.f_bavail  # some blocks are reserved for root
    return Matter.DISK_FULL if disk.f_blocks and free * disk.f_frsize < LEAST_FREE else None


def _of_one(error: BaseException) -> Matter | None:
    if isinstance(error, WaitedError):
        return Matter.BUSY
    name = getattr(error, "sqlite_errorname", "")
    for known, matter in BY_SQLITE.items():
        if name == known or name.startswith(f"{known}_"):
            return matter
    if isinstance(error, OSError):
        return BY_ERRNO.get(error.errno or 0)
    state = getattr(error, "sqlstate", "")
    if state is None and isinstance(error, _lost()):
        return Matter.NO_DATABASE
    found = (matter for known, matter in BY_SQLSTATE.items() if (state or "").startswith(known))
    return next(found, None)


@cache
def _lost() -> tuple[type[Exception], ...]:
    """Return psycopg's errors that stand for a lost connection, or none in time, where the server gave no code."""
    try:
        import psycopg  # noqa: PLC0415 (only with PostgreSQL)
    except ImportError:
        return ()
    return (psycopg.OperationalError, psycopg.InterfaceError)


def _sqlstates(error: BaseException) -> Iterator[str]:
    cause: BaseException | None = error
    while cause is not None:
        yield getattr(cause, "sqlstate", None) or ""
        cause = cause.__cause__
