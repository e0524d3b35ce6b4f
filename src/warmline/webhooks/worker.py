"""Delivers what is to be told. Each worker takes one endpoint at a time, and no two the same one.

The right to deliver to an endpoint is a conditional UPDATE whose row count says who has won; it expires, so a worker
that dies holds nobody up. What a worker could not store is sent once more: at least once, and never not at all.
"""

import logging
import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from standardwebhooks import Webhook

from warmline import database_time
from warmline.crm.users import User
from warmline.supervision import Loop
from warmline.sync import credentials, notifications, wakeups
from warmline.sync.models import NotificationKind
from warmline.webhooks import schedule, waking
from warmline.webhooks.endpoints import switch_off
from warmline.webhooks.models import Delivery, DeliveryState, Endpoint
from warmline.webhooks.sending import Answer, NotSentError, post

log = logging.getLogger(__name__)

WORKERS = 2  # endpoints that are delivered to side by side
LOOK = 2.0  # seconds between two looks when nobody wakes them
HELD = timedelta(seconds=60)  # how long an endpoint is held for one delivery, which takes a quarter of it at most
IN_A_ROW = 100  # deliveries to one endpoint before others have their turn
SHOWN = 500  # characters of an answer that are kept
UNREADABLE = "Its secret cannot be read with the present secret key. Delete the endpoint and add it anew."


@contextmanager
def running(workers: int = WORKERS, look: float = LOOK) -> Iterator[None]:
    """Have the workers of this process deliver while the block runs.

    Args:
        workers: How many endpoints are delivered to side by side.
        look: Seconds between two looks when nobody wakes them.
    """
    with ExitStack() as stack:
        wakeups.listen(waking.wake)
        stack.callback(wakeups.stop_listening, waking.wake)
        for number in range(workers):
            stack.enter_context(Loop(f"webhooks-{number}", partial(_turn, look), wake=waking.wake))
        yield


def _turn(look: float) -> None:
    waking.WANTED.wait(look)
    waking.WANTED.clear()
    deliver_due()


def deliver_due() -> int:
    """Deliver what is due to the endpoints that nobody else delivers to; return how much was tried."""
    tried = 0
    me = uuid4()
    now = database_time.now()
    waiting = Delivery.objects.filter(_is_due(now), endpoint=OuterRef("pk"), state=DeliveryState.WAITING)
    for pk in list(_free(now).filter(Exists(waiting)).order_by("pk").values_list("pk", flat=True)):
        if not _hold(pk, me):
            continue
        try:
            tried += _deliver_to(pk, me)
        finally:
            Endpoint.objects.filter(pk=pk, busy_by=me).update(busy_until=None, busy_by=None)
    return tried


def _free(now: datetime) -> QuerySet[Endpoint]:
    # What lies further ahead than it can is of a clock that was wrong, and holds nobody up.
    is_held = Q(busy_until__range=(now, now + HELD))
    is_paused = Q(paused_until__range=(now, now + schedule.LONGEST_PAUSE))
    return Endpoint.objects.filter(off_because="").exclude(is_held).exclude(is_paused)


def _hold(pk: int, me: UUID) -> bool:
    now = database_time.now()
    mine = Endpoint.objects.filter(pk=pk, busy_by=me)
    if mine.update(busy_until=now + HELD):
        return True
    return bool(_free(now).filter(pk=pk).update(busy_until=now + HELD, busy_by=me))


def _deliver_to(pk: int, me: UUID) -> int:
    """Deliver to one endpoint what is due, until it does not answer or others are to have their turn."""
    for number in range(IN_A_ROW):
        endpoint = Endpoint.objects.filter(pk=pk, off_because="").first()
        delivery = None if endpoint is None else next_due(endpoint, database_time.now())
        if endpoint is None or delivery is None or not _hold(pk, me):
            return number
        if not _deliver(endpoint, delivery):
            return number + 1
    waking.wake()
    return IN_A_ROW


def next_due(endpoint: Endpoint, now: datetime) -> Delivery | None:
    """Return what is delivered next to an endpoint; what is about one record goes in order.

    Args:
        endpoint: Which.
        now: Tells what is due.
    """
    waiting = Delivery.objects.filter(endpoint=endpoint, state=DeliveryState.WAITING)
    earlier = waiting.filter(record=OuterRef("record"), pk__lt=OuterRef("pk"))
    return waiting.filter(_is_due(now)).exclude(Exists(earlier)).order_by("next_at", "pk").first()


def _is_due(now: datetime) -> Q:
    """Return what is due. A first attempt never waits, and no other for over an hour: then a clock was wrong."""
    return Q(next_at__lte=now) | Q(attempts=0) | Q(next_at__gt=now + schedule.LONGEST * 2)


def _deliver(endpoint: Endpoint, delivery: Delivery) -> bool:
    """Make one attempt, and write down what came of it; tell whether the receiver answered at all."""
    try:
        answer = _send(endpoint, delivery)
    except NotSentError as error:
        _failed(endpoint, delivery, None, str(error))
        return False
    if answer.is_good:
        _delivered(endpoint, delivery, answer)
    else:
        _failed(endpoint, delivery, answer, "")
    return True


def _send(endpoint: Endpoint, delivery: Delivery) -> Answer:
    secret = credentials.decrypted(endpoint.secret)
    if not secret:
        raise NotSentError(UNREADABLE)
    now = database_time.now()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Warmline",
        "webhook-id": delivery.message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(delivery.message_id, now, delivery.payload),
    }
    return post(endpoint.url, headers, delivery.payload.encode(), private=settings.WEBHOOKS_PRIVATE)


def _delivered(endpoint: Endpoint, delivery: Delivery, answer: Answer) -> None:
    _store(delivery, state=DeliveryState.DELIVERED, status=answer.status, answer=answer.text[:SHOWN], error="")
    failing = Endpoint.objects.filter(pk=endpoint.pk).exclude(failing_since=None, failures=0)
    failing.update(failing_since=None, failures=0, paused_until=None)


def _failed(endpoint: Endpoint, delivery: Delivery, answer: Answer | None, error: str) -> None:
    now = database_time.now()
    jitter = random.random()  # noqa: S311 (spreads waits)
    after = schedule.after_failure(delivery.attempts + 1, delivery.wanted_at, now, jitter)
    status = None if answer is None else answer.status
    log.info("webhooks.failed endpoint=%s delivery=%s status=%s error=%s", endpoint.pk, delivery.pk, status, error)
    with transaction.atomic():
        _store(
            delivery,
            state=DeliveryState.GIVEN_UP if after.at is None else DeliveryState.WAITING,
            next_at=after.at or now,
            status=status,
            answer="" if answer is None else answer.text[:SHOWN],
            error=error,
        )
        failures = endpoint.failures + 1 if answer is None else 0
        since = endpoint.failing_since or now
        paused = now + schedule.pause(failures) if failures else None
        Endpoint.objects.filter(pk=endpoint.pk).update(failing_since=since, failures=failures, paused_until=paused)
        if schedule.is_to_be_switched_off(status, since, now):
            _switch_off(endpoint, status, now)


def _store(delivery: Delivery, **values: object) -> None:
    Delivery.objects.filter(pk=delivery.pk).update(attempts=F("attempts") + 1, tried_at=database_time.now(), **values)


def _switch_off(endpoint: Endpoint, status: int | None, now: datetime) -> None:
    why = "It answered that it is gone (410)." if status == schedule.GONE else "Nothing has reached it for three days."
    switch_off(endpoint, why)
    text = f"The webhook to {endpoint.url} was switched off. {why} Switch it on again under Settings, Webhooks."
    for admin in User.objects.filter(is_admin=True, is_active=True):
        notifications.tell(NotificationKind.WEBHOOK_OFF, text, now=now, user=admin)
