"""The cast of the API's tests: Alice is an admin, Bob and Charlie are members; each calls with a token of their own."""

import pytest
from api.caller import Caller

from warmline.crm.users import User


@pytest.fixture
def alice(db: None) -> Caller:
    """Return Alice, who is an admin."""
    return Caller(User.objects.create_user("alice@example.com", "Alice", is_admin=True, time_zone="UTC"))


@pytest.fixture
def bob(db: None) -> Caller:
    """Return Bob, a member in Berlin."""
    return Caller(User.objects.create_user("bob@example.com", "Bob", time_zone="Europe/Berlin"))


@pytest.fixture
def charlie(db: None) -> Caller:
    """Return Charlie, another member."""
    return Caller(User.objects.create_user("charlie@example.com", "Charlie", time_zone="UTC"))
