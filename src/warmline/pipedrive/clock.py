"""The clock, as something that callers pass in.

This package reads the time and sleeps only through the `Clock` protocol, so that a test or a simulation can replay a
run exactly. Nothing else in the package may ask the system for the time, or sleep.
"""

import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time, and sleeps."""

    def now(self) -> datetime:
        """Return the time of day, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds of a clock that setting the time of day does not affect; only differences mean anything.

        All processes of the machine see the same seconds. They restart when the machine does.
        """
        ...

    def sleep(self, seconds: float) -> None:
        """Return after this many seconds, and no sooner."""
        ...


# Clocks that also count while the machine is suspended. Python's own does not on Linux, so the day's tokens would come
# back too late.
_SLEEPLESS = getattr(time, "CLOCK_BOOTTIME", None) or getattr(time, "CLOCK_MONOTONIC", None)


class SystemClock(Clock):
    """The clock of this machine."""

    def now(self) -> datetime:
        """Return the machine's time of day in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return the machine's monotonic seconds, including those in which it was suspended."""
        return time.monotonic() if _SLEEPLESS is None else time.clock_gettime(_SLEEPLESS)

    def sleep(self, seconds: float) -> None:
        """Block this thread for this many seconds."""
        time.sleep(seconds)


SYSTEM_CLOCK = SystemClock()


def http_date(text: str) -> datetime | None:
    """Read the date of an HTTP header.

    Args:
        text: The header's value, such as `Sun, 06 Nov 1994 08:49:37 GMT`.

    Returns:
        The time in UTC, or None when the text is not such a date.
    """
    try:
        moment = parsedate_to_datetime(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
