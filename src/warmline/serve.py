"""The server. On SQLite it answers, and engine and imports work in a process beside it (`engine_process.py`).

On PostgreSQL workers do that work (`worker.py`), and several processes may answer (`web_processes.py`). It stops
quickly and in order. Who still waits for Pipedrive after a few seconds is cut off as by a crash, which loses nothing:
the next start finishes the work.
"""

import signal
import socket
from contextlib import AbstractContextManager, suppress
from threading import Event

import typer
from django.db import connection, connections

from warmline import web_processes
from warmline.crm.users import User
from warmline.engine_process import Beside
from warmline.web.access.first_admin import FIRST_CODE
from warmline.web.public_address import PUBLIC_ADDRESS
from warmline.web_server import answer


def serve(host: str, port: int, processes: int = 1) -> None:
    """Serve until SIGINT or SIGTERM; the database must be migrated.

    Args:
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        processes: How many answer; more than one on PostgreSQL only.

    Raises:
        OSError: When that address or port cannot be had.
    """
    # uvicorn raises a signal again when it has shut down. SIGTERM's own way would end the process in the middle of
    # the engine's work; as an interrupt it unwinds like Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
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
        if processes > 1:
            connections.close_all()
            with web_processes.running(processes, sock):
                Event().wait()
        answer(sock, _beside())


def _beside() -> AbstractContextManager[object]:
    """Return what keeps this process in touch with those that do the work: beside it, or anywhere."""
    if connection.vendor != "postgresql":
        return Beside()
    from warmline.sync.listening import Listener  # noqa: PLC0415 (it needs psycopg, which SQLite does without)

    return Listener()
