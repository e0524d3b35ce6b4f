"""What runs side by side and what it waits on, handed in like the clock, so that a simulation replays a run exactly.

Whoever holds a lock or waits for an event while a request may be under way takes it from here, and nothing else.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from threading import Event, Lock, Thread
from typing import Any, Protocol


class Signal(Protocol):
    """What one thread sets and others wait for, as threading.Event."""

    def is_set(self) -> bool:
        """Tell whether it is set."""
        ...

    def set(self) -> None:
        """Let everyone go on who waits."""
        ...

    def clear(self) -> None:
        """Let whoever waits from now on wait."""
        ...

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is set, or for so many seconds; return whether it is set."""
        ...


class Running(Protocol):
    """A thread that was started, as threading.Thread."""

    def join(self, timeout: float | None = None) -> None:
        """Wait for its end, for so many seconds at the most; None for as long as it takes."""
        ...

    def is_alive(self) -> bool:
        """Tell whether it has not ended yet."""
        ...


class Pool(Protocol):
    """Some threads that take one call after the other, as ThreadPoolExecutor."""

    def submit(self, call: Callable[..., Any], /, *args: Any) -> Any:
        """Have a call made as soon as a thread is free.

        Raises:
            RuntimeError: When no thread can be started at this moment.
        """
        ...

    def shutdown(self) -> None:
        """Wait for all calls."""
        ...


class Threads(Protocol):
    """Makes all of these."""

    def signal(self) -> Signal:
        """Return a signal that is not set."""
        ...

    def lock(self) -> AbstractContextManager[Any]:
        """Return a lock that may be held while a request is under way."""
        ...

    def start(self, run: Callable[[], None], name: str) -> Running:
        """Run something in a thread of its own."""
        ...

    def pool(self, threads: int, name: str) -> Pool:
        """Return a pool of so many threads."""
        ...


class SystemThreads(Threads):
    """The threads of this machine."""

    def signal(self) -> Signal:
        """Return a threading.Event."""
        return Event()

    def lock(self) -> AbstractContextManager[Any]:
        """Return a threading.Lock."""
        return Lock()

    def start(self, run: Callable[[], None], name: str) -> Running:
        """Start a daemon, which does not keep the program from ending."""
        thread = Thread(target=run, name=name, daemon=True)
        thread.start()
        return thread

    def pool(self, threads: int, name: str) -> Pool:
        """Return a ThreadPoolExecutor."""
        return ThreadPoolExecutor(threads, thread_name_prefix=name)


SYSTEM_THREADS = SystemThreads()
