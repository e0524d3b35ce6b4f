"""The first admin of a new installation."""

import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.test import Client
from django.utils import timezone
from meanwhile import meanwhile
from programs import environment, free_port, serving_warmline
from web.pages import PASSWORD, look

from warmline.crm.users import User
from warmline.web.access.first_admin import FIRST_CODE, FirstCode
from warmline.web.forms import sign_in


def form(code: str, /, **more: str) -> dict[str, str]:
    """Return Alice's form."""
    filled = {"code": code, "name": "Alice", "email": "alice@example.com", "time_zone": "Europe/Berlin"}
    return {**filled, "password1": PASSWORD, "password2": PASSWORD, **more}


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/contacts", "/sign-in", "/password/new", "/one-time/MQ/x"])
def test_every_page_leads_to_the_welcome(client: Client, path: str) -> None:
    """As long as there is no user."""
    response = client.get(path)
    assert (response.status_code, response["Location"]) == (302, "/welcome")


@pytest.mark.django_db
def test_the_first_admin(client: Client) -> None:
    """With the code, in whatever case, one becomes the admin and is signed in; then the page is gone."""
    code = FIRST_CODE.issue()
    look(client.get("/welcome"))
    response: Any = client.post("/welcome", form(code.lower().replace("-", " ")), follow=True)
    assert response.redirect_chain == [("/", 302)]
    look(response)
    alice = User.objects.get()
    assert (alice.email, alice.is_admin, alice.time_zone) == ("alice@example.com", True, "Europe/Berlin")
    assert alice.check_password(PASSWORD)
    look(client.get("/welcome"), 404)
    look(client.post("/welcome", form(code, email="dave@example.com")), 404)
    assert User.objects.get() == alice


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"code": "AAAA-AAAA-AAAA"}, "This code is wrong."),
        ({"code": "ÄÖÜ"}, "This code is wrong."),
        ({"code": ""}, "Enter the one-time code."),
        ({"email": "alice"}, "Enter an e-mail address such as kim@example.com."),
        ({"name": " "}, "Enter the name."),
        ({"time_zone": "Europe/Nowhere"}, "Choose one of the listed options for “Time zone”."),
        ({"password1": "short", "password2": "short"}, "at least 10 characters"),
        ({"password2": "another-password"}, "The two passwords differ."),
    ],
)
def test_a_form_with_a_mistake(client: Client, wrong: dict[str, str], says: str) -> None:
    """It says which, repeats no password, and makes nobody."""
    html = look(client.post("/welcome", form(FIRST_CODE.issue(), **wrong)))
    assert says in html
    assert PASSWORD not in html
    assert not User.objects.exists()


@pytest.mark.django_db
def test_a_stranger_who_guesses(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each further wrong code has to wait, and the right one is taken all the same."""
    moment = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: moment)
    code = FIRST_CODE.issue()
    statuses = [client.post("/welcome", form("WRONG")).status_code for _ in range(12)]
    assert statuses == [200] * 5 + [429] * 7
    assert "Too many failed attempts" in look(client.post("/welcome", form("WRONG")), 429)
    assert client.post("/welcome", form(code)).status_code == 302
    assert User.objects.exists()


@pytest.mark.django_db
def test_two_presses_at_one_moment(client: Client) -> None:
    """The second one, which saw nobody either, finds the first one done."""
    sent = form(FIRST_CODE.issue())

    def first() -> None:
        User.objects.bulk_create([User(email=sent["email"], email_key=sent["email"], name="Alice", is_admin=True)])

    with meanwhile(first, ("INSERT",)):
        response = client.post("/welcome", sent)
    assert (response.status_code, response["Location"]) == (302, "/")


@pytest.mark.only_on("sqlite")  # on PostgreSQL all processes share the code
@pytest.mark.django_db
def test_a_server_that_printed_no_code(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page says what to do."""
    monkeypatch.setattr(sign_in, "FIRST_CODE", FirstCode())
    assert "This server has not printed a code yet." in look(client.post("/welcome", form("WRONG")))


def test_a_code_that_was_never_issued() -> None:
    """Nothing is it, the empty text least of all."""
    code = FirstCode()
    assert not code.is_issued
    assert not code.accepts("")


def test_codes_differ() -> None:
    """Each is long, easy to copy, and only the newest counts."""
    code = FirstCode()
    first, second = code.issue(), code.issue()
    assert re.fullmatch(r"[A-HJ-NP-Z2-9]{4}(-[A-HJ-NP-Z2-9]{4}){2}", second)
    assert (code.accepts(first), code.accepts(second), code.is_issued) == (False, True, True)


def test_a_new_installation(tmp_path: Path) -> None:
    """`serve` prints the code while there is no user, a new one at each start, and the page takes it."""
    env, port, log = environment(tmp_path, "http://127.0.0.1:9", PIPEDRIVE_API_TOKEN=""), free_port(), tmp_path / "log"
    with serving_warmline(env, port, log=log):
        pass
    with (
        serving_warmline(env, port, log=log),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as browser,
    ):
        printed = log.read_text(encoding="utf-8")
        old, code = re.findall(rf"Open http://127.0.0.1:{port}/welcome and enter the code (\S+)", printed)
        page = browser.get("/", follow_redirects=True)
        (token,) = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
        for given, status in ((old, 200), (code, 302)):
            answer = browser.post("/welcome", data={**form(given), "csrfmiddlewaretoken": token})
            assert answer.status_code == status
        assert "Alice" in browser.get("/contacts").text
    with serving_warmline(env, port, log=log):
        pass
    assert log.read_text(encoding="utf-8").count("/welcome") == 2
