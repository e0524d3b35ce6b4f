"""A worker stands still between Pipedrive's answer and what it stores, until its lease has ended: it stores nothing."""

from collections.abc import Callable
from datetime import timedelta
from random import Random

import httpx
import pytest
from bench_engine import Bench
from django.db.models import F
from meddler import Meddler

from warmline.crm.activities import Activity
from warmline.crm.book import OrganizationDetails, add_contact, change_contact, log_activity
from warmline.crm.models import Contact
from warmline.crm.users import User
from warmline.sandbox import World
from warmline.sync.engine.reconciler import Engine
from warmline.sync.leases import LIFETIME
from warmline.sync.models import Attempt, Intent, Lease, Notification

pytestmark = pytest.mark.django_db

MILLS = OrganizationDetails("Larkspur Mills")


class Standstill(httpx.BaseTransport):
    """Passes calls on, and once does something between an answer and the one who asked.

    Args:
        inner: The transport behind it.
        method: Of the call.
        path: How the call's path begins.
        deed: What is done.
    """

    def __init__(self, inner: httpx.BaseTransport, method: str, path: str, deed: Callable[[], object]) -> None:
        self._inner, self._method, self._path = inner, method, path
        self._waiting = [deed]

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Pass a call on."""
        answer = self._inner.handle_request(request)
        if self._waiting and request.method == self._method and request.url.path.startswith(self._path):
            self._waiting.pop()()
        return answer


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/v2/persons"),
        ("POST", "/api/v2/organizations"),
        ("POST", "/api/v2/activities"),
        ("PATCH", "/api/v2/persons"),
    ],
)
def test_who_comes_back_after_another_took_over_stores_nothing(
    bench: Bench, meddler: Meddler, world: World, alice: User, method: str, path: str
) -> None:
    """The other one has stored the outcome, logged it and told people; each happens once."""
    contact = add_contact(alice, name="Jordan Ames", email="a@example.com", organization=MILLS, warmness_score=7)
    if method == "PATCH":
        bench.settle()
        change_contact(contact, {"phone": "+49 30 5550100"})
    log_activity(alice, contact, type="CALL")
    before = Attempt.objects.count()
    engine = Engine(bench.pipedrive, bench.policy, bench.clock, Random(8))
    other = Bench(engine, bench.clock, bench.policy, bench.pipedrive)

    def stand_still() -> None:
        bench.clock.sleep(LIFETIME.total_seconds() + 60)
        other.settle(60)

    meddler._inner = Standstill(meddler._inner, method, path, stand_still)

    bench.settle()

    done = Attempt.objects.filter(ok=True).order_by("pk")[before:]
    rows = [(attempt.kind, attempt.row_id) for attempt in done]
    assert len(rows) == len(set(rows)) > 0
    assert Notification.objects.filter(kind="contact_synced").count() == 1
    assert Notification.objects.filter(kind="activity_synced").count() == 1
    assert (len(world.persons), len(world.organizations), len(world.activities)) == (1, 1, 1)
    assert Contact.objects.get().pipedrive_person_id in world.persons
    assert Activity.objects.get().pipedrive_activity_id in world.activities
    assert not Lease.objects.exists()


def test_a_lost_answer_says_nothing_about_another_worker_s_create(bench: Bench, meddler: Meddler, alice: User) -> None:
    """Whoever looks after that one would else believe that one look is enough."""
    add_contact(alice, name="Jordan Ames", warmness_score=7)

    def lose() -> None:
        Intent.objects.update(begun_at=F("begun_at") + timedelta(seconds=1))
        raise httpx.ReadError("lost")

    meddler._inner = Standstill(meddler._inner, "POST", "/api/v2/persons", lose)

    bench.engine.step(bench.clock.now())

    assert Intent.objects.get().uncertain_at is None
