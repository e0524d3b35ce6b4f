"""Real programs for tests: `warmline serve` as a process of its own, with a folder of its own."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import httpx

PASSWORD = "a-long-enough-password"
START_IN_TIME = 30  # seconds


def environment(folder: Path, pipedrive_url: str, **more: str) -> dict[str, str]:
    """Return the environment of a Warmline that knows nothing of the person's settings.

    Args:
        folder: Its data folder.
        pipedrive_url: Where its Pipedrive answers.
        more: Further variables.
    """
    foreign = ("WARMLINE_", "PIPEDRIVE_", "DATABASE_URL", "DJANGO_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    own = {
        "WARMLINE_DATA_DIR": str(folder),
        "PIPEDRIVE_BASE_URL": pipedrive_url,
        "PIPEDRIVE_API_TOKEN": "sandbox-token",
        "NO_PROXY": "127.0.0.1,localhost",
    }
    return {**kept, **own, **more}


def warmline(env: dict[str, str], *arguments: str, typed: str = "") -> "subprocess.CompletedProcess[str]":
    """Run a command to its end.

    Args:
        env: Its environment.
        arguments: What follows `warmline`.
        typed: Its standard input.
    """
    command = [sys.executable, "-m", "warmline", *arguments]
    return subprocess.run(command, env=env, input=typed, capture_output=True, text=True, check=False, timeout=60)


def new_token(env: dict[str, str], email: str, *options: str) -> str:
    """Add a user and return an API token of theirs."""
    added = warmline(env, "user", "add", email, "--name", email.split("@", maxsplit=1)[0], *options, typed=PASSWORD)
    assert added.returncode == 0, added.stderr
    return warmline(env, "token", email).stdout.strip()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


@contextmanager
def serving_warmline(env: dict[str, str], port: int, *, log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run `warmline serve` while the block runs; see `running`."""
    ready = f"http://127.0.0.1:{port}/api/openapi.json"
    with running(env, "serve", "--port", str(port), ready=ready, log=log) as program:
        yield program


@contextmanager
def running(env: dict[str, str], *arguments: str, ready: str, log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a Warmline command while the block runs, from when it answers.

    Args:
        env: Its environment.
        arguments: What follows `warmline`.
        ready: The address that answers when it is ready.
        log: Where its output goes.

    Yields:
        The process, to be killed if the test wishes so.
    """
    with log.open("ab") as out:
        command = [sys.executable, "-m", "warmline", *arguments]
        program = subprocess.Popen(command, env=env, stdout=out, stderr=subprocess.STDOUT)
        try:
            _wait_until_it_answers(program, ready, log)
            yield program
        finally:
            program.terminate()
            try:
                program.wait(timeout=15)
            except subprocess.TimeoutExpired:
                program.kill()
                program.wait()


def _wait_until_it_answers(program: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    poll = Event()
    for _ in range(START_IN_TIME * 20):
        assert program.poll() is None, log.read_text()
        try:
            if httpx.get(url, timeout=5, trust_env=False).is_success:
                return
        except httpx.TransportError:
            poll.wait(0.05)
    raise AssertionError(f"it did not start in time:\n{log.read_text()}")
