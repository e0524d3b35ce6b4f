"""Keeps an engine going in threads that are woken after each commit and once a second.

The dispatcher only keeps several rows going at once: the engine knows what is due and what follows, and `priorities.py`
decides which row goes next. Clock and threads are passed in, so that a simulation can run it as well.
"""

import logging
from threading import Lock

from warmline import storage
from warmline.pipedrive import Clock
from warmline.supervision import Loop, Waits, close_connections
from warmline.sync import wakeups
from warmline.sync.database_clock import DatabaseClock
from warmline.sync.engine.reconciler import Engine
from warmline.sync.leases import release_own, release_those_of_the_dead
from warmline.sync.priorities import Lane, Room, Served, Work, first, in_turn
from warmline.sync.remote import connection_health
from warmline.threads import SYSTEM_THREADS, Threads

log = logging.getLogger(__name__)

SWEEP = 1.0  # seconds: how late a wake-up from another process, or one that was lost, can be
BREATH = 0.008  # seconds between turns: a saved row's response goes out first, and rows saved together are read at once


class Dispatcher:
    """Keeps an engine going.

    Args:
        engine: What does the work.
        workers: How many rows side by side.
        clock: Tells what is due, and when the next sweep is.
        threads: In which the work is done.
    """

    def __init__(
        self, engine: Engine, workers: int, clock: Clock | None = None, threads: Threads = SYSTEM_THREADS
    ) -> None:
        self._engine = engine
        self._clock = clock or DatabaseClock()
        self._room = Room(workers)
        self._pool = threads.pool(self._room.threads, "sync")
        self._housekeeper = threads.pool(1, "sync-housekeeping")  # its own: nobody ever waits for a page that is listed
        self._signal = threads.signal()  # something happened: a row was saved, or a worker has finished
        self._loop = Loop("sync-dispatch", self._turn, wake=self._signal.set, threads=threads)
        self._lock = Lock()
        self._is_news = True  # what a person waits for may be due that was not seen yet
        self._served = Served()
        self._under_way: set[Work] = set()
        self._held_elsewhere: set[Work] = set()
        self._broken = Waits[Work](self._clock.monotonic)  # what failed in a way that its row could not be told of
        self._is_keeping_house = False
        self._next_sweep = self._clock.monotonic()
        self._due: list[Work] = []  # at the last look, and not started yet

    def start(self) -> None:
        """Start, with a probe if the connection was not ok, and without the leases of processes that died."""
        release_own()
        release_those_of_the_dead()
        connection_health.probe_now()
        self._loop.start()
        wakeups.listen(self._look)

    def stop(self) -> None:
        """Start no more rows, and return when the rows under way are done."""
        wakeups.stop_listening(self._look)
        self._loop.stop()
        self._pool.shutdown()
        self._housekeeper.shutdown()
        self._engine.close()

    def _look(self) -> None:
        self._is_news = True
        self._signal.set()

    def _turn(self) -> None:
        self._signal.clear()
        is_sweep = self._clock.monotonic() >= self._next_sweep
        if is_sweep:  # at its time, however busy it is: a wake-up may be lost, and a row come due by itself
            self._next_sweep = self._clock.monotonic() + SWEEP
        self._go_round(is_sweep=is_sweep)
        self._signal.wait(max(0.0, self._next_sweep - self._clock.monotonic()))
        self._loop.ends_within(BREATH)

    def _go_round(self, *, is_sweep: bool) -> None:
        """Start as many due rows as there is room for. The due rows are read only if a thread is free for one."""
        if is_sweep:
            self._forget_held_elsewhere()
            self._start_housekeeping()
        self._due = self._start(self._due)
        room_for_background = self._has_room(background=True)
        if room_for_background or (self._has_room() and (is_sweep or self._is_news)):
            self._is_news = False  # before the look, not to lose what comes during it
            seen = self._engine.due(self._clock.now(), self._held(), background=room_for_background)
            rest = [] if room_for_background else [work for work in self._due if work.lane > Lane.BACKLOG]
            self._due = self._start([*seen, *rest])

    def _start(self, works: list[Work]) -> list[Work]:
        """Start the rows that can be started, in turn; return the rest, without rows that other workers hold."""
        while True:
            held = self._held()
            with self._lock:
                rest = [work for work in in_turn(works, self._served) if work not in held]
                is_oldest = self._served.is_turn_of_the_oldest()
                work = first(rest, under_way=self._under_way, room=self._room, oldest_has_its_turn=is_oldest)
                if work is None:
                    return rest
                self._served.note(work)
                self._under_way.add(work)
            works = [other for other in rest if other != work]
            try:
                self._pool.submit(self._bring, work)
            except RuntimeError:  # no thread can be started at this moment
                self._leave(work)
                raise

    def _leave(self, work: Work) -> None:
        with self._lock:
            self._under_way.discard(work)

    def _has_room(self, *, background: bool = False) -> bool:
        with self._lock:
            return self._room.has_any(self._under_way, background=background)

    def _held(self) -> set[Work]:
        """Return the rows to leave out for a while: other workers hold them, or they failed unexpectedly."""
        with self._lock:
            return self._broken.all() | self._held_elsewhere

    def _bring(self, work: Work) -> None:
        done = False
        try:
            done = self._engine.bring(work)
            self._broken.went_well(work)
        except Exception as error:
            if storage.noticed(error) not in storage.OF_THE_DISK:  # else all waits for the disk, and no row for itself
                self._broken.failed(work)
                log.exception("sync.work_failed row=%s/%s", work.kind, work.row_id)
        finally:
            close_connections()
            if done:
                self._forget_held_elsewhere()
            else:
                with self._lock:
                    self._held_elsewhere.add(work)
            self._leave(work)
            if not work.is_background:  # the next one of its lease may be due
                self._is_news = True
            self._signal.set()

    def _start_housekeeping(self) -> None:
        """Have a thread do what there is to do beside the due rows."""
        if not self._is_keeping_house and self._engine.has_housekeeping():
            self._is_keeping_house = True
            try:
                self._housekeeper.submit(self._keep_house)
            except RuntimeError:  # no thread can be started at this moment
                self._is_keeping_house = False
                raise

    def _keep_house(self) -> None:
        try:
            while not self._loop.ending.is_set() and self._engine.do_housekeeping():
                pass
        except Exception as error:
            if storage.noticed(error) not in storage.OF_THE_DISK:
                log.exception("sync.housekeeping_failed")
        finally:
            self._is_keeping_house = False
            close_connections()

    def _forget_held_elsewhere(self) -> None:
        """Include the rows again that other workers held: a worker has finished, or a second has passed."""
        with self._lock:
            self._is_news = self._is_news or bool(self._held_elsewhere)
            self._held_elsewhere.clear()
