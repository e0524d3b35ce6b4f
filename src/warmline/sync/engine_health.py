"""Whether the engine is at a standstill: its process has died and is not back yet.

Until then the process that restarts it keeps a file in the data folder, so that pages, API and commands on this machine
all say so. The connection's row cannot say it, because it is the engine that writes that row.
"""

import logging
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from django.conf import settings

log = logging.getLogger(__name__)

MESSAGE = (
    "The sync engine has stopped and is being restarted. If this takes more than a minute, check the "
    "log of `warmline serve`."
)


class EngineState(StrEnum):
    """What is reported in place of the connection's state during a standstill."""

    STOPPED = "stopped"


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
    """Return when the standstill began; None when there is none."""
    try:
        return datetime.fromtimestamp(_file().stat().st_mtime, UTC)
    except OSError:
        return None


def _file() -> Path:
    return Path(settings.DATA_DIR) / "engine-stopped"
