"""The members of the team."""

import pytest
from django.core.exceptions import ValidationError
from pytest_django import Settings

from warmline.crm.users import User


@pytest.mark.parametrize(
    ("email", "name", "zone", "field"),
    [
        ("ALICE@example.com", "Another Alice", "UTC", "email"),
        ("alice@example.com", "Another Alice", "UTC", "email"),
        ("not an e-mail", "Bob", "UTC", "email"),
        ("bob\ud800@example.com", "Bob", "UTC", "email"),
        ("", "Bob", "UTC", "email"),
        ("bob@example.com", " ", "UTC", "name"),
        ("bob@example.com", "Bob\n", "Europe/Nowhere", "time_zone"),
        ("bob@example.com", "Bo\x00b", "UTC", "name"),
    ],
)
def test_a_user_who_cannot_be(alice: User, email: str, name: str, zone: str, field: str) -> None:
    """The error names the one field that is wrong, and nobody is added."""
    with pytest.raises(ValidationError) as caught:
        User.objects.create_user(email, name, time_zone=zone)
    assert list(caught.value.error_dict) == [field]
    assert len(caught.value.messages) == 1
    assert User.objects.get() == alice


def test_a_user_is_found_by_e_mail(alice: User) -> None:
    """Whatever its case, and nobody without one."""
    assert User.objects.get_by_natural_key("Alice@EXAMPLE.com") == alice
    with pytest.raises(User.DoesNotExist):
        User.objects.get_by_natural_key(None)


def test_the_password_is_not_kept(alice: User) -> None:
    """Only a hash of it; without a password nobody can sign in with one."""
    bob = User.objects.create_user("bob@example.com", "Bob", "a-long-enough-password")
    assert bob.check_password("a-long-enough-password")
    assert "a-long-enough-password" not in bob.password
    assert not alice.has_usable_password()


def test_the_time_zone_of_who_names_none(db: None, settings: Settings) -> None:
    """It is that of the settings at that moment."""
    settings.DEFAULT_TIME_ZONE = "Asia/Tokyo"
    assert str(User.objects.create_user("bob@example.com", "Bob").zone) == "Asia/Tokyo"
