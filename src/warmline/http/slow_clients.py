"""Decides how long a client may keep us waiting, and which connections go when there are too many. Does no I/O.

A connection that never sends a whole request, or never reads its answer, costs its client nothing and us a file
descriptor. Each has a deadline, their number is limited in total and per address, and the oldest goes first. A client
that sends its request in one go is hardly ever among them.
"""

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

PATIENCE = 15.0  # seconds for something to arrive, or to be read
SLOWEST = 1000  # bytes per second at which the deadline keeps moving
LONGEST_WAIT = 300.0  # seconds, however much arrives

Key = TypeVar("Key", bound=Hashable)


@dataclass
class _Wait:
    """One connection: its address (None if unknown), since when we wait, and how many bytes have arrived."""

    address: Hashable | None
    since: float
    received: int = 0

    def is_overdue(self, now: float) -> bool:
        return now - self.since > min(LONGEST_WAIT, PATIENCE + self.received / SLOWEST)


class Unfinished(Generic[Key]):
    """Connections that we wait for, the oldest first.

    Args:
        in_all: How many there may be.
        of_one: How many there may be from one address.
        clock: Returns monotonic seconds.
    """

    def __init__(self, in_all: int, of_one: int, clock: Callable[[], float]) -> None:
        self._in_all, self._of_one, self._clock = in_all, of_one, clock
        self._waits: dict[Key, _Wait] = {}

    def __len__(self) -> int:
        return len(self._waits)

    def __contains__(self, key: Key) -> bool:
        return key in self._waits

    def begin(self, key: Key, address: Hashable | None) -> None:
        """Start waiting for a connection; one that we already wait for keeps its place.

        Args:
            key: The connection.
            address: Its client's address, as far as known by now; None counts for no address.
        """
        self._waits.setdefault(key, _Wait(address, self._clock())).address = address

    def receive(self, key: Key, size: int) -> None:
        """Note that so many bytes have arrived."""
        if key in self._waits:
            self._waits[key].received += size

    def end(self, key: Key) -> None:
        """Stop waiting for a connection."""
        self._waits.pop(key, None)

    def overdue(self) -> list[Key]:
        """Return the connections that took too long."""
        now = self._clock()
        return [key for key, wait in self._waits.items() if wait.is_overdue(now)]

    def surplus(self) -> list[Key]:
        """Return the connections that have to go because there are too many."""
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
