"""Every thread of the program survives what passes: each is made to fail here, in its own work, and goes on with it."""

import asyncio
import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread, current_thread
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError, connections
from django.db.backends.signals import connection_created
from django.utils import timezone
from pytest_django import Settings

from warmline import supervision
from warmline.crm import preferences, retention
from warmline.crm.book import add_contact
from warmline.crm.imports import runs, worker
from warmline.crm.models import Contact
from warmline.crm.users import User
from warmline.engine_process import Beside, Relay
from warmline.sandbox import Sandbox, World, serving
from warmline.sync import engine_health, notifications, wakeups
from warmline.sync.concurrency import side_by_side
from warmline.sync.engine.settings_reload import Follower
from warmline.sync.models import Notification, NotificationKind
from warmline.sync.remote import connection_health
from warmline.web import event_stream
from warmline.web.event_stream import Watcher

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE = 60.0  # seconds
TOKEN = "sandbox-token"
TROUBLES = [OperationalError("database is locked"), OSError("no space left"), MemoryError()]

each_trouble = pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: type(trouble).__name__)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(preferences, "REFRESH_EVERY", 0.01)
    monkeypatch.setattr(event_stream, "LOOK_EVERY", 0.05)


@pytest.fixture
def alice() -> User:
    """Return Alice."""
    return User.objects.create_user("alice@example.com", "Alice", time_zone="UTC")


def until(so: Callable[[], object]) -> None:
    """Wait until something is so."""
    poll = Event()
    for _ in range(int(PATIENCE / 0.02)):
        if so():
            return
        poll.wait(0.02)
    pytest.fail(f"not so after {PATIENCE:.0f} s")


@contextmanager
def breaking(thread: str, trouble: Exception, times: int = 3) -> Iterator[None]:
    """Have the next queries of threads whose name begins so raise something; the block must have seen them all."""
    left = [trouble] * times

    def query(execute: Any, *arguments: Any) -> Any:
        if left and current_thread().name.startswith(thread):
            raise left.pop()
        return execute(*arguments)

    def connected(connection: Any, **_: Any) -> None:
        connection.execute_wrappers.append(query)

    connection_created.connect(connected)
    try:
        yield
    finally:
        connection_created.disconnect(connected)
    assert not left, f"nothing of {thread} was broken"


@each_trouble
def test_what_follows_the_preferences(trouble: Exception) -> None:
    """A server hears of a threshold that another one changed, whatever happened before."""
    with breaking("preferences", trouble), preferences.followed():
        preferences.StoredPreferences.objects.create(pk=1, threshold=6)
        until(lambda: preferences.current().threshold == 6)


@each_trouble
def test_the_import_worker(alice: User, trouble: Exception) -> None:
    """A file is checked all the same."""
    run = runs.begin(alice, "people.csv", b"Name\nDana Diaz\n")
    with breaking("imports", trouble), worker.running():
        until(lambda: runs.ImportRun.objects.get(pk=run.pk).status == runs.Status.CHECKED)


@each_trouble
def test_what_is_swept_once_a_day(trouble: Exception) -> None:
    """It is swept once it can be, and not a day later."""
    old = timezone.now() - notifications.RETENTION - timedelta(days=1)
    notifications.tell(NotificationKind.CONTACT_SYNCED, "Long ago.", now=old)
    with breaking("retention", trouble), retention.running():
        until(lambda: not Notification.objects.exists())


@each_trouble
def test_the_watcher_of_the_streams(monkeypatch: pytest.MonkeyPatch, alice: User, trouble: Exception) -> None:
    """Whoever listens is told what happened meanwhile."""
    watcher = Watcher()
    monkeypatch.setattr(event_stream, "WATCHER", watcher)

    def happen() -> None:
        notifications.tell(NotificationKind.CONTACT_SYNCED, "news", now=timezone.now(), user=alice)
        connections.close_all()

    async def listen() -> None:
        pieces = event_stream.stream(alice, None)
        await anext(pieces)
        await sync_to_async(happen)()
        async with asyncio.timeout(PATIENCE):
            async for piece in pieces:
                if b"event: told" in piece:
                    break
        watcher.end()
        await pieces.aclose()

    with breaking("live", trouble):
        asyncio.run(listen())


def test_a_watcher_that_cannot_be_started(monkeypatch: pytest.MonkeyPatch, alice: User) -> None:
    """The next stream starts it."""
    watcher = Watcher()
    monkeypatch.setattr(event_stream, "WATCHER", watcher)

    async def listen() -> None:
        with monkeypatch.context() as broken:
            _without_threads(broken, "live")
            with pytest.raises(RuntimeError):
                await sync_to_async(watcher.join)(event_stream.Stream(alice))
        one = event_stream.Stream(alice)
        assert await sync_to_async(watcher.join)(one)
        thread = watcher._thread
        assert thread is not None
        watcher.leave(one)
        await asyncio.to_thread(thread.join, PATIENCE)
        assert watcher._thread is None

    asyncio.run(listen())


def test_news_that_cannot_be_handed_on(monkeypatch: pytest.MonkeyPatch, alice: User) -> None:
    """The browser whose stream it was is let go, and comes back to be told; the others hear it."""
    watcher = Watcher()

    async def listen() -> None:
        streams = [event_stream.Stream(alice) for _ in range(3)]
        for one in streams:
            await sync_to_async(watcher.join)(one)
        broken = streams[0]
        monkeypatch.setattr(broken, "hand", _first_of(MemoryError(), broken.hand))
        await sync_to_async(notifications.tell)(NotificationKind.CONTACT_SYNCED, "news", now=timezone.now(), user=alice)
        assert await broken.next(PATIENCE) is None
        assert [bool(await one.next(PATIENCE)) for one in streams[1:]] == [True, True]
        watcher.end()

    asyncio.run(listen())


@each_trouble
@pytest.mark.parametrize("thread", ["sync-follow", "sync-dispatch", "sync_"])
def test_the_engine(settings: Settings, alice: User, thread: str, trouble: Exception) -> None:
    """What follows token and preferences, what hands out the work, and each worker: the contact arrives."""
    settings.PIPEDRIVE_API_TOKEN = TOKEN
    with serving(Sandbox(World.sample(token=TOKEN))) as settings.PIPEDRIVE_BASE_URL, breaking(thread, trouble):
        follower = Follower()
        follower.start()
        try:
            add_contact(alice, name="Jordan Ames", warmness_score=5)
            until(lambda: Contact.objects.get().pipedrive_person_id)
        finally:
            follower.stop()


def test_a_row_that_breaks(
    settings: Settings, alice: User, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not tried again at once, and the others go on."""
    monkeypatch.setattr(supervision, "FIRST_WAIT", 2.0)
    settings.PIPEDRIVE_API_TOKEN = TOKEN
    with serving(Sandbox(World.sample(token=TOKEN))) as settings.PIPEDRIVE_BASE_URL, breaking("sync_", OSError(), 1):
        follower = Follower()
        follower.start()
        try:
            for name in ("Broken", "Well"):
                add_contact(alice, name=name, warmness_score=5)
            until(lambda: not Contact.objects.filter(pipedrive_person_id=None).exists())
        finally:
            follower.stop()
    assert caplog.text.count("sync.work_failed") == 1


class Pipe(io.BytesIO):
    """A pipe that breaks as it is told to."""

    def __init__(self, *errors: Exception) -> None:
        super().__init__()
        self.errors = list(errors)

    def flush(self) -> None:
        """Send what was written."""
        if self.errors:
            raise self.errors.pop(0)


@pytest.mark.parametrize("trouble", [OSError("no buffer space"), MemoryError()], ids=repr)
def test_the_relay(trouble: Exception) -> None:
    """A wake-up that could not be carried is not the last one."""
    pipe = Pipe(trouble, trouble)
    with Relay(pipe) as relay:
        wakeups.now()
        until(lambda: len(pipe.errors) < 2)
        wakeups.now()
        until(lambda: not pipe.errors)
        before = len(pipe.getvalue())
        wakeups.now()
        until(lambda: len(pipe.getvalue()) > before)
        assert relay._thread.is_alive()


def test_a_relay_whose_other_end_is_gone(caplog: pytest.LogCaptureFixture) -> None:
    """It ends, and that is no failure."""
    with Relay(Pipe(BrokenPipeError())) as relay:
        wakeups.now()
        relay._thread.join(PATIENCE)
        assert not relay._thread.is_alive()
    assert not caplog.records


def test_a_listener_that_fails(alice: User, caplog: pytest.LogCaptureFixture) -> None:
    """Neither who saved nor the other listeners have to do with it."""
    heard: list[str] = []

    def fail() -> None:
        raise MemoryError

    def hear() -> None:
        heard.append("it")

    for listener in (fail, hear):
        wakeups.listen(listener)
    try:
        add_contact(alice, name="Jordan Ames")
    finally:
        for listener in (fail, hear):
            wakeups.stop_listening(listener)
    assert heard
    assert "wake.lost" in caplog.text


def test_a_process_that_dies_at_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """It is started again, later each time; meanwhile nobody says that all is well."""
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "warmline.settings")
    monkeypatch.setenv("WARMLINE_DATA_DIR", str(tmp_path))
    real, dying = sys.executable, tmp_path / "dying"
    dying.write_text("#!/bin/sh\nexit 3\n")
    dying.chmod(0o755)
    assert connection_health.status().state != "stopped"
    monkeypatch.setattr(sys, "executable", str(dying))
    with Beside():
        until(lambda: caplog.text.count("serve.engine_died status=3") >= 3)
        assert connection_health.status().state == "stopped"
        assert engine_health.since() is not None
        monkeypatch.setattr(sys, "executable", real)
        until(lambda: engine_health.since() is None)
    waits = [record.args[1] for record in caplog.records if isinstance(record.args, tuple) and record.args]
    assert waits[:3] == [0.01, 0.02, 0.04]


def test_calls_without_threads_to_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are made one after the other, each once; an error of any of them is heard, after all have ended."""
    made: list[int] = []
    _without_threads(monkeypatch, "sync-look")
    assert side_by_side([lambda number=number: made.append(number) or number for number in range(3)]) == [0, 1, 2]  # type: ignore[misc, func-returns-value]
    assert sorted(made) == [0, 1, 2]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_call_that_fails_beside_others(place: int) -> None:
    """The others are made all the same."""
    made: list[int] = []

    def call(number: int) -> None:
        made.append(number)
        if number == place:
            raise MemoryError

    with pytest.raises(MemoryError):
        side_by_side([lambda number=number: call(number) for number in range(3)])  # type: ignore[misc]
    assert sorted(made) == [0, 1, 2]


def _without_threads(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Have no thread of this name be started, as on a machine that has too many."""
    start = Thread.start

    def started(thread: Thread) -> None:
        if thread.name == name:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(Thread, "start", started)


def _first_of(error: Exception, then: Callable[..., Any]) -> Callable[..., Any]:
    left = [error]

    def called(*arguments: Any) -> Any:
        if left:
            raise left.pop()
        return then(*arguments)

    return called
