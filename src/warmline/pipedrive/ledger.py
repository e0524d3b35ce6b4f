"""What was used of a token's limits: the turns of the last seconds, and the tokens of the last day.

It decides nothing. It only lets one caller at a time read and change the figures, in one process (`MemoryLedger`) or
in all processes of a machine (`FileLedger`), so that all of them together keep limits that hold for the token. For
several machines there is a third one, which needs their database (sync/remote/postgres_ledger.py).

Its moments are told by a time of its own, which goes on evenly although the machine's clock is set ahead or back.
"""

import json
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

from warmline.pipedrive.clock import Clock
from warmline.pipedrive.errors import Unavailable

log = logging.getLogger(__name__)

PATIENCE = 10.0  # seconds to wait for another process, which holds the file for less than a millisecond


@dataclass
class Used:
    """The figures; all moments are seconds by the time that `present` tells.

    Attributes:
        turns: When calls went, or are going to, in order.
        searches: The same of the searches among them.
        next_batch: Before this moment no batch work goes.
        paused_until: Before this moment nobody goes.
        tokens: Spent, by the hour of that time.
        ahead: How far that time is ahead of the machine's monotonic seconds; None before it was told first.
        latest: The monotonic seconds at which it was told last.
    """

    turns: list[float] = field(default_factory=list)
    searches: list[float] = field(default_factory=list)
    next_batch: float = 0.0
    paused_until: float = 0.0
    tokens: dict[str, int] = field(default_factory=dict)
    ahead: float | None = None
    latest: float = 0.0

    def present(self, clock: Clock) -> float:
        """Return the present: about Unix seconds, but by the monotonic clock, which all processes of a machine share.

        Args:
            clock: The machine's. Its time of day is asked only at first, and when the machine was started anew.
        """
        monotonic = clock.monotonic()
        if self.ahead is None or monotonic < self.latest:
            self.ahead = clock.now().timestamp() - monotonic
        self.latest = monotonic
        return monotonic + self.ahead


# Which figures stand in which table.
TABLES = {
    "used": ("turns", "searches", "next_batch", "paused_until", "tokens"),
    "time": ("ahead", "latest"),
}


class Ledger(Protocol):
    """Where the figures are kept."""

    def open(self) -> AbstractContextManager[Used]:
        """Return the figures for reading and changing; until the block ends nobody else has them."""
        ...

    def look(self) -> Used:
        """Return a copy of the figures, for reading only."""
        ...

    def close(self) -> None:
        """Close what it keeps open."""
        ...


class MemoryLedger(Ledger):
    """For one process."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._used = Used()

    @contextmanager
    def open(self) -> Iterator[Used]:
        """Return the figures, as `Ledger` says."""
        with self._lock:
            yield self._used

    def look(self) -> Used:
        """Return a copy, as `Ledger` says."""
        with self._lock:
            return Used(**asdict(self._used))

    def close(self) -> None:
        """Do nothing: nothing is open."""


class FileLedger(Ledger):
    """For all processes of this machine that name the same file.

    A file of its own and not the database's: a turn is taken many times a second, must not wait for a contact that is
    being saved, and need not survive a power cut, nor a full disk.
    """

    def __init__(self, file: Path, name: str) -> None:
        """Open the file, and make it if it is not there.

        Args:
            file: An SQLite file that holds nothing else; its folder exists.
            name: Whose figures: one name for each token.

        Raises:
            OSError: The file cannot be opened or made; one that is damaged is set aside.
        """
        self._lock = Lock()
        self._file = file
        self._name = name
        self._db: sqlite3.Connection | None = None
        self._unwritten: Used | None = None  # the figures that could not be written yet
        try:
            self._db = self._opened()
        except sqlite3.Error as error:
            if _is_broken(error):
                self._set_aside()
            elif not _is_of_the_disk(error):
                raise OSError(None, str(error), str(file)) from error

    def close(self) -> None:
        """Close the file."""
        if self._db is not None:
            self._db.close()

    @contextmanager
    def open(self) -> Iterator[Used]:
        """Return the figures, as `Ledger` says; a block that raises changes nothing.

        While the disk is full, or cannot be written, they are kept in memory: who only looks is not kept from it, and
        what is under way keeps the limits.

        Raises:
            Unavailable: The file cannot be used at this moment, for another reason; no call has been made.
        """
        with self._lock:
            used = self._read()
            before = _spent(used)
            try:
                yield used
            except BaseException:
                self._roll_back()
                raise
            if _spent(used) == before and self._unwritten is None:
                self._roll_back()  # who only looks writes nothing
            else:
                self._write(used)

    def look(self) -> Used:
        """Return a copy, as `Ledger` says.

        Raises:
            Unavailable: As `open` does.
        """
        with self.open() as used:
            return used

    def _opened(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._file, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
        try:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=NORMAL")
            # Two tables, because a process of an earlier version that is still at work knows the first one only.
            for table in TABLES:
                db.execute(f"CREATE TABLE IF NOT EXISTS {table} (name TEXT PRIMARY KEY, figures TEXT NOT NULL)")
        except BaseException:
            db.close()
            raise
        return db

    def _set_aside(self) -> None:
        """Begin anew beside a file that is none of ours any more: what it knew is worth a few seconds of caution."""
        aside = self._file.with_name(f"{self._file.name}.broken")
        log.warning("limits.file_broken kept_as=%s", aside.name)
        self.close()
        self._file.replace(aside)
        for ending in ("-wal", "-shm"):
            self._file.with_name(f"{self._file.name}{ending}").unlink(missing_ok=True)
        self._db = self._opened()

    def _read(self) -> Used:
        try:
            try:
                used = self._read_file()
            except sqlite3.Error as error:
                if not _is_broken(error):
                    raise
                self._set_aside()
                used = self._read_file()
        except sqlite3.Error as error:
            if not _is_of_the_disk(error):
                raise Unavailable(f"The file of the limits cannot be used ({error}).") from error
            self._roll_back()
            self._unwritten = self._unwritten or Used()
            return Used(**asdict(self._unwritten))
        return used if self._unwritten is None else _together(used, self._unwritten)

    def _read_file(self) -> Used:
        self._db = self._db or self._opened()
        self._db.execute("BEGIN IMMEDIATE")
        return Used(**_stored(self._db, "used", self._name), **_stored(self._db, "time", self._name))

    def _write(self, used: Used) -> None:
        self._unwritten = used
        if self._db is None or not self._db.in_transaction:
            return  # it could not even be read
        try:
            figures = asdict(used)
            for table, names in TABLES.items():
                stored = json.dumps({name: figures[name] for name in names})
                self._db.execute(f"REPLACE INTO {table} VALUES (?, ?)", (self._name, stored))  # noqa: S608 (of TABLES)
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back()
            if not _is_of_the_disk(error):
                raise Unavailable(f"The file of the limits cannot be used ({error}).") from error
        else:
            self._unwritten = None

    def _roll_back(self) -> None:
        if self._db is not None and self._db.in_transaction:
            self._db.execute("ROLLBACK")


def _spent(used: Used) -> dict[str, Any]:
    """Return the figures without the moment of the last look, for which alone nothing is written."""
    return {name: value for name, value in asdict(used).items() if name != "latest"}


def _stored(db: sqlite3.Connection, table: str, name: str) -> dict[str, Any]:
    """Return what is stored of the figures of a table, as far as this version knows them."""
    row = db.execute(f"SELECT figures FROM {table} WHERE name = ?", (name,)).fetchone()  # noqa: S608 (of TABLES)
    stored = json.loads(row[0]) if row else {}
    return {each: stored[each] for each in TABLES[table] if each in stored}


def _is_of_the_disk(error: sqlite3.Error) -> bool:
    """Tell whether the disk is full or cannot be written, which passes."""
    name = getattr(error, "sqlite_errorname", "")  # what Python itself refuses has none
    return name.startswith(("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY"))


def _is_broken(error: sqlite3.Error) -> bool:
    """Tell whether the file is no database, or a damaged one, which does not pass."""
    return getattr(error, "sqlite_errorname", "").startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT"))


def _together(stored: Used, kept: Used) -> Used:
    """Return the figures of a file that could not be written for a while, and those that were kept meanwhile."""
    hours = stored.tokens.keys() | kept.tokens.keys()
    return Used(
        turns=sorted({*stored.turns, *kept.turns}),
        searches=sorted({*stored.searches, *kept.searches}),
        next_batch=max(stored.next_batch, kept.next_batch),
        paused_until=max(stored.paused_until, kept.paused_until),
        tokens={hour: max(stored.tokens.get(hour, 0), kept.tokens.get(hour, 0)) for hour in hours},
        ahead=kept.ahead if stored.ahead is None else stored.ahead,
        latest=max(stored.latest, kept.latest),
    )
