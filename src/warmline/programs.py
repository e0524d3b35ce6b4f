"""Runs Warmline's own commands as processes, for the demo, the tests and the benches.

A process gets none of the user's own settings, so it cannot touch real data or call the real Pipedrive.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

START_IN_TIME, STOP_IN_TIME, END_IN_TIME = 120.0, 60.0, 300.0  # seconds, long enough for a busy machine
FOREIGN = ("WARMLINE_", "PIPEDRIVE_", "DATABASE_URL", "DJANGO_")


class ProgramError(Exception):
    """A program did not start, or failed; the message contains its output."""


def environment(folder: Path, pipedrive_url: str, token: str, **more: str) -> dict[str, str]:
    """Return the environment of a separate Warmline.

    Args:
        folder: Its data folder.
        pipedrive_url: The base URL of its Pipedrive.
        token: The API token for that Pipedrive.
        more: More variables.
    """
    own = {
        "WARMLINE_DATA_DIR": str(folder),
        "PIPEDRIVE_BASE_URL": pipedrive_url,
        "PIPEDRIVE_API_TOKEN": token,
        "NO_PROXY": "127.0.0.1,localhost",
        "WARMLINE_GRACE_SECONDS": "0",  # who looks at a demo or runs a test does not wait
        "WARMLINE_API_RATE": "0",  # a demo, a test or a bench is one program that does the work of many
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    return {**kept, **own, **more}


def free_port(preferred: int = 0) -> int:
    """Return the preferred port of this machine if it is free, otherwise any free port.

    Raises:
        ProgramError: If no port is free.
    """
    for port in (preferred, 0):
        try:
            with socket.create_server(("127.0.0.1", port)) as taken:
                found: int = taken.getsockname()[1]
                return found
        except OSError:
            continue
    raise ProgramError("There is no free port on this machine.")


def command(env: dict[str, str], *arguments: str, typed: str = "") -> "subprocess.CompletedProcess[str]":
    """Run a command to its end.

    Args:
        env: Its environment.
        arguments: What follows `warmline`.
        typed: Its standard input.
    """
    program = [sys.executable, "-m", "warmline", *arguments]
    return subprocess.run(  # noqa: S603 (our own)
        program, env=env, input=typed, capture_output=True, text=True, check=False, timeout=END_IN_TIME
    )


@contextmanager
def running(env: dict[str, str], *arguments: str, ready: str, log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Start a command, wait until it answers, run the block, and stop the command.

    Args:
        env: Its environment.
        arguments: What follows `warmline`.
        ready: A URL that answers once the program is ready.
        log: The file to which its output is appended.

    Yields:
        The process.

    Raises:
        ProgramError: If it does not answer in time.
    """
    with log.open("ab") as out:
        program = subprocess.Popen(  # noqa: S603 (our own)
            [sys.executable, "-m", "warmline", *arguments],
            env=env,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches only us, and a signal to its group also reaches the engine
        )
        try:
            _wait_until_it_answers(program, ready, log, " ".join(arguments))
            yield program
        finally:
            program.terminate()
            try:
                program.wait(timeout=STOP_IN_TIME)
            except subprocess.TimeoutExpired:
                program.kill()
                program.wait()


def _wait_until_it_answers(program: "subprocess.Popen[bytes]", url: str, log: Path, name: str) -> None:
    end = time.monotonic() + START_IN_TIME
    # One client for all attempts, and no certificates, which take longer to read than all else here.
    with httpx.Client(timeout=5, trust_env=False, verify=False) as client:  # noqa: S501 (on this machine, without TLS)
        while time.monotonic() < end and program.poll() is None:
            try:
                if client.get(url).is_success:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
    raise ProgramError(f"`warmline {name}` did not start:\n{log.read_text(errors='replace')[-2000:]}")
