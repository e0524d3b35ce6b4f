"""Makes independent calls side by side, or one after the other where a run has to replay exactly."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from threading import Thread
from typing import Any, Protocol

Call = Callable[[], Any]


class Together(Protocol):
    """Makes some calls, none of which uses the database, and returns their results in order."""

    def __call__(self, calls: Sequence[Call]) -> list[Any]:
        """Make them; if several raise, the first one's exception is raised."""
        ...


def one_by_one(calls: Sequence[Call]) -> list[Any]:
    """Make the calls one after the other."""
    return [call() for call in calls]


def side_by_side(calls: Sequence[Call]) -> list[Any]:
    """Make all calls but the first in threads of their own; if no thread can be started, make the call here."""
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
    except BaseException as error:  # noqa: BLE001 (raised where the answer is waited for)
        answer.set_exception(error)
