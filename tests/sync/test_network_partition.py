"""A process that alone does not reach Pipedrive pauses only itself; the connection is lost when nobody reaches it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random

import httpx
import pytest
from bench_engine import Bench
from pytest_django import Settings
from virtual_clock import VirtualClock

from warmline import database_time
from warmline.crm.book import add_contact
from warmline.crm.models import Contact
from warmline.crm.users import User
from warmline.pipedrive import Limiter, Pipedrive
from warmline.sandbox import Fault, Sandbox, SandboxTransport
from warmline.sync import engine_health, network_partition, processes
from warmline.sync.engine.reconciler import Engine
from warmline.sync.models import Connection, Heartbeat, Notification
from warmline.sync.policy import Policy
from warmline.sync.remote import connection_health

pytestmark = pytest.mark.django_db


class Cable(httpx.BaseTransport):
    """A machine's way to Pipedrive, which can be unplugged; `tries` counts the calls meanwhile."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._inner = SandboxTransport(sandbox)
        self.is_plugged = True
        self.tries = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Pass a call on."""
        if not self.is_plugged:
            self.tries += 1
            raise httpx.ConnectError("No route to host", request=request)
        return self._inner.handle_request(request)


class Worker:
    """A worker of a machine of its own: an engine, its cable, and its heartbeat.

    Attributes:
        dead: Whose heart beats no more.
    """

    dead = ""

    def __init__(self, name: str, bench: Bench, cable: Cable) -> None:
        self.name, self._bench, self.cable = name, bench, cable
        with self.at_work():
            processes.note()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Be the process that runs in the block, as a simulation has several in one."""
        before, processes.PROCESS = processes.PROCESS, self.name
        try:
            yield
        finally:
            processes.PROCESS = before

    def works(self, seconds: int = 10) -> None:
        """Work for so long, while the hearts of all that live beat: a busy machine takes many real seconds for it."""
        with self.at_work():
            for _ in range(seconds):
                Heartbeat.objects.exclude(process=self.dead).update(at=database_time.now())
                if connection_health.is_left_to_others():
                    self._bench.engine.is_open()  # as a worker does that takes no jobs meanwhile
                self._bench.settle(1)

    def falls_silent(self) -> None:
        """Die, or lose the database."""
        Worker.dead = self.name
        Heartbeat.objects.filter(process=self.name).update(at=database_time.now() - processes.SILENCE)


@pytest.fixture
def hire(sandbox: Sandbox, policy: Policy, clock: VirtualClock, settings: Settings) -> Iterator[Callable[..., Worker]]:
    """Return what hires a worker."""
    settings.PIPEDRIVE_API_TOKEN = "sandbox-token"
    limiter, hired = Limiter(clock=clock), []

    def make(name: str) -> Worker:
        cable = Cable(sandbox)
        client = Pipedrive("http://sandbox", "sandbox-token", transport=cable, limiter=limiter, clock=clock)
        bench = Bench(Engine(client, policy, clock, Random(7)), clock, policy, client)
        hired.append(Worker(name, bench, cable))
        return hired[-1]

    yield make
    Worker.dead = ""
    network_partition._pauses.clear()


def told() -> list[str]:
    """Return what everyone was told, in order."""
    return [note.kind for note in Notification.objects.filter(user=None).order_by("pk")]


def test_who_is_cut_off_pauses_only_itself(hire: Callable[..., Worker], alice: User, sandbox: Sandbox) -> None:
    """Another one brings the row meanwhile, nobody is told, and the first one comes back by itself."""
    one, other = hire("one"), hire("other")
    one.works()
    other.works()
    one.cable.is_plugged = False
    add_contact(alice, name="Jordan Ames", warmness_score=5)
    one.works()
    assert Contact.objects.get().pipedrive_person_id is None
    assert Connection.objects.get().state == "ok"
    with one.at_work():
        assert connection_health.is_left_to_others()
        assert not connection_health.is_well()

    other.works(5)
    assert Contact.objects.get().pipedrive_person_id is not None
    assert Contact.objects.get().pipedrive_sync_attempts == 1
    assert told() == []

    one.cable.is_plugged = True
    one.works(31)
    assert not Heartbeat.objects.exclude(cut_off_since=None).exists()
    add_contact(alice, name="Robin Vale", warmness_score=5)
    one.works()
    assert len(sandbox.world.persons) == 2


def test_few_calls_are_tried_meanwhile(hire: Callable[..., Worker], alice: User) -> None:
    """Only probes, after growing waits, however many rows there are that it could bring."""
    one = hire("one")
    hire("other")
    one.works()
    one.cable.is_plugged = False
    for number in range(20):
        add_contact(alice, name=f"Contact {number}", warmness_score=5)
    one.works(90)
    assert one.cable.tries <= 9


def test_people_see_that_some_are_cut_off(
    hire: Callable[..., Worker], alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state is that of the best; its words say that not all do well."""
    monkeypatch.setattr(engine_health._Workers, "are_elsewhere", True)
    one = hire("one")
    hire("other")
    one.cable.is_plugged = False
    add_contact(alice, name="Jordan Ames", warmness_score=5)
    one.works()
    status = connection_health.status()
    assert status.state == "ok"
    assert "1 of 2 workers cannot reach it" in status.message


def test_if_nobody_reaches_it_the_connection_is_lost(
    hire: Callable[..., Worker], alice: User, sandbox: Sandbox
) -> None:
    """It is told once, and that it is back as well; then all work again."""
    one, other = hire("one"), hire("other")
    add_contact(alice, name="Jordan Ames", warmness_score=5)
    sandbox.faults.add(Fault(kind="refuse", method="*", path="/*"))
    for _ in range(5):
        one.works()
        other.works()
    assert connection_health.status().state == "down"
    assert told() == ["connection_lost"]

    sandbox.faults.clear()
    for _ in range(5):
        one.works()
        other.works()
    assert connection_health.status().state == "ok"
    assert told() == ["connection_lost", "connection_back"]
    assert not Heartbeat.objects.exclude(cut_off_since=None).exists()
    assert len(sandbox.world.persons) == 1


def test_if_the_others_die_the_connection_is_lost(hire: Callable[..., Worker], alice: User) -> None:
    """Who was cut off says so then, because nothing is sent any more."""
    one, other = hire("one"), hire("other")
    one.cable.is_plugged = False
    add_contact(alice, name="Jordan Ames", warmness_score=5)
    one.works()
    assert told() == []
    other.falls_silent()
    one.works(31)
    assert connection_health.status().state == "down"
    assert told() == ["connection_lost"]
    one.cable.is_plugged = True
    one.works(31)
    assert told() == ["connection_lost", "connection_back"]
    assert Contact.objects.get().pipedrive_person_id is not None


def test_who_is_cut_off_leaves_probing_to_others(hire: Callable[..., Worker], alice: User, sandbox: Sandbox) -> None:
    """In an outage for all, a probe of its own delays nobody's, and the first who gets through ends it."""
    one, other = hire("one"), hire("other")
    add_contact(alice, name="Jordan Ames", warmness_score=5)
    sandbox.faults.add(Fault(kind="refuse", method="*", path="/*"))
    one.works()
    other.works()
    assert connection_health.status().state == "down"

    sandbox.faults.clear()
    one.cable.is_plugged = False
    third = hire("third")
    one.works()
    third.works(31)
    assert connection_health.status().state == "ok"
    assert Contact.objects.get().pipedrive_person_id is not None
