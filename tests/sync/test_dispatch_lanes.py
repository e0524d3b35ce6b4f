"""The dispatcher on a virtual clock: what a person waits for arrives in time, whatever else is to be done.

Pipedrive answers in 0.15 s each way, and the limits are those of the smallest plan.
"""

from collections.abc import Callable, Iterator
from random import Random

import httpx
import pytest
from stage import Process, Stage, StageClock, telling

from warmline.crm.activities import Activity
from warmline.crm.book import add_contact, change_contact, log_activity
from warmline.crm.imports.bulk import import_contacts
from warmline.crm.models import Contact
from warmline.crm.users import User
from warmline.pipedrive import Limiter, Pipedrive, Window
from warmline.sandbox import Sandbox, SandboxTransport, World
from warmline.sync.engine.dispatcher import Dispatcher
from warmline.sync.engine.reconciler import Engine
from warmline.sync.lease_keys import row_key
from warmline.sync.leases import Leases
from warmline.sync.policy import Policy

pytestmark = pytest.mark.django_db(transaction=True)

TOKEN = "sandbox-token"
FOR_AN_ACTIVITY, FOR_A_CONTACT = 3.0, 5.0  # seconds
WAY = 0.15  # seconds


class SlowLine(httpx.BaseTransport):
    """The way to the sandbox, which takes its time."""

    def __init__(self, sandbox: Sandbox, clock: StageClock) -> None:
        self._inner, self._clock = SandboxTransport(sandbox), clock

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Carry a call there and its answer back."""
        self._clock.sleep(WAY)
        response = self._inner.handle_request(request)
        self._clock.sleep(WAY)
        return response


class Office:
    """A dispatcher at work on a stage."""

    def __init__(self, policy: Policy, world: World, clock: StageClock) -> None:
        self.world, self.clock, self._policy = world, clock, policy
        self.stage = clock.stage
        self._sandbox = Sandbox(world)

    def begin(self, workers: int, name: str = "one", calls: int = 20) -> Dispatcher:
        """Have a dispatcher work from now on, with so many calls in two seconds."""
        limiter = Limiter((Window(calls, 2.0),), search=Window(10, 2.0), clock=self.clock)
        line = SlowLine(self._sandbox, self.clock)
        pipedrive = Pipedrive("http://sandbox", TOKEN, transport=line, limiter=limiter, clock=self.clock)
        threads = self.stage.of(Process(name))
        engine = Engine(pipedrive, self._policy, self.clock, Random(7), threads=threads)
        dispatcher = Dispatcher(engine, workers, self.clock, threads)
        dispatcher.start()
        return dispatcher

    def until_linked(self, row: Contact | Activity, longest: float) -> float:
        """Return after how many seconds a row is linked; fail when that takes too long."""
        begun = self.clock.elapsed

        def is_linked() -> bool:
            row.refresh_from_db()
            return row.is_linked

        assert self.stage.run_until(is_linked, longest), f"not within {longest} s"
        return self.clock.elapsed - begun


@pytest.fixture
def office(policy: Policy) -> Iterator[Callable[[int], Office]]:
    """Return a maker of offices with so many workers, in which the account is known already."""
    offices: list[tuple[Office, Dispatcher]] = []
    clock = StageClock()

    def make(workers: int, *, records: int = 0, calls: int = 20) -> Office:
        clock.stage = Stage(clock, Random(workers))
        office = Office(policy, World.sample(clock, token=TOKEN), clock)
        for number in range(records):
            office._sandbox.add("persons", name=f"Person {number}")
        offices.append((office, office.begin(workers, calls=calls)))
        return office

    with telling(clock):
        yield make
    for office, dispatcher in offices:
        dispatcher.stop()
        office.stage.close()


WORKERS = pytest.mark.parametrize("workers", [1, 2, 3, 8])
FEW_AND_MANY = pytest.mark.parametrize("workers", [1, 8])


def linked(owner: User, office: Office, name: str) -> Contact:
    """Return a contact of a user's that is in Pipedrive."""
    contact = add_contact(owner, name=name, warmness_score=5)
    office.until_linked(contact, 60)
    return contact


@WORKERS
def test_sixty_calls_of_one_contact_hold_no_other_back(
    office: Callable[[int], Office], alice: User, workers: int
) -> None:
    """The same user's call with another contact arrives within 3 s."""
    desk = office(workers)
    first, second = linked(alice, desk, "Jordan Ames"), linked(alice, desk, "Robin Vale")
    for _ in range(60):
        log_activity(alice, first, type="CALL")
    desk.until_linked(log_activity(alice, second, type="CALL"), FOR_AN_ACTIVITY)
    assert Activity.objects.filter(contact=first, pipedrive_activity_id=None).count() >= 40


@FEW_AND_MANY
def test_calls_of_a_dozen_contacts_hold_no_other_back(
    office: Callable[[int], Office], alice: User, workers: int
) -> None:
    """A dozen contacts with ten calls each, and then one call with another contact."""
    desk = office(workers)
    contacts = [linked(alice, desk, f"Contact {number}") for number in range(13)]
    for contact in contacts[:12] * 10:
        log_activity(alice, contact, type="CALL")
    desk.stage.run(2.0)
    desk.until_linked(log_activity(alice, contacts[12], type="CALL"), FOR_AN_ACTIVITY)


@WORKERS
def test_one_s_own_backlog_holds_back_nothing_saved_later(
    office: Callable[[int], Office], alice: User, workers: int
) -> None:
    """Ten seconds after two hundred contacts were saved by hand, a call and a contact of the same user's."""
    desk = office(workers)
    first = linked(alice, desk, "Jordan Ames")
    for number in range(200):
        add_contact(alice, name=f"Contact {number}", warmness_score=5)
    desk.stage.run(11.0)
    desk.until_linked(log_activity(alice, first, type="CALL"), FOR_AN_ACTIVITY)
    desk.until_linked(add_contact(alice, name="Robin Vale", warmness_score=5), FOR_A_CONTACT)


@WORKERS
def test_an_import_holds_nobody_back(office: Callable[[int], Office], alice: User, bob: User, workers: int) -> None:
    """In the middle of an import, Alice's own call and Bob's contact arrive in time; the import goes on."""
    desk = office(workers)
    first = linked(alice, desk, "Jordan Ames")
    list(import_contacts(alice, [{"name": f"Lead {number}", "warmness_score": 5} for number in range(200)]))
    desk.stage.run(3.0)
    desk.until_linked(log_activity(alice, first, type="CALL"), FOR_AN_ACTIVITY)
    desk.until_linked(add_contact(bob, name="Robin Vale", warmness_score=5), FOR_A_CONTACT)
    before = Contact.objects.exclude(pipedrive_person_id=None).count()
    desk.stage.run(10.0)
    assert Contact.objects.exclude(pipedrive_person_id=None).count() >= before + 5


@WORKERS
def test_filling_the_directory_holds_nobody_back(office: Callable[..., Office], alice: User, workers: int) -> None:
    """Sixteen pages are to be listed, and a contact is saved after the first."""
    desk = office(workers, records=8000)
    desk.stage.run(0.5)
    desk.until_linked(add_contact(alice, name="Jordan Ames", warmness_score=5), FOR_A_CONTACT)


@FEW_AND_MANY
def test_rows_that_others_are_at_hide_no_other(office: Callable[[int], Office], alice: User, workers: int) -> None:
    """Another worker holds what fifty due contacts need; a call arrives all the same."""
    desk = office(workers)
    first = linked(alice, desk, "Jordan Ames")
    waiting = [add_contact(alice, name=f"Contact {number}", warmness_score=5) for number in range(50)]
    with Leases(desk.clock).hold(*(row_key("contact", contact.pk) for contact in waiting)):
        desk.stage.run(11.0)
        desk.until_linked(log_activity(alice, first, type="CALL"), FOR_AN_ACTIVITY)


@FEW_AND_MANY
def test_edits_and_a_mailbox_hold_no_other_back(office: Callable[[int], Office], alice: User, workers: int) -> None:
    """Thirty contacts with one mailbox, thirty edits of one contact, and then another's call."""
    desk = office(workers)
    first, second = linked(alice, desk, "Jordan Ames"), linked(alice, desk, "Robin Vale")
    for number in range(30):
        add_contact(alice, name="Kim Castell", email="info@example.org", warmness_score=5)
        change_contact(first, {"phone": f"+49 30 55501{number}"})
    desk.until_linked(log_activity(alice, second, type="CALL"), FOR_AN_ACTIVITY)


def older_than_all_that_wait() -> int:
    """Return how many contacts are linked that were saved before every contact that still waits."""
    waiting = Contact.objects.filter(pipedrive_person_id=None).order_by("pk").first()
    return 0 if waiting is None else Contact.objects.filter(pk__lt=waiting.pk).count()


def done() -> int:
    """Return how many contacts are linked."""
    return Contact.objects.exclude(pipedrive_person_id=None).count()


def test_the_oldest_are_not_forgotten_while_more_is_saved_than_goes_over(
    office: Callable[..., Office], user: Callable[..., User]
) -> None:
    """Eight people save twice as much as the limits let through, for five minutes.

    One turn of four is that of the oldest row, so whoever has so many before them goes over after four times as many
    turns at the latest. That is measured in the second half, when every owner has a backlog.
    """
    desk, people = office(8, calls=2), [user(f"person{number}") for number in range(8)]
    desk.until_linked(add_contact(people[0], name="Jordan Ames", warmness_score=5), 30)
    seen = []
    for second in range(300):
        if second in {150, 299}:
            seen.append((older_than_all_that_wait(), done()))
        for number in range(2 if second % 4 == 0 else 1):
            add_contact(people[(second * 3 + number) % 8], name=f"Contact {second} {number}", warmness_score=5)
        desk.stage.run(1.0)
    (oldest, linked), (oldest_later, linked_later) = seen
    assert linked_later - linked > 50
    assert Contact.objects.count() - linked_later > linked_later * 0.8
    assert oldest_later - oldest >= (linked_later - linked) / 5
