"""Another connection to the test's database, as that of another process: in a thread of its own."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Queue
from threading import Thread
from typing import Any

from django.db import connections, transaction


class Elsewhere:
    """Runs functions one after the other in a thread with a connection of its own."""

    def __init__(self) -> None:
        self._asked: Queue[Callable[[], Any] | None] = Queue()
        self._done: Queue[tuple[Any, BaseException | None]] = Queue()
        self._thread = Thread(target=self._run)
        self._thread.start()

    def begin(self, work: Callable[[], Any]) -> None:
        """Have a function run, and do not wait for it."""
        self._asked.put(work)

    def end(self) -> Any:
        """Wait for the function that was begun, and return what it returned."""
        result, error = self._done.get(timeout=60)
        if error is not None:
            raise error
        return result

    def do(self, work: Callable[[], Any]) -> Any:
        """Have a function run, and return what it returns."""
        self.begin(work)
        return self.end()

    def close(self) -> None:
        """End the thread."""
        self._asked.put(None)
        self._thread.join()

    def _run(self) -> None:
        while work := self._asked.get():
            try:
                self._done.put((work(), None))
            except BaseException as error:  # noqa: BLE001 (it is raised again where it was asked for)
                self._done.put((None, error))
        connections.close_all()


@contextmanager
def elsewhere() -> Iterator[Elsewhere]:
    """Return another connection while the block runs."""
    one = Elsewhere()
    try:
        yield one
    finally:
        one.close()


@contextmanager
def open_transaction(work: Callable[[], Any]) -> Iterator[None]:
    """Do something in a transaction of another connection, which is committed when the block ends."""
    with elsewhere() as other:
        atomic = transaction.atomic()
        other.do(atomic.__enter__)
        other.do(work)
        try:
            yield
        finally:
            other.do(lambda: atomic.__exit__(None, None, None))


def wait_until_somebody_waits() -> None:
    """Return when a connection waits for a lock of PostgreSQL's that another one holds."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with connections["default"].cursor() as cursor:
            cursor.execute(
                "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            if cursor.fetchone():
                return
        time.sleep(0.01)
    raise AssertionError("Nobody waited.")
