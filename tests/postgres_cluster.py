"""A PostgreSQL of the tests' own: a new cluster in a temporary folder, on a socket and no port, and gone afterwards.

The server refuses to run as root, so it runs as the unprivileged user `postgres` (or `nobody`) then. Nothing here needs
the service that Debian's package starts, nor touches it.
"""

import atexit
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg

HOW_TO_GET_IT = "apt-get install postgresql"
SHARED = "TESTS_POSTGRES_URL"  # the environment's variable in which the address of this run's database stands
SETTINGS = {
    "fsync": "off",  # nothing here must survive the machine
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "listen_addresses": "",
    "unix_socket_permissions": "0777",
    "log_min_messages": "fatal",
}


class NoPostgresError(Exception):
    """The machine has no PostgreSQL server."""


def programs() -> Path:
    """Return the folder of the newest server's programs.

    Raises:
        NoPostgresError: There is none.
    """
    found = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in found:
        # (A wrapper elsewhere in the path may lack the programs that it needs beside it.)
        if all((folder / program).exists() for program in ("initdb", "pg_ctl", "postgres")):
            return folder
    raise NoPostgresError


def shared_url() -> str:
    """Return the address of a database in the cluster of this test run, which is started for the first who asks.

    The processes that the first one starts share it by their environment; it is gone when the first one ends. Where
    tests run side by side, each of their processes has one of its own: a transaction of one that stays open would hold
    back what the other asks to have been committed.

    Raises:
        NoPostgresError: There is no server on this machine.
    """
    shared = SHARED + os.environ.get("PYTEST_XDIST_WORKER", "")
    if shared not in os.environ:
        stack = ExitStack()
        atexit.register(stack.close)
        os.environ[shared] = stack.enter_context(cluster()).url()
    return os.environ[shared]


@contextmanager
def new_database() -> Iterator[str]:
    """Have an empty database in the cluster of this test run while the block runs; its address is returned.

    Raises:
        NoPostgresError: There is no server on this machine.
    """
    name = f"own_{secrets.token_hex(8)}"
    with psycopg.connect(shared_url(), autocommit=True) as own:
        own.execute(f"CREATE DATABASE {name}")
        try:
            yield shared_url().rpartition("/")[0] + f"/{name}"
        finally:
            own.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def cluster(**settings: str) -> Iterator["Cluster"]:
    """Run a cluster while the block does.

    Args:
        settings: Of the server, beside and above `SETTINGS`.

    Raises:
        NoPostgresError: There is no server on this machine.
    """
    folder = Path(tempfile.mkdtemp(prefix="warmline-postgres-"))
    made = Cluster(folder, programs(), SETTINGS | settings)
    try:
        made.make()
        made.start()
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)


class Cluster:
    """A cluster in a folder.

    Args:
        folder: An empty one, of this user.
        programs: The folder of the server's programs.
        settings: Of the server.
    """

    def __init__(self, folder: Path, programs: Path, settings: dict[str, str]) -> None:
        self.folder = folder
        self._programs = programs
        self._settings = settings
        self._data = folder / "data"
        self._user = _unprivileged_user()

    def make(self) -> None:
        """Make the data folder."""
        if self._user is not None:
            shutil.chown(self.folder, self._user.pw_uid, self._user.pw_gid)
        self.folder.chmod(0o755)
        options = ["--auth=trust", "--username=warmline", "--encoding=UTF8", "--no-sync"]
        # Texts sort as people's do and not by code point, as on most servers: what relies on an order must say so.
        options += ["--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US"]
        self._run("initdb", "--pgdata", str(self._data), *options)

    def start(self) -> None:
        """Start the server, and return when it answers."""
        settings = self._settings | {"unix_socket_directories": str(self.folder)}
        options = " ".join(f"-c {name}='{value}'" for name, value in settings.items())
        self._run(
            "pg_ctl",
            "--pgdata",
            str(self._data),
            "--wait",
            "--log",
            str(self.folder / "log"),
            "--options",
            options,
            "start",
        )

    def stop(self, mode: str = "immediate") -> None:
        """Stop the server, if it runs.

        Args:
            mode: `smart`, `fast` or `immediate`, as of pg_ctl.
        """
        if (self._data / "postmaster.pid").exists():
            self._run("pg_ctl", "--pgdata", str(self._data), "--wait", "--mode", mode, "stop")

    def command(self) -> list[str]:
        """Return the command that runs the server in the foreground, for whoever has it run elsewhere."""
        settings = self._settings | {"unix_socket_directories": str(self.folder)}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        user = self._user
        as_user = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"] if user else []
        return [*as_user, str(self._programs / "postgres"), "-D", str(self._data), *options]

    def admit(self, network: str) -> None:
        """Let in whoever comes from a network, such as 10.0.0.0/8; to be said before the server starts."""
        with (self._data / "pg_hba.conf").open("a", encoding="ascii") as rules:
            rules.write(f"host all all {network} trust\n")

    def url(self, database: str = "postgres") -> str:
        """Return the address of a database, in the form of `DATABASE_URL`."""
        return f"postgres://warmline@{quote(str(self.folder), safe='')}/{database}"

    def _run(self, program: str, *arguments: str) -> None:
        user = self._user
        done = subprocess.run(
            [self._programs / program, *arguments],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            user=user and user.pw_uid,
            group=user and user.pw_gid,
            extra_groups=user and [],
        )
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr.strip()}")


def _unprivileged_user() -> pwd.struct_passwd | None:
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("PostgreSQL does not run as root, and this machine has neither a user postgres nor nobody.")
