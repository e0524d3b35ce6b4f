"""The threads of `serve`, on a real clock and over HTTP: woken by the commit, by a sweep, and not by a rollback."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from random import Random
from threading import Event
from threading import enumerate as enumerate_threads

import pytest
from django.db import transaction
from pytest_django import Settings

from warmline.crm.activities import Activity
from warmline.crm.book import OrganizationDetails, add_contact, log_activity
from warmline.crm.imports.bulk import import_contacts
from warmline.crm.models import Contact
from warmline.crm.preferences import Preferences
from warmline.crm.users import User
from warmline.pipedrive import Limiter, Pipedrive, SystemClock, Window
from warmline.sandbox import Fault, Sandbox, World, serving
from warmline.sync import wakeups
from warmline.sync.engine.dispatcher import Dispatcher
from warmline.sync.engine.reconciler import Engine
from warmline.sync.engine.settings_reload import Follower
from warmline.sync.models import Intent, Lease, Notification
from warmline.sync.policy import Policy
from warmline.sync.remote import connection_health

pytestmark = pytest.mark.django_db(transaction=True)

TOKEN = "sandbox-token"
WIDE = (Window(1000, 2.0),)


@pytest.fixture
def real_world(settings: Settings) -> World:
    """Return the sample company on the real clock, with wide limits."""
    settings.PIPEDRIVE_API_TOKEN = TOKEN
    world = World.sample(token=TOKEN)
    world.settings.burst = world.settings.searches = 1000
    return world


@contextmanager
def dispatching(world: World, policy: Policy, *faults: Fault, servers: int = 1) -> Iterator[None]:
    """Run engines in threads, as so many servers do, against a sandbox with these faults over HTTP, for the block."""
    sandbox = Sandbox(world)
    for fault in faults:
        sandbox.faults.add(fault)
    with ExitStack() as running:
        url = running.enter_context(serving(sandbox))
        for _ in range(servers):
            limiter = Limiter(WIDE, search=WIDE[0])
            pipedrive = running.enter_context(Pipedrive(url, TOKEN, limiter=limiter))
            dispatcher = Dispatcher(Engine(pipedrive, policy, SystemClock(), Random(7)), workers=8)
            dispatcher.start()
            running.callback(dispatcher.stop)
        yield


def until(so: Callable[[], bool]) -> None:
    """Wait until something is so, at most 60 s."""
    poll = Event()
    for _ in range(1200):
        if so():
            return
        poll.wait(0.05)
    pytest.fail("not so within 60 s")


def until_told(kind: str, count: int) -> None:
    """Wait for so many notifications of a kind."""
    until(lambda: Notification.objects.filter(kind=kind).count() >= count)


def test_an_engine_that_cannot_begin_is_tried_again(
    settings: Settings, real_world: World, alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    """It is said what is in the way, which may pass with token and preferences as they were; nothing else stops."""
    settings.PIPEDRIVE_BASE_URL = "nowhere"
    follower = Follower()
    follower.start()
    try:
        until(lambda: "loop.failed name=sync-follow" in caplog.text)
        status = connection_health.status()
        assert (status.state, status.message[:18]) == ("down", "PIPEDRIVE_BASE_URL")
        with serving(Sandbox(real_world)) as url:
            settings.PIPEDRIVE_BASE_URL = url
            add_contact(alice, name="Jordan Ames", warmness_score=5)
            until_told("contact_synced", 1)
    finally:
        follower.stop()
    assert Notification.objects.filter(kind="connection_lost").count() == 1
    assert Notification.objects.filter(kind="connection_back").count() == 1


def test_a_token_that_changes_and_comes_back_while_an_engine_is_made(
    settings: Settings, real_world: World, alice: User
) -> None:
    """The engine has the token that its follower believes it has, or it would keep the wrong one for ever."""

    def make(token: str, decided: Preferences) -> Engine:
        settings.PIPEDRIVE_API_TOKEN = "another-token"
        try:
            return Engine.of(token, decided)
        finally:
            settings.PIPEDRIVE_API_TOKEN = TOKEN

    with serving(Sandbox(real_world)) as url:
        settings.PIPEDRIVE_BASE_URL = url
        follower = Follower(make)
        follower.start()
        try:
            add_contact(alice, name="Jordan Ames", warmness_score=5)
            until_told("contact_synced", 1)
        finally:
            follower.stop()


def test_a_burst_arrives_once_each(real_world: World, policy: Policy, alice: User) -> None:
    """Forty contacts of ten organizations, and an activity each, by eight workers: one of each."""
    with dispatching(real_world, policy):
        for number in range(40):
            organization = OrganizationDetails(name=f"Larkspur {number % 10}", sector="Basket weaving")
            contact = add_contact(alice, name=f"Contact {number}", organization=organization, warmness_score=5)
            log_activity(alice, contact, type="CALL")
        until_told("activity_synced", 40)

    assert len(real_world.persons) == len(real_world.activities) == 40
    assert len(real_world.organizations) == 10
    assert [field["field_name"] for field in real_world.fields["organizations"]].count("Sector") == 1
    assert set(Contact.objects.values_list("pipedrive_person_id", flat=True)) == set(real_world.persons)
    assert set(Activity.objects.values_list("pipedrive_activity_id", flat=True)) == set(real_world.activities)
    assert set(Contact.objects.values_list("pipedrive_sync_attempts", flat=True)) == {1}
    assert not Lease.objects.exists()
    assert not Intent.objects.exists()


def test_what_no_wake_up_told_of_is_found_by_the_sweep(real_world: World, policy: Policy, alice: User) -> None:
    """A row that another process changed is taken up, although nothing in this one was saved."""
    contact = add_contact(alice, name="Jordan Ames", warmness_score=1)
    with dispatching(real_world, policy):
        Contact.objects.filter(pk=contact.pk).update(warmness_score=5)
        until_told("contact_synced", 1)
    assert len(real_world.persons) == 1


def test_a_dispatcher_without_work_stops_at_once(real_world: World, policy: Policy) -> None:
    """It leaves no thread behind, and has asked Pipedrive for nothing but what every engine reads when it starts."""
    with dispatching(real_world, policy):
        pass
    assert [thread.name for thread in enumerate_threads() if thread.name.startswith("sync")] == []
    assert {call.method for call in real_world.calls} <= {"GET"}


def test_woken_after_the_commit_and_never_before(alice: User) -> None:
    """A save wakes when it is committed, and not when it is rolled back."""
    woken: list[int] = []

    def listener() -> None:
        woken.append(Contact.objects.count())

    wakeups.listen(listener)
    try:
        with transaction.atomic():
            add_contact(alice, name="Jordan Ames")
            assert woken == []
        assert woken == [1]
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            add_contact(alice, name="Robin Vale")
            raise ZeroDivisionError
        assert woken == [1]
    finally:
        wakeups.stop_listening(listener)


def test_a_thread_is_left_for_what_a_person_waits_for(
    real_world: World, policy: Policy, alice: User, bob: User
) -> None:
    """In the middle of an import whose creates take their time, what Bob saves by hand is there before its end."""
    with dispatching(real_world, policy, Fault(kind="slow", method="POST", path="/api/v2/persons", delay=1.0)):
        list(import_contacts(alice, [{"name": f"Lead {number}", "warmness_score": 5} for number in range(20)]))
        until_told("contact_synced", 1)
        add_contact(bob, name="Robin Vale", warmness_score=5)
        until_told("contact_synced", 21)

    (his,) = Notification.objects.filter(user=bob).values_list("pk", flat=True)
    assert Notification.objects.filter(user=alice, pk__gt=his).count() >= 6


@pytest.mark.parametrize("servers", [1, 2])
def test_one_asks_what_the_account_is_made_of_and_the_others_wait(
    real_world: World, policy: Policy, alice: User, servers: int
) -> None:
    """Eight workers on a new installation: users, types and fields are asked for once, what is missing made once."""
    slow = [
        Fault(kind="slow", method="GET", path=path, delay=0.3)
        for path in ("/api/v1/*", "/api/v2/personFields", "/api/v2/organizationFields")
    ]
    for number in range(24):
        organization = OrganizationDetails(name=f"Larkspur {number % 12}", sector="Basket weaving")
        contact = add_contact(alice, name=f"Contact {number}", organization=organization, warmness_score=5)
        log_activity(alice, contact, type="CALL")
    with dispatching(real_world, policy, *slow, servers=servers):
        until_told("activity_synced", 24)

    asked = Counter(call.path for call in real_world.calls if call.method == "GET")
    kinds = ("v1/users/me", "v1/users", "v1/activityTypes", "v2/personFields", "v2/organizationFields")
    assert [asked[f"/api/{kind}"] for kind in kinds[1:]] == [1] * 4
    assert asked[f"/api/{kinds[0]}"] <= servers  # by which each learns Pipedrive's time, if from no other answer
    made = Counter(call.path for call in real_world.calls if call.method == "POST")
    assert made["/api/v2/personFields/label_ids/options"] == made["/api/v2/personFields"] == 1
    assert made["/api/v2/organizationFields"] == 2  # our mark, and the sector
    assert set(Contact.objects.values_list("pipedrive_sync_attempts", flat=True)) == {1}
