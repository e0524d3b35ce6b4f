"""Several web processes of one `serve`, on PostgreSQL: they answer on one socket, and one that dies is started again.

They hear of each other, and of the workers, by the database. Each ends when its input does, however the first process
ends, as the engine's process does on SQLite.
"""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass

from warmline import loading
from warmline.supervision import EndedError, Loop

PATIENCE = 6.0  # seconds for one to end


@dataclass(frozen=True)
class Orders:
    """What the first process tells the others.

    Attributes:
        socket: The file descriptor on which they answer.
        port: The port of it.
    """

    socket: int
    port: int


class WebProcess:
    """Keeps one going while the block runs.

    Args:
        name: Of its loop.
        orders: For it.
    """

    def __init__(self, name: str, orders: Orders) -> None:
        self._orders = orders
        self._program: subprocess.Popen[bytes] | None = None
        self._loop = Loop(name, self._turn, wake=self._let_go)

    def __enter__(self) -> None:
        self._loop.start()

    def __exit__(self, *_: object) -> None:
        self._loop.stop(PATIENCE)

    def let_go(self) -> None:
        """Have it end; the loop goes on no more."""
        self._loop.ending.set()
        self._let_go()

    def _let_go(self) -> None:
        program = self._program
        if program is not None and program.stdin is not None:
            with suppress(OSError):
                program.stdin.close()

    def _turn(self) -> None:
        command = [sys.executable, "-m", "warmline.web_processes"]
        try:
            program = subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=[self._orders.socket])  # noqa: S603 (our own)
        except OSError as error:  # no memory for it, or no more processes; that may pass
            raise EndedError(f"serve.web_not_started error={error!r}") from None
        with suppress(BrokenPipeError), program:
            self._program = program
            if program.stdin is not None:
                program.stdin.write(json.dumps(asdict(self._orders)).encode() + b"\n")
                program.stdin.flush()
            if self._loop.ending.is_set():
                self._let_go()
            program.wait()
        if not self._loop.ending.is_set():
            raise EndedError(f"serve.web_died status={program.returncode}")


@contextmanager
def running(number: int, sock: socket.socket) -> Iterator[None]:
    """Keep so many going while the block runs.

    Args:
        number: How many.
        sock: On which they answer.
    """
    orders = Orders(sock.fileno(), sock.getsockname()[1])
    with ExitStack() as stack:
        processes = [WebProcess(f"web-{place}", orders) for place in range(1, number + 1)]
        for process in processes:
            stack.enter_context(process)
        try:
            yield
        finally:
            for process in processes:  # all at once; the stack waits for one after the other
                process.let_go()


def main() -> None:
    """Be one of them, until the first process ends."""
    # Ctrl-C and a supervisor's signal may reach all; the first one decides, and the others follow.
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "warmline.settings")
    import django  # noqa: PLC0415 (takes its time, and the first process needs none of it)

    with loading.undisturbed():
        django.setup()
    from warmline.sync import engine_health  # noqa: PLC0415 (Django is ready by now)
    from warmline.sync.listening import Listener  # noqa: PLC0415 (as above)
    from warmline.sync.remote import restore_detection  # noqa: PLC0415 (as above)
    from warmline.web.public_address import PUBLIC_ADDRESS  # noqa: PLC0415 (as above)
    from warmline.web_server import answer  # noqa: PLC0415 (as above)

    orders = Orders(**json.loads(sys.stdin.buffer.readline()))
    PUBLIC_ADDRESS.port = orders.port
    engine_health.look_for_workers()
    restore_detection.follow()
    with socket.socket(fileno=orders.socket) as sock:
        answer(sock, Listener(), until_input_ends=True)


if __name__ == "__main__":
    main()
