"""The server's connections, on real sockets: who lets it wait is cut off, and nobody else."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from ipaddress import ip_network
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from warmline.http import client_connections
from warmline.http.client_connections import DESCRIPTORS, ClientConnection, ClientConnections, raise_limit
from warmline.http.slow_clients import LONGEST_WAIT, PATIENCE

WHOLE = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
HALF = b"GET / HTTP/1.1\r\nHost:"
BODY = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n12"
PROXIES = [ip_network("127.0.0.1")]
MUCH = 20_000_000  # bytes: more than any system keeps for who does not fetch them
Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Place:
    """A server on a free port, with a clock that the test sets.

    Args:
        proxies: Who is believed.
        descriptors: File descriptors of the process.
    """

    def __init__(self, proxies: list[Any], descriptors: int) -> None:
        self.now = 0.0
        self.connections = ClientConnections(proxies, descriptors, lambda: self.now)
        self.may_end = asyncio.Event()
        self.ended = 0
        self.port = 0
        self.writers: list[asyncio.StreamWriter] = []

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        """Read a request and answer it; `/much` with much, `/later` when the test says so."""
        while (message := await receive()).get("more_body"):
            pass
        if message["type"] == "http.disconnect":
            self.ended += 1
            return
        await send({"type": "http.response.start", "status": 200, "headers": [(b"transfer-encoding", b"chunked")]})
        if scope["path"] == "/much":
            await send({"type": "http.response.body", "body": b"x" * MUCH, "more_body": True})
        if scope["path"] == "/later":
            await self.may_end.wait()
        await send({"type": "http.response.body", "body": b"answer"})
        self.ended += 1

    async def open(self, sent: bytes) -> Stream:
        """Connect, and send something."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.writers.append(writer)
        writer.write(sent)
        return reader, writer


async def _until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not is_so():  # noqa: ASYNC110 (sockets and connections signal no event for it)
            await asyncio.sleep(0.01)


async def _answer(stream: Stream) -> bytes:
    """Return what is answered; nothing when the connection was cut off."""
    async with asyncio.timeout(60):
        try:
            return await stream[0].readuntil(b"0\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return b""


@asynccontextmanager
async def _place(proxies: list[Any], descriptors: int) -> AsyncIterator[_Place]:
    place, state = _Place(proxies, descriptors), ServerState()
    config = uvicorn.Config(
        place.app,
        log_config=None,
        proxy_headers=False,
        access_log=False,
        interface="asgi3",
        ws="none",
        timeout_keep_alive=3600,
    )
    server = await asyncio.get_running_loop().create_server(
        lambda: ClientConnection(place.connections, config=config, server_state=state, app_state={}), "127.0.0.1", 0
    )
    place.port = server.sockets[0].getsockname()[1]
    async with server:
        yield place
        place.may_end.set()
        for writer in place.writers:
            writer.close()
        for each in list(state.connections):
            each.transport.abort()
        await asyncio.gather(*(writer.wait_closed() for writer in place.writers), return_exceptions=True)
        await _until(lambda: not state.connections and not state.tasks)


def _run(test: Callable[[_Place], Awaitable[None]], proxies: list[Any] | None = None, descriptors: int = 50) -> None:
    async def run() -> None:
        async with _place(PROXIES if proxies is None else proxies, descriptors) as place:
            await test(place)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("sent", "half", "idle"),
    [
        (b"", 1, 0),
        (b"GET", 1, 0),
        (HALF, 1, 0),
        (BODY, 1, 0),
        (b"GET /much HTTP/1.1\r\nHost: x\r\n\r\n", 1, 0),
        (WHOLE, 0, 1),
        (WHOLE + HALF, 1, 0),
        (WHOLE + BODY, 1, 0),
        (b"nonsense\r\n\r\n", 0, 0),
        (b"GET /later HTTP/1.1\r\nHost: x\r\n\r\n", 0, 0),
    ],
)
def test_whom_we_wait_for(sent: bytes, half: int, idle: int) -> None:
    """Whoever has sent no whole request, or does not fetch its answer, and goes in time; not one who waits for us."""

    async def test(place: _Place) -> None:
        reader, _ = await place.open(sent)
        await _until(lambda: (len(place.connections.half), len(place.connections.idle)) == (half, idle))
        place.now = LONGEST_WAIT + PATIENCE
        place.connections.tick()
        assert (len(place.connections.half), len(place.connections.idle)) == (0, 0)
        if half or idle:
            async with asyncio.timeout(60):
                with suppress(ConnectionError):
                    await reader.read()
        assert b"answer" in await _answer(await place.open(WHOLE))

    _run(test)


def test_a_stranger_with_many_halves() -> None:
    """Whoever sends a whole request is answered; of the others the newest stay, as many as may."""

    async def test(place: _Place) -> None:
        member = await place.open(WHOLE)
        assert b"answer" in await _answer(member)
        strangers = [await place.open((HALF, b"", BODY)[number % 3]) for number in range(60)]
        for _ in range(3):
            member[1].write(WHOLE)
            assert b"answer" in await _answer(member)
        new = await place.open(WHOLE)
        assert b"answer" in await _answer(new)
        await _until(lambda: len(place.connections.half) <= 10)
        assert await _answer(strangers[0]) == b""
        strangers[-2][1].write(WHOLE)  # it has sent nothing so far
        assert b"answer" in await _answer(strangers[-2])

    _run(test)


@pytest.mark.parametrize(
    ("proxies", "said", "left"),
    [
        ([], "", 3),  # they are one stranger's
        ([], "198.51.100.{}", 3),  # whom nobody believes
        (PROXIES, "", 8),  # a proxy's, which tells nothing
        (PROXIES, "198.51.100.7", 3),
        (PROXIES, "198.51.100.{}", 8),
        (PROXIES, "2001:db8::{}", 3),  # one subscriber's
        (PROXIES, "2001:db8:{}::1", 8),
    ],
)
def test_how_many_of_one_address(proxies: list[Any], said: str, left: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """As far as it is known whose they are: a proxy that is trusted is no stranger."""
    monkeypatch.setattr(client_connections, "MOST_OF_ONE_ADDRESS", 3)

    async def test(place: _Place) -> None:
        for number in range(1, 9):
            head = f"POST / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {said.format(number)}\r\nContent-Length: 9\r\n\r\n"
            await place.open(head.encode())
        await _until(lambda: len(place.connections.half) == left and place.ended == 8 - left)

    _run(test, proxies)


def test_a_slow_answer_is_not_cut_off() -> None:
    """One that waits for us waits as long as it takes, and then counts as one that asks for nothing more."""

    async def test(place: _Place) -> None:
        stream = await place.open(b"GET /later HTTP/1.1\r\nHost: x\r\n\r\n")
        await stream[0].readuntil(b"\r\n\r\n")
        place.now = 10 * LONGEST_WAIT
        place.connections.tick()
        place.may_end.set()
        assert b"answer" in await _answer(stream)
        await _until(lambda: len(place.connections.idle) == 1)
        stream[1].close()
        await _until(lambda: len(place.connections.idle) == 0)

    _run(test)


def test_one_line_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    """However many are cut off; those who only took too long are not worth one."""

    async def test(place: _Place) -> None:
        for _ in range(30):
            await place.open(HALF)
        await _until(lambda: place.connections._cut_off == 20)
        place.connections.tick()
        for _ in range(5):
            await place.open(HALF)
        await _until(lambda: place.connections._cut_off == 5)
        place.connections.tick()
        place.now = 61.0
        place.connections.tick()

    with caplog.at_level(logging.WARNING, "warmline.http.client_connections"):
        _run(test)
    assert [record.args for record in caplog.records] == [(20,), (5,)]


def test_the_limit_of_descriptors_is_raised() -> None:
    """As far as the system lets it, and no further than makes sense."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        raised = raise_limit()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (raised, hard)
        assert raised == (DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS))
        assert raise_limit() == raised
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
