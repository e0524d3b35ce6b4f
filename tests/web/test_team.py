"""The team's pages: invitations, roles and leaving."""

import re

import pytest
from django.core import mail
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings
from web.pages import look, sign_in

from warmline.crm.book import add_contact
from warmline.crm.models import Contact
from warmline.crm.tokens import issue
from warmline.crm.users import User
from warmline.environment import Environment
from warmline.sync.models import Remembered
from warmline.web.access.invitations import one_time_link

DAVE = {"name": "Dave", "email": "dave@example.com", "time_zone": "Europe/Berlin"}
NEW = "another-long-password"


def test_an_invitation_by_link(alices: Client) -> None:
    """The link is shown once; with it Dave sets a password and is in, as a member."""
    look(alices.get("/settings/team/invitation"))
    html = look(alices.post("/settings/team/invitation", DAVE))
    (link,) = re.findall(r'value="http://localhost:8000(/one-time/\S+)"', html)
    html = look(alices.get("/settings/team"))
    assert "Invited" in html
    assert "/one-time/" not in html
    daves = Client()
    form = daves.get(link)["Location"]
    daves.post(form, {"new_password1": NEW, "new_password2": NEW})
    assert "Dave" in look(daves.get("/profile"))
    dave = User.objects.get(email="dave@example.com")
    assert (dave.is_admin, dave.time_zone) == (False, "Europe/Berlin")


def test_an_invitation_by_e_mail(alices: Client, settings: Settings) -> None:
    """Where there is a mail server, no link is shown."""
    url = {"WARMLINE_EMAIL_URL": "smtp://mail.example.com?from=w@example.com"}
    settings.EMAIL = Environment(url)["WARMLINE_EMAIL_URL"]
    html = look(alices.post("/settings/team/invitation", {**DAVE, "is_admin": "on"}, follow=True))
    assert "Invitation sent to dave@example.com." in html
    assert "/one-time/" in mail.outbox[0].body
    assert User.objects.get(email="dave@example.com").is_admin


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"email": "BOB@example.com"}, "A user with this e-mail already exists. Use another e-mail."),
        ({"email": "dave"}, "Enter an e-mail address such as kim@example.com."),
        ({"name": " "}, "Enter the name."),
    ],
)
def test_an_invitation_that_is_refused(alices: Client, bob: User, changes: dict[str, str], says: str) -> None:
    """Beside the field, and nobody is made."""
    assert says in look(alices.post("/settings/team/invitation", {**DAVE, **changes}))
    assert User.objects.count() == 2


def test_a_role(alices: Client, alice: User, bob: User) -> None:
    """It can be given and taken; the last admin's cannot."""
    path = f"/settings/team/{bob.pk}"
    look(alices.get(path))
    last = look(alices.post(f"/settings/team/{alice.pk}", {"is_admin": "no", "pipedrive_user_id": ""}))
    assert "only admin" in last
    html = look(alices.post(path, {"is_admin": "yes", "pipedrive_user_id": ""}, follow=True))
    assert "Bob saved." in html
    assert User.objects.get(pk=bob.pk).is_admin
    alices.post(f"/settings/team/{alice.pk}", {"is_admin": "no", "pipedrive_user_id": ""})
    assert alices.get("/settings/team").status_code == 403


def test_who_one_is_in_pipedrive(alices: Client, bob: User, django_user_model: type[User]) -> None:
    """It is chosen from the account's users, or left to the e-mail."""
    users = [
        {"id": 7, "name": "Bob There", "email": "bob@example.com", "active": True},
        {"id": 8, "name": "Gone", "email": "gone@example.com", "active": False},
    ]
    path = f"/settings/team/{bob.pk}"
    assert "have not been loaded yet" in look(alices.get(path))
    Remembered.objects.create(name="users", value=users, at="2026-01-01T00:00:00Z")
    html = look(alices.get(path))
    assert "Bob There &lt;bob@example.com&gt;" in html
    assert "Gone" not in html
    assert "Found by e-mail" in look(alices.get("/settings/team"))
    html = look(alices.post(path, {"is_admin": "no", "pipedrive_user_id": "8"}))
    assert "Choose one of the listed options for “User in Pipedrive”." in html
    alices.post(path, {"is_admin": "no", "pipedrive_user_id": "7"})
    assert User.objects.get(pk=bob.pk).pipedrive_user_id == 7
    assert "Bob There" in look(alices.get("/settings/team"))
    alices.post(path, {"is_admin": "no", "pipedrive_user_id": ""})
    assert User.objects.get(pk=bob.pk).pipedrive_user_id is None


def test_leaving(alices: Client, alice: User, bobs: Client, bob: User) -> None:
    """Bob's contacts go to Alice; his browser, his token, and a link that was made before are out."""
    add_contact(bob, name="Dana Diaz")
    token, link = issue(bob), one_time_link(bob)
    path = f"/settings/team/{bob.pk}"
    assert "1 contact" in look(alices.get(path))
    html = look(alices.post(f"{path}/leave", {"heir": alice.pk}, follow=True))
    assert "Bob can no longer sign in. 1 contact handed over to Alice." in html
    assert Contact.objects.get().owner == alice
    assert bobs.get("/contacts").status_code == 302
    assert bobs.get("/api/contacts", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    assert sign_in(Client(), "bob@example.com").status_code == 200
    bob.refresh_from_db()
    for dead in (link, one_time_link(bob)):
        assert "This link no longer works" in look(Client().get(dead))
    assert alices.post(f"{path}/link").status_code == 404


def test_returning(alices: Client, bobs: Client, bob: User) -> None:
    """As when invited: a one-time link lets Bob in, and nothing that did so before he left."""
    token, old = issue(bob), one_time_link(bob)
    path = f"/settings/team/{bob.pk}"
    alices.post(f"{path}/leave", {"heir": ""})
    assert "Reactivate Bob" in look(alices.get(path))
    html = look(alices.post(f"{path}/return"))
    (link,) = re.findall(r'value="http://localhost:8000(/one-time/\S+)"', html)
    assert bobs.get("/contacts").status_code == 302
    assert bobs.get("/api/contacts", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    assert "This link no longer works" in look(Client().get(old))
    fresh = Client()
    fresh.post(fresh.get(link)["Location"], {"new_password1": NEW, "new_password2": NEW})
    assert "Bob" in look(fresh.get("/profile"))
    assert alices.post(f"{path}/return").status_code == 404


def test_leaving_that_is_refused(alices: Client, alice: User, bob: User) -> None:
    """The last admin stays; nobody inherits from themselves, nor does who left."""
    html = look(alices.post(f"/settings/team/{alice.pk}/leave", {"heir": bob.pk}, follow=True))
    assert "only admin" in html
    html = look(alices.post(f"/settings/team/{bob.pk}/leave", {"heir": bob.pk}, follow=True))
    assert "Choose a colleague from the list, or nobody." in html
    assert User.objects.filter(is_active=True).count() == 2


def test_a_new_link(alices: Client, bob: User) -> None:
    """An admin makes one for who forgot the password, by a POST only."""
    path = f"/settings/team/{bob.pk}/link"
    assert alices.get(path).status_code == 302
    assert "/one-time/" in look(alices.post(path))


def test_nobody(alices: Client) -> None:
    """Whoever is not there cannot be changed."""
    assert alices.get("/settings/team/999").status_code == 404


def test_a_large_team(alices: Client, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    """It comes in pages, each with as many queries."""
    for number in range(60):
        User.objects.create_user(f"m{number}@example.com", f"Member {number:02}")
    with django_assert_max_num_queries(10):
        html = look(alices.get("/settings/team"))
    assert "1 to 50 of 61" in html
    assert "Member 59" in look(alices.get("/settings/team?page=2"))


def test_a_program(alices: Client) -> None:
    """It is shown as one, gets no link to sign in with, and does not become an admin."""
    program = User.objects.create_user("forms@example.com", "Forms", is_machine=True)
    assert "Program" in look(alices.get("/settings/team"))
    assert alices.post(f"/settings/team/{program.pk}/link").status_code == 404
    form = {"is_admin": "yes", "pipedrive_user_id": ""}
    assert "A program cannot be an admin." in look(alices.post(f"/settings/team/{program.pk}", form))
    assert not User.objects.get(pk=program.pk).is_admin
