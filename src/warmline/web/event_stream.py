"""Hands what happens to the open streams of this process: new notifications, and which rows have changed.

One watcher looks for all of them, because other processes write, too. It looks when something was saved here, at least
every second, and only while somebody listens. A stream itself holds no thread's connection to the database, and what it
is handed names rows only: the page asks for what it shows. It ends with its session, and when its user's rights change;
its browser comes back with those that hold by then, or is not let in.
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
from warmline.sync.arrival import Arriving
from warmline.sync.leases import in_progress
from warmline.sync.models import Attempt, Connection, Notification
from warmline.sync.notifications import told_to

log = logging.getLogger(__name__)

LOOK = 1.0  # seconds: how late what another process wrote can be
REST = 0.1  # seconds between two looks, however much is saved
HEARTBEAT = 15.0  # seconds of silence after which a stream says that it is there, and notices who is not
LIFE = 300.0  # seconds after which a stream ends: who comes back must still be allowed to
ROOM = 100  # pieces that a slow browser may be behind
MANY = 500  # rows and notifications that are named one by one
OF_ONE, IN_ALL = 20, 300  # streams; a browser holds one for all of its tabs
LISTENING = "warmline.listening"  # in the scope of a request: the stream that its answer is
CROWDED = b"retry: 60000\n\n"  # milliseconds: whoever came back at once would only drive out another one

Key = TypeVar("Key")
ArrivingType = TypeVar("ArrivingType", bound=Arriving)
Row = tuple[str, int]  # such as ("contact", 12)
Piece = tuple[int, bytes]  # of a stream: the id of the notification that it tells, or 0; and its text
Rights = tuple[bool, bool, str]  # what lets a user listen, and to what: active, admin, and the password's hash


@dataclass(frozen=True)
class Told:
    """A notification, as far as a stream tells it: whose it is, and what it is about."""

    id: int
    user_id: int | None
    kind: str
    is_quiet: bool

    @classmethod
    def of(cls, row: Notification) -> Self:
        """Return what is told of a notification."""
        return cls(row.cursor, row.user_id, row.kind, row.is_quiet)

    def piece(self) -> bytes:
        """Return it as a piece of a stream; its id is the one that a browser comes back with."""
        data = json.dumps({"kind": self.kind, "is_quiet": self.is_quiet})
        return f"id: {self.id}\nevent: told\ndata: {data}\n\n".encode()


@dataclass(frozen=True)
class News:
    """What one look found.

    Attributes:
        told: New notifications, in their order.
        rows: The rows whose state has changed, by name, with their owner's id; None for an organization.
        everything: Whether the connection has changed, or more rows than can be named.
    """

    told: list[Told]
    rows: dict[Row, int | None]
    everything: bool

    def pieces(self, user_id: int, *, is_admin: bool) -> Iterable[Piece]:
        """Return what of it concerns a user."""
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
    """What waits to be sent to one browser. The watcher fills it from its thread, the event loop empties it."""

    def __init__(self, user: User, session: str | None = None) -> None:
        self.user_id, self.is_admin, self.session = user.pk, user.is_admin, session
        self.rights: Rights = (user.is_active, user.is_admin, user.password)
        self.is_over = False
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[Piece | None] = asyncio.Queue(ROOM)

    def hand(self, pieces: Iterable[Piece | None]) -> None:
        """Add pieces, from any thread; None ends the stream."""
        made = list(pieces)
        with suppress(RuntimeError):  # the loop is closed: the server has stopped
            self._loop.call_soon_threadsafe(self._put, made)

    def _put(self, pieces: list[Piece | None]) -> None:
        try:
            for piece in pieces:
                self._queue.put_nowait(piece)
        except asyncio.QueueFull:
            # Too slow. It is dropped, comes back, and is told what it missed.
            while not self._queue.empty():
                self._queue.get_nowait()
            self._queue.put_nowait(None)

    async def next(self, within: float) -> Piece | None:
        """Return the next piece, or None for the end.

        Args:
            within: Seconds to wait.

        Raises:
            TimeoutError: When nothing came.
        """
        async with asyncio.timeout(within):
            return await self._queue.get()


@dataclass
class _Known:
    """What the last look has seen."""

    notification: int
    attempt: int
    working: set[Row]
    connection: tuple[str, ...]

    @classmethod
    def now(cls) -> Self:
        return cls(
            notification=_newest(Notification),
            attempt=_newest(Attempt),
            working=in_progress(database_time.now()),
            connection=_connection(),
        )

    def look(self) -> News:
        """Return what is new since the last look. A row changes when work at it begins, and with each attempt."""
        told = _since(Notification, self.notification)[:MANY]
        attempts = _since(Attempt, self.attempt)
        working, connection = in_progress(database_time.now()), _connection()
        rows = {(attempt.kind, attempt.row_id) for attempt in attempts} | (working ^ self.working)
        everything = connection != self.connection or len(rows) > MANY
        owned = {} if len(rows) > MANY else _owned(rows)
        # Nothing is read any more from here on: a look that fails has seen nothing, and the next one sees it all.
        self.notification = told[-1].cursor if told else self.notification
        self.attempt = attempts[-1].cursor if attempts else self.attempt
        self.working, self.connection = working, connection
        return News([Told.of(one) for one in told], owned, everything)


class Watcher:
    """Looks for all streams of the process."""

    def __init__(self) -> None:
        self._streams: dict[Stream, None] = {}  # in the order in which they came
        self._thread: Loop | None = None
        self._known: _Known | None = None
        self._lock = Lock()
        self._woken = Event()
        self._rest = Event()  # set at the end, so that the rest between two looks is cut short
        self._has_ended = False

    def join(self, stream: Stream) -> bool:
        """Hand what happens from now on to a stream.

        Returns:
            Whether it was let in; not at the server's end, nor when the stream is over already.
        """
        with self._lock:
            if self._has_ended or stream.is_over:
                return False
            if self._thread is None:
                self._known = _Known.now()  # before the stream reads what it missed, so that nothing falls between
                thread = Loop("live", self._turn, wake=self._woken.set)
                thread.start()
                self._thread = thread  # only now: where it cannot be started, the next stream tries again
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
        """Hand a stream nothing more."""
        with self._lock:
            stream.is_over = True
            self._streams.pop(stream, None)

    def end(self) -> None:
        """End all streams, and let none in any more: the server stops."""
        with self._lock:
            self._has_ended = True
            streams = tuple(self._streams)
        for stream in streams:
            stream.hand([None])
        self._rest.set()
        self._woken.set()

    def _happened(self, **_: Any) -> None:
        transaction.on_commit(self._woken.set)

    def _turn(self) -> None:
        self._woken.wait(LOOK)
        self._rest.wait(REST)
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
                # Else its browser comes back, and is let in as any other request, or is not.
                stream.hand(news.pieces(stream.user_id, is_admin=stream.is_admin) if is_let_in else [None])
            except Exception:
                log.exception("live.stream_dropped")
                stream.hand([None])  # the news was looked for already, so it comes back and is told what it missed


WATCHER = Watcher()


def surplus(streams: Sequence[tuple[Key, int]]) -> list[Key]:
    """Return the streams that have to go because there are too many: the oldest of one user, or of who has the most.

    Args:
        streams: The oldest first, each with its user.
    """
    counts = Counter(user for _, user in streams)
    found: list[Key] = []
    while counts and (len(streams) - len(found) > IN_ALL or max(counts.values()) > OF_ONE):
        (most, _), *_ = counts.most_common(1)
        counts[most] -= 1
        found.append(next(each for each, user in streams if user == most and each not in found))
    return found


async def stream(user: User, after: int | None, session: str | None = None) -> AsyncGenerator[bytes, None]:
    """Yield what happens, as server-sent events, until the browser goes, the server stops, or the stream is old.

    Args:
        user: Who listens.
        after: The id of the last notification that the browser was told of; None when it comes for the first time.
        session: The key of the session that lets the browser listen; None for a listener without one.
    """
    loop = asyncio.get_running_loop()
    end, one = loop.time() + LIFE, Stream(user, session)
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
            if not number or number > last:  # else it was among the missed ones
                yield text
    finally:
        WATCHER.leave(one)


def _begin(one: Stream, user: User, after: int | None) -> list[Told]:
    """Let a stream in and return what it missed; leave no connection to the database behind in this thread."""
    try:
        if not WATCHER.join(one):
            one.hand([None])
        if after is None:
            return []
        # Whoever missed more asks for the rest, being told of the newest.
        missed = told_to(user, after=after).order_by(f"-{arrival.order()}")[:MANY]
        return [Told.of(row) for row in reversed(missed)]
    finally:
        connections.close_all()


def _newest(model: type[Arriving]) -> int:
    arrival.settle(model)
    return arrival.newest(model._default_manager.all())  # noqa: SLF001 (documented as public)


def _since(model: type[ArrivingType], cursor: int) -> list[ArrivingType]:
    """Return what came behind a cursor, a little more than is named one by one."""
    arrival.settle(model)
    rows = model._default_manager.filter(**arrival.behind(cursor))  # noqa: SLF001 (documented as public)
    return list(rows.order_by(arrival.order())[: MANY + 1])


def _rights(user_ids: set[int]) -> dict[int, Rights]:
    found = User.objects.filter(pk__in=user_ids).values_list("pk", "is_active", "is_admin", "password")
    return {pk: (is_active, is_admin, password) for pk, is_active, is_admin, password in found}


def _sessions(keys: set[str | None]) -> set[str | None]:
    """Return those that have not ended."""
    lasting = Session.objects.filter(session_key__in=keys - {None}, expire_date__gt=database_time.now())
    return {None, *lasting.values_list("session_key", flat=True)}


def _connection() -> tuple[str, ...]:
    states = Connection.objects.values_list("state", flat=True)
    return (*states, str(engine_health.since()), storage.present() or "")


def _owned(rows: set[Row]) -> dict[Row, int | None]:
    """Return the rows with their owners; those that are gone are left out."""
    owned: dict[Row, int | None] = {row: None for row in rows if row[0] == "organization"}
    for kind, model in (("contact", Contact), ("activity", Activity)):
        ids = [row_id for each, row_id in rows if each == kind]
        if ids:
            owners = model._default_manager.filter(pk__in=ids).values_list("pk", "owner_id")  # noqa: SLF001 (documented)
            owned |= {(kind, row_id): owner for row_id, owner in owners}
    return owned
