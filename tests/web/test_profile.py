"""One's own profile, and one's API tokens."""

import re

import pytest
from django.test import Client
from pytest_django import Settings
from web.pages import look

from warmline.crm.tokens import ApiToken, issue
from warmline.crm.users import User
from warmline.environment_values import EmailServer


def test_name_and_time_zone(bobs: Client, bob: User) -> None:
    """They are saved; the e-mail and the role are not one's own to change."""
    data = {"name": "Bobby", "time_zone": "Asia/Tokyo", "email": "x@example.com", "is_admin": "on"}
    assert "Profile saved." in look(bobs.post("/profile", data, follow=True))
    bob.refresh_from_db()
    assert (bob.name, bob.time_zone, bob.email, bob.is_admin) == ("Bobby", "Asia/Tokyo", "bob@example.com", False)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"name": " ", "time_zone": "UTC"}, "Enter the name."),
        ({"name": "Bob\nby", "time_zone": "UTC"}, "must not contain line breaks"),
        ({"name": "Bob", "time_zone": "Mars/Base"}, "Choose one of the listed options for “Time zone”."),
    ],
)
def test_what_is_refused(bobs: Client, bob: User, data: dict[str, str], says: str) -> None:
    """Beside the field, and nothing is saved."""
    html = look(bobs.post("/profile", data))
    assert says in html
    bob.refresh_from_db()
    assert (bob.name, bob.time_zone) == ("Bob", "Europe/Berlin")


def test_a_zone_that_is_not_in_the_list(bobs: Client, bob: User) -> None:
    """It stays chosen."""
    User.objects.filter(pk=bob.pk).update(time_zone="Etc/GMT-3")
    assert '<option value="Etc/GMT-3" selected>' in look(bobs.get("/profile"))


def test_a_token(bobs: Client, bob: User) -> None:
    """It is shown once, opens the API, says when it was used, and opens nothing once it is revoked."""
    made = bobs.post("/profile/tokens", {"token-name": "the report"})
    assert (made.status_code, made["Location"]) == (302, "/profile")  # a reload makes no second one
    html = look(bobs.get("/profile"))
    (token,) = re.findall(r'value="(wl_\S+)"', html)
    html = look(bobs.get("/profile"))
    assert token not in html
    assert "the report" in html
    assert "never used" in html
    headers = {"Authorization": f"Bearer {token}"}
    assert Client().get("/api/contacts", headers=headers).status_code == 200
    assert "last used" in look(bobs.get("/profile"))
    path = f"/profile/tokens/{ApiToken.objects.get().pk}/revoke"
    assert bobs.get(path).status_code == 302
    assert "Token revoked." in look(bobs.post(path, follow=True))
    assert Client().get("/api/contacts", headers=headers).status_code == 401


def test_a_token_without_a_name(bobs: Client) -> None:
    """It is asked for, and nothing is made."""
    assert "Enter the purpose." in look(bobs.post("/profile/tokens", {"token-name": " "}))
    assert not ApiToken.objects.exists()


def test_anothers_token(alices: Client, bob: User) -> None:
    """It is neither seen nor revoked, not even by an admin."""
    issue(bob, "Bob's own")
    assert "Bob&#x27;s own" not in look(alices.get("/profile"))
    alices.post(f"/profile/tokens/{ApiToken.objects.get().pk}/revoke")
    assert ApiToken.objects.exists()


def test_the_morning_mail(bobs: Client, bob: User, settings: Settings) -> None:
    """It can be chosen where e-mail is sent; where none is, saving the rest leaves the choice as it is."""
    name = {"name": "Bob", "time_zone": "UTC"}
    assert "Morning e-mail" not in look(bobs.get("/profile"))
    settings.EMAIL = EmailServer("mail.example.com", 25, "", "", starttls=False, tls=False, sender="w@example.com")
    assert "Morning e-mail" in look(bobs.get("/profile"))
    bobs.post("/profile", {**name, "morning_mail": "on"})
    bob.refresh_from_db()
    assert bob.morning_mail
    settings.EMAIL = None
    bobs.post("/profile", name)
    bob.refresh_from_db()
    assert bob.morning_mail
