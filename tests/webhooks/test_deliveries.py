"""Deliveries: each event at least once, in order per record, whatever the receiver does."""

import json
import random
from datetime import timedelta
from threading import Event as Flag

import pytest
from api.caller import Caller
from django.db import transaction
from django.utils import timezone
from webhooks.receiver import Behaviour, Receiver, Request, listening

from warmline.crm import book
from warmline.crm.imports import bulk
from warmline.crm.models import Contact
from warmline.crm.retention import sweep
from warmline.crm.users import User
from warmline.sync import happenings
from warmline.sync.happenings import What
from warmline.sync.models import Notification, NotificationKind
from warmline.webhooks import endpoints, schedule, sending, worker
from warmline.webhooks.models import Delivery, DeliveryState, Endpoint, Event
from warmline.webhooks.recording import record

pytestmark = pytest.mark.django_db(transaction=True)


def at_once() -> None:
    """Make all that waits due now, as if its time had come."""
    Delivery.objects.filter(state=DeliveryState.WAITING).update(next_at=timezone.now())
    Endpoint.objects.update(paused_until=None)


def test_what_is_told_of_a_contact(alice: User, endpoint: Endpoint, receiver: Receiver) -> None:
    """That it became warm, by whichever way; the signature is verified by the library."""
    dana = book.add_contact(alice, name="Dana", email="dana@example.org", warmness_score=5)
    eli = book.add_contact(alice, name="Eli", warmness_score=3)
    book.change_contact(eli, {"warmness_score": 4})
    book.change_contact(eli, {"warmness_score": 9})
    list(bulk.import_contacts(alice, [{"name": "Fay", "warmness_score": 8}, {"name": "Gus"}]))
    assert worker.deliver_due() == 3
    fay = Contact.objects.get(name="Fay")
    assert receiver.events == [("contact.warm", row.pk) for row in (dana, eli, fay)]
    payload = receiver.good[0][1]
    assert payload["timestamp"].endswith("Z")
    assert payload["data"] == {
        "id": dana.pk,
        "name": "Dana",
        "email": "dana@example.org",
        "emails": [{"value": "dana@example.org", "label": "work"}],
        "phones": [],
        "warmness_score": 5,
        "owner": "alice@example.com",
        "pipedrive_person_id": None,
        "external_ids": [],
    }
    assert worker.deliver_due() == 0


def test_who_pushes_a_lead_knows_it_again(alice: User, endpoint: Endpoint) -> None:
    """That it became warm is told with the program's own id, also of one that is new."""
    caller = Caller(alice)
    caller.put("/contacts/external/web/1", {"name": "Dana", "warmness_score": 9})
    caller.put("/contacts/external/web/2", {"name": "Eli"})
    caller.put("/contacts/external/web/2", {"name": "Eli", "warmness_score": 9})
    told = [json.loads(each.payload)["data"]["external_ids"] for each in Delivery.objects.order_by("pk")]
    assert told == [[{"source": "web", "id": "1"}], [{"source": "web", "id": "2"}]]


def test_it_is_stored_with_what_happened(alice: User, endpoint: Endpoint) -> None:
    """What is rolled back is told to nobody."""
    with pytest.raises(RuntimeError), transaction.atomic():
        book.add_contact(alice, name="Dana", warmness_score=5)
        raise RuntimeError
    assert not Delivery.objects.exists()


def test_only_what_it_wants_to_know(alice: User, receiver: Receiver) -> None:
    """And nothing while it is off."""
    made, receiver.secret = endpoints.add(receiver.url, ["connection.lost"])
    book.add_contact(alice, name="Dana", warmness_score=5)
    happenings.tell(What.CONNECTION_LOST, state="down", message="m")
    endpoints.switch_off(made, endpoints.BY_HAND)
    happenings.tell(What.CONNECTION_LOST, state="down", message="n")
    assert list(Delivery.objects.values_list("event", "state")) == [("connection.lost", "given_up")]
    endpoints.switch_on(made)
    happenings.tell(What.CONNECTION_LOST, state="down", message="o")
    worker.deliver_due()
    assert [payload["data"]["message"] for _, payload in receiver.good] == ["o"]


def test_a_failure_is_tried_again(alice: User, endpoint: Endpoint, receiver: Receiver) -> None:
    """With the same message id, later each time; what came back is kept, cut."""
    receiver.behave = lambda request: request.answer(500, "x" * 1000)
    book.add_contact(alice, name="Dana", warmness_score=5)
    assert worker.deliver_due() == 1
    assert worker.deliver_due() == 0
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.attempts, delivery.status) == ("waiting", 1, 500)
    assert delivery.answer == "x" * worker.SHOWN
    assert delivery.next_at > timezone.now()
    receiver.behave = lambda request: request.answer(200)
    at_once()
    worker.deliver_due()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts, delivery.status) == ("delivered", 2, 200)
    assert {message for message, _ in receiver.seen} == {delivery.message_id}


@pytest.mark.parametrize(("attempts", "hours"), [(0, 1), (0, 48), (1, 3), (9, 48)])
def test_a_clock_that_was_ahead_holds_nothing_up(
    alice: User, endpoint: Endpoint, receiver: Receiver, attempts: int, hours: int
) -> None:
    """The first attempt waits for nothing, and no other for longer than it ever has to."""
    book.add_contact(alice, name="Dana", warmness_score=5)
    later = timezone.now() + timedelta(hours=hours)
    Delivery.objects.update(next_at=later, wanted_at=later, attempts=attempts)
    assert worker.deliver_due() == len(receiver.good) == 1


def test_what_is_about_one_record_waits_and_the_rest_does_not(endpoint: Endpoint, receiver: Receiver) -> None:
    """Until it is delivered or given up."""
    for record_id, number in ((1, 1), (1, 2), (2, 3), (1, 4)):
        record(Event.CONTACT_SYNCED, f"contact:{record_id}", {"id": number})
    receiver.behave = lambda request: request.answer(500 if b'"id":1}' in request.body else 204, "")
    worker.deliver_due()
    assert [payload["data"]["id"] for _, payload in receiver.seen] == [1, 3]
    Delivery.objects.filter(pk=Delivery.objects.order_by("pk")[0].pk).update(
        wanted_at=timezone.now() - schedule.GIVEN_UP_AFTER
    )
    at_once()
    worker.deliver_due()
    at_once()
    worker.deliver_due()
    assert [payload["data"]["id"] for _, payload in receiver.seen] == [1, 3, 1, 2, 4]
    assert Delivery.objects.order_by("pk")[0].state == DeliveryState.GIVEN_UP


def test_who_hangs_holds_up_nobody_else(
    endpoint: Endpoint, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is cut off, left alone for a while, and others are told meanwhile."""
    monkeypatch.setattr(sending, "WHOLE", 3.0)
    over = Flag()

    def hang(request: Request) -> None:
        over.wait(60)
        raise ConnectionAbortedError

    receiver.behave = hang
    with listening(Receiver()) as other:
        _, other.secret = endpoints.add(other.url, Event.values)
        for number in range(3):
            record(Event.CONTACT_SYNCED, f"contact:{number}", {"id": number})
        worker.deliver_due()
        over.set()
        assert len(other.good) == 3
    assert len(receiver.seen) == 1
    endpoint.refresh_from_db()
    assert (endpoint.failures, endpoint.paused_until is not None) == (1, True)
    assert worker.deliver_due() == 0


def test_each_at_least_once_in_order_per_record(
    endpoint: Endpoint, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A receiver that fails, hangs, answers late, hangs up and dies gets all, in order per record."""
    monkeypatch.setattr(sending, "WHOLE", 0.2)
    chance = random.Random(1)
    over = Flag()

    def late(request: Request) -> None:
        over.wait(0.3)  # beyond what is waited for: it was taken, and is sent once more
        request.answer(204, "")

    def die(request: Request) -> None:
        raise ConnectionAbortedError

    def fail(request: Request) -> None:
        request.answer(503)

    def take(request: Request) -> None:
        request.answer(204, "")

    deeds: list[Behaviour] = [fail, late, die, *[take] * 4]
    receiver.behave = lambda request: chance.choice(deeds)(request)  # noqa: PLW0108 (chosen each time)
    wanted: dict[str, list[int]] = {}
    for number in range(30):
        name = f"contact:{chance.randrange(5)}"
        wanted.setdefault(name, []).append(number)
        record(Event.CONTACT_SYNCED, name, {"id": number, "record": name})
    for _ in range(20):
        at_once()
        worker.deliver_due()
    receiver.behave = take
    while Delivery.objects.filter(state=DeliveryState.WAITING).exists():
        at_once()
        worker.deliver_due()
    told = _first_times(receiver)
    assert told == wanted
    assert receiver.bad == 0
    assert set(Delivery.objects.values_list("state", flat=True)) == {"delivered"}


def test_a_receiver_that_is_not_there(endpoint: Endpoint, receiver: Receiver) -> None:
    """It gets what it missed once it is back."""
    with listening(Receiver()) as other:
        made, other.secret = endpoints.add(other.url, Event.values)
    record(Event.CONTACT_SYNCED, "contact:1", {"id": 1})
    worker.deliver_due()
    lost = Delivery.objects.get(endpoint=made)
    assert (lost.status, lost.state) == (None, "waiting")
    assert lost.error.startswith("The connection failed")
    with listening(other):
        at_once()
        worker.deliver_due()
    assert len(other.good) == 1


def test_a_worker_that_dies_holds_nobody_up(endpoint: Endpoint, receiver: Receiver) -> None:
    """Its right expires; so does one of a clock that was ahead."""
    record(Event.CONTACT_SYNCED, "contact:1", {"id": 1})
    now = timezone.now()
    Endpoint.objects.update(busy_until=now + timedelta(seconds=30))
    assert worker.deliver_due() == 0
    for until in (now - timedelta(seconds=1), now + timedelta(days=365)):
        Endpoint.objects.update(busy_until=until)
        Delivery.objects.update(state=DeliveryState.WAITING)
        assert worker.deliver_due() == 1


@pytest.mark.parametrize(
    ("status", "failing_for", "why"), [(410, timedelta(0), "gone"), (500, schedule.OFF_AFTER, "three days")]
)
def test_it_is_switched_off_with_a_notice(
    alice: User, endpoint: Endpoint, receiver: Receiver, status: int, failing_for: timedelta, why: str
) -> None:
    """Admins are told, and what waits is given up; one that works again starts afresh."""
    receiver.behave = lambda request: request.answer(status)
    Endpoint.objects.update(failing_since=timezone.now() - failing_for)
    for number in range(2):
        record(Event.CONTACT_SYNCED, f"contact:{number}", {"id": number})
    worker.deliver_due()
    endpoint.refresh_from_db()
    assert why in endpoint.off_because
    assert set(Delivery.objects.values_list("state", flat=True)) == {"given_up"}
    notice = Notification.objects.get()
    assert (notice.user, notice.kind) == (alice, NotificationKind.WEBHOOK_OFF)
    assert endpoint.url in notice.text


def test_one_that_works_again(endpoint: Endpoint, receiver: Receiver) -> None:
    """Its failures count no more."""
    Endpoint.objects.update(failing_since=timezone.now() - timedelta(days=2), failures=4)
    record(Event.CONTACT_SYNCED, "contact:1", {"id": 1})
    worker.deliver_due()
    endpoint.refresh_from_db()
    assert (endpoint.failing_since, endpoint.failures) == (None, 0)


def test_send_again(endpoint: Endpoint, receiver: Receiver) -> None:
    """Once more, with the same id; what waits already is not doubled."""
    record(Event.CONTACT_SYNCED, "contact:1", {"id": 1})
    delivery = Delivery.objects.get()
    endpoints.send_again(delivery)
    worker.deliver_due()
    endpoints.send_again(delivery)
    worker.deliver_due()
    assert [message for message, _ in receiver.good] == [delivery.message_id] * 2


def test_secrets_are_kept_to_themselves(endpoint: Endpoint, receiver: Receiver) -> None:
    """What is stored opens nothing, and with another secret key nothing is sent."""
    assert receiver.secret.startswith("whsec_")
    assert receiver.secret not in "".join(map(repr, [endpoint, endpoint.__dict__]))
    Endpoint.objects.update(secret="unreadable")
    record(Event.CONTACT_SYNCED, "contact:1", {"id": 1})
    worker.deliver_due()
    assert Delivery.objects.get().error == worker.UNREADABLE
    assert not receiver.seen


def test_what_is_done_is_forgotten_after_a_month(endpoint: Endpoint, receiver: Receiver) -> None:
    """What waits is not."""
    for number in range(2):
        record(Event.CONTACT_SYNCED, f"contact:{number}", {"id": number})
    Delivery.objects.filter(record="contact:0").update(state=DeliveryState.DELIVERED)
    sweep(timezone.now() + timedelta(days=31))
    assert [each.record for each in Delivery.objects.all()] == ["contact:1"]


def test_the_workers_of_a_process(endpoint: Endpoint, receiver: Receiver) -> None:
    """They deliver by themselves what is stored while they run."""
    came = Flag()

    def answer(request: Request) -> None:
        request.answer(204, "")
        came.set()

    receiver.behave = answer
    with worker.running():
        record(Event.CONTACT_SYNCED, "contact:1", {"id": 1})
        assert came.wait(60)


def test_what_is_no_endpoint(db: None) -> None:
    """An address that cannot be one, or no event."""
    for url, events in (("nowhere", ["contact.warm"]), ("https://example.com", []), ("https://example.com", ["x"])):
        with pytest.raises(Exception, match=r"url|events"):
            endpoints.add(url, events)


def _first_times(receiver: Receiver) -> dict[str, list[int]]:
    """Return what came about each record, in the order in which it came for the first time."""
    told: dict[str, list[int]] = {}
    for _, payload in receiver.seen:
        numbers = told.setdefault(payload["data"]["record"], [])
        if payload["data"]["id"] not in numbers:
            numbers.append(payload["data"]["id"])
    return told
