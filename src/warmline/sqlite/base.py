"""Django's SQLite backend, in which nobody writes out of turn: transactions and single statements alike.

It stands here, below everything, because a lock that each caller had to think of would be forgotten. What the disk
refuses is noticed here as well (see storage.py).
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from django.db.backends.sqlite3 import base

from warmline import storage
from warmline.sqlite.write_queue import Door, Line

WITHIN = 20.0  # seconds to wait for a turn
HARMLESS = ("SELECT", "PRAGMA", "EXPLAIN", "SAVEPOINT", "RELEASE", "ROLLBACK", "BEGIN")  # need no turn by themselves


@cache
def _line(name: str) -> tuple[Line, Door]:
    """Return what all connections of this process to a file share."""
    is_file = ":memory:" not in name and "mode=memory" not in name
    return Line(), Door(f"{name}-turn" if is_file else None)


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection whose writes take turns with those of all others."""

    has_turn = False

    def create_cursor(self, name: Any = None) -> Any:  # noqa: ARG002 (Django's signature)
        """Return a cursor that waits for its turn before it writes."""
        return self.connection.cursor(factory=lambda connection: Cursor(connection, self))

    @contextmanager
    def entering(self) -> Iterator[None]:
        """Have the turn from now on, and the door while the block runs, in which SQLite lets the writer in.

        Raises:
            OperationalError: Others wrote all the time.
        """
        line, door = _line(str(self.settings_dict["NAME"]))
        try:
            line.take(WITHIN)
            try:
                door.take(WITHIN)
            except storage.WaitedError:
                line.give_back()
                raise
        except storage.WaitedError as waited:
            raise sqlite3.OperationalError("The database was busy for too long.") from waited
        self.has_turn = True
        try:
            yield
        except BaseException:
            self.leave()
            raise
        finally:
            door.give_back()

    def leave(self) -> None:
        """Give the turn to the next one."""
        if self.has_turn:
            self.has_turn = False
            _line(str(self.settings_dict["NAME"]))[0].give_back()

    def _start_transaction_under_autocommit(self) -> None:
        with self.wrap_database_errors, self.entering():
            super()._start_transaction_under_autocommit()  # type: ignore[misc]  # not in the stubs

    def _commit(self) -> Any:
        try:
            with self.wrap_database_errors, _noticing():
                return super()._commit()  # type: ignore[misc]  # not in the stubs
        finally:
            # What could not be committed is still open, and is rolled back by Django.
            if not self.connection.in_transaction:
                self.leave()

    def _rollback(self) -> Any:
        try:
            return super()._rollback()  # type: ignore[misc]  # not in the stubs
        finally:
            self.leave()

    def _close(self) -> Any:
        try:
            return super()._close()  # type: ignore[misc]  # not in the stubs
        finally:
            self.leave()


class Cursor(base.SQLiteCursorWrapper):
    """A cursor that waits for its turn.

    Args:
        connection: SQLite's own.
        wrapper: Django's around it.
    """

    def __init__(self, connection: Any, wrapper: DatabaseWrapper) -> None:
        super().__init__(connection)
        self._wrapper = wrapper

    def execute(self, query: str, params: Any = None) -> Any:
        """Run a statement."""
        with _noticing(), self._turn(query):
            return super().execute(query, params)

    def executemany(self, query: str, param_list: Any) -> Any:
        """Run a statement for each of several parameters."""
        with _noticing(), self._turn(query):
            return super().executemany(query, param_list)

    @contextmanager
    def _turn(self, query: str) -> Iterator[None]:
        if self._wrapper.has_turn or query.lstrip().upper().startswith(HARMLESS):
            yield
            return
        with self._wrapper.entering():
            yield
        self._wrapper.leave()


@contextmanager
def _noticing() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        storage.noticed(error)
        raise
