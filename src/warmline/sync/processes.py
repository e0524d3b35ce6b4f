"""Which processes work here, and which of them have died, so that nobody waits for what a dead one held.

A process is known by a name of its own, made when it starts; host names and process ids say nothing, because two
containers can have both in common. While it lives it keeps a file in the data folder locked, which the system unlocks
at its end, however it ends. On PostgreSQL, where others have data folders of their own, it writes every few seconds
that it is there.
"""

import fcntl
import os
import uuid
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock

from django.conf import settings
from django.db.models import QuerySet

from warmline import database_time
from warmline.sync.models import Heartbeat

PROCESS = uuid.uuid4().hex
EVERY = 5.0  # seconds between two heartbeats
SILENCE = timedelta(seconds=20)  # after which a process is taken for dead; what it held, it cannot renew any more
FORGOTTEN = timedelta(days=1)


class _File:
    """This process's file, once it is locked; never closed."""

    lock = Lock()
    handle: int | None = None


def announce() -> None:
    """Let the others of this data folder see that this process lives; where that cannot be, what it holds expires."""
    with _File.lock:
        if _File.handle is not None:
            return
        with suppress(OSError):
            _folder().mkdir(mode=0o700, exist_ok=True)
            handle = os.open(_folder() / PROCESS, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _File.handle = handle


def note() -> None:
    """Write down that this process lives."""
    now = database_time.now()
    if not Heartbeat.objects.filter(process=PROCESS).update(at=now):  # one statement, because it is said all the time
        Heartbeat.objects.create(process=PROCESS, at=now)


def living() -> QuerySet[Heartbeat]:
    """Return the heartbeats of the processes that live, this one's among them; none on SQLite.

    One from the future, which a wrong clock has left, vouches for nobody: whoever lives writes the next one in seconds.
    """
    now = database_time.now()
    return Heartbeat.objects.filter(at__gt=now - SILENCE, at__lt=now + SILENCE)


def dead() -> set[str]:
    """Return the names of processes that are known to have died."""
    silent = Heartbeat.objects.filter(at__lt=database_time.now() - SILENCE)
    found = set(silent.values_list("process", flat=True))
    with suppress(OSError):
        for file in _folder().iterdir():
            if file.name != PROCESS and _is_left(file):
                found.add(file.name)
    return found


def leave() -> None:
    """Take this process's heartbeat back: it ends in order, and holds nothing any more."""
    Heartbeat.objects.filter(process=PROCESS).delete()


def delete_old(now: datetime) -> None:
    """Delete the heartbeats of processes that died long ago.

    Args:
        now: The present moment, aware.
    """
    Heartbeat.objects.filter(at__lt=now - FORGOTTEN).delete()


def forget(names: set[str]) -> None:
    """Forget the files of processes that have died, of whom nothing is left."""
    for name in names:
        (_folder() / name).unlink(missing_ok=True)


def _is_left(file: Path) -> bool:
    """Tell whether nobody has locked a file."""
    handle = os.open(file, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True


def _folder() -> Path:
    return Path(settings.DATA_DIR) / "processes"
