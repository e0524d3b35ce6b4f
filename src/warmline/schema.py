"""Whether the tables of the database are those of this version, who may change them, and what to do if they are not.

On SQLite every command migrates when it starts. On PostgreSQL only `warmline migrate` does, and one at a time: other
programs wait a minute for it, and one that runs ends when the tables become those of another version, so that whoever
supervises it starts the version that is installed by then.
"""

import logging
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from warmline.supervision import Loop, close_connections

log = logging.getLogger(__name__)

PATIENCE = 60.0  # seconds for which a program waits for its tables
EVERY = 1.0  # seconds between two looks of one who waits
WATCHED_EVERY = 5.0  # seconds between two looks of one who runs
LOCK = 0x5741524D  # of PostgreSQL's advisory locks, which are numbers
OURS = ("crm", "sync")
PASSING = ("08", "57P", "53300")  # states of PostgreSQL's, by how they begin, in which it may be well in a moment


class NotReadyError(Exception):
    """The tables are not those of this version; the message says what to do."""


def problem() -> str:
    """Return in a sentence what is the matter with the tables; empty when they are those of this version."""
    applied = _applied()
    if found := _newer(applied):
        return found
    if _known() - applied:
        return "the database is not ready for this version of Warmline. Run `warmline migrate`."
    return ""


def migrate() -> int:
    """Bring the tables to this version, while nobody else does.

    Returns:
        How many migrations were applied.

    Raises:
        NotReadyError: They belong to a newer version.
        DatabaseError: The database cannot be used.
    """
    _wait_until(lambda: "")
    with _alone():
        before = _applied()
        if found := _newer(before):
            raise NotReadyError(found)
        if _known() <= before:
            return 0  # as at most starts; Django would take as long to find that out as it takes to start
        call_command("migrate", verbosity=0, interactive=False)
        return len(_applied() - before)


def wait() -> None:
    """Return when the tables are those of this version; PostgreSQL itself may still be starting.

    Raises:
        NotReadyError: They are not, within PATIENCE seconds.
        DatabaseError: The database cannot be used for a reason that does not pass, or not within that time.
    """
    _wait_until(problem)


def _wait_until(ready: Callable[[], str]) -> None:
    """Wait until the database is there and nothing is the matter with it; raises as `wait` does.

    Args:
        ready: Returns what is the matter; empty when nothing is.
    """
    end = time.monotonic() + PATIENCE
    is_told = False
    while True:
        error: DatabaseError | None = None
        try:
            _reach()
            found = ready()
        except DatabaseError as met:
            found, error = str(met), met
        if not found:
            return
        if time.monotonic() >= end or (error is not None and not _passes(error)):
            raise error or NotReadyError(found)
        if not is_told:
            log.warning("schema.waiting for=%gs reason=%r", PATIENCE, found)
            is_told = True
        close_connections()
        time.sleep(EVERY)


@contextmanager
def kept() -> Iterator[None]:
    """End this program as SIGTERM does, if the tables become those of another version while the block runs.

    Raises:
        NotReadyError: That was so.
    """
    if connection.vendor != "postgresql":
        yield
        return
    found = ""

    def look() -> None:
        nonlocal found
        if not loop.ends_within(WATCHED_EVERY):
            try:
                found = problem()
            except DatabaseError:  # others say so
                return
            finally:
                close_connections()
            if found:
                log.error("schema.changed %s", found)
                loop.end()
                os.kill(os.getpid(), signal.SIGTERM)

    loop = Loop("schema", look)
    with loop:
        yield
    if found:
        raise NotReadyError(found)


def _newer(applied: set[tuple[str, str]]) -> str:
    """Return in a sentence that migrations were applied which this version does not know; empty when there are none."""
    unknown = max((f"{app}.{name}" for app, name in applied - _known() if app in OURS), default="")
    return unknown and (
        f"the data belongs to a newer Warmline ({unknown}). Start that version, or set WARMLINE_DATA_DIR "
        "(and DATABASE_URL, if you use it) to other data."
    )


@cache
def _known() -> frozenset[tuple[str, str]]:
    return frozenset(MigrationLoader(None, ignore_no_migrations=True).disk_migrations)


def _applied() -> set[tuple[str, str]]:
    return set(MigrationRecorder(connection).applied_migrations())


def _reach() -> None:
    """Connect beside the pool, which would only tell that it has waited for ten seconds."""
    if connection.vendor == "postgresql":
        from warmline import postgres  # noqa: PLC0415 (its driver comes with an extra)

        with connection.wrap_database_errors:
            postgres.connect("start").close()


def _passes(error: DatabaseError) -> bool:
    state = getattr(error.__cause__, "sqlstate", None)
    return state is None or state.startswith(PASSING)


@contextmanager
def _alone() -> Iterator[None]:
    """Hold the lock of those who migrate; it ends with its connection, so nobody can leave it behind."""
    if connection.vendor != "postgresql":
        yield
        return
    from warmline import postgres  # noqa: PLC0415 (as above)

    with connection.wrap_database_errors:
        own = postgres.connect("migrate")
    with own:
        with connection.wrap_database_errors:
            own.execute("SET lock_timeout = 0")  # whoever migrates may need minutes
            own.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        yield
