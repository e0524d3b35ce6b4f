"""What was typed into a form whose session had ended comes back after signing in: once, and to whoever typed it."""

import json
from typing import Any

import pytest
from django.test import Client
from web.filling import filled
from web.pages import PASSWORD, look, sign_in

from warmline.crm.activities import Activity
from warmline.crm.book import add_contact, log_activity
from warmline.crm.models import Contact
from warmline.crm.users import User
from warmline.web.kept_forms import LONGEST

NOTE = "line one\n  山田 & “quotes” <b>\nlast"
ORIGIN = "http://testserver"


@pytest.fixture
def jordan(alice: User) -> Contact:
    """Return Alice's contact."""
    return add_contact(alice, name="Jordan Ames", phone="1")


def end_session(client: Client) -> None:
    """End the session, as time does."""
    client.session.flush()


def sign_in_again(response: Any, client: Client, email: str = "alice@example.com", password: str = PASSWORD) -> Any:
    """Fill in the sign-in page that a form was answered with."""
    return client.post("/sign-in", filled(response.content.decode(), username=email, password=password))


def test_adding(alices: Client) -> None:
    """The form is filled as it was, with its key, and is saved once."""
    sent = filled(look(alices.get("/contacts/new")), name="Kim Castell", email="kim@example.com", warmness_score="7")
    end_session(alices)
    door = alices.post("/contacts/new", sent)
    assert "Sign in to get back what you entered." in look(door, 401)
    assert not Contact.objects.exists()
    back = sign_in_again(door, alices)
    assert back["Location"].startswith("/contacts/new?kept=")
    page = look(alices.get(back["Location"]))
    assert "What you entered is still here" in page
    again = filled(page, name="Kim Castell")
    assert again.items() >= {**sent, "csrfmiddlewaretoken": again["csrfmiddlewaretoken"]}.items()
    assert filled(look(alices.get(back["Location"])), name="Kim Castell")["email"] == "kim@example.com"  # a reload
    for _ in range(2):
        assert alices.post("/contacts/new", again)["Location"].startswith("/contacts/")
    assert Contact.objects.get().warmness_score == 7
    assert 'value="Kim' not in look(alices.get(back["Location"]))  # it was sent


@pytest.mark.parametrize("tries", [0, 2])
def test_logging(alices: Client, jordan: Contact, tries: int) -> None:
    """A note of several lines comes back on the contact's page, however many passwords were tried."""
    page = look(alices.get(f"/contacts/{jordan.pk}"))
    sent = filled(page, note=NOTE, subject="Lunch") | {"type": "CALL"}
    end_session(alices)
    door = alices.post(f"/contacts/{jordan.pk}/activities", sent)
    for _ in range(tries):
        door = sign_in_again(door, alices, password="a-wrong-password")
    back = sign_in_again(door, alices)
    page = look(alices.get(back["Location"], follow=True))
    again = filled(page, subject="Lunch")
    assert (again["subject"], again["type"], again["note"]) == ("Lunch", "CALL", sent["note"])
    alices.post(f"/contacts/{jordan.pk}/activities", again)
    assert Activity.objects.get().note == NOTE


def test_editing(alices: Client, alice: User, jordan: Contact) -> None:
    """What was changed is changed, and only that."""
    activity = log_activity(alice, jordan, type="CALL", subject="Before")
    kinds = {
        f"/contacts/{jordan.pk}/edit": {"phone": "2"},
        f"/activities/{activity.pk}/edit": {f"a{activity.pk}-subject": "After"},
    }
    for path, changes in kinds.items():
        sent = filled(look(alices.get(path)), **changes)
        end_session(alices)
        back = sign_in_again(alices.post(path, sent), alices)
        page = look(alices.get(back["Location"]))
        alices.post(path, filled(page, **changes))
    jordan.refresh_from_db()
    activity.refresh_from_db()
    assert (jordan.phone, jordan.name, activity.subject) == ("2", "Jordan Ames", "After")


def test_somebody_else_signs_in(alices: Client, bob: User) -> None:
    """They see nothing of what was typed, and nothing is saved."""
    sent = filled(look(alices.get("/contacts/new")), name="Kim Castell")
    end_session(alices)
    back = sign_in_again(alices.post("/contacts/new", sent), alices, "bob@example.com")
    page = look(alices.get(back["Location"], follow=True))
    assert "Somebody else was signed in before." in page
    assert "Kim" not in page
    assert "Kim" not in look(alices.get("/contacts/new?kept=x"))


def test_a_script_is_told(alices: Client) -> None:
    """And then sends the form as a browser does; any other form of a script leads to the sign-in page."""
    sent = filled(look(alices.get("/contacts/new")), name="Kim Castell")
    end_session(alices)
    answer = alices.post("/contacts/new", sent, headers={"HX-Request": "true"})
    assert (answer.status_code, answer["Warmline-Matter"]) == (401, "signed_out")
    assert alices.post("/contacts/1/warmness", headers={"HX-Request": "true"})["HX-Redirect"].startswith("/sign-in")


@pytest.mark.parametrize("path", ["contacts/known?email=k", "organizations/names?organization=l", "contacts/1/status"])
def test_what_a_page_asks_for_by_itself(client: Client, alice: User, path: str) -> None:
    """It does not lead away from a form that is being filled in; the form finds out when it is sent."""
    assert client.get(f"/{path}", headers={"HX-Request": "true"}).status_code == 204


@pytest.mark.parametrize(
    "kept",
    [
        "",
        "nonsense",
        "[]",
        "{}",
        '["/settings", [["token", "x"]]]',
        '["https://elsewhere.example.com/contacts/new", []]',
        '["//elsewhere.example.com/contacts/new", []]',
        '["/contacts/new", [["name", 1]]]',
        '["/contacts/new", [["name"]]]',
        '["/contacts/new", 5]',
        "[1, 2]",
        json.dumps(["/contacts/new", [["typed_by", "1"], ["name", "x" * LONGEST]]]),
    ],
)
def test_what_no_page_of_ours_has_kept(client: Client, alice: User, kept: str) -> None:
    """It leads nowhere, and one is signed in all the same."""
    answer = client.post("/sign-in", {"username": "alice@example.com", "password": PASSWORD, "kept": kept})
    assert (answer.status_code, answer["Location"]) == (302, "/")


def test_nothing_else_is_kept(client: Client, alice: User) -> None:
    """A password or a token is not carried through pages."""
    for path in ("/settings", "/password", "/profile/tokens"):
        assert client.post(path, {"token": "secret"})["Location"].startswith("/sign-in?next=")


def tab(alice: User) -> Client:
    """Return a browser that signs in by the form, and that holds forms to their tokens."""
    client = Client(enforce_csrf_checks=True, headers={"Origin": ORIGIN})
    sign_in_anew(client)
    return client


def sign_in_anew(client: Client) -> None:
    """Sign in, as in another tab of the same browser."""
    token = filled(look(client.get("/sign-in")), username="")["csrfmiddlewaretoken"]
    assert sign_in(client, headers={"X-CSRFToken": token}).status_code == 302


def test_signed_in_anew_in_another_tab(alice: User) -> None:
    """The form's token is an old one; what was typed can be sent all the same, by one press."""
    browser = tab(alice)
    sent = filled(look(browser.get("/contacts/new")), name="Kim Castell")
    browser.session.flush()
    sign_in_anew(browser)
    asked = browser.post("/contacts/new", sent, headers={"HX-Request": "true"})
    assert (asked.status_code, asked["Warmline-Matter"]) == (403, "signed_out")
    page = look(browser.post("/contacts/new", sent), 403)
    assert not Contact.objects.exists()
    again = filled(page, name="Kim Castell")
    assert browser.post("/contacts/new", again).status_code == 302
    assert Contact.objects.get().name == "Kim Castell"


def test_the_sign_in_page_stood_open_in_the_other_tab(alice: User) -> None:
    """What it kept is handed back, too."""
    browser = tab(alice)
    sent = filled(look(browser.get("/contacts/new")), name="Kim Castell")
    browser.session.flush()
    door = browser.post("/contacts/new", sent)
    sign_in_anew(browser)
    page = look(sign_in_again(door, browser), 403)
    browser.post("/contacts/new", filled(page, name="Kim Castell"))
    assert Contact.objects.get().name == "Kim Castell"


@pytest.mark.parametrize("origin", ["http://elsewhere.example.com", "null", ""])
def test_another_site_gets_nothing_handed_back(alice: User, origin: str) -> None:
    """A form of theirs comes back as no form of ours."""
    browser = tab(alice)
    theirs = {"name": "Mallory", "typed_by": str(alice.pk)}
    page = look(browser.post("/contacts/new", theirs, headers={"Origin": origin}), 403)
    assert "Mallory" not in page
    assert "<form" not in page
