"""One asks, and the others wait: threads and processes alike, whatever becomes of who asks."""

from collections.abc import Callable
from datetime import timedelta
from threading import Barrier, Event, Thread

import pytest
from django.db import connections
from virtual_clock import VirtualClock

from warmline.pipedrive import SystemClock, Unavailable
from warmline.sync.leases import PATIENCE, BusyError
from warmline.sync.models import ConnectionState, Lease, Remembered
from warmline.sync.remote import connection_health
from warmline.sync.retries import Trouble
from warmline.sync.single_flight import ASKING, one_asks


def known() -> str | None:
    """Return what is stored."""
    return Remembered.objects.filter(name="it").values_list("value", flat=True).first()


def stored(answer: str) -> None:
    """Store an answer."""
    Remembered.objects.create(name="it", value=answer, at=SystemClock().now())


def never() -> str:
    """Nobody ought to ask."""
    pytest.fail("it was asked twice")


def of_many(ask: Callable[[], str], number: int = 8) -> list[str]:
    """Ask by so many threads at once, and return the answers, or the names of what was raised."""
    barrier, told = Barrier(number), list[str]()

    def run() -> None:
        try:
            barrier.wait()
            told.append(one_asks("it", clock=SystemClock(), known=known, ask=ask, store=stored))
        except (BusyError, Unavailable) as error:
            told.append(type(error).__name__)
        finally:
            connections.close_all()

    threads = [Thread(target=run) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return told


@pytest.mark.django_db(transaction=True)
def test_one_of_eight_asks() -> None:
    """The others get its answer, and no lease is left behind."""
    asked = []

    def ask() -> str:
        asked.append(1)
        Event().wait(0.2)  # as long as the others need to come
        return "answer"

    assert of_many(ask) == ["answer"] * 8
    assert len(asked) == 1
    assert not Lease.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_when_it_fails_another_one_asks_after_a_breath() -> None:
    """One attempt is in vain, and not eight; the others get the answer of the second question."""
    asked: list[float] = []

    def ask() -> str:
        asked.append(SystemClock().monotonic())
        if len(asked) == 1:
            raise Unavailable("down")
        return "answer"

    told = of_many(ask)
    assert told.count("Unavailable") == 1
    assert "answer" in told  # on a slow machine, some have lost their patience
    assert len(asked) == 2
    assert asked[1] - asked[0] >= 0.9


@pytest.mark.django_db
def test_when_it_dies_another_one_asks_in_time(clock: VirtualClock) -> None:
    """Nobody waits for long for who may be dead: the row is looked at again, until the lease has expired."""
    Lease.objects.create(key="ask:it", holder="dead", expires_at=clock.now() + ASKING)
    with pytest.raises(BusyError):
        one_asks("it", clock=clock, known=known, ask=never, store=stored)
    assert clock.elapsed == pytest.approx(PATIENCE.total_seconds(), abs=0.1)
    clock.sleep(ASKING.total_seconds())
    assert one_asks("it", clock=clock, known=known, ask=lambda: "answer", store=stored) == "answer"
    assert one_asks("it", clock=clock, known=known, ask=never, store=stored) == "answer"


@pytest.mark.django_db
def test_when_the_connection_is_lost_nobody_asks_in_turn(clock: VirtualClock) -> None:
    """Who waited for an answer that did not come does not spend ten seconds on the same silence."""
    Lease.objects.create(key="ask:it", holder="another", expires_at=clock.now() + timedelta(seconds=1))
    connection_health.report(Trouble(ConnectionState.DOWN, "Pipedrive is not responding."), clock)
    with pytest.raises(BusyError):
        one_asks("it", clock=clock, known=known, ask=never, store=stored)


@pytest.mark.django_db
def test_who_took_too_long_stores_nothing(clock: VirtualClock) -> None:
    """Another one has asked meanwhile, or made something: the older answer must not take its place."""

    def slow() -> str:
        clock.sleep(ASKING.total_seconds())
        assert one_asks("it", clock=clock, known=known, ask=lambda: "newer", store=stored) == "newer"
        return "older"

    assert one_asks("it", clock=clock, known=known, ask=slow, store=stored) == "older"
    assert known() == "newer"
