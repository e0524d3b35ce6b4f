"""Runs the engine for the present token and preferences, and replaces it within a second when they change.

No restart is needed when a person connects Pipedrive or changes the preferences. What keeps the engine going is a
dispatcher with threads, or on PostgreSQL the queues of a worker.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from django.conf import settings

from warmline.crm import preferences
from warmline.crm.preferences import Preferences
from warmline.pipedrive import Clock
from warmline.supervision import Loop
from warmline.sync import credentials
from warmline.sync.database_clock import DatabaseClock
from warmline.sync.engine.dispatcher import SWEEP, Dispatcher
from warmline.sync.engine.reconciler import Engine
from warmline.sync.leases import beating
from warmline.sync.models import ConnectionState
from warmline.sync.remote import connection_health, oauth_setup
from warmline.sync.remote.directory import forget_account
from warmline.threads import SYSTEM_THREADS, Threads

KEEP_ALIVE_EVERY = 3600.0  # seconds between two looks whether the access by OAuth has to be used to last

log = logging.getLogger(__name__)


@contextmanager
def running() -> Iterator[None]:
    """Run the engine for the present settings and preferences while the block runs. Without a token nothing is sent."""
    follower = Follower()
    with beating():
        follower.start()
        try:
            yield
        finally:
            follower.stop()


class Runner(Protocol):
    """Keeps an engine going, as Dispatcher does."""

    def start(self) -> None:
        """Begin."""
        ...

    def stop(self) -> None:
        """Take nothing new and return when what is under way is done."""
        ...


class Follower:
    """Runs the dispatcher, and replaces it when the token or the preferences change.

    Args:
        make_engine: Makes the engine for a token and some preferences.
        clock: Of the dispatcher.
        threads: Of both.
        run: Makes what keeps an engine going; a dispatcher if left out.
        every: Seconds between two looks at token and preferences.
    """

    def __init__(
        self,
        make_engine: Callable[[str, Preferences], Engine] = Engine.of,
        clock: Clock | None = None,
        threads: Threads = SYSTEM_THREADS,
        *,
        run: Callable[[Engine], Runner] | None = None,
        every: float = SWEEP,
    ) -> None:
        self._make_engine = make_engine
        self._clock = clock or DatabaseClock()
        self._threads = threads
        self._run = run or self._dispatch
        self._every = every
        self._runner: Runner | None = None
        self._followed: tuple[str, Preferences] | None = None
        self._kept_alive_at: float | None = None
        self._loop = Loop("sync-follow", self._turn, threads=threads)

    def start(self) -> None:
        """Start, with an engine for the present token and preferences; if that fails, it is tried again."""
        self._loop.start()

    @property
    def has_begun(self) -> bool:
        """Whether it has looked at token and preferences."""
        return self._followed is not None

    def stop(self) -> None:
        """Stop, and return when the rows under way are done."""
        self._loop.stop()
        self._end()

    def _turn(self) -> None:
        self._follow()
        now = self._clock.monotonic()
        if self._kept_alive_at is None or now - self._kept_alive_at >= KEEP_ALIVE_EVERY:
            self._kept_alive_at = now
            oauth_setup.keep_alive(self._clock)
        self._loop.ends_within(self._every)

    def _dispatch(self, engine: Engine) -> Runner:
        return Dispatcher(engine, settings.SYNC_WORKERS, self._clock, self._threads)

    def _follow(self) -> None:
        preferences.refresh()
        holds = (credentials.token(), preferences.current())
        if holds == self._followed:
            return
        self._end()
        if self._followed is not None and self._followed[0] not in {"", holds[0]}:
            # The old engine was still working when the token changed, so what is remembered may be of both accounts.
            forget_account()
        token, decided = holds
        if token:
            self._begin(token, decided)
        else:
            self._stay_off()
        self._followed = holds  # last, so that a failure on the way is tried again in a second

    def _stay_off(self) -> None:
        found = connection_health.without_token()
        if found is not None:
            log.warning("sync.off reason=%s", found.state)
            if found.state != ConnectionState.NO_TOKEN:
                connection_health.report(found, self._clock)

    def _begin(self, token: str, decided: Preferences) -> None:
        """Start with this token and these preferences; changes made meanwhile are seen at the next turn."""
        try:
            engine = self._make_engine(token, decided)
        except (ValueError, OSError) as error:
            # Nothing is sent until somebody corrects the settings, so the connection's state must not be ok.
            connection_health.report(connection_health.misconfigured(error), self._clock)
            raise
        runner = self._run(engine)
        try:
            runner.start()
        except BaseException:
            engine.close()
            raise
        self._runner = runner

    def _end(self) -> None:
        runner, self._runner = self._runner, None
        if runner is not None:
            runner.stop()
