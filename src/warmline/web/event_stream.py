"""Server-sent events for open pages: new notifications, and which rows have changed.

One watcher reads the database for all streams of this process, because other processes write, too. It looks whenever
something is saved here and at least every second, but only while someone listens. A stream occupies no thread and no
database connection, and its events only name rows: the page then requests what it shows. A stream ends with its session
and when its user's rights change; the browser reconnects with the current rights, or is refused.
"""

import asyncio
import json
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Event, Lock
from typing import Any, Self, TypeVar

from asgiref.sync import sync_to_async
from django.contrib.sessions.models import Session
from django.db import connections, transaction
from django.db.models.signals import post_delete, post_save

from warmline import database_time, storage
from warmline.crm.activities import Activity
from warmline.crm.models import Contact
from warmline.crm.users import User
from warmline.supervision import Loop
from warmline.sync import arrival, engine_health, wakeups
from warmline.sync.leases import in_progress
from warmline.sync.models import Attempt, Connection, Notification
from warmline.sync.notifications import told_to

log = logging.getLogger(__name__)

LOOK_EVERY = 1.0  # seconds; how late changes by other processes may be noticed
PAUSE = 0.1  # seconds between two looks, however much is saved
HEARTBEAT = 15.0  # seconds of silence after which a stream sends a comment, and so notices browsers that have gone
LIFETIME = 300.0  # seconds after which a stream ends, so that the browser's rights are checked again
QUEUE_SIZE = 100  # pieces that a slow browser may lag behind
MOST_NAMED = 500  # rows and notifications that are named one by one
STREAMS_OF_A_USER, STREAMS_IN_ALL = 20, 300  # a browser has one stream for all of its tabs
LISTENING = "warmline.listening"  # key in a request's scope: the stream that answers it
CROWDED = b"retry: 60000\n\n"  # milliseconds; reconnecting at once would only push out another browser

Key = TypeVar("Key")
RowName = tuple[str, int]  # such as ("contact", 12)
Piece = tuple[int, bytes]  # the cursor of the notification in it, or 0, and the text of the event
Rights = tuple[bool, bool, str]  # what a user may hear depends on these: active, admin, and the password's hash


@dataclass(frozen=True)
class Told:
    """The part of a notification that a stream sends: who it is for, and its kind."""

    id: int
    user_id: int | None
    kind: str
    is_quiet: bool

    @classmethod
    def of(cls, row: Notification) -> Self:
        """Return the part of a notification that a stream sends."""
        return cls(row.cursor, row.user_id, row.kind, row.is_quiet)

    def piece(self) -> bytes:
        """Return it as a server-sent event; a reconnecting browser sends its id."""
        data = json.dumps({"kind": self.kind, "is_quiet": self.is_quiet})
        return f"id: {self.id}\nevent: told\ndata: {data}\n\n".encode()


@dataclass(frozen=True)
class News:
    """What one look found.

    Attributes:
        told: New notifications, in their order.
        rows: The rows whose state has changed, each with its owner's id, or None for an organization.
        everything: Whether the connection has changed, or more rows than are named one by one.
    """

    told: list[Told]
    rows: dict[RowName, int | None]
    everything: bool

    def pieces(self, user_id: int, *, is_admin: bool) -> Iterable[Piece]:
        """Return the events that concern a user."""
        for one in self.told:
            if one.user_id in {None, user_id}:
                yield one.id, one.piece()
        changed: dict[str, list[int]] = {}
        for (kind, row_id), owner in self.rows.items():
            if is_admin or owner in {None, user_id}:
                changed.setdefault(kind, []).append(row_id)
        if changed or self.everything:
            data = json.dumps({**changed, "everything": self.everything})
            yield 0, f"event: changed\ndata: {data}\n\n".encode()


class Stream:
    """Events waiting to be sent to one browser. The watcher's thread adds them, the event loop sends them."""

    def __init__(self, user: User, session: str | None = None) -> None:
        self.user_id, self.is_admin, self.session = user.pk, user.is_admin, session
        self.rights: Rights = (user.is_active, user.is_admin, user.password)
        self.is_over = False
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[Piece | None] = asyncio.Queue(QUEUE_SIZE)

    def hand(self, pieces: Iterable[Piece | None]) -> None:
        """Add events, from any thread; None ends the stream."""
        made = list(pieces)
        with suppress(RuntimeError):  # the loop is closed: the server has stopped
            self._loop.call_soon_threadsafe(self._put, made)

    def _put(self, pieces: list[Piece | None]) -> None:
        try:
            for piece in pieces:
                self._queue.put_nowait(piece)
        except asyncio.QueueFull:
            # The browser is too slow. It is disconnected, reconnects, and gets what it missed.
            while not self._queue.empty():
                self._queue.get_nowait()
            self._queue.put_nowait(None)

    async def next(self, within: float) -> Piece | None:
        """Return the next event, or None at the end.

        Args:
            within: Seconds to wait.

        Raises:
            TimeoutError: If there was none in this time.
        """
        async with asyncio.timeout(within):
            return await self._queue.get()


@dataclass
class _Known:
    """What the last look has seen."""

    notification: int
    attempt: int
    working: set[RowName]
    connection: tuple[str, ...]

    @classmethod
    def now(cls) -> Self:
        return cls(
            notification=arrival.newest_of(Notification),
            attempt=arrival.newest_of(Attempt),
            working=in_progress(database_time.now()),
            connection=_connection(),
        )

    def look(self) -> News:
        """Return what is new since the last look. A row changes when work on it starts, and with each attempt."""
        told = arrival.since(Notification, self.notification, MOST_NAMED)
        attempts = arrival.since(Attempt, self.attempt, MOST_NAMED + 1)
        working, connection = in_progress(database_time.now()), _connection()
        rows = {(attempt.kind, attempt.row_id) for attempt in attempts} | (working ^ self.working)
        everything = connection != self.connection or len(rows) > MOST_NAMED
        owned = {} if len(rows) > MOST_NAMED else _owned(rows)
        # Nothing is read after this point, so a failed look changes nothing here and the next one finds everything.
        self.notification = told[-1].cursor if told else self.notification
        self.attempt = attempts[-1].cursor if attempts else self.attempt
        self.working, self.connection = working, connection
        return News([Told.of(one) for one in told], owned, everything)


class Watcher:
    """Watches the database for all streams of the process."""

    def __init__(self) -> None:
        self._streams: dict[Stream, None] = {}  # in order of arrival
        self._thread: Loop | None = None
        self._known: _Known | None = None
        self._lock = Lock()
        self._woken = Event()
        self._pause = Event()  # set at the end, to cut the pause between two looks short
        self._has_ended = False

    def join(self, stream: Stream) -> bool:
        """Send events to a stream from now on.

        Returns:
            Whether it was admitted; it is not if the server is stopping or the stream is already over.
        """
        with self._lock:
            if self._has_ended or stream.is_over:
                return False
            if self._thread is None:
                self._known = _Known.now()  # before the stream reads what it missed, so that nothing is lost in between
                thread = Loop("live", self._turn, wake=self._woken.set)
                thread.start()
                self._thread = thread  # set last: if the thread cannot be started, the next stream tries again
                wakeups.listen(self._woken.set)
                post_save.connect(self._happened, sender=Attempt)
                post_delete.connect(self._happened, sender=Session)
            self._streams[stream] = None
            for one in surplus([(each, each.user_id) for each in self._streams]):
                one.is_over = True
                del self._streams[one]
                one.hand([(0, CROWDED), None])
            return True

    def leave(self, stream: Stream) -> None:
        """Send nothing more to a stream."""
        with self._lock:
            stream.is_over = True
            self._streams.pop(stream, None)

    def end(self) -> None:
        """End all streams and admit no more, because the server stops."""
        with self._lock:
            self._has_ended = True
            streams = tuple(self._streams)
        for stream in streams:
            stream.hand([None])
        self._pause.set()
        self._woken.set()

    def _happened(self, **_: Any) -> None:
        transaction.on_commit(self._woken.set)

    def _turn(self) -> None:
        self._woken.wait(LOOK_EVERY)
        self._pause.wait(PAUSE)
        self._woken.clear()
        with self._lock:
            thread, streams = self._thread, tuple(self._streams)
            is_over = self._has_ended or not streams
            if is_over and thread is not None:
                self._thread = None
                wakeups.stop_listening(self._woken.set)
                post_save.disconnect(self._happened, sender=Attempt)
                post_delete.disconnect(self._happened, sender=Session)
                thread.end()
        if not is_over:
            self._look(streams)

    def _look(self, streams: Iterable[Stream]) -> None:
        assert self._known is not None  # noqa: S101 (set before the thread is started)
        rights = _rights({stream.user_id for stream in streams})
        sessions = _sessions({stream.session for stream in streams})
        news = self._known.look()
        for stream in streams:
            try:
                is_let_in = rights.get(stream.user_id) == stream.rights and stream.session in sessions
                # Otherwise its browser reconnects, and is admitted or refused like any other request.
                stream.hand(news.pieces(stream.user_id, is_admin=stream.is_admin) if is_let_in else [None])
            except Exception:
                log.exception("live.stream_dropped")
                stream.hand([None])  # its browser reconnects, and gets what it missed


WATCHER = Watcher()


def surplus(streams: Sequence[tuple[Key, int]]) -> list[Key]:
    """Return the streams that must end because there are too many: the oldest ones of the users who have the most.

    Args:
        streams: All streams with their users' ids, the oldest first.
    """
    counts = Counter(user for _, user in streams)
    found: list[Key] = []
    while counts and (len(streams) - len(found) > STREAMS_IN_ALL or max(counts.values()) > STREAMS_OF_A_USER):
        (most, _), *_ = counts.most_common(1)
        counts[most] -= 1
        found.append(next(each for each, user in streams if user == most and each not in found))
    return found


async def stream(user: User, after: int | None, session: str | None = None) -> AsyncGenerator[bytes, None]:
    """Yield server-sent events until the browser goes, the server stops, or the stream has reached its lifetime.

    Args:
        user: The user who listens.
        after: The id of the last notification that the browser has received; None on its first connection.
        session: The key of the browser's session; None for a listener without a session.
    """
    loop = asyncio.get_running_loop()
    end, one = loop.time() + LIFETIME, Stream(user, session)
    try:
        missed = await sync_to_async(_begin, thread_sensitive=False)(one, user, after)
        yield b"retry: 2000\n\n"
        last = after or 0
        for told in missed:
            last = told.id
            yield told.piece()
        while (left := end - loop.time()) > 0:
            try:
                piece = await one.next(min(HEARTBEAT, left))
            except TimeoutError:
                yield b": still here\n\n"
                continue
            if piece is None:
                return
            number, text = piece
            if not number or number > last:  # otherwise it was among the missed ones
                yield text
    finally:
        WATCHER.leave(one)


def _begin(one: Stream, user: User, after: int | None) -> list[Told]:
    """Admit a stream and return what it missed; close this thread's database connection afterwards."""
    try:
        if not WATCHER.join(one):
            one.hand([None])
        if after is None:
            return []
        # If there are more, the newest of them make the browser ask for the rest.
        missed = told_to(user, after=after).order_by(f"-{arrival.order()}")[:MOST_NAMED]
        return [Told.of(row) for row in reversed(missed)]
    finally:
        connections.close_all()


def _rights(user_ids: set[int]) -> dict[int, Rights]:
    found = User.objects.filter(pk__in=user_ids).values_list("pk", "is_active", "is_admin", "password")
    return {pk: (is_active, is_admin, password) for pk, is_active, is_admin, password in found}


def _sessions(keys: set[str | None]) -> set[str | None]:
    """Return the sessions that have not ended."""
    lasting = Session.objects.filter(session_key__in=keys - {None}, expire_date__gt=database_time.now())
    return {None, *lasting.values_list("session_key", flat=True)}


def _connection() -> tuple[str, ...]:
    states = Connection.objects.values_list("state", flat=True)
    return (*states, str(engine_health.since()), storage.present() or "")


def _owned(rows: set[RowName]) -> dict[RowName, int | None]:
    """Return the rows with their owners' ids; deleted rows are left out."""
    owned: dict[RowName, int | None] = {row: None for row in rows if row[0] == "organization"}
    for kind, model in (("contact", Contact), ("activity", Activity)):
        ids = [row_id for each, row_id in rows if each == kind]
        if ids:
            owners = model._default_manager.filter(pk__in=ids).values_list("pk", "owner_id")  # noqa: SLF001 (documented)
            owned |= {(kind, row_id): owner for row_id, owner in owners}
    return owned
