"""Guessing at the door: passwords, the present one too, one-time links, and mails that others have sent."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.db.models import F
from django.test import Client
from django.utils import timezone
from pytest_django import Settings
from web.pages import PASSWORD, look, sign_in

from warmline import storage
from warmline.crm.guess_limits import Guess
from warmline.crm.tokens import issue
from warmline.crm.users import User
from warmline.environment import Environment
from warmline.web.access.invitations import one_time_link

NEW = {"new_password1": "another-long-password", "new_password2": "another-long-password"}
PRESENT = {"old_password": PASSWORD, **NEW}


@pytest.fixture(autouse=True)
def _still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the clock stand still: time passes only where a test says so, however busy the machine is."""
    moment = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: moment)


def guess(address: str = "192.0.2.1", email: str = "alice@example.com", client: Client | None = None) -> Any:
    """Send a wrong password from an address."""
    return sign_in(client or Client(), email, "wrong", REMOTE_ADDR=address)


def pass_seconds(seconds: int) -> None:
    """Let time pass."""
    Guess.objects.update(at=F("at") - timedelta(seconds=seconds))


def test_one_user_at_one_place(client: Client, alice: User, bob: User) -> None:
    """After five wrong passwords each has to wait longer; the page says how long, and the right one waits as well."""
    statuses = []
    for number in range(5):
        answer = guess(email="ALICE@example.com" if number % 2 else "alice@example.com")
        statuses.append(answer.status_code)
    assert statuses == [200] * 5
    for wait in (1, 2, 4, 8):
        answer = sign_in(client, REMOTE_ADDR="192.0.2.1")
        html = look(answer, 429)
        assert int(answer["Retry-After"]) == wait
        assert f"Wait {wait} second" in html
        pass_seconds(wait)
        assert guess().status_code == 200
    assert sign_in(Client(), "bob@example.com", REMOTE_ADDR="192.0.2.1").status_code == 302
    pass_seconds(16)
    assert sign_in(client, REMOTE_ADDR="192.0.2.1").status_code == 302


def test_one_user_from_everywhere(client: Client, alice: User) -> None:
    """It is slowed; Alice gets in where she did before, by address or browser, and soon everywhere else."""
    assert sign_in(client, REMOTE_ADDR="192.0.2.200").status_code == 302
    client.post("/sign-out")
    statuses = [guess(f"192.0.2.{number}").status_code for number in range(30)]
    assert statuses.count(429) == 20
    assert sign_in(Client(), REMOTE_ADDR="192.0.2.200").status_code == 302
    assert sign_in(client, REMOTE_ADDR="203.0.113.5").status_code == 302
    answer = sign_in(Client(), REMOTE_ADDR="203.0.113.6")
    assert (answer.status_code, answer["Retry-After"]) == (429, "1")
    pass_seconds(1)
    assert sign_in(Client(), REMOTE_ADDR="203.0.113.6").status_code == 302


def test_a_site_of_ipv6(alice: User) -> None:
    """All addresses of a /64 are one, and an IPv4 address is the same in either form."""
    assert [guess(f"2001:db8::{number}").status_code for number in range(15)].count(429) == 10
    assert [guess(f"{form}192.0.2.9").status_code for form in ("", "::ffff:") * 5].count(429) >= 5


def test_many_users_from_one_office(client: Client, alice: User, bob: User) -> None:
    """It is slowed; members who have signed in there are not, whatever a colleague does."""
    assert sign_in(client, REMOTE_ADDR="192.0.2.1").status_code == 302
    statuses = [guess(email=f"user{number}@example.com").status_code for number in range(25)]
    assert statuses.count(429) == 5
    assert sign_in(Client(), REMOTE_ADDR="192.0.2.1").status_code == 302
    assert sign_in(Client(), "bob@example.com", REMOTE_ADDR="192.0.2.1").status_code == 429


def test_the_present_password(client: Client, alice: User) -> None:
    """It is slowed, too, in the browser that signed in and in another one that has its session."""
    sign_in(client)
    thief = Client()
    thief.cookies["sessionid"] = client.cookies["sessionid"].value
    for browser in (client, thief):
        wrong = {"old_password": "wrong", **NEW}
        statuses = [browser.post("/password", wrong, REMOTE_ADDR="192.0.2.7").status_code for _ in range(14)]
        assert statuses == [200] * 5 + [429] * 9
        assert browser.post("/password", PRESENT, REMOTE_ADDR="192.0.2.7").status_code == 429
    assert client.post("/password", PRESENT, REMOTE_ADDR="192.0.2.7").status_code == 429
    pass_seconds(1)
    assert client.post("/password", PRESENT, REMOTE_ADDR="192.0.2.7").status_code == 302
    assert sign_in(client, password=NEW["new_password1"]).status_code == 302


def test_one_time_links(client: Client, alice: User) -> None:
    """Wrong ones are slowed; the right one is too long to be guessed, and always good."""
    link = one_time_link(alice)
    wrong = f"{link[:-1]}{'0' if link[-1] != '0' else '1'}"
    assert [client.get(wrong).status_code for _ in range(12)] == [200] * 5 + [429] * 7
    assert client.post(client.get(link)["Location"], NEW).status_code == 302


def test_tokens_of_the_api(client: Client, alice: User) -> None:
    """Wrong ones are slowed by address, in the API's own shape."""
    answers = [client.get("/api/contacts", headers={"Authorization": f"Bearer wl_{n}"}) for n in range(25)]
    assert [answer.status_code for answer in answers] == [401] * 20 + [429] * 5
    assert answers[-1].json()["error"] == {
        "code": "too_many",
        "message": "Too many wrong tokens came from your address. Wait 1 second, then try again.",
        "field": None,
    }
    assert answers[-1]["Retry-After"] == "1"
    assert client.get("/api/contacts").status_code == 401


@pytest.mark.django_db(transaction=True)
def test_a_disk_that_is_full(client: Client, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be counted is refused as ever, and the right one is taken; a password is not even looked at."""
    monkeypatch.setattr(storage, "BELIEVED_FOR", 0.0)
    token, link = issue(alice), one_time_link(alice)
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA query_only = ON")
        try:
            for sent, status in (("wl_wrong", 401), (token, 200)):
                assert client.get("/api/contacts", headers={"Authorization": f"Bearer {sent}"}).status_code == status
            assert "no longer works" in look(client.get(f"{link}0"))
            client.raise_request_exception = False
            assert guess(client=client).status_code == 503
        finally:
            cursor.execute("PRAGMA query_only = OFF")


@pytest.fixture
def ask(client: Client, settings: Settings) -> Any:
    """Return what asks for a new password as from an address; Django's test runner keeps what is sent."""
    environment = Environment({"WARMLINE_EMAIL_URL": "smtp://mail.example.com?from=w@example.com"})
    settings.EMAIL = environment["WARMLINE_EMAIL_URL"]
    settings.PUBLIC_URL = "https://crm.example.com:8443"

    def ask(address: str, email: str = "alice@example.com", **headers: str) -> list[str]:
        answer = client.post("/password/new", {"email": email}, secure=True, REMOTE_ADDR=address, headers=headers)
        assert answer["Location"] == "/password/sent"
        for thread in threading.enumerate():
            if thread.name == "mail":
                thread.join(10)
        found, mail.outbox[:] = [str(message.body) for message in mail.outbox], []
        return found

    return ask


def test_a_stranger_who_asks_for_mails(ask: Any, alice: User, bob: User) -> None:
    """One in five minutes for each place and six an hour; hers still comes, and the earlier links stay good."""
    (first,) = ask("192.0.2.1")
    assert [len(ask("192.0.2.1", "ALICE@example.com")) for _ in range(3)] == [0] * 3
    assert ask("192.0.2.1", "bob@example.com")
    assert ask("203.0.113.5")
    link = first.split("https://crm.example.com:8443")[1].split()[0]
    assert "Set your password" in look(Client().get(link, follow=True))
    assert [len(ask(f"192.0.2.{number}")) for number in range(2, 10)] == [1] * 4 + [0] * 4
    pass_seconds(300)
    assert not ask("192.0.2.1")
    pass_seconds(3300)
    assert ask("192.0.2.1")


def test_where_a_link_leads(ask: Any, alice: User, settings: Settings) -> None:
    """To the public address, and to none that a stranger names."""
    settings.ALLOWED_HOSTS = ["crm.example.com", "other.example"]
    (text,) = ask("192.0.2.1", Host="other.example:31337")
    assert "https://crm.example.com:8443/one-time/" in text
    assert "other.example" not in text
    assert "31337" not in text


@pytest.mark.parametrize(
    ("hosts", "origin"),
    [
        (["localhost", "127.0.0.1"], "http://localhost:8000"),
        (["[::1]", "crm.example.com"], "http://[::1]:8000"),
        (["crm.example.com", "localhost"], "https://crm.example.com"),
        ([".example.com"], "https://example.com"),
        (["*", "localhost"], "http://localhost:8000"),
    ],
)
def test_where_a_link_leads_when_nobody_said(
    ask: Any, alice: User, settings: Settings, hosts: Any, origin: str
) -> None:
    """To the first of the hosts."""
    settings.PUBLIC_URL, settings.ALLOWED_HOSTS = "", [*hosts, "testserver", "*"]
    (text,) = ask("192.0.2.1")
    assert f"{origin}/one-time/" in text
