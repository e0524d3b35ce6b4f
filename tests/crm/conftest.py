"""The cast of the contact book's tests: Alice in UTC, with a contact, Jordan."""

import pytest

from warmline.crm.book import add_contact
from warmline.crm.models import Contact
from warmline.crm.users import User


@pytest.fixture
def alice(db: None) -> User:
    """Return Alice."""
    return User.objects.create_user("alice@example.com", "Alice", time_zone="UTC")


@pytest.fixture
def jordan(alice: User) -> Contact:
    """Return Jordan, who is cold."""
    return add_contact(alice, name="Jordan Ames", email="jordan@example.com", phone="+49 30 5550100", warmness_score=2)
