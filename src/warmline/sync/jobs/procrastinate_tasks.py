"""The tasks that a worker knows, as Procrastinate takes them: rows, and upkeep, which is begun by the clock.

What is periodic is put into the queue once, however many workers there are. A job that breaks is done again after
growing waits, and holds back nothing but its own row meanwhile. Those under way are known, to be put back at the end.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Lock

from procrastinate import App, BaseRetryStrategy, JobContext, RetryDecision
from procrastinate.connector import BaseAsyncConnector
from procrastinate.jobs import Job

from warmline import database_time, storage
from warmline.crm import retention
from warmline.crm.imports import worker as import_worker
from warmline.supervision import LONGEST_WAIT, close_connections
from warmline.sync.audit import worker as audits
from warmline.sync.jobs.job_execution import Hands, Outcome
from warmline.sync.jobs.queues import AUDIT, BRING, FEED, FILL, FIRST, IMPORT, UPKEEP, put_chore, put_rows
from warmline.sync.priorities import Lane, RowKind
from warmline.sync.remote import connection_health

log = logging.getLogger(__name__)

LOOK_EVERY = "* * * * * */3"  # cron, with seconds: how late a lost wake-up, a retry or a bulk import is found
AUDIT_EVERY = "* * * * * */5"  # whether one is to begin, or to go on
KEEP_EVERY = "23 */6 * * *"  # what is kept for a time only; often enough for machines that run by day
RECLAIM_EVERY = "* * * * * */15"
STALLED = 30.0  # seconds without a heartbeat after which a worker is taken for dead
SOON = 200  # milliseconds until a row that met a busy lease is tried again
TIMES = 5  # that it is; then it is left to the feeder


class BusyForNowError(Exception):
    """Another worker is at something that the row needs."""


class Again(BaseRetryStrategy):
    """When the job of a row is done again."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        """Return a short wait for what was busy, and a growing one for what broke."""
        if isinstance(exception, BusyForNowError):
            return RetryDecision(retry_in={"milliseconds": SOON})
        return RetryDecision(retry_in={"seconds": round(min(2**job.attempts, LONGEST_WAIT))})


class Tasks:
    """What one worker does.

    Args:
        hands: Do it.
        ending: Set when the worker is to end.
        stand_aside: Called when others have to take the jobs of rows, because this worker does not reach Pipedrive.
    """

    def __init__(self, hands: Hands, ending: Event, stand_aside: Callable[[], None]) -> None:
        self._hands, self._ending, self._stand_aside = hands, ending, stand_aside
        self._clock = retention.SteadyClock()
        self._began = database_time.now()
        self._importing = Lock()
        self._under_way: set[int] = set()
        self._lock = Lock()

    @property
    def under_way(self) -> set[int]:
        """The ids of the jobs of rows that are being done."""
        with self._lock:
            return set(self._under_way)

    def rows(self, connector: BaseAsyncConnector) -> App:
        """Return the app for the queues of rows."""
        app = App(connector=connector)

        @app.task(name=BRING, pass_context=True, retry=Again())
        def bring(context: JobContext, kind: RowKind, row_id: int) -> None:
            with self._noted(context.job.id):
                self._bring(context.job, kind, row_id)

        return app

    def upkeep(self, connector: BaseAsyncConnector) -> App:
        """Return the app for the queue of upkeep, which also puts in what is periodic."""
        app = App(connector=connector)

        @app.periodic(cron=LOOK_EVERY)
        @app.task(name="look", queue=UPKEEP, queueing_lock="look", priority=FIRST)
        def look(timestamp: int) -> None:  # noqa: ARG001 (Procrastinate's)
            self._hands.feed(background=True)
            self._look_for_imports()

        @app.task(name=FEED, queue=UPKEEP)
        def feed() -> None:
            self._hands.feed(background=False)

        @app.task(name=IMPORT, queue=UPKEEP)
        def import_() -> None:
            self._import()

        @app.task(name=FILL, queue=UPKEEP)
        def fill() -> None:
            self._hands.fill(self._ending.is_set)

        @app.periodic(cron=KEEP_EVERY)
        @app.task(name="keep", queue=UPKEEP)
        def keep(timestamp: int) -> None:  # noqa: ARG001 (as above)
            with _connections_closed():
                retention.sweep(self._clock.now())

        @app.periodic(cron=RECLAIM_EVERY)
        @app.task(name="reclaim", queue=UPKEEP, queueing_lock="reclaim", pass_context=True)
        async def reclaim(context: JobContext, timestamp: int) -> None:  # noqa: ARG001 (as above)
            jobs = context.app.job_manager
            for job in await jobs.get_stalled_jobs(seconds_since_heartbeat=STALLED):
                log.warning("worker.reclaimed task=%s job=%s", job.task_name, job.id)
                await jobs.retry_job(job)
            await jobs.prune_stalled_workers(STALLED)

        self._add_audits(app)
        return app

    def _add_audits(self, app: App) -> None:
        @app.periodic(cron=AUDIT_EVERY)
        @app.task(name="look-for-audits", queue=UPKEEP, queueing_lock="look-for-audits")
        def look_for_audits(timestamp: int) -> None:  # noqa: ARG001 (Procrastinate's)
            with _connections_closed():
                if audits.is_wanted(database_time.now(), self._began):
                    put_chore(AUDIT)

        @app.task(name=AUDIT, queue=UPKEEP)
        def audit() -> None:
            with _connections_closed():
                if not connection_health.is_left_to_others():  # else another one takes it at a later look
                    audits.tend(self._ending.is_set)

    def _bring(self, job: Job, kind: RowKind, row_id: int) -> None:
        try:
            outcome = self._hands.bring(kind, row_id, job.queue)
        except Exception as error:
            if storage.noticed(error) not in storage.OF_THE_DISK:
                log.exception("sync.work_failed row=%s/%s", kind, row_id)
            raise
        if outcome is Outcome.FOR_OTHERS:
            self._stand_aside()  # first, or this worker would take it again
            put_rows([((kind, row_id), Lane(-job.priority))])  # a new job, of which those who wait for one are told
        if outcome is Outcome.BUSY and job.attempts < TIMES:
            raise BusyForNowError

    def _look_for_imports(self) -> None:
        with _connections_closed():
            if import_worker.is_wanted(database_time.now()):
                put_chore(IMPORT)

    def _import(self) -> None:
        if not self._importing.acquire(blocking=False):
            return  # one at a time in a worker; another worker, or a later look, takes it
        try:
            with _connections_closed():
                while not self._ending.is_set() and import_worker.step(database_time.now(), self._ending):
                    pass
        finally:
            self._importing.release()

    @contextmanager
    def _noted(self, job_id: int | None) -> Iterator[None]:
        with self._lock:
            self._under_way.add(job_id or 0)
        try:
            yield
        finally:
            with self._lock:
                self._under_way.discard(job_id or 0)


@contextmanager
def _connections_closed() -> Iterator[None]:
    try:
        yield
    finally:
        close_connections()
