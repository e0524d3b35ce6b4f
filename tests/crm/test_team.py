"""The team: roles, leaving, and that an admin is always left."""

import pytest
from django.core.exceptions import ValidationError

from warmline.crm import team
from warmline.crm.book import add_contact
from warmline.crm.models import Contact
from warmline.crm.users import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> User:
    """Return Alice, the only admin."""
    return User.objects.create_user("alice@example.com", "Alice", is_admin=True)


@pytest.fixture
def bob() -> User:
    """Return Bob, a member."""
    return User.objects.create_user("bob@example.com", "Bob")


@pytest.mark.parametrize("changes", [{"is_admin": False}, {"is_active": False}])
def test_the_last_admin_stays(alice: User, bob: User, changes: dict[str, bool]) -> None:
    """An inactive one does not count; with another one, the first may go."""
    User.objects.create_user("carol@example.com", "Carol", is_admin=True, is_active=False)
    with pytest.raises(ValidationError, match="only admin"):
        team.change_member(alice, **changes)
    alice.refresh_from_db()
    assert (alice.is_admin, alice.is_active) == (True, True)
    team.change_member(bob, is_admin=True)
    team.change_member(alice, **changes)


def test_leaving(alice: User, bob: User) -> None:
    """The contacts go to the heir; without one they stay."""
    add_contact(bob, name="Dana Diaz")
    assert team.deactivate(bob, None) == 0
    assert Contact.objects.get().owner == bob
    assert team.deactivate(bob, alice) == 1
    assert Contact.objects.get().owner == alice
    assert not User.objects.get(pk=bob.pk).is_active


def test_the_last_admin_hands_nothing_over(alice: User, bob: User) -> None:
    """Where leaving is refused, nothing was done."""
    add_contact(alice, name="Dana Diaz")
    with pytest.raises(ValidationError):
        team.deactivate(alice, bob)
    assert Contact.objects.get().owner == alice


def test_a_name_that_is_none(bob: User) -> None:
    """It is refused as when a member is made."""
    with pytest.raises(ValidationError):
        team.change_member(bob, name=" ")
