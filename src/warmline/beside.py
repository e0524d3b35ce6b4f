"""The second process of `serve`: engine and imports, beside the pages and never in their way.

In one process Python's threads take turns, so whoever saves a contact would wait for the engine's turn. Wake-ups go
through two pipes, a line each. The second process ends when the first one does, however that ends, because its input
ends then; and the first one starts it again if it dies.
"""

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Thread, Timer
from typing import IO, Self

from warmline.sync import wake

log = logging.getLogger(__name__)

GRACE = 2.0  # seconds for the work under way; who still waits for Pipedrive then is cut off as by a crash
REST = 1.0  # seconds before it is started again
LINE = b"\n"


class Relay:
    """Carries this process's wake-ups to the other one. The caller never waits: many may become one.

    Args:
        pipe: The other one's input.
    """

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._wanted = Event()
        self._is_over = False
        self._thread = Thread(target=self._run, name="relay", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        wake.relay(self._wanted.set)
        return self

    def __exit__(self, *_: object) -> None:
        wake.stop_relaying(self._wanted.set)
        self._is_over = True
        self._wanted.set()
        self._thread.join()

    def _run(self) -> None:
        with suppress(OSError):  # the other one is gone
            while self._wanted.wait() and not self._is_over:
                self._wanted.clear()
                self._pipe.write(LINE)
                self._pipe.flush()


class Beside:
    """Keeps the second process going while the block runs."""

    def __init__(self) -> None:
        self._stopping = Event()
        self._program: subprocess.Popen[bytes] | None = None
        self._thread = Thread(target=self._run, name="beside", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        program = self._program
        if program is not None and program.stdin is not None:
            with suppress(OSError):
                program.stdin.close()
        self._thread.join(GRACE + REST)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                status = self._run_once()
            except OSError:  # no memory for it, or no more processes; that may pass
                log.exception("serve.engine_not_started; it is tried again")
                self._stopping.wait(REST)
            else:
                if not self._stopping.wait(REST):
                    log.error("serve.engine_died status=%s; it is started again", status)

    def _run_once(self) -> int | None:
        command = [sys.executable, "-m", "warmline.beside"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as self._program:  # noqa: S603 (our own)
            if self._program.stdin is not None and self._program.stdout is not None:
                with Relay(self._program.stdin):
                    _hear(self._program.stdout)
        return self._program.returncode


def _hear(pipe: IO[bytes]) -> None:
    """Pass on the other process's wake-ups until it ends."""
    while pipe.readline():
        wake.hear()


def _end_in_time(after: float, end: Callable[[int], None]) -> None:
    timer = Timer(after, end, [0])
    timer.daemon = True
    timer.start()


def main() -> None:
    """Be the second process, until the first one ends."""
    # Ctrl-C and a supervisor's signal may reach both; the first one decides, and this one follows.
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "warmline.settings")
    import django  # noqa: PLC0415 (takes its time, and the first process needs none of it)

    django.setup()
    from warmline.crm import import_worker  # noqa: PLC0415 (Django is ready by now)
    from warmline.sync import dispatch  # noqa: PLC0415 (as above)

    with dispatch.running(), import_worker.running(), Relay(sys.stdout.buffer):
        _hear(sys.stdin.buffer)
        _end_in_time(GRACE, os._exit)


if __name__ == "__main__":
    main()
