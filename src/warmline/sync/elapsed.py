"""How long ago something was that was written down by a clock, which may have been set since.

A stored moment alone does not tell: this machine's clock may have been set ahead or back, or another's was wrong. So
the age is the least of those that several clocks tell, and never less than the time for which this process has known of
it by its monotonic clock. It is not told too high as long as one clock went right, and too low for that time at most.
"""

from datetime import datetime, timedelta
from threading import Lock

from warmline.pipedrive import Clock

KNOWN_FOR = 3600.0  # seconds: whatever asks for an age waits for less


class Ages:
    """What this process knows of ages. Shared by its threads.

    Args:
        clock: Ours.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = Lock()
        self._began, self._began_at = clock.now(), clock.monotonic()
        self._known: dict[
            tuple[str, datetime], float
        ] = {}  # since when by the monotonic clock, the longest known first

    def note(self, name: str, moment: datetime) -> None:
        """Remember that something happens just now.

        Args:
            name: Of what.
            moment: What is written down of when.
        """
        self._known_since(name, moment)

    def of(self, name: str, moment: datetime, *others: timedelta) -> timedelta:
        """Return how long ago something happened, at least.

        Args:
            name: Of what.
            moment: What was written down of when.
            others: How long ago it was by other clocks.
        """
        known_since = self._known_since(name, moment)
        monotonic = self._clock.monotonic()
        steady = self._began + timedelta(seconds=monotonic - self._began_at)  # what the clock would say, never set
        told = min(self._clock.now() - moment, steady - moment, *others)
        return max(timedelta(seconds=monotonic - known_since), told)

    def ago(self, age: timedelta) -> float:
        """Return the monotonic seconds of so long ago."""
        return self._clock.monotonic() - age.total_seconds()

    def _known_since(self, name: str, moment: datetime) -> float:
        now = self._clock.monotonic()
        with self._lock:
            known_since = self._known.setdefault((name, moment), now)
            while self._known and (first := next(iter(self._known.items())))[1] < now - KNOWN_FOR:
                del self._known[first[0]]
        return known_since
