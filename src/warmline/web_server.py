"""The web server of one process: uvicorn, which counts its connections.

It stops quickly and in order: no new requests, and what is under way is finished, or cut off after a few seconds.
"""

import socket
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from threading import Thread
from types import FrameType
from typing import Any, cast

import uvicorn
from django.conf import settings

from warmline.crm import preferences
from warmline.http.client_connections import (
    ACCEPT_QUEUE,
    ACCEPTED_AT_ONCE,
    ClientConnection,
    ClientConnections,
    raise_limit,
)
from warmline.sync import call_counts, trusted_reports
from warmline.web.event_stream import WATCHER

TICKS = 10  # of uvicorn's in a second
GRACE = 2  # seconds, for the requests and then for the engine's work: both together below any supervisor's patience


def answer(sock: socket.socket, beside: AbstractContextManager[object], *, until_input_ends: bool = False) -> None:
    """Answer on a socket until SIGINT or SIGTERM.

    Args:
        sock: Which listens.
        beside: Runs meanwhile: what keeps this process in touch with those that do the work.
        until_input_ends: Whether to stop when standard input ends, and not by a signal.
    """
    connections = ClientConnections(settings.PROXIES, raise_limit())
    config = uvicorn.Config(
        "warmline.asgi:application",
        http=cast("Any", partial(ClientConnection, connections)),
        ws="none",  # websocket connections would not be counted
        backlog=ACCEPTED_AT_ONCE,
        log_config=None,
        log_level="warning",
        access_log=False,
        lifespan="off",  # Django has none
        proxy_headers=False,  # forwarded.py's business
        timeout_graceful_shutdown=GRACE,
    )
    server = Server(config, connections, ignores_signals=until_input_ends)
    trusted_reports.after_a_pause()
    with preferences.followed(), call_counts.adding(), beside:
        if until_input_ends:
            Thread(target=_stop_with_input, args=[server.stop], name="input", daemon=True).start()
        server.run(sockets=[sock])


def _stop_with_input(stop: Callable[[], None]) -> None:
    sys.stdin.buffer.read()
    stop()


class Server(uvicorn.Server):
    """uvicorn, which waits for the answers under way when it stops: the streams are told to end then.

    Args:
        config: uvicorn's.
        connections: Where its connections are counted.
        ignores_signals: Whether another process decides when it stops.
    """

    def __init__(
        self, config: uvicorn.Config, connections: ClientConnections, *, ignores_signals: bool = False
    ) -> None:
        super().__init__(config)
        self._connections, self._ignores_signals = connections, ignores_signals

    def stop(self) -> None:
        """Have it stop, from any thread."""
        self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop at a signal, unless this process is to ignore it: another one decides."""
        if not self._ignores_signals:
            super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and let more wait in the system than asyncio accepts at once, for which it has one figure."""
        await super().startup(sockets)
        for each in sockets or []:
            each.listen(ACCEPT_QUEUE)

    async def on_tick(self, counter: int) -> bool:
        """Look once a second at those for whom we wait."""
        if counter % TICKS == 0:
            self._connections.tick()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the streams, and then the rest."""
        WATCHER.end()
        await super().shutdown(sockets)
