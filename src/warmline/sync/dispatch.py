"""Runs the engine inside `serve`: threads that are woken after each commit, and by a sweep every second.

It holds no rule of its own. What is due, in which order, and what follows, is the engine's; this only keeps several
rows going at once, and never two that would make the same thing.
"""

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event, Lock, Thread

from django.conf import settings
from django.db import close_old_connections, connections
from django.utils import timezone

from warmline.sync import connection, wake
from warmline.sync.claims import release_those_of_the_dead
from warmline.sync.engine import Engine
from warmline.sync.wanted import Work

log = logging.getLogger(__name__)

SWEEP = 1.0  # seconds: how late a wake-up from another process, or one that was lost, can be


@contextmanager
def running() -> Iterator[None]:
    """Keep the engine of the settings going while the block runs; without a token everything waits."""
    if not settings.PIPEDRIVE_API_TOKEN:
        log.warning("sync.off reason=no_token")
        yield
        return
    dispatcher = Dispatcher(Engine.from_settings(), settings.SYNC_WORKERS)
    dispatcher.start()
    try:
        yield
    finally:
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
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="sync")
        self._thread = Thread(target=self._run, name="sync-dispatch", daemon=True)
        self._look = Event()
        self._stopping = Event()
        self._lock = Lock()
        self._under_way: set[str] = set()
        self._held_elsewhere: set[Work] = set()

    def start(self) -> None:
        """Begin, with a probe if the connection was not well, and without the claims of those who died."""
        release_those_of_the_dead()
        connection.probe_now()
        wake.listen(self._look.set)
        self._thread.start()

    def stop(self) -> None:
        """Take nothing new and return when what is under way is done."""
        wake.stop_listening(self._look.set)
        self._stopping.set()
        self._look.set()
        self._thread.join()
        self._pool.shutdown()

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._look.clear()
                try:
                    self._start_what_is_due()
                except Exception:
                    log.exception("sync.sweep_failed")
                    close_old_connections()
                if not self._look.wait(SWEEP):
                    self._forget_held_elsewhere()
        finally:
            connections.close_all()

    def _start_what_is_due(self) -> None:
        for work in self._engine.due(timezone.now()):
            with self._lock:
                if len(self._under_way) >= self._workers:
                    return
                if work.claim in self._under_way or work in self._held_elsewhere:
                    continue
                self._under_way.add(work.claim)
            self._pool.submit(self._bring, work)

    def _bring(self, work: Work) -> None:
        done = False
        try:
            done = self._engine.bring(work)
        except Exception:
            log.exception("sync.work_failed row=%s/%s", work.kind, work.row_id)
        finally:
            connections.close_all()
            with self._lock:
                self._under_way.discard(work.claim)
                if not done:
                    self._held_elsewhere.add(work)
            if done:
                self._forget_held_elsewhere()
            self._look.set()

    def _forget_held_elsewhere(self) -> None:
        """Look again at the rows that another worker was at: one has finished, or a second has passed."""
        with self._lock:
            self._held_elsewhere.clear()
