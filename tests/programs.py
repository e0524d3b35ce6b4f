"""What tests do with Warmline's own programs (see warmline.programs)."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from subprocess import Popen
from tempfile import TemporaryDirectory

from warmline import programs
from warmline.programs import command as warmline
from warmline.programs import free_port, running

__all__ = ["environment", "free_port", "new_team", "new_token", "running", "serving_warmline", "warmline"]

PASSWORD = "a-long-enough-password"
Member = tuple[str, ...]  # an e-mail, and options of `warmline user add`
# With these a new folder would not be what it is without them.
OWN = {"DATABASE_URL", "WARMLINE_SECRET_KEY", "WARMLINE_SECRET_KEY_FILE", "WARMLINE_TIME_ZONE"}


def environment(folder: Path, pipedrive_url: str, **more: str) -> dict[str, str]:
    """Return the environment of a Warmline that works with the sandbox.

    Args:
        folder: Its data folder.
        pipedrive_url: Where the sandbox answers.
        more: Further variables.
    """
    return {**programs.environment(folder, pipedrive_url, "sandbox-token"), **more}


def new_team(folder: Path, *members: Member) -> None:
    """Make a data folder with these members: a copy of one that is made once, because the commands take seconds."""
    shutil.copytree(_made(members)[0].name, folder, dirs_exist_ok=True)


def new_token(env: dict[str, str], email: str, *options: str) -> str:
    """Add a user and return an API token of theirs; in a new data folder as `new_team` does."""
    folder, member = Path(env["WARMLINE_DATA_DIR"]), (email, *options)
    if OWN.isdisjoint(env) and not any((folder / name).exists() for name in ("warmline.sqlite3", "secret-key")):
        made, token = _made((member,), with_token=True)
        shutil.copytree(made.name, folder, dirs_exist_ok=True)
        return token
    _add(env, member)
    return warmline(env, "token", email).stdout.strip()


@cache
def _made(members: tuple[Member, ...], *, with_token: bool = False) -> tuple["TemporaryDirectory[str]", str]:
    """Return a data folder with these members and, if wanted, a token of the first."""
    made = TemporaryDirectory()
    env = environment(Path(made.name), "http://127.0.0.1:9")
    for member in members:
        _add(env, member)
    return made, warmline(env, "token", members[0][0]).stdout.strip() if with_token else ""


def _add(env: dict[str, str], member: Member) -> None:
    email, *options = member
    name = email.split("@", maxsplit=1)[0]
    added = warmline(env, "user", "add", email, "--name", name, *options, typed=PASSWORD)
    assert added.returncode == 0, added.stderr


@contextmanager
def serving_warmline(env: dict[str, str], port: int, *options: str, log: Path) -> Iterator["Popen[bytes]"]:
    """Run `warmline serve` while the block runs.

    Args:
        env: Its environment.
        port: Where it listens.
        options: Of the command.
        log: Where its output goes.
    """
    ready = f"http://127.0.0.1:{port}/readyz"
    with running(env, "serve", "--port", str(port), *options, ready=ready, log=log) as program:
        yield program
