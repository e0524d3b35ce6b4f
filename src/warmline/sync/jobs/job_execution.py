"""What a worker does with jobs: brings rows by the engine that token and preferences ask for at that moment.

The queue that a job was in says whether a person waits: its threads are never lent to batch work, so a row that turns
out to be of a backlog goes on to the other queue. Who finds the lease of a row taken leaves it, because the one who
holds it looks for what is next under the same lease when it is free again. So nobody waits for a lease in a thread.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum, auto
from threading import Condition

from warmline.pipedrive import Clock
from warmline.supervision import close_connections
from warmline.sync import postponed_cleanup
from warmline.sync.database_clock import DatabaseClock
from warmline.sync.engine.reconciler import Engine
from warmline.sync.jobs.feeder import feed
from warmline.sync.jobs.queues import FILL, INTERACTIVE, put_chore, put_rows
from warmline.sync.leases import release_own, release_those_of_the_dead
from warmline.sync.priorities import RowKind
from warmline.sync.remote import connection_health

log = logging.getLogger(__name__)

IN_A_ROW = 20  # works of one lease in one job; what is left is the feeder's, so that others get their turn


class Outcome(Enum):
    """What became of a job."""

    OVER = auto()  # the row is in line, was put off, or is somebody else's to bring
    BUSY = auto()  # another worker is at something that the row needs
    FOR_OTHERS = auto()  # this worker does not reach Pipedrive, and others do


class Hands:
    """Does the jobs of one worker, in any of its threads. Before `employ` and after `dismiss` it does none.

    Args:
        clock: Tells what is due.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or DatabaseClock()
        self._engine: Engine | None = None
        self._at_work = 0
        self._changed = Condition()

    def employ(self, engine: Engine) -> None:
        """Work with an engine from now on."""
        with self._changed:
            self._engine = engine

    def dismiss(self) -> None:
        """Take no more jobs, and return when those under way are done."""
        with self._changed:
            self._engine = None
            self._changed.wait_for(lambda: not self._at_work)

    def bring(self, kind: RowKind, row_id: int, queue: str) -> Outcome:
        """Bring a row to Pipedrive, and what is next under its lease.

        Args:
            kind: Of which table.
            row_id: Which row.
            queue: The queue that its job was in.
        """
        with self._lent() as engine:
            if connection_health.is_left_to_others():
                return Outcome.FOR_OTHERS
            if engine is None:
                return Outcome.OVER  # without a token everything waits; the feeder has it later
            postponed_cleanup.clear()
            work = engine.work_of(kind, row_id)
            for _ in range(IN_A_ROW):
                if work is None:
                    break
                if work.is_background and queue == INTERACTIVE:
                    # Not left to the feeder, which counts leases and not rows, and may put it here again for ever.
                    put_rows([((work.kind, work.row_id), work.lane)])
                    break
                if not engine.bring(work):
                    if connection_health.is_left_to_others():
                        return Outcome.FOR_OTHERS
                    is_to_wait = connection_health.is_well() and not engine.is_held(work)
                    return Outcome.BUSY if is_to_wait else Outcome.OVER
                work = engine.next_of_lease(work)
        return Outcome.OVER

    def reaches_pipedrive(self) -> bool:
        """Tell whether this worker may take jobs of rows; after it was cut off, see by a probe, if one is due."""
        with self._lent() as engine:
            return not connection_health.is_left_to_others() or (engine is not None and engine.is_open())

    def feed(self, *, background: bool) -> None:
        """Feed the queues with what is due; with `background`, see what else there is to do."""
        with self._lent() as engine:
            if engine is None:
                return
            feed(engine, self._clock, background=background)
            if background and engine.has_housekeeping():
                put_chore(FILL)

    def fill(self, is_ending: Callable[[], bool]) -> None:
        """List what Pipedrive holds, page by page, until it is listed or the worker ends."""
        with self._lent() as engine:
            while engine is not None and self._engine is engine and not is_ending() and engine.do_housekeeping():
                pass

    @contextmanager
    def _lent(self) -> Iterator[Engine | None]:
        with self._changed:
            engine = self._engine
            self._at_work += engine is not None
        try:
            yield engine
        finally:
            close_connections()
            if engine is not None:
                with self._changed:
                    self._at_work -= 1
                    self._changed.notify_all()


class Employment:
    """An engine at work in a worker's hands, as a dispatcher has it in threads of its own (see dispatcher.Runner).

    Args:
        hands: The worker's.
        engine: What does the work.
    """

    def __init__(self, hands: Hands, engine: Engine) -> None:
        self._hands, self._engine = hands, engine

    def start(self) -> None:
        """Begin, with a probe if the connection was not well, and without the leases of those who died."""
        release_own()
        release_those_of_the_dead()
        connection_health.probe_now()
        self._hands.employ(self._engine)

    def stop(self) -> None:
        """Take nothing new and return when what is under way is done."""
        self._hands.dismiss()
        self._engine.close()
