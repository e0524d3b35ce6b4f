"""Threads of which one runs at a time, on a virtual clock: what happens side by side is drawn, and replays exactly.

A task runs until it sleeps, waits for a signal or a lock, or ends; then the stage draws who is next, and lets time pass
when nobody can go on. The tasks share one connection to the database, so none may wait within a transaction: that is
held here. A process is killed with all of its tasks, wherever they are.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, tzinfo
from random import Random
from threading import Semaphore
from typing import Any
from unittest.mock import patch

from django.db import connections
from virtual_clock import VirtualClock

from warmline import database_time

PATIENCE = 120.0  # seconds of the real clock: a task that waits on what was not handed in would hang the run
THREADS = ThreadPoolExecutor(400, thread_name_prefix="stage")


class Crash(BaseException):
    """The process is killed here."""


def _nothing_skipped(until: float) -> float:
    """Leave nothing out."""
    return 0.0 * until


class Process:
    """What is killed at once.

    Attributes:
        name: What it is called.
        is_dead: Whether nothing of it works any more.
        points_left: How many points it passes until it dies; None for any number.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_dead = False
        self.points_left: int | None = None

    def point(self) -> None:
        """Pass a point at which a process can die."""
        if self.points_left is not None:
            self.points_left -= 1
            self.is_dead = self.is_dead or self.points_left < 0
        if self.is_dead:
            raise Crash


class Task:
    """A thread of a process.

    Attributes:
        rests: Whether it waits for a signal, and is not in the middle of something.
    """

    def __init__(self, call: Callable[[], None], name: str, process: Process, about: Any) -> None:
        self.call, self.name, self.process, self.about = call, name, process, about
        self.go = Semaphore(0)
        self.wake_at = 0.0
        self.is_over = self.rests = False
        self.at_its_end: list[Task] = []  # who waits for it

    def __repr__(self) -> str:
        return f"{self.process.name}/{self.name}"


class Stage:
    """Owns the baton. Implements warmline.threads.Threads by way of `of`.

    Args:
        clock: Passes while nobody can go on.
        random: Draws who goes next.
        is_watched: Told of each process that goes on.
    """

    def __init__(
        self, clock: VirtualClock, random: Random, is_watched: Callable[[Process], None] = lambda _process: None
    ) -> None:
        self.clock, self._random, self._is_watched = clock, random, is_watched
        self.tasks: list[Task] = []
        self.current: Task | None = None
        self._back = Semaphore(0)
        self._failure: BaseException | None = None
        self._connection = connections["default"]
        self._connection.ensure_connection()
        self._connection.inc_thread_sharing()
        # Whoever ends a thread closes its connection, and here that is everybody's.
        self._open = patch.object(self._connection, "close", lambda: None)
        self._open.start()

    def close(self) -> None:
        """End whatever still runs, and let the connection go."""
        for process in {task.process for task in self.tasks}:
            self.kill(process)
        self._open.stop()
        self._connection.dec_thread_sharing()

    def of(self, process: Process) -> "ProcessThreads":
        """Return the threads of a process."""
        return ProcessThreads(self, process)

    def start(self, call: Callable[[], None], name: str, process: Process, about: Any = None) -> Task:
        """Have a task begin, as soon as it is drawn; `about` tells others what it is about."""
        task = Task(call, name, process, about)
        task.wake_at = self.clock.elapsed
        self.tasks.append(task)
        THREADS.submit(self._run, task)
        return task

    def run(self, seconds: float, skip: Callable[[float], float] = _nothing_skipped) -> None:
        """Let so many seconds pass, with all that happens in them.

        Args:
            seconds: How many.
            skip: Asked when nobody has anything to do but to look; returns until when that may be left out.
        """
        end = self.clock.elapsed + seconds
        while self.step(end, skip):
            pass
        self.clock.elapsed = max(self.clock.elapsed, end)

    def run_until(self, is_so: Callable[[], bool], longest: float) -> bool:
        """Let time pass until something is so; return whether it came to be within so many seconds."""
        end = self.clock.elapsed + longest
        while not is_so():
            if not self.step(end):
                return False
        return True

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Do what the block does as whoever watches: at no process's expense, and also when the process has died."""
        current, self.current = self.current, None
        try:
            yield
        finally:
            self.current = current

    def step(self, end: float, skip: Callable[[float], float] = _nothing_skipped) -> bool:
        """Let one task go on, unless none has anything to do before `end`; return whether one did."""
        if not self.tasks:
            return False
        first = min(task.wake_at for task in self.tasks)
        if first > self.clock.elapsed:
            first = max(first, min(skip(end), end))
        if first > end:
            return False
        self.clock.elapsed = max(self.clock.elapsed, first)
        able = [task for task in self.tasks if task.wake_at <= self.clock.elapsed]
        self._let(self._random.choice(able))
        return True

    def kill(self, process: Process) -> None:
        """Kill a process wherever it is. Call it from outside of its tasks."""
        process.is_dead = True
        while own := [task for task in self.tasks if task.process is process]:
            self._let(own[0])

    def park(self, wake_at: float) -> None:
        """Give the baton away until a moment of the clock, or until somebody sets `wake_at` of this task earlier."""
        task = self.current
        assert task is not None, "only tasks wait"
        assert not self._connection.in_atomic_block, f"{task} waits within a transaction"
        task.wake_at = wake_at
        self._back.release()
        task.go.acquire()
        if task.process.is_dead:
            raise Crash

    def wake(self, task: Task) -> None:
        """Let a task that waits go on."""
        task.wake_at = min(task.wake_at, self.clock.elapsed)

    def sleep(self, seconds: float) -> None:
        """Let time pass for the task that runs, or, from outside, for all."""
        if self.current is None:
            self.run(seconds)
        else:
            self.park(self.clock.elapsed + seconds)

    def _let(self, task: Task) -> None:
        outer, self.current = self.current, task
        self._is_watched(task.process)
        task.go.release()
        if not self._back.acquire(timeout=PATIENCE):
            raise AssertionError(f"{task} waits for something that was not handed in")
        self.current = outer
        if task.is_over:
            self.tasks.remove(task)
            for waiting in task.at_its_end:
                self.wake(waiting)
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        if task.process.is_dead and outer is None:
            self.kill(task.process)  # the others die with it

    def _run(self, task: Task) -> None:
        task.go.acquire()
        connections["default"] = self._connection
        try:
            if not task.process.is_dead:
                task.call()
        except Crash:
            pass
        except BaseException as failure:  # noqa: BLE001 (raised where the run is)
            self._failure = failure
        finally:
            task.is_over = True
            self._back.release()


class ProcessThreads:
    """The threads of one process on a stage."""

    def __init__(self, stage: Stage, process: Process) -> None:
        self._stage, self._process = stage, process

    def signal(self) -> "StageSignal":
        """Return a signal that is not set."""
        return StageSignal(self._stage)

    def lock(self) -> "StageLock":
        """Return a lock."""
        return StageLock(self._stage)

    def start(self, run: Callable[[], None], name: str, about: Any = None) -> "StageThread":
        """Start a task."""
        return StageThread(self._stage, self._stage.start(run, name, self._process, about))

    def pool(self, threads: int, name: str) -> "StagePool":
        """Return a pool; whoever submits keeps to its size."""
        return StagePool(self, f"{name} of {threads}")


class StageThread:
    """A started task."""

    def __init__(self, stage: Stage, task: Task) -> None:
        self._stage, self._task = stage, task

    def is_alive(self) -> bool:
        """Tell whether it has not ended yet."""
        return not self._task.is_over

    def join(self, timeout: float | None = None) -> None:  # noqa: ARG002 (the stage has all the time there is)
        """Wait for its end."""
        while not self._task.is_over:
            if self._stage.current is None:
                self._stage.step(float("inf"))
            else:
                self._task.at_its_end.append(self._stage.current)
                self._stage.park(float("inf"))


class StagePool:
    """Starts a task for each call."""

    def __init__(self, threads: ProcessThreads, name: str) -> None:
        self._threads, self._name = threads, name
        self._running: list[StageThread] = []

    def submit(self, call: Callable[..., Any], /, *args: Any) -> None:
        """Start one."""
        self._running = [one for one in self._running if not one._task.is_over]
        about = args[0] if args else None
        self._running.append(self._threads.start(lambda: call(*args), self._name, about))

    def shutdown(self) -> None:
        """Wait for all."""
        for one in self._running:
            one.join()


class StageSignal:
    """A threading.Event of the stage."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._is_set = False
        self._waiting: list[Task] = []

    def is_set(self) -> bool:
        """Tell whether it is set."""
        return self._is_set

    def set(self) -> None:
        """Let everyone go on who waits."""
        self._is_set = True
        for task in self._waiting:
            self._stage.wake(task)

    def clear(self) -> None:
        """Let whoever waits from now on wait."""
        self._is_set = False

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is set, or for so long."""
        task = self._stage.current
        assert task is not None
        if not self._is_set:
            self._waiting.append(task)
            task.rests = True
            try:
                self._stage.park(float("inf") if timeout is None else self._stage.clock.elapsed + timeout)
            finally:
                task.rests = False
                self._waiting.remove(task)
        return self._is_set


class StageLock:
    """A threading.Lock of the stage."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._is_held = False
        self._waiting: list[Task] = []

    def __enter__(self) -> None:
        while self._is_held:
            assert self._stage.current is not None
            self._waiting.append(self._stage.current)
            self._stage.park(float("inf"))
        self._is_held = True

    def __exit__(self, *_: object) -> None:
        self._is_held = False
        for task in self._waiting:
            self._stage.wake(task)
        self._waiting.clear()


@contextmanager
def telling(clock: VirtualClock) -> Iterator[None]:
    """Have Django tell the time of a clock while the block runs: what is saved is saved at its moment."""

    class Told(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return clock.now().astimezone(tz)

    with patch("django.utils.timezone.datetime", Told), patch.object(database_time, "is_shared", return_value=False):
        yield


class StageClock(VirtualClock):
    """The clock of the stage: who sleeps on it lets the others go on."""

    stage: Stage

    def sleep(self, seconds: float) -> None:
        """Let so many seconds pass."""
        self.stage.sleep(seconds)
