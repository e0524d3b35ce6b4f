"""Receives what Pipedrive's webhooks report. It stands outside of Django, so a report costs little but its insert.

Ten refused first attempts are a ban in which reports are lost (docs/pipedrive.md). So whoever knows the password is
answered with 200 in time, whatever becomes of the report: what is not stored by then is a gap, and a look at changes
closes it. Reports that come together are stored together, by one thread, so that those who save hardly notice.
"""

import asyncio
import logging
from base64 import b64decode
from http import HTTPStatus

from asgiref.sync import sync_to_async
from django.db import close_old_connections, connection

from warmline.http.asgi_types import App, Message, Receive, Send
from warmline.sync import reported_changes

log = logging.getLogger(__name__)

WITHIN = 5.0  # seconds; Pipedrive waits for ten
AT_ONCE = 100  # reports in one insert
PAUSE = 0.02  # seconds between two inserts, in which more come together: each waits for the disk, as those who save do
AFTER_A_FAILURE = 1.0  # seconds until it is tried again to store that reports were lost
MOST_WAITING = 5_000  # reports; who cannot store these will not store more


class ReportDoor:
    """ASGI middleware that answers Pipedrive's webhooks. Belongs to one event loop.

    Args:
        app: The wrapped application, for everything else.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._storing: asyncio.Task[None] | None = None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["path"] != reported_changes.PATH:
            await self._app(scope, receive, send)
            return
        status = await self._status(scope, receive)
        headers = [(b"content-length", b"0"), (b"cache-control", b"no-store")]
        if status == HTTPStatus.UNAUTHORIZED:
            headers.append((b"www-authenticate", b'Basic realm="Warmline"'))
        await send({"type": "http.response.start", "status": int(status), "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    async def _status(self, scope: Message, receive: Receive) -> HTTPStatus:
        if scope["method"] != "POST":
            return HTTPStatus.METHOD_NOT_ALLOWED
        if not reported_changes.is_door_opened_by(*_given(scope)):
            return HTTPStatus.UNAUTHORIZED
        try:
            async with asyncio.timeout(WITHIN):
                body = await _body(receive)
                if len(body) > reported_changes.LONGEST:
                    self._note_gap("it was too long")
                    return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
                await self._stored(body)
        except TimeoutError:
            self._note_gap("it could not be stored in time")
        return HTTPStatus.OK

    async def _stored(self, body: bytes) -> None:
        """Return when somebody has tried to store a report; whoever stops waiting does not stop that."""
        if len(self._waiting) >= MOST_WAITING:
            self._note_gap("too many are waiting to be stored")
            return
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((body, done))
        self._go_on()
        await done

    def _note_gap(self, why: str) -> None:
        reported_changes.note_gap(why)
        self._go_on()

    def _go_on(self) -> None:
        if self._storing is None or self._storing.done():
            self._storing = asyncio.create_task(self._store())

    async def _store(self) -> None:
        """Store all that wait, and those that come meanwhile; and that some were lost, as soon as that is possible."""
        while self._waiting or reported_changes.has_gap():
            some, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
            try:
                await sync_to_async(_note)([body for body, _ in some])
            except Exception:  # the next ones are stored all the same
                log.exception("reports.failed")
                reported_changes.note_gap("storing failed")
            for _, done in some:
                if not done.done():
                    done.set_result(None)
            await asyncio.sleep(PAUSE if self._waiting or not reported_changes.has_gap() else AFTER_A_FAILURE)


def _note(bodies: list[bytes]) -> None:
    """Store reports. The thread has a connection of its own; one that was lost would else be used for ever.

    SQLite's is kept while it is well: to open one costs more than to store a report.
    """
    try:
        reported_changes.note(bodies)
    finally:
        is_kept = connection.vendor == "sqlite" and not connection.errors_occurred
        if not is_kept and not connection.in_atomic_block:  # which only a test is in
            close_old_connections()


async def _body(receive: Receive) -> bytes:
    """Return a request's body, or a bit more than the longest report of a longer one."""
    body = b""
    while len(body) <= reported_changes.LONGEST:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body", False):
            break
    return body


def _given(scope: Message) -> tuple[str, str]:
    """Return user and password of HTTP Basic; empty texts where there are none."""
    said = next((value for name, value in scope["headers"] if name.lower() == b"authorization"), b"")
    scheme, _, pair = said.partition(b" ")
    try:
        text = b64decode(pair.strip(), validate=True).decode()
    except ValueError:
        text = ""
    user, _, password = text.partition(":") if scheme.lower() == b"basic" else ("", "", "")
    return user, password
