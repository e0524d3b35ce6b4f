"""The second process of `serve`: engine and imports, beside the pages and never in their way.

In one process Python's threads take turns, so whoever saves a contact would wait for the engine's turn. Wake-ups go
through two pipes, a line each. The second process ends when the first one does, however that ends, because its input
ends then; and the first one starts it again if it dies, later each time.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Timer
from typing import IO, Self

from warmline import loading
from warmline.supervision import EndedError, Loop
from warmline.sync import engine_health, wakeups

GRACE = 2.0  # seconds for the work under way; who still waits for Pipedrive then is cut off as by a crash
REST = 1.0  # seconds more that its end may take
LINE = b"\n"


class Relay:
    """Carries this process's wake-ups to the other one. The caller never waits: many may become one.

    Args:
        pipe: The other one's input.
    """

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._wanted = Event()
        self._thread = Loop("relay", self._turn, wake=self._wanted.set)

    def __enter__(self) -> Self:
        self._thread.start()
        wakeups.relay(self._wanted.set)
        return self

    def __exit__(self, *_: object) -> None:
        wakeups.stop_relaying(self._wanted.set)
        self._thread.stop()

    def _turn(self) -> None:
        self._wanted.wait()
        self._wanted.clear()
        if self._thread.ending.is_set():
            return
        try:
            self._pipe.write(LINE)
            self._pipe.flush()
        except (BrokenPipeError, ValueError):  # the other one is gone, or let go (ValueError: the file is closed)
            self._thread.end()
        except OSError:
            self._wanted.set()  # it is not lost: the next turn says it
            raise


class Beside:
    """Keeps the second process going while the block runs."""

    def __init__(self) -> None:
        self._program: subprocess.Popen[bytes] | None = None
        self._thread = Loop("beside", self._turn, wake=self._let_go)

    def __enter__(self) -> Self:
        engine_health.end()  # an earlier life's
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.stop(GRACE + REST)
        engine_health.end()

    def _let_go(self) -> None:
        program = self._program
        if program is not None and program.stdin is not None:
            with suppress(OSError):
                program.stdin.close()

    def _turn(self) -> None:
        try:
            what = self._run_once()
        finally:
            if not self._thread.ending.is_set():
                engine_health.begin()
        if not self._thread.ending.is_set():
            raise EndedError(what)

    def _run_once(self) -> str:
        """Start it, and return how it ended."""
        command = [sys.executable, "-m", "warmline.engine_process"]
        try:
            # Its many threads need little memory each, of which the C library would keep a pool for every one.
            env = {"MALLOC_ARENA_MAX": "1", **os.environ}
            program = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env)  # noqa: S603 (our own)
        except OSError as error:  # no memory for it, or no more processes; that may pass
            return f"serve.engine_not_started error={error!r}"
        self._attend(program)
        return f"serve.engine_died status={program.returncode}"

    def _attend(self, program: "subprocess.Popen[bytes]") -> None:
        # (A wake-up that it was not told any more breaks the pipe once more when that is closed.)
        with suppress(BrokenPipeError), program:
            self._program = program
            if program.stdin is not None and program.stdout is not None and not self._thread.ending.is_set():
                with Relay(program.stdin):
                    if program.stdout.readline():  # its first word: it is there
                        engine_health.end()
                        _hear(program.stdout)


def _hear(pipe: IO[bytes]) -> None:
    """Pass on the other process's wake-ups until it ends."""
    while pipe.readline():
        wakeups.hear()


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

    with loading.undisturbed():
        django.setup()
    from warmline import alerts, morning_mail  # noqa: PLC0415 (Django is ready by now)
    from warmline.crm import retention  # noqa: PLC0415 (Django is ready by now)
    from warmline.crm.imports import worker  # noqa: PLC0415 (as above)
    from warmline.sync import call_counts  # noqa: PLC0415 (as above)
    from warmline.sync.audit import worker as audits  # noqa: PLC0415 (as above)
    from warmline.sync.engine import settings_reload  # noqa: PLC0415 (as above)
    from warmline.sync.remote import restore_detection  # noqa: PLC0415 (as above)
    from warmline.webhooks import worker as webhooks  # noqa: PLC0415 (as above)

    restore_detection.follow()
    with (
        settings_reload.running(),
        audits.running(),
        worker.running(),
        webhooks.running(),
        call_counts.adding(),
        alerts.running(),
        morning_mail.running(),
        retention.running(),
        Relay(sys.stdout.buffer),
    ):
        try:
            wakeups.now()  # the first word: it is there
            _hear(sys.stdin.buffer)
        finally:
            _end_in_time(GRACE, os._exit)


if __name__ == "__main__":
    main()
