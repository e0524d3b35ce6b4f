"""Supervised loops: whatever a turn raises, the next one comes, later each time; only being told ends them."""

import errno
import logging
from collections.abc import Callable
from threading import Event

import pytest
from django.db import OperationalError, connections

from warmline import storage, supervision
from warmline.supervision import EndedError, Loop, Waits, next_wait

PATIENCE = 60.0  # seconds
TROUBLES = [OperationalError("database is locked"), OSError("no space"), MemoryError(), RuntimeError("no new thread")]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision, "FIRST_WAIT", 0.001)


@pytest.mark.parametrize(
    ("last", "lasted", "wait"),
    [
        (0.0, 0.0, 1.0),
        (1.0, 0.0, 2.0),
        (16.0, 0.0, 30.0),
        (30.0, 0.0, 30.0),
        (30.0, 29.0, 30.0),
        (30.0, 31.0, 1.0),
        (0.0, 31.0, 1.0),
    ],
)
def test_the_waits(monkeypatch: pytest.MonkeyPatch, last: float, lasted: float, wait: float) -> None:
    """They double up to a bound, and begin anew after what went well for longer than that."""
    monkeypatch.setattr(supervision, "FIRST_WAIT", 1.0)
    assert next_wait(last, lasted) == wait


def failing(*errors: Exception) -> tuple[Callable[[], None], Event]:
    """Return a turn that raises these, one after the other, and what is set when it goes well at last."""
    left, well = list(errors), Event()

    def turn() -> None:
        if left:
            raise left.pop(0)
        well.set()

    return turn, well


@pytest.mark.parametrize("error", TROUBLES, ids=repr)
def test_it_survives(caplog: pytest.LogCaptureFixture, error: Exception) -> None:
    """It is logged with its traceback, and the loop goes on."""
    turn, well = failing(error, error)
    with Loop("a loop", turn):
        assert well.wait(PATIENCE)
    records = [record for record in caplog.records if record.name == supervision.__name__]
    assert [record.exc_info is not None for record in records] == [True, True]
    assert "loop.failed name=a loop" in caplog.text


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS], ids=errno.errorcode.get)
def test_what_the_disk_refuses_is_tried_again_soon(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, number: int
) -> None:
    """However long that lasts, so that all goes on once there is room; storage.py tells of it."""
    monkeypatch.setattr(storage, "BELIEVED_FOR", 0.0)
    turn, well = failing(OSError(), *[OSError(number, "refused")] * 8, OSError())
    loop = Loop("a loop", turn)
    waits: list[float] = []
    monkeypatch.setattr(loop.ending, "wait", waits.append)
    with loop:
        assert well.wait(PATIENCE)
    assert waits == [supervision.FIRST_WAIT] * 10
    assert caplog.text.count("loop.failed") == 2


def test_what_has_ended_is_told_in_a_line(caplog: pytest.LogCaptureFixture) -> None:
    """Such as a process that died: nobody needs to see where that was noticed."""
    turn, well = failing(EndedError("status=-9"))
    with Loop("a loop", turn):
        assert well.wait(PATIENCE)
    (record,) = caplog.records
    assert not record.exc_info
    assert "status=-9" in record.message


def test_it_waits_longer_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """And begins anew when a turn went well."""
    turn, well = failing(*[OSError()] * 3)
    loop = Loop("a loop", turn)
    waits: list[float] = []
    monkeypatch.setattr(loop.ending, "wait", waits.append)
    with loop:
        assert well.wait(PATIENCE)
    assert waits == [0.001, 0.002, 0.004]


def test_it_ends_when_told(caplog: pytest.LogCaptureFixture) -> None:
    """In a wait for something else, in a wait after a failure, by itself, and before it was started."""
    occasion, failed = Event(), Event()

    def fail() -> None:
        failed.set()
        raise OSError

    waiting, resting = Loop("waiting", occasion.wait, wake=occasion.set), Loop("resting", fail)
    own: Loop = Loop("own", lambda: own.end())  # noqa: PLW0108 (it is not there yet)
    with waiting, resting, own:
        assert failed.wait(PATIENCE)
    assert not any(loop.is_alive() for loop in (waiting, resting, own))
    Loop("never started", fail).stop()


def test_pieces_of_work_that_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each for itself, longer each time, until it goes well; and what never comes again is forgotten."""
    now = 100.0
    monkeypatch.setattr(supervision, "FIRST_WAIT", 1.0)
    waits = Waits[str](lambda: now)
    assert not waits.has("one")
    for wait in (1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0):
        waits.failed("one")
        now += wait - 0.1
        assert waits.has("one")
        now += 0.2
        assert (waits.has("one"), waits.has("two")) == (False, False)
    waits.went_well("one")
    waits.failed("one")
    now += 1.1
    assert not waits.has("one")
    now += 31
    waits.failed("two")
    assert list(waits._waits) == ["two"]


def test_a_log_that_fails_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does a connection to the database that cannot be closed."""

    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(logging.Logger, "error", fail)
    monkeypatch.setattr(connections, "close_all", fail)
    turn, well = failing(OSError(), OSError())
    with Loop("a loop", turn):
        assert well.wait(PATIENCE)
