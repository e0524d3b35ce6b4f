"""The server's connections: those whose callers let us wait are counted, have a deadline, and are cut off.

uvicorn waits for a request, its body, and for who fetches an answer, for ever, and for as many as come. Each would hold
one of the process's descriptors until there is none left for those who save. `slow_clients.py` says who has to go.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Hashable, Iterable
from contextlib import suppress
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from warmline.crm.throttling import network
from warmline.http.forwarded import Headers, Networks, asked_for
from warmline.http.slow_clients import Unfinished

log = logging.getLogger(__name__)

DESCRIPTORS = 8192  # that this process asks the system for, where it may
MOST_WAITED_FOR, MOST_OF_ONE_ADDRESS = (
    200,
    50,
)  # connections that are waited for: an office behind one address has far fewer at a time
SHARE_OF_DESCRIPTORS = 5  # at most the fifth part of the descriptors
ACCEPTED_AT_ONCE = 64  # connections that are accepted before the others are looked at
ACCEPT_QUEUE = 2048  # connections that wait in the system until then
TOLD_EVERY = 60.0


def raise_limit() -> int:
    """Raise the number of descriptors that this process may have, and return it."""
    try:
        import resource  # noqa: PLC0415 (not on every system)
    except ImportError:
        return DESCRIPTORS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return DESCRIPTORS if soft == resource.RLIM_INFINITY else soft
    with suppress(ValueError, OSError):  # macOS has a lower bound that it does not tell
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return soft


class ClientConnections:
    """All connections for whose callers we wait: for the rest of a request or of an answer, or for the next request.

    Args:
        proxies: Whose word is believed on whom they ask for; they themselves are nobody's address.
        descriptors: How many this process may have.
        clock: Tells the seconds.
    """

    def __init__(self, proxies: Networks, descriptors: int, clock: Callable[[], float] = time.monotonic) -> None:
        in_all = min(MOST_WAITED_FOR, descriptors // SHARE_OF_DESCRIPTORS)
        self.proxies = proxies
        self.half: Unfinished[ClientConnection] = Unfinished(in_all, min(MOST_OF_ONE_ADDRESS, in_all), clock)
        self.idle: Unfinished[ClientConnection] = Unfinished(in_all, min(MOST_OF_ONE_ADDRESS, in_all), clock)
        self._clock = clock
        self._is_looking = False
        self._cut_off, self._told_at = 0, float("-inf")

    def leave(self, one: "ClientConnection") -> None:
        """Wait for a connection no more."""
        self.half.end(one)
        self.idle.end(one)

    def look_soon(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have those cut off that are too many, once what has come already is read."""
        if not self._is_looking:
            self._is_looking = True
            # The loop reads a connection in the round after the one that made it, so it is looked at in the one behind.
            loop.call_soon(loop.call_soon, self._look)

    def _look(self) -> None:
        self._is_looking = False
        self._cut(self.half.surplus())
        for one in self.idle.surplus():
            self.leave(one)
            one.transport.abort()

    def tick(self) -> None:
        """Cut off who took too long, and tell once a minute how many there were too many."""
        for one in (*self.half.overdue(), *self.idle.overdue()):
            self.leave(one)
            one.transport.abort()
        if self._cut_off and self._clock() - self._told_at >= TOLD_EVERY:
            log.warning("serve.crowded unfinished_requests_cut_off=%s", self._cut_off)
            self._cut_off, self._told_at = 0, self._clock()

    def _cut(self, surplus: Iterable["ClientConnection"]) -> None:
        for one in surplus:
            self._cut_off += 1
            self.leave(one)
            one.transport.abort()


class ClientConnection(H11Protocol):
    """uvicorn's connection, which tells the connections when it waits for its caller, and for what.

    Args:
        connections: Of the server.
        given: What uvicorn gives to each connection.
    """

    def __init__(self, connections: ClientConnections, **given: Any) -> None:
        super().__init__(**given)
        self._connections = connections

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._settle()

    def data_received(self, data: bytes) -> None:
        """Take what has come."""
        super().data_received(data)
        self._settle()
        self._connections.half.receive(self, len(data))

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._connections.leave(self)
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        super().on_response_complete()
        self._settle()

    def pause_writing(self) -> None:
        """Begin to wait until the answer is fetched."""
        super().pause_writing()
        self._settle()

    def resume_writing(self) -> None:
        """Go on with the answer."""
        super().resume_writing()
        self._settle()

    def _settle(self) -> None:
        connections, theirs, cycle = self._connections, self.conn.their_state, self.cycle
        is_head = theirs is h11.IDLE and (cycle is None or bool(self.conn.trailing_data[0]))
        is_body = theirs is h11.SEND_BODY
        if is_head or is_body or self.flow.write_paused:
            connections.idle.end(self)
            connections.half.begin(self, self._whose([] if is_head else self.headers))
        elif cycle is not None and not cycle.response_complete:
            connections.leave(self)  # it waits for us
        else:  # for the next request, or for who fetches the last of an answer
            connections.half.end(self)
            connections.idle.begin(self, self._whose([]))
        connections.look_soon(self.loop)

    def _whose(self, headers: Headers) -> Hashable | None:
        """Return whose connection it is; None as long as only a proxy is known, which asks for many."""
        found = asked_for(self.client, headers, self._connections.proxies)
        return None if found is None else network(str(found))
