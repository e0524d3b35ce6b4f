"""The machines and what runs on them: web processes, workers, PostgreSQL, and the sandbox as Pipedrive."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event, RLock
from time import monotonic
from typing import Any

import httpx
import psycopg
from cluster.network import Network, on_machine
from cluster.program import NAMED
from postgres_cluster import SETTINGS, Cluster, programs
from programs import environment, new_token, warmline

KEY = "a-key-of-the-tests-that-guards-nothing-at-all"
PATIENCE = 120.0  # seconds until a program is ready, or has ended, on a busy machine
WEBS, WORKERS = ("web1", "web2"), ("worker1", "worker2", "worker3")
DATABASE, SANDBOX = "database", "pipedrive"
HARD, GENTLY = signal.SIGQUIT, signal.SIGINT  # as PostgreSQL understands them: at once, and after its clients are told
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")


def until(found: Callable[[], Any], within: float = PATIENCE) -> Any:
    """Return what is found as soon as it is; what was found last when the seconds are over."""
    poll, end = Event(), monotonic() + within
    while not (answer := found()) and monotonic() < end:
        poll.wait(0.1)
    return answer


class Machine:
    """A machine with its one program.

    Args:
        name: Its host name.
        command: Of the program.
        env: Of the program.
        folder: Where its log goes.
        ready: Tells whether the program is ready, from what it has said since it started.

    Attributes:
        lock: Held by whoever breaks it, so that two deeds do not meet on one machine.
        deaths: The status of each time that it ended and nobody had asked it to.
    """

    def __init__(
        self, name: str, command: Sequence[str], env: Mapping[str, str], folder: Path, ready: Callable[[str], bool]
    ) -> None:
        self.name, self.lock = name, RLock()
        self.deaths: list[int] = []
        self.log = folder / f"{name}.log"
        self._command, self._env, self._ready = on_machine(name, command), dict(env), ready
        self._program: subprocess.Popen[bytes] | None = None
        self._from = 0

    def start(self, **more: str) -> None:
        """Start the program, with further variables; it need not be ready when this returns."""
        with self.lock:
            self.look()
            with self.log.open("ab") as out:
                self._from = out.tell()
                self._program = subprocess.Popen(
                    self._command,
                    env={**self._env, **more},
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )

    @property
    def said(self) -> str:
        """What the program has said since it started."""
        with self.log.open("rb") as log:
            log.seek(self._from)
            return log.read().decode(errors="replace")

    @property
    def process(self) -> str:
        """The name by which the program's leases are known."""
        return self.said.rpartition(NAMED)[2].split("\n")[0]

    @property
    def is_running(self) -> bool:
        """Whether the program runs."""
        return self._program is not None and self._program.poll() is None

    def is_ready(self) -> bool:
        """Tell whether the program does its work."""
        return self.is_running and self._ready(self.said)

    def look(self) -> None:
        """Start the program anew if it ended by itself, as a supervisor would, and remember that it did."""
        with self.lock:
            if self._program is not None and self._program.poll() is not None:
                self.deaths.append(self._program.returncode)
                self._program = None
                self.start()

    def send(self, sig: int) -> None:
        """Send a signal to all processes of the program."""
        if self._program is not None and self._program.poll() is None:
            os.killpg(self._program.pid, sig)

    def end(self, sig: int = signal.SIGTERM) -> int | None:
        """End the program, and return its status; None when it had to be killed after all."""
        program, status = self._program, None
        if program is not None:
            # (A terminal's Ctrl-C would reach all of its processes; a supervisor's signal reaches the first.)
            (self.send(sig) if sig == signal.SIGKILL else program.send_signal(sig))
            try:
                status = program.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.send(signal.SIGKILL)
                program.wait()
        self._program = None
        return status

    def has_ended(self) -> int | None:
        """Return the status of a program that has ended by itself, as it should; None while it runs."""
        status = None if self._program is None else self._program.poll()
        if status is not None:
            self._program = None
        return status


class Machines:
    """All machines, and how they are reached from here.

    Args:
        folder: Of their data and logs, which everybody on this machine may enter.
        sandbox: Further options of the sandbox.
    """

    def __init__(self, folder: Path, *sandbox: str) -> None:
        self.network, self.all = Network(), dict[str, Machine]()
        self._folder = folder
        at_db = self.network.add(DATABASE, "db")["db"]
        at_pd = self.network.add(SANDBOX, "pd")["pd"]
        webs = {name: self.network.add(name, "db", "web") for name in WEBS}
        for name in WORKERS:
            self.network.add(name, "db", "pd")
        self.urls = {name: f"http://{addresses['web']}:8000" for name, addresses in webs.items()}
        self.database_url = f"postgres://warmline@{at_db}/postgres"
        self.sandbox = httpx.Client(base_url=f"http://{at_pd}:9000/sandbox", trust_env=False, timeout=PATIENCE)
        self._add_database(at_db)
        command = [sys.executable, "-m", "warmline", "sandbox", "--host", at_pd, "--port", "9000", *sandbox]
        self._add(SANDBOX, command, dict(os.environ), _says("Sandbox listens"))
        hosts = ",".join(addresses["web"] for addresses in webs.values())
        self._shared = {"DATABASE_URL": self.database_url, "WARMLINE_SECRET_KEY": KEY, "WARMLINE_HOSTS": hosts}
        self._shared |= {"NO_PROXY": "*", "no_proxy": "*", "WARMLINE_SEATS": "100", "WARMLINE_BATCH_MINUTES": "1"}
        self._pipedrive_url = f"http://{at_pd}:9000"
        program = [sys.executable, "-m", "cluster.program"]
        for name, url in self.urls.items():
            host = httpx.URL(url).host
            command = [*program, "serve", "--host", host, "--port", "8000"]
            self._add(name, command, self.env(name), _answers(f"{url}/readyz"))
        for name in WORKERS:
            self._add(name, [*program, "worker"], self.env(name), _says("worker.ready"))

    def __getitem__(self, name: str) -> Machine:
        return self.all[name]

    def env(self, name: str) -> dict[str, str]:
        """Return the environment of a machine's Warmline."""
        folder = self._folder / name
        folder.mkdir(exist_ok=True)
        return environment(folder, self._pipedrive_url, **self._shared)

    def start(self) -> dict[str, str]:
        """Start everything, with two users.

        Returns:
            An API token of each of them, by the web process that they use.
        """
        for name in (DATABASE, SANDBOX):
            self[name].start()
        assert until(lambda: all(self[name].is_ready() for name in (DATABASE, SANDBOX))), self[DATABASE].said
        env = self.env("here")
        migrated = warmline(env, "migrate")
        assert migrated.returncode == 0, migrated.stderr
        people = {WEBS[0]: ("alice@example.com", "--admin"), WEBS[1]: ("bob@example.com",)}
        tokens = {web: new_token(env, *words) for web, words in people.items()}
        for name in (*WEBS, *WORKERS):
            self[name].start()
        assert self.are_ready(), {name: machine.said[-500:] for name, machine in self.all.items()}
        return tokens

    def are_ready(self, within: float = PATIENCE) -> bool:
        """Wait until everything works; tell whether it does."""
        return bool(until(lambda: all(machine.is_ready() for machine in self.all.values()), within))

    def ask(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a query to the database, from here."""
        with psycopg.connect(self.database_url, autocommit=True, connect_timeout=10) as connection:
            cursor = connection.execute(query, parameters)
            return cursor.fetchall() if cursor.description else []

    def _add(self, name: str, command: Sequence[str], env: Mapping[str, str], ready: Callable[[str], bool]) -> None:
        self.all[name] = Machine(name, command, env, self._folder, ready)

    def _add_database(self, address: str) -> None:
        folder = self._folder / "postgres"
        folder.mkdir()
        # What was committed must be there after a kill, though not after a crash of the machine.
        kept = {"listen_addresses": address, "synchronous_commit": "on", "full_page_writes": "on"}
        cluster = Cluster(folder, programs(), SETTINGS | kept | {"log_min_messages": "warning"})
        cluster.make()
        cluster.admit("10.77.0.0/16")

        def is_ready(_: str) -> bool:
            try:
                return bool(self.ask("SELECT 1"))
            except psycopg.OperationalError:
                return False

        self._add(DATABASE, cluster.command(), dict(os.environ), is_ready)


@contextmanager
def machines(folder: Path, *sandbox: str) -> Iterator[Machines]:
    """Have all machines while the block runs; see `Machines`."""
    made = Machines(folder, *sandbox)
    try:
        with made.sandbox:
            yield made
    finally:
        for machine in made.all.values():
            machine.send(signal.SIGCONT)
            machine.end(signal.SIGKILL)


def _says(words: str) -> Callable[[str], bool]:
    return lambda said: words in said


def _answers(url: str) -> Callable[[str], bool]:
    def is_ready(_: str) -> bool:
        try:
            return httpx.get(url, timeout=5, trust_env=False).is_success
        except httpx.TransportError:
            return False

    return is_ready
