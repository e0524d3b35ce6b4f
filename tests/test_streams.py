"""What becomes of an answer that is a stream: Django's request is over first, and few are let in at a time."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from warmline.http.stream_responses import ADMITTED_AT_ONCE, MOST_WAITING, Streams
from warmline.web.event_stream import LISTENING


class _Browser:
    """One request, and what it is answered.

    Args:
        path: That it asks for.
    """

    def __init__(self, path: str = "/events") -> None:
        self.scope: dict[str, Any] = {"type": "http", "method": "GET", "path": path, "headers": []}
        self.sent: list[Any] = []
        self.goes = asyncio.Event()
        self._has_asked = False

    async def receive(self) -> Any:
        if not self._has_asked:
            self._has_asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.goes.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    @property
    def heard(self) -> list[bytes]:
        return [each["body"] for each in self.sent[1:]]


class _Pages:
    """What stands in Django's place: lets everybody in whom the test lets in.

    Args:
        status: Of its answers.
    """

    def __init__(self, status: int = 200) -> None:
        self.status, self.inside, self.over = status, 0, 0
        self.lets_in = asyncio.Event()
        self.closed = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        self.inside += 1
        try:
            await self.lets_in.wait()
        finally:
            self.inside -= 1
        scope[LISTENING] = self.pieces()
        headers = [(b"Content-Type", b"text/event-stream"), (b"Content-Length", b"0")]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
        self.over += 1

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        try:
            yield b"first"
            assert self.over
            yield b"second"
            await asyncio.get_running_loop().create_future()
        finally:
            self.closed += 1


async def _settle() -> None:
    for _ in range(30):
        await asyncio.sleep(0)


def test_it_goes_on_when_the_request_is_over() -> None:
    """Its pieces follow one by one, and it is closed when the browser goes."""

    async def run() -> None:
        pages, browser = _Pages(), _Browser()
        pages.lets_in.set()
        task = asyncio.create_task(Streams(pages)(browser.scope, browser.receive, browser.send))
        await _settle()
        assert (pages.over, browser.heard) == (1, [b"first", b"second"])
        assert browser.sent[0]["headers"] == [(b"Content-Type", b"text/event-stream")]
        assert all(each["more_body"] for each in browser.sent[1:])
        browser.goes.set()
        await task
        assert pages.closed == 1
        assert browser.heard == [b"first", b"second"]

    asyncio.run(run())


@pytest.mark.parametrize("ending", ["ends", "breaks"])
def test_a_stream_that_ends(ending: str, caplog: pytest.LogCaptureFixture) -> None:
    """The answer ends with it; what broke it is logged."""

    async def pieces() -> AsyncGenerator[bytes, None]:
        yield b"last"
        if ending == "breaks":
            raise OSError("the database is gone")

    async def run() -> None:
        pages, browser = _Pages(), _Browser()
        pages.pieces = pieces  # type: ignore[method-assign]
        pages.lets_in.set()
        await Streams(pages)(browser.scope, browser.receive, browser.send)
        assert browser.heard == [b"last", b""]
        assert not browser.sent[-1]["more_body"]

    with caplog.at_level(logging.ERROR):
        asyncio.run(run())
    assert [record.message for record in caplog.records] == (["live.stream_failed"] if ending == "breaks" else [])


@pytest.mark.parametrize(("path", "status"), [("/events", 302), ("/events", 503), ("/contacts", 200)])
def test_other_answers_are_left_alone(path: str, status: int) -> None:
    """Who is not let in, and who asks for something else, gets what Django says."""

    async def run() -> None:
        pages, browser = _Pages(status), _Browser(path)
        pages.lets_in.set()
        await Streams(pages)(browser.scope, browser.receive, browser.send)
        assert (browser.sent[0]["status"], browser.heard) == (status, [b""])
        assert (b"Content-Length", b"0") in browser.sent[0]["headers"]

    asyncio.run(run())


def test_few_are_let_in_at_a_time() -> None:
    """The others wait without a thread, and those who are too many for that are told to come again."""

    async def run() -> None:
        pages, browsers = _Pages(), [_Browser() for _ in range(MOST_WAITING + 5)]
        streams = Streams(pages)
        tasks = [asyncio.create_task(streams(each.scope, each.receive, each.send)) for each in browsers]
        await _settle()
        assert pages.inside == ADMITTED_AT_ONCE
        refused = [each for each in browsers if each.sent]
        assert [each.sent[0]["status"] for each in refused] == [503] * 5
        assert all((b"retry-after", b"10") in each.sent[0]["headers"] for each in refused)
        other = _Browser("/contacts")
        tasks.append(asyncio.create_task(streams(other.scope, other.receive, other.send)))
        pages.pieces = _nothing  # type: ignore[method-assign]
        pages.lets_in.set()
        await asyncio.gather(*tasks)
        assert pages.over == MOST_WAITING + 1

    asyncio.run(run())


async def _nothing() -> AsyncGenerator[bytes, None]:
    if ADMITTED_AT_ONCE == 0:
        yield b""


def test_who_goes_while_waiting_leaves_no_gap() -> None:
    """A request that is cut off gives its place on."""

    async def run() -> None:
        pages, browsers = _Pages(), [_Browser() for _ in range(ADMITTED_AT_ONCE + 2)]
        streams = Streams(pages)
        tasks = [asyncio.create_task(streams(each.scope, each.receive, each.send)) for each in browsers]
        await _settle()
        for task in tasks[:ADMITTED_AT_ONCE]:
            task.cancel()
        await _settle()
        assert streams._waiting == 2
        assert pages.inside == 2
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert streams._waiting == 0

    asyncio.run(run())
