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
        """Return seconds that go on evenly, whatever the time of day is set to; only differences mean anything.

        They are the same for all processes of the machine, and begin anew when it does.
        """
        ...

    def sleep(self, seconds: float) -> None:
        """Return no sooner than after so many seconds."""
        ...


# Those that count while a machine sleeps. Python's own does not on Linux, and the day's tokens would come back late.
_SLEEPLESS = getattr(time, "CLOCK_BOOTTIME", None) or getattr(time, "CLOCK_MONOTONIC", None)


class SystemClock(Clock):
    """The clock of this machine."""

    def now(self) -> datetime:
        """Return the machine's time of day in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return the machine's monotonic seconds, those included in which it slept."""
        return time.monotonic() if _SLEEPLESS is None else time.clock_gettime(_SLEEPLESS)

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
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
