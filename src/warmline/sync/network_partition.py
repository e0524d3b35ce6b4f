"""Whether this process alone does not reach Pipedrive, because its own network is at fault.

The connection's state holds for all processes, so one of them must not call it lost while others reach Pipedrive. Such
a process pauses only itself, looks by itself when it gets through again, and leaves its rows to the others. It is cut
off only as long as another one lives that is not: the last one says of the connection what it finds. Other processes
are known by their heartbeats, so on SQLite, which has none, no process is ever cut off.
"""

from dataclasses import dataclass
from threading import Lock

from warmline import database_time
from warmline.pipedrive import Clock
from warmline.sync import processes
from warmline.sync.models import ConnectionState, Heartbeat
from warmline.sync.probe_waits import probe_wait
from warmline.sync.retries import Trouble


@dataclass
class _Pause:
    """When a process that is cut off probes next, in monotonic seconds, and how often it has."""

    probe_at: float
    probes: int = 1


_lock = Lock()  # between what is known here and what is written down of it
_pauses: dict[str, _Pause] = {}  # by process: a simulation has several in one


def is_so() -> bool:
    """Tell whether this process is cut off."""
    return processes.PROCESS in _pauses


def found(trouble: Trouble, clock: Clock, *, by_probe: bool) -> bool:
    """Heed that a call of this process got no usable answer; return whether it is cut off, and others are not.

    Args:
        trouble: What was found.
        clock: Tells when to probe next.
        by_probe: Whether a probe found it; of many rows that fail at once, only the first puts the next probe off.
    """
    others = processes.living().exclude(process=processes.PROCESS)
    if trouble.state != ConnectionState.DOWN or not others.filter(cut_off_since=None).exists():
        over()
        return False
    with _lock:
        own = Heartbeat.objects.filter(process=processes.PROCESS)
        own.filter(cut_off_since=None).update(cut_off_since=database_time.now())
        pause = _pauses.get(processes.PROCESS)
        if pause is None:
            _pauses[processes.PROCESS] = _Pause(clock.monotonic() + probe_wait(trouble, 0).total_seconds())
        elif by_probe:
            pause.probe_at = clock.monotonic() + probe_wait(trouble, pause.probes).total_seconds()
            pause.probes += 1
    return True


def over() -> None:
    """Heed that this process reaches Pipedrive, or that no other one does either."""
    with _lock:
        if is_so():
            Heartbeat.objects.filter(process=processes.PROCESS).update(cut_off_since=None)
            del _pauses[processes.PROCESS]


def is_probe_due(clock: Clock) -> bool:
    """Tell whether this process, which is cut off, is to probe."""
    pause = _pauses.get(processes.PROCESS)
    return pause is not None and clock.monotonic() >= pause.probe_at


def count() -> tuple[int, int]:
    """Return how many living processes are cut off, and how many live."""
    marks = list(processes.living().values_list("cut_off_since", flat=True))
    return sum(mark is not None for mark in marks), len(marks)
