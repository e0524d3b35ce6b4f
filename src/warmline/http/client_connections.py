"""The server's connections: counts those whose clients keep us waiting, gives them a deadline, and closes them.

uvicorn waits without limit for a request, for its body and for the client to read the answer, and on any number of
connections. Each occupies one of the process's file descriptors, until none is left for people who save. Which
connections have to go is decided in `slow_clients.py`.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Hashable, Iterable
from contextlib import suppress
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from warmline.crm.guess_limits import network
from warmline.http.forwarded import Headers, Networks, asked_for
from warmline.http.slow_clients import Unfinished

log = logging.getLogger(__name__)

DESCRIPTORS = 8192  # file descriptors that this process asks the system for, if allowed
MOST_WAITED_FOR, MOST_OF_ONE_ADDRESS = 200, 50  # connections; an office behind one address has far fewer at a time
SHARE_OF_DESCRIPTORS = 5  # at most a fifth of the descriptors
ACCEPTED_AT_ONCE = 64  # connections that are accepted before existing ones are served again
ACCEPT_QUEUE = 2048  # connections that wait in the system until then
TOLD_EVERY = 60.0  # seconds between two log lines


def raise_limit() -> int:
    """Raise the number of file descriptors that this process may have, and return it."""
    try:
        import resource  # noqa: PLC0415 (not on every system)
    except ImportError:
        return DESCRIPTORS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return DESCRIPTORS if soft == resource.RLIM_INFINITY else soft
    with suppress(ValueError, OSError):  # macOS has a lower limit that it does not report
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return soft


class ClientConnections:
    """All connections whose clients keep us waiting: in the middle of a request or an answer, or between requests.

    Args:
        proxies: Trusted reverse proxies; their own addresses are not counted as anybody's.
        descriptors: How many file descriptors this process may have.
        clock: Returns monotonic seconds.
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
        """Stop waiting for a connection."""
        self.half.end(one)
        self.idle.end(one)

    def look_soon(self, loop: asyncio.AbstractEventLoop) -> None:
        """Close surplus connections, once everything that has already arrived is read."""
        if not self._is_looking:
            self._is_looking = True
            # The loop reads from a connection in the round after it was made, so this looks one round later.
            loop.call_soon(loop.call_soon, self._look)

    def _look(self) -> None:
        self._is_looking = False
        self._cut(self.half.surplus())
        for one in self.idle.surplus():
            self.leave(one)
            one.transport.abort()

    def tick(self) -> None:
        """Close connections that took too long, and log once a minute how many were surplus."""
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
    """uvicorn's connection; reports when it starts and stops waiting for its client.

    Args:
        connections: All connections of the server.
        given: What uvicorn passes to each connection.
    """

    def __init__(self, connections: ClientConnections, **given: Any) -> None:
        super().__init__(**given)
        self._connections = connections

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Start waiting for the first request."""
        super().connection_made(transport)
        self._settle()

    def data_received(self, data: bytes) -> None:
        """Take what has arrived."""
        super().data_received(data)
        self._settle()
        self._connections.half.receive(self, len(data))

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._connections.leave(self)
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Start waiting for the next request."""
        super().on_response_complete()
        self._settle()

    def pause_writing(self) -> None:
        """Start waiting until the client reads the answer."""
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
            connections.leave(self)  # the client waits for us
        else:  # we wait for the next request, or until the rest of an answer is read
            connections.half.end(self)
            connections.idle.begin(self, self._whose([]))
        connections.look_soon(self.loop)

    def _whose(self, headers: Headers) -> Hashable | None:
        """Return whose connection it is; None while only a proxy is known, which serves many clients."""
        found = asked_for(self.client, headers, self._connections.proxies)
        return None if found is None else network(str(found))
