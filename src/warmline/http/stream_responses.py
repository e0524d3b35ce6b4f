"""Sends the streams of open pages, once Django has let them in: outside of its request, and so without a thread.

Django keeps a thread for a request until the last of its answer is sent, and a stream lasts for minutes. So its view
only says who may listen (`web.live.LISTENING`), and its answer is carried on from here. Few are let in at a time, for
each of them takes a thread meanwhile; of those who wait for that there is a limit, too.
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
ADMITTED_AT_ONCE = 2  # that are let in side by side
MOST_WAITING = 100  # that may wait for it
RETRY_AFTER = 10  # seconds after which one of the others may come again
END: Message = {"type": "http.response.body", "body": b"", "more_body": False}


class Streams:
    """An ASGI application that hands requests to another one, and goes on with the answers that are streams.

    Args:
        app: The other one.
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
        """Have a request answered, and return the stream that its answer begins; None where it is none."""
        is_stream = False

        async def begin(message: Message) -> None:
            nonlocal is_stream
            if message["type"] == "http.response.start":
                is_stream = LISTENING in scope and message["status"] == HTTPStatus.OK
                if is_stream:  # its answer has no end yet
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
    await send({"type": "http.response.body", "body": b"So many listen at this moment. Try again soon.\n"})


async def _tell(pieces: Pieces, receive: Receive, send: Send) -> None:
    """Send the pieces of a stream until it ends, or its browser goes."""
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
        log.exception("live.stream_failed")  # its browser comes back
    await send(END)


async def _hear_end(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
