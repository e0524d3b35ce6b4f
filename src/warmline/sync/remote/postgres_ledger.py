"""What was used of a token's limits by all machines together: one row in PostgreSQL, locked by whoever is at it.

Only the database's clock counts, so a machine whose own is wrong breaks no window. A machine that dies blocks nobody:
its lock ends with its connection, or after STALL seconds if the database cannot see that it is gone, and turns that it
had reserved pass by themselves. Without the database there are no turns, so nothing is sent that is not counted.

It has a connection of its own, one for each process: a turn must last although the caller's transaction is rolled back,
and must not wait for the caller's pool of connections, which may be used up by those who wait for a turn.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from threading import Lock
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from warmline import postgres
from warmline.pipedrive import SYSTEM_CLOCK, Clock, Ledger, Unavailable, Used
from warmline.sync.models import RateLimits

PATIENCE = 10  # seconds to wait for others, who each hold the row for a millisecond
STALL = 3  # seconds after which the database lets go of the row of a machine that stopped while it held it
KEPT = ("turns", "searches", "next_batch", "paused_until", "tokens")
MOMENTS = ("turns", "searches", "next_batch", "paused_until")
TABLE = sql.Identifier(RateLimits._meta.db_table)  # noqa: SLF001 (documented)
# Several statements in one message, because each answer that is waited for keeps the row from all others. The time is
# told around the lock and not beside it, where it would be that of before the wait. A crash of the database may forget
# the turns of the last half second, which is less than it takes to start again.
OPEN = sql.SQL(
    """
    BEGIN ISOLATION LEVEL READ COMMITTED;
    SELECT set_config('statement_timeout', {patience}, true), set_config('synchronous_commit', 'off', true),
           set_config('idle_in_transaction_session_timeout', {stall}, true);
    SELECT figures, extract(epoch FROM clock_timestamp())::float8
        FROM (SELECT figures FROM {table} WHERE name = {name} FOR UPDATE) AS held
    """
)
MAKE = sql.SQL("INSERT INTO {table} (name, figures) VALUES ({name}, '{{}}') ON CONFLICT DO NOTHING; COMMIT")
WRITE = sql.SQL("UPDATE {table} SET figures = {figures} WHERE name = {name}; COMMIT")
LOOK = sql.SQL(
    "SELECT coalesce((SELECT figures FROM {table} WHERE name = {name}), '{{}}'),"
    " extract(epoch FROM clock_timestamp())::float8"
)
Row = tuple[Any, ...]  # the figures, and the database's time in Unix seconds


def _connect() -> "psycopg.Connection[Row]":
    return postgres.connect("limits")


class LedgerConnection:
    """A process's one connection for its ledgers; its threads use it one after the other.

    Args:
        connect: Returns a new connection on which each statement is a transaction of its own.
    """

    def __init__(self, connect: "Callable[[], psycopg.Connection[Row]]" = _connect) -> None:
        self._connect = connect
        self._lock = Lock()
        self._connection: psycopg.Connection[Row] | None = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Have it alone while the block runs.

        Raises:
            Unavailable: Other threads had it for too long, or the database cannot be used.
        """
        if not self._lock.acquire(timeout=PATIENCE):
            raise Unavailable("The database, which holds the limits, takes too long to answer.")
        try:
            yield
        except psycopg.Error as error:
            self._drop()
            raise Unavailable("The database, which holds the limits, cannot be used at this moment.") from error
        finally:
            self._lock.release()

    def first(self, query: sql.Composed) -> Row | None:
        """Run statements that nothing came before, on a new connection if the old one has broken meanwhile.

        Returns:
            The first row of what the last statement returns; None when there is none.
        """
        is_old = self._connection is not None
        try:
            return self.then(query)
        except psycopg.errors.QueryCanceled:  # others hold the row
            raise
        except psycopg.OperationalError:
            if not is_old:
                raise
        self._drop()
        return self.then(query)

    def then(self, query: sql.SQL | sql.Composed) -> Row | None:
        """Run the statements that follow; returns as `first` does."""
        if self._connection is None:
            self._connection = self._connect()
        cursor = self._connection.execute(query)
        while cursor.nextset():
            pass
        return cursor.fetchone() if cursor.description else None

    def roll_back(self) -> None:
        """End the transaction without a change."""
        try:
            self.then(sql.SQL("ROLLBACK"))
        except psycopg.Error:  # the database has done so already, or will when it sees the connection gone
            self._drop()

    def close(self) -> None:
        """Close it; the next one who needs it opens a new one."""
        with self._lock:
            self._drop()

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(psycopg.Error):
                connection.close()


OF_THIS_PROCESS = LedgerConnection()


class SharedLedger(Ledger):
    """For all processes of all machines that use the same database.

    Args:
        name: Whose figures: one name for each token, of at most 64 characters.
        clock: This machine's, of which only the monotonic seconds are asked.
        connection: The one to use.
    """

    def __init__(
        self, name: str, *, clock: Clock = SYSTEM_CLOCK, connection: LedgerConnection = OF_THIS_PROCESS
    ) -> None:
        self._clock = clock
        self._connection = connection
        self._values = {
            "table": TABLE,
            "name": sql.Literal(name),
            "patience": sql.Literal(f"{PATIENCE}s"),
            "stall": sql.Literal(f"{STALL}s"),
        }

    @contextmanager
    def open(self) -> Iterator[Used]:
        """Return the figures, as `Ledger` says; a block that raises changes nothing.

        Raises:
            Unavailable: The database cannot be used at this moment, or had to let go of the row; no call has been made.
        """
        with self._connection.held():
            used, now = self._read()
            before = _kept(used)
            try:
                yield used
            except BaseException:
                self._connection.roll_back()
                raise
            if _kept(used) == before:
                self._connection.roll_back()
            else:
                self._write(used, now)

    def look(self) -> Used:
        """Return a copy, as `Ledger` says, without waiting for the row.

        Raises:
            Unavailable: The database cannot be used at this moment.
        """
        with self._connection.held():
            row = self._connection.first(LOOK.format(**self._values))
        used, _ = self._figures(*(row or ({}, 0.0)))
        return used

    def close(self) -> None:
        """Do nothing: the connection is the process's, for all its ledgers."""

    def _read(self) -> tuple[Used, float]:
        """Lock the row and return its figures, and the database's time in Unix seconds."""
        row = self._connection.first(OPEN.format(**self._values))
        while row is None:
            self._connection.then(MAKE.format(**self._values))
            row = self._connection.then(OPEN.format(**self._values))
        used, was_set_back = self._figures(*row)
        if was_set_back:
            # Stored at once, whatever the caller does: else the figures would stand still until that time is reached.
            self._write(used, row[1])
            return self._read()
        return used, row[1]

    def _figures(self, stored: dict[str, Any], now: float) -> tuple[Used, bool]:
        """Return what is stored of the figures, and whether they had to follow a clock that was set back.

        Args:
            stored: As `_write` stores them.
            now: The database's time, in Unix seconds.
        """
        back = stored.get("told", now) - now
        used = Used(**{name: stored[name] for name in KEPT if name in stored})
        for name in MOMENTS if back > 0 else ():
            moment = getattr(used, name)
            setattr(used, name, [each - back for each in moment] if isinstance(moment, list) else moment - back)
        used.latest = self._clock.monotonic()
        used.ahead = now - used.latest
        return used, back > 0

    def _write(self, used: Used, now: float) -> None:
        figures = sql.Literal(Jsonb({**_kept(used), "told": now}))
        self._connection.then(WRITE.format(**self._values, figures=figures))


def _kept(used: Used) -> dict[str, Any]:
    """Return the figures that are stored; the time of this machine is not."""
    figures = asdict(used)
    return {name: figures[name] for name in KEPT}
