"""Works out password hashes: one at a time in a process, and behind everything else that wants the processor.

A hash takes its time by intent, and strangers can ask for as many as they like. Django would work each out in the
thread of its request, so a few at once would take all processors from those who save. Python's own lock is not held
meanwhile. The hashes are Django's own, those that are stored already included.
"""

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from django.contrib.auth.hashers import PBKDF2PasswordHasher

BEHIND = 10  # of the system's twenty steps down


def step_back() -> None:
    """Let every other thread of the machine go first, where a thread can; there is no way back."""
    if sys.platform == "linux":  # elsewhere the number is that of a process, and maybe not of ours
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), BEHIND)


_WORKER = ThreadPoolExecutor(1, "passwords", step_back)


class Hasher(PBKDF2PasswordHasher):
    """Django's PBKDF2, in the thread for it."""

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        """Return the hash, once those before it are worked out."""
        return _WORKER.submit(super().encode, password, salt, iterations).result()
