"""The present moment, by the one clock that all machines share.

On PostgreSQL that is the database's: it is asked once a minute, and in between this machine's monotonic seconds are
added, so whoever sets a machine's time of day changes nothing. On SQLite there is one machine, and its clock counts.
Whatever is stored to be compared with a moment later takes its moments from here.
"""

import time
from datetime import UTC, datetime, timedelta

from django.db import connection
from django.utils import timezone

EVERY = 60.0  # seconds after which the database is asked again
_SLEEPLESS = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # counts also while the machine sleeps


class _Known:
    """What the database has said last: its moment, and the monotonic seconds by then."""

    said: tuple[datetime, float] | None = None


def now() -> datetime:
    """Return the present moment, aware, in UTC.

    Raises:
        OperationalError: When the database was never asked, and cannot be.
    """
    if not is_shared():
        return timezone.now()
    monotonic, said = time.clock_gettime(_SLEEPLESS), _Known.said
    if said is None or monotonic - said[1] >= EVERY:
        said = _asked() or said
    if said is None:
        return timezone.now()
    moment, at = said
    return moment + timedelta(seconds=time.clock_gettime(_SLEEPLESS) - at)


def is_shared() -> bool:
    """Tell whether the database's clock counts; a simulation, which has a clock of its own, says no."""
    return connection.vendor == "postgresql"


def _asked() -> tuple[datetime, float] | None:
    """Ask the database; None within a transaction that has failed, in which it answers nothing."""
    if connection.needs_rollback:
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (moment,) = cursor.fetchone()
    # Taken afterwards: it may be behind by as long as the answer took, and is never ahead.
    _Known.said = moment.astimezone(UTC), time.clock_gettime(_SLEEPLESS)
    return _Known.said
