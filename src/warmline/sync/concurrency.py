"""How two calls that do not need each other are made: side by side, or in turn where a run must replay exactly."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from threading import Thread
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
    """Make the calls in threads, all but the first; those for which no thread can be had here, one after the other."""
    first, *others = calls
    answers: list[Future[Any]] = []
    for call in others:
        answers.append(Future())
        try:
            Thread(target=_make, args=(call, answers[-1]), name="sync-look", daemon=True).start()
        except RuntimeError:
            _make(call, answers[-1])
    try:
        return [first(), *(answer.result() for answer in answers)]
    finally:
        wait(answers)


def _make(call: Call, answer: "Future[Any]") -> None:
    try:
        answer.set_result(call())
    except BaseException as error:  # noqa: BLE001 (whoever waits for the answer hears of it)
        answer.set_exception(error)
