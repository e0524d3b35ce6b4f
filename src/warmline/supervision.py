"""Supervised loops: threads that do one turn after another, survive what passes, and end only when they are told to.

A turn that raises is logged and done again after a wait that doubles each time, up to half a minute. So no error that
passes ends a thread of the program, and none that stays fills the log. What the disk refuses is tried again each
second, and told by `storage.py`. A loop that is gone was told to end, or its process is gone with it. Every thread of
the program that goes round is one of these.
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
    """What a turn was about has ended and is to begin anew; its text says it all, and a traceback would add nothing."""


class Loop:
    """Does one turn after another in a thread of its own, from `start` to `end`.

    A turn waits for its occasion by itself: for an event that `wake` sets, or by `ends_within`. It may call `end`.
    With `with`, the loop runs while the block does.

    Args:
        name: Of the thread, and in the log.
        turn: One turn; whatever it raises is survived.
        wake: Makes a turn that waits for something else return; called when the loop is told to end.
        threads: Makes the thread.

    Attributes:
        ending: Set when it is told to end.
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
        """Begin.

        Raises:
            RuntimeError: When no thread can be started at this moment.
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
        """Tell it to end after the present turn; from any thread, its own as well."""
        self.ending.set()
        self._wake()

    def stop(self, within: float | None = None) -> None:
        """Tell it to end, and wait until it has.

        Args:
            within: Seconds to wait at the most; None for as long as it takes.
        """
        self.end()
        self.join(within)

    def join(self, within: float | None = None) -> None:
        """Wait until it has ended.

        Args:
            within: As for `stop`.
        """
        if self._running is not None:  # else it could not even be started
            self._running.join(within)

    def is_alive(self) -> bool:
        """Tell whether it goes round."""
        return self._running is not None and self._running.is_alive()

    def ends_within(self, seconds: float) -> bool:
        """Rest for a while, or until the loop is told to end; tell whether it was."""
        return self.ending.wait(seconds)

    def _say(self, error: Exception, wait: float) -> None:
        with suppress(Exception):  # out of memory, perhaps; the work is worth more than the word of it
            shown = None if isinstance(error, EndedError) else error
            log.error("loop.failed name=%s again_in=%g error=%r", self.name, wait, error, exc_info=shown)


def next_wait(last: float, lasted: float) -> float:
    """Return how many seconds to wait after a failure.

    Args:
        last: The wait after the failure before it; 0 when there was none.
        lasted: How long it went well until it failed. What went on for longer than the longest wait begins anew.
    """
    return min(2 * last, LONGEST_WAIT) if last and lasted <= LONGEST_WAIT else FIRST_WAIT


class Waits(Generic[Piece]):
    """Which of many pieces of work wait after a failure, each longer each time, while the others go on.

    It may be asked by any thread.

    Args:
        clock: Tells seconds that go on evenly.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._waits: dict[Piece, tuple[float, float]] = {}  # by the piece: the wait, and when it ends

    def failed(self, piece: Piece) -> None:
        """Have a piece of work wait, longer than the last time."""
        now = self._clock()
        with self._lock:
            # What failed long ago and never again is no longer about; it is not to pile up.
            self._waits = {each: wait for each, wait in self._waits.items() if now - wait[1] <= LONGEST_WAIT}
            wait = next_wait(self._waits.get(piece, (0.0, now))[0], 0.0)
            self._waits[piece] = (wait, now + wait)

    def went_well(self, piece: Piece) -> None:
        """Have a piece of work wait no more, if it did."""
        with self._lock:
            self._waits.pop(piece, None)

    def has(self, piece: Piece) -> bool:
        """Tell whether a piece of work is still to wait."""
        return piece in self.all()

    def all(self) -> set[Piece]:
        """Return the pieces of work that are still to wait."""
        now = self._clock()
        with self._lock:
            return {piece for piece, (_, ends) in self._waits.items() if ends > now}


def close_connections() -> None:
    """Close this thread's connections to the database, whatever state they are in; the next query opens a new one."""
    with suppress(Exception):
        connections.close_all()
