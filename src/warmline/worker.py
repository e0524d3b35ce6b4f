"""`warmline worker`: takes jobs of the queues on PostgreSQL, on as many machines as one likes, until it is told to end.

Three Procrastinate workers share its threads and its connections: one for what a person waits for, one for batch work,
so that neither takes the other's threads, and one for upkeep. They end when the database goes away, and are begun anew
after growing waits. While this machine alone does not reach Pipedrive, the first two stand still. SIGTERM ends all of
them within seconds: what is not done by then is put back for others.
"""

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Event, Timer
from time import monotonic
from typing import Any

from django.db import connection
from procrastinate import App, PsycopgConnector
from psycopg import AsyncConnection

from warmline import alerts, database_time, morning_mail, postgres
from warmline.supervision import next_wait
from warmline.sync import call_counts, leases
from warmline.sync.engine.settings_reload import Follower
from warmline.sync.jobs.job_execution import Employment, Hands
from warmline.sync.jobs.procrastinate_tasks import Tasks
from warmline.sync.jobs.queues import BATCH, INTERACTIVE, UPKEEP, put_back
from warmline.webhooks import worker as webhooks

log = logging.getLogger(__name__)

GRACE = 2.0  # seconds for the work under way, as in engine_process.py
REST = 2.0  # seconds more in which what is not done is put back
LONGEST_WAIT = 5.0  # seconds between two attempts to reach the database
LEFT_ALONE = 15.0  # seconds that jobs may take whose connection is gone; then others begin beside them
LOOK_AGAIN = 1.0  # seconds between two looks whether Pipedrive can be reached from here again
FOLLOW = 3.0  # seconds until a new token or preference counts
FOR_UPKEEP = 4  # jobs side by side: feeding, an import, a listing, and the daily chores
WEBHOOKS_EVERY = 3.0  # seconds between two looks at what is to be told to webhooks
OTHERS = 7  # threads that have a connection beside those that do jobs: they follow the settings, beat, and deliver
CONNECTIONS = 4  # that Procrastinate's statements share, beside one for each queue on which it listens
POLLS = {INTERACTIVE: 1.0, BATCH: 5.0, UPKEEP: 10.0}  # seconds: how late what was not heard, or waited, begins


class Station:
    """A worker.

    Args:
        interactive: How many rows side by side that a person waits for.
        batch: How many others beside them.
    """

    def __init__(self, interactive: int, batch: int) -> None:
        self._places = {INTERACTIVE: interactive, BATCH: batch, UPKEEP: FOR_UPKEEP}
        self._ending = Event()
        self._aside = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._hands = Hands()
        self._tasks = Tasks(self._hands, self._ending, self._stand_aside)
        self._follower = Follower(run=lambda engine: Employment(self._hands, engine), every=FOLLOW)

    def run(self) -> None:
        """Work until SIGTERM or SIGINT."""
        pool = connection.pool  # type: ignore[attr-defined]  # of PostgreSQL's backend
        pool.resize(pool.min_size, max(pool.max_size, sum(self._places.values()) + OTHERS))
        # Around the event loop, within which Django asks no database.
        with (
            leases.beating(),
            webhooks.running(workers=1, look=WEBHOOKS_EVERY),
            call_counts.adding(),
            alerts.running(),
            morning_mail.running(),
        ):
            asyncio.run(self._run())

    async def _run(self) -> None:
        loop, told = asyncio.get_running_loop(), asyncio.Event()
        self._loop = loop
        # (Jobs whose connection is gone may keep their threads for a while, and others begin beside them.)
        loop.set_default_executor(ThreadPoolExecutor(2 * sum(self._places.values()), thread_name_prefix="work"))

        def end() -> None:
            if not told.is_set():
                told.set()
                self._ending.set()
                _after(GRACE, self._leave)

        for each in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(each, end)
        self._follower.start()
        await self._work(told)
        await loop.run_in_executor(None, self._follower.stop)

    async def _work(self, told: asyncio.Event) -> None:
        """Have the workers work, and begin anew when they end, until they are told to."""
        wait = 0.0
        while not told.is_set():
            began = monotonic()
            try:
                await self._take_jobs(told)
            except Exception as error:  # noqa: BLE001 (whatever it was, it is tried again; it is logged below)
                reason = repr(error)
            else:
                reason = "the database went away"
            if not told.is_set():
                wait = min(next_wait(wait, monotonic() - began), LONGEST_WAIT)
                log.warning("worker.waits again_in=%g reason=%s", wait, reason)
                await _either(told, wait)

    async def _take_jobs(self, told: asyncio.Event) -> None:
        """Take jobs until one of the workers ends."""
        while not self._follower.has_begun:  # a job that came earlier would find no engine
            if await _either(told, 0.05):
                return
        connector = PsycopgConnector(
            kwargs=postgres.parameters("worker"),
            configure=_commit_at_once,
            min_size=1,
            max_size=CONNECTIONS,
            timeout=LONGEST_WAIT,
        )
        rows, upkeep = self._tasks.rows(connector), self._tasks.upkeep(connector)
        async with rows.open_async():
            runs = [asyncio.create_task(self._rows(rows, told)), asyncio.create_task(self._worker(upkeep, UPKEEP))]
            stop = asyncio.create_task(told.wait())
            log.info("worker.ready places=%s", self._places)
            await asyncio.wait([*runs, stop], return_when=asyncio.FIRST_COMPLETED)
            stop.cancel()
            for run in runs:
                run.cancel()
            done, _ = await asyncio.wait(runs, timeout=LEFT_ALONE)
            _raise_first_of(done)

    async def _rows(self, app: App, told: asyncio.Event) -> None:
        """Take jobs of rows until one of the workers ends, or told to end; none while others have to take them."""
        while True:
            self._aside.clear()
            runs = [asyncio.create_task(self._worker(app, queue)) for queue in (INTERACTIVE, BATCH)]
            aside = asyncio.create_task(self._aside.wait())
            try:
                await asyncio.wait([*runs, aside], return_when=asyncio.FIRST_COMPLETED)
            finally:
                aside.cancel()
                for run in runs:
                    run.cancel()
                done, _ = await asyncio.wait(runs)
            if not self._aside.is_set():
                _raise_first_of(done)
                return
            log.warning("worker.stands_aside reason=it alone does not reach Pipedrive")
            while not await asyncio.get_running_loop().run_in_executor(None, self._hands.reaches_pipedrive):
                if await _either(told, LOOK_AGAIN):
                    return
            log.info("worker.takes_part_again")

    def _stand_aside(self) -> None:
        """Take no more jobs of rows for now. Called in the threads that do them."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._aside.set)

    async def _worker(self, app: App, queue: str) -> None:
        await app.run_worker_async(
            queues=[queue],
            name=queue,
            concurrency=self._places[queue],
            fetch_job_polling_interval=POLLS[queue],
            abort_job_polling_interval=60.0,  # nobody aborts a job
            delete_jobs="always",
            install_signal_handlers=False,
        )

    def _leave(self) -> None:
        """Put back what is not done in time, and end in the middle of it, as by a crash."""
        _after(REST, lambda: os._exit(0))
        with suppress(Exception):  # without the database, the leases end by themselves, and the jobs are reclaimed
            left = self._tasks.under_way
            leases.hand_back(database_time.now())
            put_back(left)
            log.info("worker.left_undone jobs=%s", len(left))
        os._exit(0)


async def _commit_at_once(own: AsyncConnection[Any]) -> None:
    """Spare each of Procrastinate's statements a BEGIN and a COMMIT."""
    await own.set_autocommit(True)


def _raise_first_of(done: Iterable["asyncio.Task[None]"]) -> None:
    errors = [error for run in done if not run.cancelled() and (error := run.exception()) is not None]
    if errors:
        raise errors[0]


async def _either(told: asyncio.Event, seconds: float) -> bool:
    """Wait for so long, or until told; return whether it was."""
    with suppress(TimeoutError):
        await asyncio.wait_for(told.wait(), seconds)
    return told.is_set()


def _after(seconds: float, call: Callable[[], None]) -> None:
    timer = Timer(seconds, call)
    timer.daemon = True
    timer.start()
