"""The cast of the pages' tests: Alice is an admin, Bob a member in Berlin; each has a browser and has signed in."""

import pytest
from django.test import Client
from web.pages import PASSWORD

from warmline.crm.users import User


@pytest.fixture
def alice(db: None) -> User:
    """Return Alice, who is an admin."""
    return User.objects.create_user("alice@example.com", "Alice", PASSWORD, is_admin=True, time_zone="UTC")


@pytest.fixture
def bob(db: None) -> User:
    """Return Bob, a member in Berlin."""
    return User.objects.create_user("bob@example.com", "Bob", PASSWORD, time_zone="Europe/Berlin")


@pytest.fixture
def alices(alice: User) -> Client:
    """Return Alice's browser."""
    return _browser(alice)


@pytest.fixture
def bobs(bob: User) -> Client:
    """Return Bob's browser."""
    return _browser(bob)


def _browser(user: User) -> Client:
    client = Client()
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    return client
