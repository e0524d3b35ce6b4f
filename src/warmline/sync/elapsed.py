"""How long ago a stored moment was, although clocks may have been set since.

A stored moment alone does not say: this machine's clock may have been set ahead or back, or another machine's was
wrong. So the age is the lowest of those that several clocks give, and at least the time for which this process has
known the moment by its monotonic clock. As long as one clock was right, the age is never too high.
"""

from datetime import datetime, timedelta
from threading import Lock

from warmline.pipedrive import Clock

KNOWN_FOR = 3600.0  # seconds for which moments are remembered: longer than any wait that depends on an age


class Ages:
    """Remembers since when this process has known stored moments. Shared by its threads.

    Args:
        clock: This machine's.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = Lock()
        self._began, self._began_at = clock.now(), clock.monotonic()
        self._known: dict[tuple[str, datetime], float] = {}  # since when, in monotonic seconds, the oldest first

    def note(self, name: str, moment: datetime) -> None:
        """Remember that something is happening now.

        Args:
            name: Its name.
            moment: The moment that is stored for it, aware.
        """
        self._known_since(name, moment)

    def of(self, name: str, moment: datetime, *others: timedelta) -> timedelta:
        """Return how long ago something happened at the least.

        Args:
            name: Its name.
            moment: The moment that was stored for it, aware.
            others: How long ago it was according to other clocks.
        """
        known_since = self._known_since(name, moment)
        monotonic = self._clock.monotonic()
        steady = self._began + timedelta(seconds=monotonic - self._began_at)  # what a clock that is never set would say
        lowest = min(self._clock.now() - moment, steady - moment, *others)
        return max(timedelta(seconds=monotonic - known_since), lowest)

    def ago(self, age: timedelta) -> float:
        """Return the moment that was this long ago, in monotonic seconds."""
        return self._clock.monotonic() - age.total_seconds()

    def _known_since(self, name: str, moment: datetime) -> float:
        now = self._clock.monotonic()
        with self._lock:
            known_since = self._known.setdefault((name, moment), now)
            while self._known and (first := next(iter(self._known.items())))[1] < now - KNOWN_FOR:
                del self._known[first[0]]
        return known_since
