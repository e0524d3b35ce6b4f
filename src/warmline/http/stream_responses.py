"""Sends event streams to open pages after Django has admitted them, without keeping a thread for each.

Django occupies a thread until the last byte of an answer is sent, and a stream lasts for minutes. So its view only
decides who may listen (`web.event_stream.LISTENING`), and the answer is continued here. Few requests are in that view
at a time, because each takes a thread there, and the number of those that wait for it is limited, too.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator
from http import HTTPStatus

from warmline.http.asgi_types import App, Message, Receive, Send
from warmline.web.event_stream import LISTENING

log = logging.getLogger(__name__)

Pieces = AsyncGenerator[bytes, None]
PATH = "/events"
ADMITTED_AT_ONCE = 2  # requests that Django decides about at the same time
MOST_WAITING = 100  # requests that may wait for that
RETRY_AFTER = 10  # seconds after which a refused browser may try again
END: Message = {"type": "http.response.body", "body": b"", "more_body": False}


class Streams:
    """ASGI middleware that continues those answers that are streams.

    Args:
        app: The wrapped application.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._places = asyncio.Semaphore(ADMITTED_AT_ONCE)
        self._waiting = 0

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["path"] != PATH:
            await self._app(scope, receive, send)
        elif self._waiting >= MOST_WAITING:
            await _refuse(send)
        else:
            pieces = await self._let_in(scope, receive, send)
            if pieces is not None:
                await _tell(pieces, receive, send)

    async def _let_in(self, scope: Message, receive: Receive, send: Send) -> Pieces | None:
        """Have Django answer a request, and return the stream that the answer starts; None if it is not a stream."""
        is_stream = False

        async def begin(message: Message) -> None:
            nonlocal is_stream
            if message["type"] == "http.response.start":
                is_stream = LISTENING in scope and message["status"] == HTTPStatus.OK
                if is_stream:  # its length is not known yet
                    kept = [each for each in message["headers"] if each[0].lower() != b"content-length"]
                    message = {**message, "headers": kept}
            elif is_stream:
                return
            await send(message)

        self._waiting += 1
        try:
            async with self._places:
                await self._app(scope, receive, begin)
        finally:
            self._waiting -= 1
        return scope[LISTENING] if is_stream else None


async def _refuse(send: Send) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"retry-after", str(RETRY_AFTER).encode())]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": b"Too many pages are listening at the moment. Try again soon.\n"})


async def _tell(pieces: Pieces, receive: Receive, send: Send) -> None:
    """Send the pieces of a stream until it ends or the browser goes away."""
    tasks = [asyncio.create_task(_send_all(pieces, send)), asyncio.create_task(_hear_end(receive))]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await pieces.aclose()


async def _send_all(pieces: Pieces, send: Send) -> None:
    try:
        async for piece in pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    except Exception:
        log.exception("live.stream_failed")  # its browser reconnects
    await send(END)


async def _hear_end(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
