"""Threads, locks and events as an interface that is passed in like a clock, so that a simulation can replay a run.

Code that holds a lock or waits for an event while a request may be running must take it from here.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from threading import Event, Lock, Thread
from typing import Any, Protocol


class Signal(Protocol):
    """A flag that one thread sets and others wait for, like threading.Event."""

    def is_set(self) -> bool:
        """Tell whether it is set."""
        ...

    def set(self) -> None:
        """Set it, and wake everyone who waits."""
        ...

    def clear(self) -> None:
        """Reset it, so that later callers of `wait` wait."""
        ...

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is set, for at most `timeout` seconds; return whether it is set."""
        ...


class Running(Protocol):
    """A started thread, like threading.Thread."""

    def join(self, timeout: float | None = None) -> None:
        """Wait until it ends, for at most `timeout` seconds; None waits as long as it takes."""
        ...

    def is_alive(self) -> bool:
        """Tell whether it has not ended yet."""
        ...


class Pool(Protocol):
    """A number of threads that share a queue of calls, like ThreadPoolExecutor."""

    def submit(self, call: Callable[..., Any], /, *args: Any) -> Any:
        """Queue a call for the next free thread.

        Raises:
            RuntimeError: If no thread can be started at the moment.
        """
        ...

    def shutdown(self) -> None:
        """Wait until all calls are done."""
        ...


class Threads(Protocol):
    """Creates all of these."""

    def signal(self) -> Signal:
        """Return a signal, not set."""
        ...

    def lock(self) -> AbstractContextManager[Any]:
        """Return a lock that may be held while a request is running."""
        ...

    def start(self, run: Callable[[], None], name: str) -> Running:
        """Run a function in a new thread."""
        ...

    def pool(self, threads: int, name: str) -> Pool:
        """Return a pool with a number of threads."""
        ...


class SystemThreads(Threads):
    """Real threads."""

    def signal(self) -> Signal:
        """Return a threading.Event."""
        return Event()

    def lock(self) -> AbstractContextManager[Any]:
        """Return a threading.Lock."""
        return Lock()

    def start(self, run: Callable[[], None], name: str) -> Running:
        """Start a daemon thread, which does not keep the program from exiting."""
        thread = Thread(target=run, name=name, daemon=True)
        thread.start()
        return thread

    def pool(self, threads: int, name: str) -> Pool:
        """Return a ThreadPoolExecutor."""
        return ThreadPoolExecutor(threads, thread_name_prefix=name)


SYSTEM_THREADS = SystemThreads()
