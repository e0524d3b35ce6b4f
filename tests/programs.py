"""What tests do with Warmline's own programs (see warmline.programs)."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import CompletedProcess, Popen

from warmline import programs
from warmline.programs import command as warmline
from warmline.programs import free_port, running

__all__ = ["environment", "free_port", "new_token", "running", "serving_warmline", "warmline"]

PASSWORD = "a-long-enough-password"


def environment(folder: Path, pipedrive_url: str, **more: str) -> dict[str, str]:
    """Return the environment of a Warmline that works with the sandbox.

    Args:
        folder: Its data folder.
        pipedrive_url: Where the sandbox answers.
        more: Further variables.
    """
    return {**programs.environment(folder, pipedrive_url, "sandbox-token"), **more}


def new_token(env: dict[str, str], email: str, *options: str) -> str:
    """Add a user and return an API token of theirs."""
    name = email.split("@", maxsplit=1)[0]
    added: CompletedProcess[str] = warmline(env, "user", "add", email, "--name", name, *options, typed=PASSWORD)
    assert added.returncode == 0, added.stderr
    return warmline(env, "token", email).stdout.strip()


@contextmanager
def serving_warmline(env: dict[str, str], port: int, *options: str, log: Path) -> Iterator["Popen[bytes]"]:
    """Run `warmline serve` while the block runs.

    Args:
        env: Its environment.
        port: Where it listens.
        options: Of the command.
        log: Where its output goes.
    """
    ready = f"http://127.0.0.1:{port}/api/openapi.json"
    with running(env, "serve", "--port", str(port), *options, ready=ready, log=log) as program:
        yield program
