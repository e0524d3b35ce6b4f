"""The first hour: what a new installation shows, and in which time zone people are."""

from datetime import date, time
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings
from web.pages import PASSWORD, look

from warmline.crm.book import add_contact, log_activity
from warmline.crm.users import User
from warmline.web.access.invitations import one_time_link


def test_an_admins_first_page(alices: Client, alice: User, settings: Settings) -> None:
    """It leads through what there is to do, says what will go over, and is gone once there is a connection."""
    html = look(alices.get("/"))
    assert "Warmline is not connected to Pipedrive yet" in html
    assert "<strong>0 contacts</strong>" in html
    assert all(f'href="{page}"' in html for page in ("/settings", "/import", "/settings/team/invitation"))
    assert html.count(">done<") == 0
    for name, score in (("Jordan", 4), ("Kim", 9), ("Lee", 3)):
        add_contact(alice, name=name, warmness_score=score)
    bob = User.objects.create_user("bob@example.com", "Bob")
    add_contact(bob, name="Robin", warmness_score=5)
    html = look(alices.get("/"))
    assert "<strong>3 contacts</strong>" in html
    assert html.count(">done<") == 2
    assert "Once connected, <strong>3 contacts</strong> will be sent." in look(alices.get("/settings"))
    settings.PIPEDRIVE_API_TOKEN = "sandbox-token"
    assert "not connected" not in look(alices.get("/"))
    assert "Once connected" not in look(alices.get("/settings"))


def test_a_members_first_page(bobs: Client, bob: User, alice: User) -> None:
    """It names who can connect, and counts their own contacts only."""
    add_contact(alice, name="Jordan", warmness_score=9)
    add_contact(bob, name="Kim", warmness_score=9)
    html = look(bobs.get("/"))
    assert "An admin does that: Alice." in html
    assert "<strong>1 contact</strong>" in html
    assert 'href="/settings"' not in html
    assert "Invite" not in html


@pytest.mark.parametrize(
    ("zone", "then"), [("Asia/Tokyo", "Asia/Tokyo"), ("", "Europe/Berlin"), ("Mars/Base", "")], ids=str
)
def test_who_is_invited_chooses_a_time_zone(alice: User, zone: str, then: str) -> None:
    """With the password; the page's script chooses that of the browser. Later links leave it alone."""
    bob = User.objects.create_user("bob@example.com", "Bob", time_zone="Europe/Berlin")
    client = Client()
    answer: Any = client.get(one_time_link(bob), follow=True)
    html = look(answer)
    assert '<option value="Europe/Berlin" selected>' in html
    assert "time-zone.js" in html
    path = answer.redirect_chain[-1][0]
    client.post(path, {"new_password1": PASSWORD, "new_password2": PASSWORD, "time_zone": zone})
    bob.refresh_from_db()
    assert (bob.time_zone, bob.has_usable_password()) == (then or "Europe/Berlin", bool(then))
    if then:
        again: Any = Client().get(one_time_link(bob), follow=True)
        assert "time_zone" not in look(again)


def test_the_browsers_time_zone(bobs: Client, bob: User) -> None:
    """It is taken over with one tap, which leads back to the page that offered it."""
    answer = bobs.post("/profile/time-zone", {"time_zone": "Asia/Tokyo", "page": "/contacts?q=kim"})
    assert answer["Location"] == "/contacts?q=kim"
    bob.refresh_from_db()
    assert bob.time_zone == "Asia/Tokyo"
    for page in ("//elsewhere.example", "https://elsewhere.example", "", "/\\elsewhere.example"):
        assert bobs.post("/profile/time-zone", {"time_zone": "UTC", "page": page})["Location"] == "/"
    assert bobs.post("/profile/time-zone", {"time_zone": "Mars/Base", "page": "/"})["Location"] == "/profile"
    assert "does not know this time zone" in look(bobs.get("/profile"))
    bob.refresh_from_db()
    assert bob.time_zone == "UTC"


def test_an_activity_says_in_which_zone(bobs: Client, bob: User) -> None:
    """The one in which it was planned, wherever its user is by now."""
    contact = add_contact(bob, name="Jordan")
    activity = log_activity(bob, contact, type="MEETING", due_date=date(2027, 1, 2), due_time=time(9), done=False)
    User.objects.filter(pk=bob.pk).update(time_zone="Asia/Tokyo")
    assert "As in Europe/Berlin." in look(bobs.get(f"/activities/{activity.pk}/edit"))


def test_the_first_field_of_a_new_contact_has_the_focus(bobs: Client) -> None:
    """One can type at once."""
    html = look(bobs.get("/contacts/new"))
    (name,) = [part for part in html.split("<input") if 'name="name"' in part]
    assert "autofocus" in name
    assert html.count("autofocus") == 1
