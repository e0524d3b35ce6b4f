"""Whether the engine stands still: its process has died, and is not back yet.

The process that starts it again leaves a file in the data folder meanwhile, so pages, API and commands of this machine
all say so, whatever the row of the connection says: nobody is there to write that row.
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
    """What stands in place of the connection's state then."""

    STOPPED = "stopped"


def begin() -> None:
    """Remember that the engine stands still from now on, if it did not already."""
    try:
        _file().touch(exist_ok=False)
    except FileExistsError:
        pass
    except OSError:  # the log tells of the engine in any case
        log.exception("standstill.not_noted")


def end() -> None:
    """Remember that the engine is there again, or is not to be there any more."""
    try:
        _file().unlink(missing_ok=True)
    except OSError:
        log.exception("standstill.not_forgotten")


def since() -> datetime | None:
    """Return since when the engine stands still; None when it does not."""
    try:
        return datetime.fromtimestamp(_file().stat().st_mtime, UTC)
    except OSError:
        return None


def _file() -> Path:
    return Path(settings.DATA_DIR) / "engine-stopped"
