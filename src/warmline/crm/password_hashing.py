"""Computes password hashes: one at a time per process, and with lower priority than everything else.

Hashing is slow on purpose, and strangers can trigger as many as they like. Django would compute each in the thread of
its request, so a few at once would take all CPUs away from people who save. (Hashing releases the GIL.) The hashes are
Django's own, so existing ones stay valid.
"""

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from django.contrib.auth.hashers import PBKDF2PasswordHasher

NICENESS = 10  # of 19


def step_back() -> None:
    """Lower this thread's priority for good, on systems where threads have one."""
    if sys.platform == "linux":  # elsewhere the number would be taken for a process id, perhaps not ours
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


_WORKER = ThreadPoolExecutor(1, "passwords", step_back)


class Hasher(PBKDF2PasswordHasher):
    """Django's PBKDF2, computed in a thread of its own."""

    def encode(self, password: str, salt: str, iterations: int | None = None) -> str:
        """Return the hash, after those that were requested before it."""
        return _WORKER.submit(super().encode, password, salt, iterations).result()
