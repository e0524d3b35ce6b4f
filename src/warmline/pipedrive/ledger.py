"""What was used of a token's limits: the turns of the last seconds, and the tokens of the last day.

It decides nothing. It only lets one caller at a time read and change the figures, in one process (`MemoryLedger`) or
in all processes of a machine (`FileLedger`), so that all of them together keep limits that hold for the token.

Its moments are told by a time of its own, which goes on evenly although the machine's clock is set ahead or back.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

from warmline.pipedrive.clock import Clock
from warmline.pipedrive.errors import Unavailable

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


class FileLedger(Ledger):
    """For all processes of this machine that name the same file.

    A file of its own and not the database's: a turn is taken many times a second, must not wait for a contact that is
    being saved, and need not survive a power cut.
    """

    def __init__(self, file: Path, name: str) -> None:
        """Open the file, and make it if it is not there.

        Args:
            file: An SQLite file that holds nothing else; its folder exists.
            name: Whose figures: one name for each token.

        Raises:
            OSError: The file cannot be opened or made.
        """
        self._lock = Lock()
        self._name = name
        try:
            self._db = sqlite3.connect(file, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            # Two tables, because a process of an earlier version that is still at work knows the first one only.
            for table in TABLES:
                self._db.execute(f"CREATE TABLE IF NOT EXISTS {table} (name TEXT PRIMARY KEY, figures TEXT NOT NULL)")
        except sqlite3.Error as error:
            raise OSError(None, str(error), str(file)) from error

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def open(self) -> Iterator[Used]:
        """Return the figures, as `Ledger` says; a block that raises changes nothing.

        Raises:
            Unavailable: The file cannot be used at this moment; no call has been made.
        """
        try:
            with self._lock, self._db:
                self._db.execute("BEGIN IMMEDIATE")
                used = Used(**self._read("used"), **self._read("time"))
                yield used
                figures = asdict(used)
                self._write("time", {name: figures.pop(name) for name in TABLES["time"]})
                self._write("used", figures)
        except sqlite3.Error as error:
            raise Unavailable(f"The file of the limits cannot be used ({error}).") from error

    def _read(self, table: str) -> dict[str, Any]:
        """Return what is stored of the figures of a table, as far as this version knows them."""
        row = self._db.execute(f"SELECT figures FROM {table} WHERE name = ?", (self._name,)).fetchone()  # noqa: S608 (of TABLES)
        stored = json.loads(row[0]) if row else {}
        return {name: stored[name] for name in TABLES[table] if name in stored}

    def _write(self, table: str, figures: dict[str, Any]) -> None:
        self._db.execute(f"REPLACE INTO {table} VALUES (?, ?)", (self._name, json.dumps(figures)))  # noqa: S608 (of TABLES)
