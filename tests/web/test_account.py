"""Signing in and out, passwords, and one-time links."""

import re
import socket
import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.test import Client
from django.utils import timezone
from pytest_django import Settings
from web.pages import PASSWORD, look, sign_in

from warmline.crm.users import User
from warmline.environment import Environment
from warmline.web.access.invitations import LINKS, invite, one_time_link

NEW = "another-long-password"


def who(client: Client) -> Any:
    """Return who has signed in with a browser."""
    return get_user(client)  # it needs the session only


@pytest.fixture(autouse=True)
def _public(settings: Settings) -> None:
    """Say where people reach Warmline."""
    settings.PUBLIC_URL = "https://crm.example.com"


@pytest.fixture
def with_email(settings: Settings) -> None:
    """Set a mail server; Django's test runner keeps what is sent."""
    settings.EMAIL = Environment({"WARMLINE_EMAIL_URL": "smtp://mail.example.com?from=w@example.com"})[
        "WARMLINE_EMAIL_URL"
    ]


def sent_to() -> list[str]:
    """Return whom e-mails were sent to, after those that are being sent."""
    for thread in threading.enumerate():
        if thread.name == "mail":
            thread.join(10)
    return [address for message in mail.outbox for address in message.to]


@pytest.mark.parametrize("email", ["alice@example.com", "Alice@EXAMPLE.com", " \ufeffalice@example.com\u200b "])
def test_signing_in(client: Client, alice: User, email: str) -> None:
    """The e-mail's case does not count; one lands where one wanted to go."""
    response = client.get("/sync")
    assert (response.status_code, response["Location"]) == (302, "/sign-in?next=/sync")
    look(client.get("/sign-in?next=/sync"))
    response = sign_in(client, email, query_params={"next": "/sync"})
    assert (response.status_code, response["Location"]) == (302, "/sync")
    assert who(client) == alice


@pytest.mark.parametrize(
    ("email", "password"),
    [("alice@example.com", "wrong"), ("dave@example.com", PASSWORD), ("carol@example.com", PASSWORD)],
)
def test_not_signing_in(client: Client, alice: User, email: str, password: str) -> None:
    """A wrong password, an unknown e-mail and a deactivated user get the same words; no password is repeated."""
    User.objects.create_user("carol@example.com", "Carol", PASSWORD, is_active=False)
    html = look(sign_in(client, email, password))
    assert "Wrong e-mail or password." in html
    assert password not in html
    assert who(client).is_anonymous


def test_no_way_to_elsewhere(client: Client, alice: User) -> None:
    """What stands in `next` leads nowhere but here."""
    response = sign_in(client, query_params={"next": "https://elsewhere.example.com/"})
    assert (response.status_code, response["Location"]) == (302, "/")


def test_signing_out(alices: Client) -> None:
    """By a POST only, so that no link can do it; a second time does no harm."""
    assert alices.get("/sign-out").status_code == 302
    for _ in range(2):
        response = alices.post("/sign-out")
        assert (response.status_code, response["Location"]) == (302, "/sign-in")
        assert who(alices).is_anonymous


def test_a_deactivated_user_is_out_at_once(bobs: Client, bob: User) -> None:
    """A session does not outlive the membership."""
    User.objects.filter(pk=bob.pk).update(is_active=False)
    assert bobs.get("/contacts").status_code == 302


def test_changing_the_password(alices: Client, alice: User) -> None:
    """It takes the old one and a good new one, and ends the sessions of other browsers."""
    other = Client()
    sign_in(other)
    look(alices.get("/password"))
    wrong = {"old_password": "wrong", "new_password1": "short", "new_password2": "short"}
    html = look(alices.post("/password", wrong))
    assert "The old password is wrong." in html
    assert "at least 10 characters" in html
    response = alices.post(
        "/password", {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}, follow=True
    )
    assert "Password changed." in look(response)
    assert (who(alices), who(other).is_anonymous) == (alice, True)
    assert sign_in(Client(), password=NEW).status_code == 302


def test_a_one_time_link(client: Client, alice: User) -> None:
    """It sets a password and signs in, once; the token leaves the address before anything is loaded."""
    link = one_time_link(alice)
    token = link.rsplit("/", 1)[1]
    response = client.get(link)
    assert response.status_code == 302
    assert token not in response["Location"]
    html = look(client.get(response["Location"]))
    assert token not in html
    assert "alice@example.com" in html
    mismatch = look(client.post(response["Location"], {"new_password1": NEW, "new_password2": PASSWORD}))
    assert "The two passwords differ." in mismatch
    set_to = client.post(response["Location"], {"new_password1": NEW, "new_password2": NEW})
    assert (set_to.status_code, set_to["Location"], who(client)) == (302, "/", alice)
    assert "This link no longer works" in look(Client().get(link))
    assert sign_in(Client(), password=NEW).status_code == 302


def test_an_old_link_is_void(client: Client, alice: User) -> None:
    """Once its user has signed in, and when it was made up."""
    link = one_time_link(alice)
    sign_in(Client())
    for dead in (link, "/one-time/MQ/made-up", "/one-time/!/x"):
        assert "This link no longer works" in look(client.get(dead))


@pytest.mark.parametrize(("ahead", "works"), [(3600, True), (2 * 86400, True), (365 * 86400, False)])
def test_a_link_from_the_future(
    client: Client, alice: User, ahead: int, monkeypatch: pytest.MonkeyPatch, *, works: bool
) -> None:
    """One made before the clock was set back is good; one that would be good for a year is not."""
    now = datetime.now() + timedelta(seconds=ahead)  # noqa: DTZ005 (as Django's own clock of it)
    with monkeypatch.context() as clock:
        clock.setattr(LINKS, "_now", lambda: now)
        link = one_time_link(alice)
    assert client.get(link).status_code == (302 if works else 200)


def test_an_invitation_to_copy(client: Client, alice: User) -> None:
    """Without a mail server the admin gets the link; it leads a user without a password in."""
    invited = User.objects.create_user("dave@example.com", "Dave")
    link = invite(invited)
    assert link
    assert link.startswith("https://crm.example.com/one-time/")
    assert mail.outbox == []
    page = client.get(link)["Location"]
    client.post(page, {"new_password1": NEW, "new_password2": NEW})
    assert who(client) == invited


@pytest.mark.usefixtures("with_email")
def test_an_invitation_by_e_mail(client: Client, alice: User) -> None:
    """With one, the link goes to the user alone."""
    invited = User.objects.create_user("dave@example.com", "Dave O'Neil")
    assert invite(invited) is None
    (message,) = mail.outbox
    assert (message.to, message.subject) == (["dave@example.com"], "Your invitation to Warmline")
    assert "Hello Dave O'Neil," in message.body
    (link,) = re.findall(r"https://crm.example.com(/one-time/\S+)", str(message.body))
    assert "Set your password" in look(client.get(link, follow=True))


@pytest.mark.usefixtures("with_email")
def test_an_invitation_that_the_mail_server_refuses(alice: User, settings: Settings) -> None:
    """It is logged, and the admin gets the link to copy."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    assert "/one-time/" in str(invite(User.objects.create_user("dave@example.com", "Dave")))


@pytest.mark.usefixtures("with_email")
@pytest.mark.parametrize(("email", "to"), [("ALICE@example.com", ["alice@example.com"]), ("dave@example.com", [])])
def test_a_new_password_by_e_mail(client: Client, alice: User, email: str, to: list[str]) -> None:
    """The page says the same whether there is such a user or not; the link works."""
    look(client.get("/password/new"))
    html = look(client.post("/password/new", {"email": email}, follow=True))
    assert "Check your e-mail" in html
    assert sent_to() == to
    for message in mail.outbox:
        (link,) = re.findall(r"https://crm.example.com(/one-time/\S+)", str(message.body))
        assert "For alice@example.com." in look(client.get(link, follow=True))


@pytest.mark.usefixtures("with_email")
def test_another_link_can_be_had_in_time_whatever_the_clock_says(
    client: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for longer because the clock was set back, neither at once nor when it gets there again."""
    began = timezone.now()
    for by_the_clock, sent in ((0, 1), (299, 1), (-3600, 2), (-3301, 2), (-3300, 3), (0, 4)):
        monkeypatch.setattr(timezone, "now", lambda: began + timedelta(seconds=by_the_clock))  # noqa: B023 (called at once)
        client.post("/password/new", {"email": "alice@example.com"})
        assert len(sent_to()) == sent


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("with_email")
def test_a_mail_server_that_does_not_answer(client: Client, alice: User, settings: Settings) -> None:
    """Nobody waits for it: its silence would tell that there is such a user."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = server.getsockname()
        assert client.post("/password/new", {"email": "alice@example.com"})["Location"] == "/password/sent"
        is_being_sent = "mail" in {thread.name for thread in threading.enumerate()}
        server.accept()[0].close()
    assert is_being_sent
    assert sent_to() == []


class BrokenMail(EmailBackend):
    """A mail server that breaks in a way that nobody thought of, as often as it is told to."""

    errors: list[Exception] = []

    def send_messages(self, messages: Any) -> int:
        """Send them, unless it is broken."""
        if self.errors:
            raise self.errors.pop()
        return super().send_messages(messages)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("with_email")
@pytest.mark.parametrize("error", [UnicodeError("no such letter"), MemoryError(), OSError("gone")], ids=repr)
def test_a_link_that_could_not_be_sent(
    client: Client,
    alice: User,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    """Whatever it was is logged, and who asks again gets one."""
    settings.EMAIL_BACKEND = f"{BrokenMail.__module__}.{BrokenMail.__name__}"
    monkeypatch.setattr(BrokenMail, "errors", [error])
    for outbox in ([], ["alice@example.com"]):
        assert client.post("/password/new", {"email": "alice@example.com"})["Location"] == "/password/sent"
        assert sent_to() == outbox
    assert "could not be sent" in caplog.text


@pytest.mark.usefixtures("with_email")
def test_a_link_for_which_no_thread_can_be_had(
    client: Client, alice: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The answer tells nothing of it, and who asks again gets one."""

    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as broken:
        broken.setattr(threading.Thread, "start", start)
        assert client.post("/password/new", {"email": "alice@example.com"})["Location"] == "/password/sent"
    assert "could not be sent" in caplog.text
    client.post("/password/new", {"email": "alice@example.com"})
    assert sent_to() == ["alice@example.com"]


def test_a_new_password_without_a_mail_server(client: Client, alice: User) -> None:
    """The page says whom to ask, and shows no form; who sends one all the same reads that, too."""
    for response in (client.get("/password/new"), client.post("/password/new", {"email": "alice@example.com"})):
        html = look(response)
        assert "Ask an admin on your team for a sign-in link." in html
        assert "<form" not in html


@pytest.mark.parametrize(
    "path", ["/contacts", "/organizations", "/sync", "/import", "/settings", "/profile", "/password"]
)
def test_a_stranger_sees_nothing(client: Client, alice: User, path: str) -> None:
    """Each room leads to the door: a page by a redirect, a fragment by telling htmx, a form with the way home."""
    response = client.get(path)
    assert (response.status_code, response["Location"]) == (302, f"/sign-in?next={path}")
    current = {"HX-Request": "true", "HX-Current-URL": "http://testserver/contacts?page=2"}
    response = client.get(path, headers=current)
    assert (response.status_code, response["HX-Redirect"]) == (200, "/sign-in?next=/contacts%3Fpage%3D2")
    response = client.post(path)
    assert (response.status_code, response["Location"]) == (302, "/sign-in?next=/")


def test_a_session_opens_no_api(alices: Client) -> None:
    """The API wants its token, whoever has signed in in the browser, and sets no cookie."""
    response = alices.get("/api/contacts")
    assert (response.status_code, response.json()["error"]["code"]) == (401, "unauthorized")
    assert not response.cookies


@pytest.mark.parametrize("secure", [True, False])
def test_cookies(alice: User, secure: bool) -> None:  # noqa: FBT001 (a column of the table)
    """They are for this site and out of scripts' reach, and Secure when the page was fetched by https."""
    client = Client()
    client.get("/sign-in", secure=secure)
    cookies = sign_in(client, secure=secure).cookies
    assert set(cookies) == {"sessionid", "csrftoken", "browser"}
    for cookie in cookies.values():
        assert (cookie["httponly"], cookie["samesite"], bool(cookie["secure"])) == (True, "Lax", secure)


@pytest.mark.parametrize(
    ("page", "back"),
    [
        ("http://testserver/contacts/1?x=1", "/contacts/1%3Fx%3D1"),
        ("http://elsewhere.example.com/contacts", "/"),
        ("", "/"),
    ],
)
def test_signed_out_in_the_middle(client: Client, alice: User, page: str, back: str) -> None:
    """What was sent is not saved, the door says so, and leads back to the page with the form; never elsewhere."""
    response = client.post("/contacts/1/warmness", {"warmness-1": "5"}, headers={"Referer": page} if page else {})
    assert (response.status_code, response["Location"]) == (302, f"/sign-in?next={back}")
    assert "before this could be saved" in look(client.get(response["Location"]))
