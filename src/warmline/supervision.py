"""Supervised loops: threads that repeat one turn, survive errors, and end only when told to.

If a turn raises, the error is logged and the turn is repeated after a wait that doubles each time, up to half a
minute. So a temporary error never ends a thread, and a permanent one does not flood the log. Disk problems are retried
every second and logged by `storage.py`. Every looping thread of the program is one of these.
"""

import logging
from collections.abc import Callable, Hashable
from contextlib import suppress
from threading import Lock
from time import monotonic
from typing import Generic, Self, TypeVar

from django.db import connections

from warmline import storage
from warmline.threads import SYSTEM_THREADS, Running, Threads

log = logging.getLogger(__name__)

Piece = TypeVar("Piece", bound=Hashable)

FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0  # seconds after a failure


class EndedError(Exception):
    """Something that a turn depends on has ended and must be restarted; logged without a traceback."""


class Loop:
    """Repeats a turn in its own thread, from `start` to `end`.

    The turn itself waits until there is something to do: for an event that `wake` sets, or with `ends_within`. It may
    call `end`. In a `with` statement, the loop runs while the block does.

    Args:
        name: Name of the thread, also used in the log.
        turn: One turn; may raise anything.
        wake: Makes a waiting turn return; called when the loop is told to end.
        threads: Starts the thread.

    Attributes:
        ending: Set when the loop is told to end.
    """

    def __init__(
        self,
        name: str,
        turn: Callable[[], object],
        *,
        wake: Callable[[], object] = lambda: None,
        threads: Threads = SYSTEM_THREADS,
    ) -> None:
        self.name = name
        self._turn, self._wake, self._threads = turn, wake, threads
        self._running: Running | None = None
        self.ending = threads.signal()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the thread.

        Raises:
            RuntimeError: If no thread can be started at the moment.
        """
        self._running = self._threads.start(self._run, self.name)

    def _run(self) -> None:
        wait = 0.0
        while not self.ending.is_set():
            began = monotonic()
            try:
                self._turn()
            except Exception as error:  # noqa: BLE001 (that is what it is for; it is logged below)
                if storage.noticed(error) in storage.OF_THE_DISK:
                    wait = 0.0
                else:
                    wait = next_wait(wait, monotonic() - began)
                    self._say(error, wait)
                close_connections()
                self.ending.wait(wait or FIRST_WAIT)
            else:
                wait = 0.0
        close_connections()

    def end(self) -> None:
        """Tell the loop to end after the current turn; may be called from any thread, including its own."""
        self.ending.set()
        self._wake()

    def stop(self, within: float | None = None) -> None:
        """Tell the loop to end, and wait until it has.

        Args:
            within: Seconds to wait at most; None to wait as long as it takes.
        """
        self.end()
        self.join(within)

    def join(self, within: float | None = None) -> None:
        """Wait until the loop has ended.

        Args:
            within: As for `stop`.
        """
        if self._running is not None:  # otherwise it could not even be started
            self._running.join(within)

    def is_alive(self) -> bool:
        """Tell whether the thread is running."""
        return self._running is not None and self._running.is_alive()

    def ends_within(self, seconds: float) -> bool:
        """Sleep for some seconds, or until the loop is told to end; return whether it was."""
        return self.ending.wait(seconds)

    def _say(self, error: Exception, wait: float) -> None:
        with suppress(Exception):  # out of memory, perhaps; working matters more than logging
            shown = None if isinstance(error, EndedError) else error
            log.error("loop.failed name=%s again_in=%g error=%r", self.name, wait, error, exc_info=shown)


def next_wait(last: float, lasted: float) -> float:
    """Return how many seconds to wait after a failure.

    Args:
        last: Seconds waited after the previous failure; 0 if there was none.
        lasted: Seconds that the turn ran before it failed. If that is more than the longest wait, waits start over.
    """
    return min(2 * last, LONGEST_WAIT) if last and lasted <= LONGEST_WAIT else FIRST_WAIT


class Waits(Generic[Piece]):
    """Growing waits after failures, for each of many pieces of work separately.

    Safe to use from any thread.

    Args:
        clock: Returns monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._waits: dict[Piece, tuple[float, float]] = {}  # for each piece: the wait, and when it ends

    def failed(self, piece: Piece) -> None:
        """Make a piece of work wait, longer than the last time."""
        now = self._clock()
        with self._lock:
            # Drop what failed long ago and never again, so that the dictionary does not grow.
            self._waits = {each: wait for each, wait in self._waits.items() if now - wait[1] <= LONGEST_WAIT}
            wait = next_wait(self._waits.get(piece, (0.0, now))[0], 0.0)
            self._waits[piece] = (wait, now + wait)

    def went_well(self, piece: Piece) -> None:
        """Clear the wait of a piece of work, if it has one."""
        with self._lock:
            self._waits.pop(piece, None)

    def has(self, piece: Piece) -> bool:
        """Tell whether a piece of work must still wait."""
        return piece in self.all()

    def all(self) -> set[Piece]:
        """Return the pieces of work that must still wait."""
        now = self._clock()
        with self._lock:
            return {piece for piece, (_, ends) in self._waits.items() if ends > now}


def close_connections() -> None:
    """Close this thread's database connections, whatever state they are in; the next query opens a new one."""
    with suppress(Exception):
        connections.close_all()
