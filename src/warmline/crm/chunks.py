"""Bulk work in chunks, each in its own transaction, so that other writers get their turn in between.

The size of a chunk depends on how long the previous one took, because machines and rows differ.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from django.db import transaction

Item = TypeVar("Item")

AIM = 0.03  # seconds per chunk; with variation and the commit, others wait for at most 0.05
FIRST, MOST = 50, 500  # rows; databases limit the number of parameters


class Pace:
    """Adapts the size of chunks to the time they take.

    Attributes:
        size: Rows in the next chunk.
    """

    def __init__(self) -> None:
        self.size = min(FIRST, MOST)

    @contextmanager
    def piece(self) -> Iterator[None]:
        """Run the block in a transaction and measure it; waiting for the database's lock does not count."""
        with transaction.atomic():
            began = time.perf_counter()
            yield
            took = max(time.perf_counter() - began, 1e-6)
        # At most double, because one quick chunk says little about the next one.
        self.size = max(1, min(MOST, 2 * self.size, int(self.size * AIM / took)))


def in_pieces(items: Sequence[Item], work: Callable[[Sequence[Item]], int | None]) -> int:
    """Process items in chunks.

    Args:
        items: All items.
        work: Processes some of them within a transaction, and returns how many it counts.

    Returns:
        The sum of these counts.
    """
    pace, start, counted = Pace(), 0, 0
    while start < len(items):
        some = items[start : start + pace.size]
        with pace.piece():
            counted += work(some) or 0
        start += len(some)
    return counted
