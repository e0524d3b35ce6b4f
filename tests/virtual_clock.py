"""A clock that only moves when someone sleeps on it or a test turns it."""

from datetime import UTC, datetime, timedelta


class VirtualClock:
    """Implements warmline.pipedrive.Clock, and is the sandbox's clock as well when called.

    Args:
        start: Its first moment, aware. Left out, it is a minute from now: rows that a test makes carry the real time as
            their due time, and so are due.

    Attributes:
        elapsed: Seconds that have passed; a test may set it.
    """

    def __init__(self, start: datetime | None = None) -> None:
        self.start = start or datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=1)
        self.elapsed = 0.0

    def __call__(self) -> float:
        """Return Unix seconds, as the sandbox wants them."""
        return self.now().timestamp()

    def now(self) -> datetime:
        """Return the moment, aware, in UTC."""
        return self.start + timedelta(seconds=self.elapsed)

    def monotonic(self) -> float:
        """Return the seconds that have passed since the beginning."""
        return self.elapsed

    def sleep(self, seconds: float) -> None:
        """Let so many seconds pass."""
        self.elapsed += seconds
