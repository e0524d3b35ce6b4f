"""An engine without background work finds that out in a few small statements, and sees at once what comes up."""

from collections.abc import Callable
from datetime import timedelta
from random import Random

import pytest
from bench_engine import Bench
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings
from virtual_clock import VirtualClock

from warmline import database_time
from warmline.crm.book import OrganizationDetails, add_contact
from warmline.crm.users import User
from warmline.pipedrive import Pipedrive
from warmline.sync.account_models import ChangeReport, ChangesSeen, ReportIntake
from warmline.sync.engine.idle_check import IDLE_FOR
from warmline.sync.engine.reconciler import Engine
from warmline.sync.models import Company, DirectoryState
from warmline.sync.policy import Policy
from warmline.sync.reconcile.change_polling import SPARING
from warmline.sync.remote import reconcile_first

EVERY = timedelta(minutes=15)
FEW = 4  # statements: connection, company, and what may wait
pytestmark = pytest.mark.django_db


@pytest.fixture
def idle(pipedrive: Pipedrive, policy: Policy, clock: VirtualClock, settings: Settings, alice: User) -> Bench:
    """Return an engine that has done all there was to do, and was just asked."""
    settings.PIPEDRIVE_API_TOKEN = "sandbox-token"
    bench = Bench(Engine(pipedrive, policy, clock, Random(7), poll_every=EVERY), clock, policy, pipedrive)
    larkspur = OrganizationDetails("Larkspur Mills")
    add_contact(alice, name="Robin Vale", email="robin@example.com", organization=larkspur, warmness_score=9)
    bench.settle(20)
    assert not bench.engine.has_housekeeping()
    return bench


def report() -> None:
    """Have Pipedrive report something."""
    ChangeReport.objects.create(key="k", kind="person", record_id=1, data={}, at=database_time.now())


def gap() -> None:
    """Have reports been lost."""
    ReportIntake.objects.create(pk=1, gap_since=database_time.now())


@pytest.mark.parametrize(
    "come_up",
    [
        report,
        gap,
        lambda: reconcile_first.begin(reconcile_first.RESTORED),
        lambda: ChangesSeen.objects.filter(kind="person").delete(),
        lambda: DirectoryState.objects.filter(kind="person").update(is_full=False),
        lambda: Company.objects.update(generation=7),
    ],
    ids=["report", "gap", "link check", "look at changes", "page to list", "another company"],
)
def test_what_comes_up_is_seen_at_once(idle: Bench, come_up: Callable[[], object]) -> None:
    """Whatever comes up makes the engine look more closely."""
    come_up()
    idle.clock.sleep(SPARING)
    assert idle.engine.has_housekeeping()


def test_nothing_to_do_costs_a_few_statements(idle: Bench) -> None:
    """The usual second costs few statements."""
    with CaptureQueriesContext(connection) as seen:
        assert not idle.engine.has_housekeeping()
    assert len(seen) <= FEW, [query["sql"] for query in seen]


def test_after_a_while_the_precise_answers_are_asked_for(idle: Bench) -> None:
    """What the short answer cannot see is seen later."""
    idle.clock.sleep(IDLE_FOR)
    with CaptureQueriesContext(connection) as seen:
        assert not idle.engine.has_housekeeping()
    assert len(seen) > FEW


def test_the_time_for_a_look_comes(idle: Bench) -> None:
    """The next look at changes is due by the clock alone."""
    idle.clock.sleep(EVERY.total_seconds())
    idle.engine.has_housekeeping()  # the precise answer; from now on the short one again
    assert idle.engine.has_housekeeping()
