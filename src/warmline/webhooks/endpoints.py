"""What an admin does with endpoints: adds them, switches them on and off, and has something sent again."""

import base64
import secrets
from collections.abc import Sequence

from django.core.exceptions import ValidationError
from django.db import transaction

from warmline import database_time
from warmline.sync import credentials
from warmline.webhooks import waking
from warmline.webhooks.models import URL_LENGTH, Delivery, DeliveryState, Endpoint, Event
from warmline.webhooks.sending import what_is_wrong

SECRET_BYTES = 32
MOST = 50  # endpoints
BY_HAND = "An admin switched it off."


def add(url: str, events: Sequence[str]) -> tuple[Endpoint, str]:
    """Add an endpoint.

    Args:
        url: Where it listens.
        events: Which of Event it is told.

    Returns:
        The endpoint, and the secret with which its deliveries are signed. It is shown only now.

    Raises:
        ValidationError: When something is not valid.
    """
    if wrong := ("This is too long." if len(url) > URL_LENGTH else what_is_wrong(url)):
        raise ValidationError({"url": wrong})
    if not events or not set(events) <= set(Event.values):
        raise ValidationError({"events": f"Choose at least one of {', '.join(Event.values)}."})
    if Endpoint.objects.count() >= MOST:
        raise ValidationError({"url": f"There are {MOST} endpoints already. Delete one that is not used any more."})
    secret = f"whsec_{base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()}"
    chosen = [event for event in Event.values if event in set(events)]
    return Endpoint.objects.create(url=url, events=chosen, secret=credentials.encrypted(secret)), secret


def switch_off(endpoint: Endpoint, because: str) -> None:
    """Tell an endpoint nothing more; what waited for it is given up.

    Args:
        endpoint: Which.
        because: Why, in words for an admin.
    """
    with transaction.atomic():
        Endpoint.objects.filter(pk=endpoint.pk).update(off_because=because)
        waiting = Delivery.objects.filter(endpoint=endpoint, state=DeliveryState.WAITING)
        waiting.update(state=DeliveryState.GIVEN_UP)


def switch_on(endpoint: Endpoint) -> None:
    """Tell an endpoint what happens from now on."""
    Endpoint.objects.filter(pk=endpoint.pk).update(off_because="", failing_since=None, failures=0, paused_until=None)


def send_again(delivery: Delivery) -> None:
    """Send something again that was delivered or given up: once more, with the same message id.

    Args:
        delivery: What.
    """
    now = database_time.now()
    done = Delivery.objects.filter(pk=delivery.pk).exclude(state=DeliveryState.WAITING)
    if done.update(state=DeliveryState.WAITING, wanted_at=now, next_at=now, attempts=0):
        Endpoint.objects.filter(pk=delivery.endpoint_id).update(paused_until=None)
        transaction.on_commit(waking.wake)
