"""A clock that only moves when someone sleeps on it or a test turns it."""

from datetime import UTC, datetime, timedelta


class VirtualClock:
    """Implements warmline.pipedrive.Clock, and is the sandbox's clock as well when called.

    Args:
        start: Its first moment, aware. Left out, it is a minute from now: rows that a test makes carry the real time as
            their due time, and so are due.

    Attributes:
        elapsed: Seconds that have passed; a test may set it.
        wrong_by: Seconds by which this machine's clock is ahead of everyone else's; see `jump`.
    """

    def __init__(self, start: datetime | None = None) -> None:
        self.start = start or datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=1)
        self.elapsed = 0.0
        self.wrong_by = 0.0

    def __call__(self) -> float:
        """Return Unix seconds, as the sandbox wants them; it plays another machine, whose clock is right."""
        return (self.start + timedelta(seconds=self.elapsed)).timestamp()

    def now(self) -> datetime:
        """Return the moment by this machine's clock, aware, in UTC."""
        return self.start + timedelta(seconds=self.elapsed + self.wrong_by)

    def jump(self, seconds: float) -> None:
        """Set this machine's clock ahead, or back by a negative number. No time passes, here or at Pipedrive."""
        self.wrong_by += seconds

    def monotonic(self) -> float:
        """Return the seconds that have passed since the beginning."""
        return self.elapsed

    def sleep(self, seconds: float) -> None:
        """Let so many seconds pass."""
        self.elapsed += seconds
