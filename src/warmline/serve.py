"""The server: pages and API on uvicorn; engine and imports work in a process beside it (`engine_process.py`).

It stops quickly and in order: no new requests, no new work, and what is under way is finished. Who still waits for
Pipedrive after a few seconds is cut off as by a crash, which loses nothing: the next start finishes the work.
"""

import signal
import socket
from contextlib import suppress
from functools import partial
from typing import Any, cast

import typer
import uvicorn
from django.conf import settings

from warmline.crm import preferences
from warmline.crm.users import User
from warmline.engine_process import Beside
from warmline.http.client_connections import (
    ACCEPT_QUEUE,
    ACCEPTED_AT_ONCE,
    ClientConnection,
    ClientConnections,
    raise_limit,
)
from warmline.web.access.first_admin import FIRST_CODE
from warmline.web.event_stream import WATCHER
from warmline.web.public_address import PUBLIC_ADDRESS

TICKS = 10  # of uvicorn's in a second
GRACE = 2  # seconds, for the requests and then for the engine's work: both together below any supervisor's patience


def serve(host: str, port: int) -> None:
    """Serve until SIGINT or SIGTERM; the database must be migrated.

    Args:
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.

    Raises:
        OSError: When that address or port cannot be had.
    """
    # uvicorn raises a signal again when it has shut down. SIGTERM's own way would end the process in the middle of
    # the engine's work; as an interrupt it unwinds like Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
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
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with suppress(KeyboardInterrupt), socket.create_server((host, port), family=family) as sock:
        # Its connections inherit this; asyncio sets it only on sockets that it made itself. Without it the second half
        # of each answer waits some 40 ms for the caller's delayed acknowledgement of the first.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        shown, listening = f"[{host}]" if ":" in host else host, sock.getsockname()[1]
        address = f"http://{shown}:{listening}"
        PUBLIC_ADDRESS.port = listening
        typer.echo(f"Warmline listens on {address} (API: /api/docs)")
        if not User.objects.exists():
            typer.echo(f"The team has no members yet. Open {address}/welcome and enter the code {FIRST_CODE.issue()}")
        with preferences.followed(), Beside():
            Server(config, connections).run(sockets=[sock])


class Server(uvicorn.Server):
    """uvicorn, which waits for the answers under way when it stops: the streams are told to end then.

    Args:
        config: uvicorn's.
        connections: Where its connections are counted.
    """

    def __init__(self, config: uvicorn.Config, connections: ClientConnections) -> None:
        super().__init__(config)
        self._connections = connections

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
