"""Who lets us wait, for how long, and who has to go when there are too many: decided here, without any I/O.

A connection that sends no whole request, or does not fetch its answer, costs its sender nothing and us a descriptor.
Each has a deadline, there are so many of them in all and of one address, and the oldest goes first: who sends a whole
request at once is never among them for longer than that takes.
"""

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

PATIENCE = 15.0  # seconds for something to come, or to be fetched
SLOWEST = 1000  # bytes a second, for which the deadline moves on
LONGEST_WAIT = 300.0  # seconds, however much comes

Key = TypeVar("Key", bound=Hashable)


@dataclass
class _Wait:
    """What is known of one: whose it is (None: that cannot be known), since when, and how many bytes have come."""

    address: Hashable | None
    since: float
    received: int = 0

    def is_overdue(self, now: float) -> bool:
        return now - self.since > min(LONGEST_WAIT, PATIENCE + self.received / SLOWEST)


class Unfinished(Generic[Key]):
    """Those for whom we wait, the oldest first.

    Args:
        in_all: How many there may be.
        of_one: How many may be of one address.
        clock: Tells the seconds.
    """

    def __init__(self, in_all: int, of_one: int, clock: Callable[[], float]) -> None:
        self._in_all, self._of_one, self._clock = in_all, of_one, clock
        self._waits: dict[Key, _Wait] = {}

    def __len__(self) -> int:
        return len(self._waits)

    def __contains__(self, key: Key) -> bool:
        return key in self._waits

    def begin(self, key: Key, address: Hashable | None) -> None:
        """Wait for one from now on; one that is waited for already keeps its place.

        Args:
            key: Which.
            address: Whose it is, as far as that can be known by now; None does not count as anybody's.
        """
        self._waits.setdefault(key, _Wait(address, self._clock())).address = address

    def receive(self, key: Key, size: int) -> None:
        """Note that so many bytes have come of one."""
        if key in self._waits:
            self._waits[key].received += size

    def end(self, key: Key) -> None:
        """Wait for one no more."""
        self._waits.pop(key, None)

    def overdue(self) -> list[Key]:
        """Return those that took too long."""
        now = self._clock()
        return [key for key, wait in self._waits.items() if wait.is_overdue(now)]

    def surplus(self) -> list[Key]:
        """Return those that have to go because there are too many."""
        found = dict.fromkeys(self._surplus_of_one())
        over = len(self._waits) - len(found) - self._in_all
        for key in self._waits:
            if over <= 0:
                break
            if key not in found:
                found[key] = None
                over -= 1
        return list(found)

    def _surplus_of_one(self) -> Iterator[Key]:
        groups: dict[Hashable, list[Key]] = {}
        for key, wait in self._waits.items():
            if wait.address is not None:
                groups.setdefault(wait.address, []).append(key)
        for group in groups.values():
            yield from group[: max(0, len(group) - self._of_one)]
