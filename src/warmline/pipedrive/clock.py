"""Time, handed in.

Owns the one protocol through which this package learns the time and waits, so that a test or a simulation
can replay a run exactly. Nothing else in the package may ask the system for the time or sleep.
"""

import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Protocol


class Clock(Protocol):
    """What tells the time, and waits."""

    def now(self) -> datetime:
        """Return the time of day, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that only ever grow; only differences mean anything."""
        ...

    def sleep(self, seconds: float) -> None:
        """Return no sooner than after so many seconds."""
        ...


class SystemClock(Clock):
    """The clock of this machine."""

    def now(self) -> datetime:
        """Return the machine's time of day in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return the machine's monotonic seconds."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Block this thread for so many seconds."""
        time.sleep(seconds)


SYSTEM_CLOCK = SystemClock()


def http_date(text: str) -> datetime | None:
    """Read the date of an HTTP header.

    Args:
        text: The header's value, as `Sun, 06 Nov 1994 08:49:37 GMT`.

    Returns:
        The time in UTC, or None when the text is no such date.
    """
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
