"""The turns of those who write to one SQLite file: in the order in which they came, in this process and beside others.

SQLite lets one write at a time and has no queue: who waits asks again and again, ever more rarely, and whoever comes
at the right moment is first. Of a crowd some wait for ever. Here the threads of a process wait in a line, and only the
first one of each process asks SQLite. Before it does it takes the door, a lock between processes, and gives it back
once it is in; so a process that writes without a pause lets the other one in between.
"""

import fcntl
import os
import time
from collections import deque
from threading import Lock

from warmline.storage import WaitedError

POLL = 0.001  # seconds between two looks at the door, which is never held for longer than a transaction


class Line:
    """A lock that is given in the order in which it was asked for."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._waiting: deque[Lock] = deque()
        self._is_taken = False

    def take(self, within: float) -> None:
        """Wait for it.

        Args:
            within: Seconds.

        Raises:
            WaitedError: It was not given in that time.
        """
        with self._lock:
            if not self._is_taken:
                self._is_taken = True
                return
            mine = Lock()
            mine.acquire()
            self._waiting.append(mine)
        if mine.acquire(timeout=within):
            return
        with self._lock:
            if mine in self._waiting:
                self._waiting.remove(mine)
                raise WaitedError
        # It was given at the very last moment.

    def give_back(self) -> None:
        """Let the next one have it."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._is_taken = False


class Door:
    """A lock between processes, held while one of them waits for SQLite to let it write.

    Args:
        file: An empty file of its own, made where it is missing. Without one, as on a disk that cannot be written, who
            writes first is left to SQLite.
    """

    def __init__(self, file: str | None) -> None:
        self._file = file
        self._handle: int | None = None

    def take(self, within: float) -> None:
        """Wait for it.

        Args:
            within: Seconds.

        Raises:
            WaitedError: Another process had it all the time.
        """
        end = time.monotonic() + within
        try:
            if self._handle is None and self._file is not None:
                self._handle = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            while self._handle is not None and not _is_had(self._handle):
                if time.monotonic() > end:
                    raise WaitedError
                time.sleep(POLL)
        except OSError:
            return

    def give_back(self) -> None:
        """Let another process have it."""
        if self._handle is not None:
            fcntl.flock(self._handle, fcntl.LOCK_UN)


def _is_had(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
