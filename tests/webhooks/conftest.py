"""What the webhooks' tests share: Alice, an admin, and a receiver on this machine."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings
from webhooks.receiver import Receiver, listening

from warmline.crm.users import User
from warmline.webhooks import endpoints
from warmline.webhooks.models import Endpoint, Event


@pytest.fixture
def alice(db: None) -> User:
    """Return Alice, who is an admin."""
    return User.objects.create_user("alice@example.com", "Alice", is_admin=True, time_zone="UTC")


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    """Return a receiver that listens."""
    settings.WEBHOOKS_PRIVATE = True
    with listening(Receiver()) as made:
        yield made


@pytest.fixture
def endpoint(db: None, receiver: Receiver) -> Endpoint:
    """Return the endpoint of the receiver, which wants to know everything."""
    made, receiver.secret = endpoints.add(receiver.url, Event.values)
    return made
