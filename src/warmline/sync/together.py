"""How two calls that do not need each other are made: side by side, or in turn where a run must replay exactly."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

Call = Callable[[], Any]


class Together(Protocol):
    """Makes some calls, each of which touches no database, and returns their results in order."""

    def __call__(self, calls: Sequence[Call]) -> list[Any]:
        """Make them; the first one that raises is the one that is heard of."""
        ...


def one_by_one(calls: Sequence[Call]) -> list[Any]:
    """Make the calls one after the other."""
    return [call() for call in calls]


def side_by_side(calls: Sequence[Call]) -> list[Any]:
    """Make the calls in threads, all but the first."""
    first, *others = calls
    if not others:
        return [first()]
    with ThreadPoolExecutor(len(others), thread_name_prefix="sync-look") as pool:
        running = [pool.submit(call) for call in others]
        return [first(), *(one.result() for one in running)]
