"""Whether the engine is at a standstill: its process has died and is not back yet, or no worker is running.

On SQLite the process that restarts it keeps a file in the data folder until then, so that pages, API and commands on
this machine all say so. On PostgreSQL the workers' heartbeats tell, of whatever machine. The connection's row cannot
say it, because it is the engine that writes that row.
"""

import logging
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from django.conf import settings

from warmline import database_time

log = logging.getLogger(__name__)

SILENCE = timedelta(seconds=20)  # without a heartbeat, after which no worker is believed to run
RESTARTING = (
    "The sync engine has stopped and is being restarted. If this takes more than a minute, check the "
    "log of `warmline serve`."
)
NO_WORKER = (
    "No worker is running, so nothing is sent to Pipedrive. Everything is saved and waits. Start `warmline worker`."
)


class EngineState(StrEnum):
    """What is reported in place of the connection's state during a standstill."""

    STOPPED = "stopped"


class _Workers:
    """What this process knows of workers, where they are other programs."""

    are_elsewhere = False
    missed_since: datetime | None = None


def look_for_workers() -> None:
    """From now on, tell by the workers' heartbeats whether the engine runs: they are programs of their own."""
    _Workers.are_elsewhere = True


def are_workers_elsewhere() -> bool:
    """Tell whether workers are programs of their own, of which there can be several."""
    return _Workers.are_elsewhere


def message() -> str:
    """Return what a standstill means and what to do."""
    return NO_WORKER if _Workers.are_elsewhere else RESTARTING


def begin() -> None:
    """Note that a standstill begins now, unless one has begun already."""
    try:
        _file().touch(exist_ok=False)
    except FileExistsError:
        pass
    except OSError:  # the log mentions the engine's death in any case
        log.exception("standstill.not_noted")


def end() -> None:
    """Note that the standstill is over: the engine is back, or the server is stopping."""
    try:
        _file().unlink(missing_ok=True)
    except OSError:
        log.exception("standstill.not_forgotten")


def since() -> datetime | None:
    """Return when the standstill began, or was first seen; None when there is none."""
    if _Workers.are_elsewhere:
        from warmline.sync.models import Heartbeat  # noqa: PLC0415 (the engine's process imports this before Django is up)

        now = database_time.now()
        # One from the future, which a wrong clock has left, vouches for nobody.
        is_one_there = Heartbeat.objects.filter(at__gt=now - SILENCE, at__lt=now + SILENCE).exists()
        _Workers.missed_since = None if is_one_there else _Workers.missed_since or now
        return _Workers.missed_since
    try:
        return datetime.fromtimestamp(_file().stat().st_mtime, UTC)
    except OSError:
        return None


def _file() -> Path:
    return Path(settings.DATA_DIR) / "engine-stopped"
