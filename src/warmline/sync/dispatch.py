"""Runs the engine in the second process of `serve`: threads that are woken after each commit, and by a sweep a second.

When a person connects Pipedrive or changes the preferences, the next second's engine is another one; nothing has to be
started anew. It holds no rule of its own. What is due, in which order, and what follows, is the engine's; this only
keeps several rows going at once, never two that would make the same thing, and always has a thread left for what a
person waits for.
"""

import logging
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event, Lock

from django.conf import settings
from django.utils import timezone

from warmline.crm import preferences
from warmline.crm.preferences import Preferences
from warmline.supervision import Loop, Waits, close_connections
from warmline.sync import connection, credentials, wake
from warmline.sync.claims import release_those_of_the_dead
from warmline.sync.directory import forget_account
from warmline.sync.engine import Engine
from warmline.sync.wanted import Work

log = logging.getLogger(__name__)

SWEEP = 1.0  # seconds: how late a wake-up from another process, or one that was lost, can be
BREATH = 0.008  # seconds: whoever saved gets their answer first, and what is saved together is looked for once
FOR_PEOPLE = 0.25  # of the threads


@contextmanager
def running() -> Iterator[None]:
    """Keep the engine of settings and preferences going while the block runs; without a token everything waits."""
    follower = Follower()
    follower.start()
    try:
        yield
    finally:
        follower.stop()


class Follower:
    """Keeps the dispatcher going that token and preferences ask for, and replaces it when they change."""

    def __init__(self) -> None:
        self._dispatcher: Dispatcher | None = None
        self._followed: tuple[str, Preferences] | None = None
        self._thread = Loop("sync-follow", self._turn)

    def start(self) -> None:
        """Begin, with the engine for what holds at this moment; what is in its way is tried again."""
        self._thread.start()

    def stop(self) -> None:
        """Return when what is under way is done."""
        self._thread.stop()
        self._end()

    def _turn(self) -> None:
        self._follow()
        self._thread.ends_within(SWEEP)

    def _follow(self) -> None:
        preferences.refresh()
        holds = (credentials.token(), preferences.current())
        if holds == self._followed:
            return
        self._end()
        if self._followed is not None and self._followed[0] not in {"", holds[0]}:
            # What was learnt by now may be mixed: the old engine was still at work when the token changed.
            forget_account()
        if credentials.token():
            self._begin()
        else:
            log.warning("sync.off reason=no_token")
        self._followed = holds  # last: what fails on the way is tried again in a second

    def _begin(self) -> None:
        engine = Engine.from_settings()
        dispatcher = Dispatcher(engine, settings.SYNC_WORKERS)
        try:
            dispatcher.start()
        except BaseException:
            engine.close()
            raise
        self._dispatcher = dispatcher

    def _end(self) -> None:
        dispatcher, self._dispatcher = self._dispatcher, None
        if dispatcher is not None:
            dispatcher.stop()


class Dispatcher:
    """Keeps an engine going.

    Args:
        engine: What does the work.
        workers: How many rows side by side.
    """

    def __init__(self, engine: Engine, workers: int) -> None:
        self._engine = engine
        self._workers = workers
        self._batch_workers = max(1, workers - math.ceil(workers * FOR_PEOPLE))
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="sync")
        self._signal = Event()  # something happened: a row was saved, or a worker has finished
        self._thread = Loop("sync-dispatch", self._turn, wake=self._signal.set)
        self._saved = Event()
        self._lock = Lock()
        self._under_way: dict[str, Work] = {}  # by the claim
        self._held_elsewhere: set[Work] = set()
        self._broken = Waits()  # what failed in a way that its row could not be told of
        self._is_filling = False
        self._works: list[Work] = []  # due, and not started yet
        self._is_sweep = True

    def start(self) -> None:
        """Begin, with a probe if the connection was not well, and without the claims of those who died."""
        release_those_of_the_dead()
        connection.probe_now()
        self._thread.start()
        wake.listen(self._look)

    def stop(self) -> None:
        """Take nothing new and return when what is under way is done."""
        wake.stop_listening(self._look)
        self._thread.stop()
        self._pool.shutdown()
        self._engine.close()

    def _look(self) -> None:
        self._saved.set()
        self._signal.set()

    def _turn(self) -> None:
        self._signal.clear()
        is_sweep, self._is_sweep = self._is_sweep, True  # after a failure nothing is taken for known
        # A look costs time that people who save would wait for: none without a thread to start anything.
        if self._has_free_thread() and (is_sweep or self._saved.is_set() or not self._works):
            self._saved.clear()
            self._works = self._engine.due(timezone.now(), limit=2 * self._workers)
        self._works = self._start(self._works)
        if is_sweep:
            self._fill_directory()
        self._is_sweep = not self._signal.wait(SWEEP)
        self._thread.ends_within(BREATH)
        if self._is_sweep:
            self._forget_held_elsewhere()

    def _start(self, works: list[Work]) -> list[Work]:
        """Start what can be started, and return the rest; a row that others are at is left for the next look."""
        rest = []
        for work in works:
            with self._lock:
                if work.claim in self._under_way or work in self._held_elsewhere or self._broken.has(work):
                    continue
                if not self._has_room(work):
                    rest.append(work)
                    continue
                self._under_way[work.claim] = work
            try:
                self._pool.submit(self._bring, work)
            except RuntimeError:  # no thread can be started at this moment
                self._leave(work)
                raise
        return rest

    def _leave(self, work: Work) -> None:
        with self._lock:
            self._under_way.pop(work.claim, None)

    def _has_free_thread(self) -> bool:
        with self._lock:
            return len(self._under_way) < self._workers

    def _has_room(self, work: Work) -> bool:
        batch = sum(each.batch for each in self._under_way.values())
        return len(self._under_way) < self._workers and not (work.batch and batch >= self._batch_workers)

    def _bring(self, work: Work) -> None:
        done = False
        try:
            done = self._engine.bring(work)
            self._broken.went_well(work)
        except Exception:
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
            self._signal.set()

    def _fill_directory(self) -> None:
        """Have one thread list what Pipedrive holds, as long as there is something to be listed."""
        if not self._is_filling and self._engine.wants_filling():
            self._is_filling = True
            try:
                self._pool.submit(self._list_all)
            except RuntimeError:  # no thread can be started at this moment
                self._is_filling = False
                raise

    def _list_all(self) -> None:
        try:
            while not self._thread.ending.is_set() and self._engine.fill_directory():
                pass
        except Exception:
            log.exception("sync.directory_failed")
        finally:
            self._is_filling = False
            close_connections()

    def _forget_held_elsewhere(self) -> None:
        """Look again at the rows that another worker was at: one has finished, or a second has passed."""
        with self._lock:
            self._held_elsewhere.clear()
