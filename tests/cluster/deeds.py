"""What is done to the machines, whatever the seed says. Each deed leaves everything whole behind, though busy.

One thread goes through hands of deeds, so that a run of any length has some of each; another one kills and restarts
what nobody else is at (`Killer`).
"""

import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from random import Random
from threading import Event, RLock, Thread
from time import monotonic
from typing import Self

import psycopg
from chaos.breach import Breach
from cluster.machines import (
    DATABASE,
    FAKETIME,
    GENTLY,
    HARD,
    WEBS,
    WORKERS,
    Machine,
    Machines,
    until,
)

from warmline.programs import command as warmline

NEWER = "9999_of_a_newer_version"
SHORT = 10.0  # seconds to wait for what chance has to bring
HOLDER = """
SELECT split_part(lease.holder, '/', 1) FROM sync_lease AS lease JOIN sync_intent AS intent ON lease.key = intent.key
WHERE intent.key LIKE 'contact %%' AND lease.expires_at > now() ORDER BY intent.begun_at DESC LIMIT 1
"""


class Deeds:
    """What can be done.

    Args:
        machines: To whom.
        random: Draws to which, and for how long.
        end: When to begin no more, in monotonic seconds.

    Attributes:
        machines: As given.
        tally: How often each was done.
        breaches: What was seen to be broken at once.
        told: What was done, each with its time of day.
        killing: Held by who kills, and by deeds beside which nobody may.
    """

    def __init__(self, machines: Machines, random: Random, end: float) -> None:
        self.machines, self._random, self._end = machines, random, end
        self.tally: Counter[str] = Counter()
        self.breaches: list[Breach] = []
        self.told: list[str] = []
        self.killing = RLock()

    def all(self) -> list[Callable[[], None]]:
        """Return a hand of deeds, in the order of the seed."""
        hand = [
            *[self.cut_in_a_create] * 3,
            *[self.cut_from_database] * 2,
            self.cut_from_pipedrive,
            self.cut_long_from_pipedrive,
            self.stop_database_hard,
            self.stop_database_gently,
            self.kill_database,
            self.freeze,
            self.clock,
            self.restart,
            self.roll,
            self.newer_version,
        ]
        self._random.shuffle(hand)
        return hand

    def run_short(self) -> None:
        """Do a few once, which takes half a minute."""
        self.cut_in_a_create()
        self.kill(self._random.choice(WORKERS))
        self._stop_database(self._random.choice((HARD, GENTLY)), 4.0, "stops of PostgreSQL")
        self.kill(self._random.choice(WEBS))

    def run(self, *only: Callable[[], None]) -> None:
        """Do one after the other until the end.

        Args:
            only: What to do; all deeds, if none is given.
        """
        while True:
            for deed in only or self.all():
                if monotonic() >= self._end:
                    return
                deed()
                for machine in self.machines.all.values():
                    if machine.lock.acquire(timeout=0):
                        machine.look()
                        machine.lock.release()
                self.pause(0.5, 3.0)

    def note(self, deed: str, text: str) -> None:
        """Write down what is done."""
        self.tally[deed] += 1
        self.told.append(f"{datetime.now(UTC):%H:%M:%S.%f} {text}")

    def pause(self, least: float, most: float) -> None:
        """Let others work for a random while: the moments themselves, not a wait for anything."""
        Event().wait(self._random.uniform(least, most))

    def cut_in_a_create(self) -> None:
        """Cut off from the database who waits for a create, until its lease has ended and another one has taken over.

        The create is done at once and answered late, or done late and never answered.
        """
        late = {"kind": "late_commit", "delay": self._random.uniform(5, 15)}
        slow = {"kind": "slow", "delay": self._random.uniform(3, 9)}
        fault = {**self._random.choice((slow, late)), "method": "POST", "path": "/api/v2/persons", "times": 1}
        faults = self.machines.sandbox.post("/faults", json=fault).raise_for_status().json()
        struck = len(faults) - 1

        def is_struck() -> bool:
            return len(self.machines.sandbox.get("/faults").json()) <= struck

        until(is_struck, SHORT)
        holder = ""
        with suppress(psycopg.OperationalError):
            holder = next((row[0] for row in self.machines.ask(HOLDER)), "")
        found = [self.machines[name] for name in WORKERS if holder and self.machines[name].process == holder]
        worker = found[0] if found else self.machines[self._random.choice(WORKERS)]
        kind = "cuts in a create" if found else "cuts from the database"
        self._cut(worker, "db", self._random.uniform(12, 20), kind)

    def cut_from_database(self) -> None:
        """Cut a worker off from the database."""
        self._cut(self._any(*WORKERS), "db", self._random.uniform(2, 18), "cuts from the database")

    def cut_from_pipedrive(self) -> None:
        """Cut a worker off from Pipedrive, which the others still reach."""
        self._cut(self._any(*WORKERS), "pd", self._random.uniform(3, 14), "cuts from Pipedrive")

    def cut_long_from_pipedrive(self) -> None:
        """Do so for longer than a lost create is waited for: what was sent meanwhile must not arrive afterwards."""
        self._cut(self._any(*WORKERS), "pd", self._random.uniform(27, 45), "cuts from Pipedrive")

    def stop_database_hard(self, seconds: float = 20.0) -> None:
        """Stop PostgreSQL at once."""
        self._stop_database(HARD, seconds, "stops of PostgreSQL")

    def stop_database_gently(self, seconds: float = 20.0) -> None:
        """Stop PostgreSQL as its service does."""
        self._stop_database(GENTLY, seconds, "stops of PostgreSQL")

    def kill_database(self) -> None:
        """Kill PostgreSQL, whose supervisor starts it anew."""
        self._stop_database(signal.SIGKILL, self._random.uniform(0, 2), "kills")

    def freeze(self) -> None:
        """Have a worker stand still, as a machine that is moved does, longer than its leases last."""
        worker = self._any(*WORKERS)
        with worker.lock:
            seconds = self._random.uniform(4, 16)
            self.note("freezes", f"{worker.name} stands still for {seconds:.1f} s")
            worker.send(signal.SIGSTOP)
            Event().wait(seconds)
            worker.send(signal.SIGCONT)

    def clock(self) -> None:
        """Start a worker or a web process with a clock that is two minutes off."""
        if not FAKETIME.exists():
            self.note("NOT RUN: a clock two minutes off (apt-get install faketime)", "no faketime")
            return
        machine = self._any(*WORKERS, *WEBS)
        off = self._random.choice(("+120s", "-120s"))
        with machine.lock:
            self.note("clocks off", f"{machine.name} goes on with a clock {off}")
            machine.end()
            machine.start(LD_PRELOAD=str(FAKETIME), FAKETIME=off, FAKETIME_DONT_FAKE_MONOTONIC="1")

    def restart(self) -> None:
        """Restart a worker or a web process as its service does, under load."""
        self._restart(self._any(*WORKERS, *WEBS))

    def roll(self) -> None:
        """Restart everything, one after the other, as for a new version."""
        with self.killing:
            self.note("rolling restarts", "everything is restarted, one after the other")
            for name in (*WEBS, *WORKERS):
                self._restart(self.machines[name])
                if not until(self.machines[name].is_ready):
                    self.breaches.append(Breach("ended", f"{name} was not ready again: {self._tail(name)}"))

    def newer_version(self) -> None:
        """Have another version migrate: whoever runs ends by itself and says why, and none can be started."""
        names = (*WEBS, *WORKERS)
        with self.killing, self._held(*names):
            self.note("newer versions", "the tables become those of a newer version")
            until(lambda: all(self.machines[name].is_ready() for name in names))
            self.machines.ask("INSERT INTO django_migrations (app, name, applied) VALUES ('sync', %s, now())", NEWER)
            for name in names:
                if until(self.machines[name].has_ended) is None:
                    self.breaches.append(Breach("ended", f"{name} went on with another version's tables"))
                elif NEWER not in self.machines[name].said:
                    self.breaches.append(Breach("ended", f"{name} did not say why: {self._tail(name)}"))
            refused = warmline(self.machines.env("here"), "migrate")
            if not refused.returncode or NEWER not in refused.stderr:
                self.breaches.append(Breach("ended", f"`warmline migrate` said {refused.stderr!r}"))
            for name in names:
                self.machines[name].start()
            self.machines.ask("DELETE FROM django_migrations WHERE name = %s", NEWER)

    def kill(self, name: str) -> None:
        """Kill a program, and start it again a moment later."""
        machine = self.machines[name]
        with machine.lock:
            self.note("kills", f"{name} is killed")
            machine.end(signal.SIGKILL)
            self.pause(0.0, 2.0)
            machine.start()

    def _any(self, *names: str) -> Machine:
        return self.machines[self._random.choice(names)]

    def _cut(self, machine: Machine, net: str, seconds: float, kind: str) -> None:
        with machine.lock:
            self.note(kind, f"{machine.name} is cut off from {net} for {seconds:.1f} s")
            self.machines.network.unplug(machine.name, net)
            Event().wait(seconds)
            self.machines.network.plug(machine.name, net)

    def _stop_database(self, sig: int, seconds: float, kind: str) -> None:
        database = self.machines[DATABASE]
        self.note(kind, f"PostgreSQL gets {signal.Signals(sig).name} and is away for {seconds:.1f} s")
        database.end(sig)
        Event().wait(seconds)
        database.start()
        if not until(database.is_ready):
            self.breaches.append(Breach("ended", f"PostgreSQL does not start: {self._tail(DATABASE)}"))

    def _restart(self, machine: Machine) -> None:
        with machine.lock:
            self.note("restarts", f"{machine.name} is restarted")
            machine.look()
            status = machine.end()
            if status is None:
                self.breaches.append(Breach("ended", f"{machine.name} did not end: {self._tail(machine.name)}"))
            machine.start()

    def _tail(self, name: str) -> str:
        return self.machines[name].said[-300:]

    @contextmanager
    def _held(self, *names: str) -> Iterator[None]:
        held = [self.machines[name].lock for name in names]
        for lock in held:
            lock.acquire()
        try:
            yield
        finally:
            for lock in held:
                lock.release()


class Killer:
    """Kills web processes and workers that nobody is at, again and again, while the block runs.

    Args:
        deeds: How.
        random: Draws whom, and when.
        every: Seconds between two kills, at least and at most.
    """

    def __init__(self, deeds: Deeds, random: Random, every: tuple[float, float]) -> None:
        self._deeds, self._random, self._every = deeds, random, every
        self._ending, self._thread = Event(), Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ending.wait(self._random.uniform(*self._every)):
            name = self._random.choice((*WEBS, *WORKERS, *WORKERS))
            machine = self._deeds.machines[name]
            with self._deeds.killing:
                if machine.lock.acquire(timeout=0):
                    try:
                        self._deeds.kill(name)
                    finally:
                        machine.lock.release()
