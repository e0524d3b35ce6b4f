"""Bulk work in pieces, each a transaction of its own, so that whoever saves meanwhile comes in between.

How many rows make a piece depends on how long the last one took: machines differ, and so do rows.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from django.db import transaction

Item = TypeVar("Item")

AIM = 0.03  # seconds of a piece; with chance and the commit it holds nobody up for more than 0.05
FIRST, MOST = 50, 500  # rows; databases allow only so many parameters


class Pace:
    """How many rows make the next piece.

    Attributes:
        size: Of the next piece, in rows.
    """

    def __init__(self) -> None:
        self.size = min(FIRST, MOST)

    @contextmanager
    def piece(self) -> Iterator[None]:
        """Run the block in a transaction, and learn from how long it takes; waiting for a turn does not count."""
        with transaction.atomic():
            began = time.perf_counter()
            yield
            took = max(time.perf_counter() - began, 1e-6)
        # At most twice as many as before: one quick piece says little of the next one.
        self.size = max(1, min(MOST, 2 * self.size, int(self.size * AIM / took)))


def in_pieces(items: Sequence[Item], work: Callable[[Sequence[Item]], int | None]) -> int:
    """Do something with some items at a time.

    Args:
        items: All of them.
        work: Does it for some, within a transaction; returns how many it counts.

    Returns:
        What it counted, together.
    """
    pace, start, counted = Pace(), 0, 0
    while start < len(items):
        some = items[start : start + pace.size]
        with pace.piece():
            counted += work(some) or 0
        start += len(some)
    return counted
