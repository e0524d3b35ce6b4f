"""Connecting by OAuth from the settings page: there and back, and everything that is not as it should be."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings
from web.pages import look, problems

from warmline.crm import preferences
from warmline.crm.book import add_contact
from warmline.crm.models import Contact
from warmline.crm.users import User
from warmline.sandbox import Fault, Sandbox, World, serving
from warmline.sync import credentials, oauth_grants
from warmline.sync.account_models import OAuthGrant, OAuthState
from warmline.sync.models import Company, Connection, ConnectionState, Notification
from warmline.sync.remote import connection_health, setup

CALLBACK = "/oauth/pipedrive"
CLIENT = ("sandbox-client", "sandbox-secret")
Page = Any


@pytest.fixture
def world() -> World:
    """Return the sample company, with room for many calls."""
    world = World.sample()
    world.settings.burst = world.settings.oauth_burst = 1_000
    return world


@pytest.fixture
def sandbox(world: World) -> Sandbox:
    """Return the sandbox."""
    return Sandbox(world)


@pytest.fixture
def server(sandbox: Sandbox, settings: Settings) -> Iterator[str]:
    """Have an app, and a Pipedrive that the settings point at."""
    with serving(sandbox) as url:
        settings.PIPEDRIVE_BASE_URL = "http://127.0.0.1:9"  # where nobody is: the address comes with the tokens
        settings.PIPEDRIVE_OAUTH_URL = url
        settings.PIPEDRIVE_CLIENT_ID, settings.PIPEDRIVE_CLIENT_SECRET = CLIENT
        settings.PUBLIC_URL = "http://127.0.0.1:8000"
        yield url


def _asked(browser: Client) -> dict[str, str]:
    """Click the button, and return what Pipedrive is asked."""
    answer = browser.post("/settings/oauth")
    assert answer.status_code == 302
    return {name: values[0] for name, values in parse_qs(urlsplit(answer["Location"]).query).items()}


def _allowed(server: str, asked: dict[str, str], answer: str = "allow") -> dict[str, str]:
    """Decide on Pipedrive's page, and return what the browser is to bring back."""
    there = httpx.post(f"{server}/oauth/authorize", data=asked | {"user": "1", "answer": answer})
    assert there.headers["location"].startswith(f"http://127.0.0.1:8000{CALLBACK}?")
    return {name: values[0] for name, values in parse_qs(urlsplit(there.headers["location"]).query).items()}


def _connected(browser: Client, server: str) -> Page:
    return browser.get(CALLBACK, _allowed(server, _asked(browser)), follow=True)


def _html(answer: Page) -> str:
    html: str = answer.content.decode()
    assert problems(html) == []
    return html


def test_there_and_back(alices: Client, server: str) -> None:
    """A click, a yes, and Warmline is connected; no secret is shown, and the tokens are encrypted."""
    page = alices.get("/settings")
    assert "Connect with Pipedrive" in _html(page)
    assert f"form-action 'self' {server};" in f"{page['Content-Security-Policy']};"
    html = _html(_connected(alices, server))
    assert "Connected to Pipedrive as Alice Alder of Alder &amp; Finch Consulting" in html
    assert "Connected by" in html
    grant = OAuthGrant.objects.get()
    assert credentials.token() == f"oauth:{grant.name}"
    assert (grant.company_id, grant.user_id, grant.api_domain) == (1, 1, server)
    assert credentials.decrypted(grant.refresh_token) not in html
    assert setup.ask() == ""


@pytest.mark.usefixtures("server")
def test_only_that_page_names_the_server(alices: Client) -> None:
    """All others keep the policy that they had."""
    for path in ("/settings/warm-leads", "/contacts", "/settings/disconnect"):
        look(alices.get(path))


def test_without_an_app_there_is_no_button(alices: Client, settings: Settings) -> None:
    """Nor an address to come back to, for whatever."""
    assert "Connect with Pipedrive" not in look(alices.get("/settings"))
    assert alices.post("/settings/oauth").status_code == 404
    assert alices.get(CALLBACK).status_code == 404
    assert alices.delete(CALLBACK).status_code == 404


def test_a_token_of_the_environment_wins(alices: Client, server: str, settings: Settings) -> None:
    """Then nothing is offered, and what comes back is refused."""
    asked = _asked(alices)
    settings.PIPEDRIVE_API_TOKEN = "sandbox-token"
    assert "Connect with Pipedrive" not in look(alices.get("/settings"))
    assert alices.get(CALLBACK, _allowed(server, asked)).status_code == 403


def test_a_no_is_no_error(alices: Client, server: str) -> None:
    """The page says what happened."""
    back = _allowed(server, _asked(alices), "deny")
    assert back["error"] == "user_denied"
    assert "access was not allowed there" in _html(alices.get(CALLBACK, back, follow=True))
    assert credentials.token() == ""


def test_the_answer_counts_once(alices: Client, server: str, world: World) -> None:
    """A second time, even with the same session, the code is not even sent."""
    back = _allowed(server, _asked(alices))
    session = dict(alices.session.items())
    alices.get(CALLBACK, back)
    exchanged = [call.path for call in world.calls].count("/oauth/token")
    restored = alices.session
    restored.update(session)
    restored.save()
    html = _html(alices.get(CALLBACK, back, follow=True))
    assert "belongs to no question of this browser, or was used before" in html
    assert [call.path for call in world.calls].count("/oauth/token") == exchanged == 1


def test_the_answer_belongs_to_its_browser(alices: Client, alice: User, server: str, world: World) -> None:
    """Another session of the same admin, a guessed state, or none: nothing is exchanged."""
    other = Client()
    other.force_login(alice, "django.contrib.auth.backends.ModelBackend")
    back = _allowed(server, _asked(alices))
    _asked(other)
    for attempt in (back, back | {"state": "guessed"}, {"code": back["code"]}, {"code": back["code"], "state": ""}):
        assert "belongs to no question" in _html(other.get(CALLBACK, attempt, follow=True))
    assert "/oauth/token" not in [call.path for call in world.calls]
    assert "Connected" in _html(alices.get(CALLBACK, back, follow=True))


def test_an_old_question_is_void(alices: Client, server: str) -> None:
    """An hour is enough to answer."""
    back = _allowed(server, _asked(alices))
    OAuthState.objects.update(at=timezone.now() - timedelta(minutes=61))
    assert "belongs to no question" in _html(alices.get(CALLBACK, back, follow=True))


def test_members_and_strangers_do_not_connect(bobs: Client, alices: Client, server: str) -> None:
    """Whatever they bring."""
    back = _allowed(server, _asked(alices))
    assert bobs.get(CALLBACK, back).status_code == 403
    stranger = Client()
    answer = stranger.get(CALLBACK, back)
    assert (answer.status_code, answer["Location"]) == (302, "/sign-in")
    assert credentials.token() == ""


@pytest.mark.parametrize(
    ("kind", "path", "said"),
    [
        ("no_answer", "/oauth/token", "Pipedrive could not be asked"),
        ("html_error", "/oauth/token", "Pipedrive could not be asked"),
        ("unauthorized", "/api/v1/users/me", "Pipedrive does not accept the access that it gave"),
        ("no_answer", "/api/v1/users/me", "Pipedrive is not responding"),
    ],
)
def test_what_fails_on_the_way_back_is_said(
    alices: Client, server: str, sandbox: Sandbox, kind: Any, path: str, said: str
) -> None:
    """And nothing is stored; the next click works."""
    back = _allowed(server, _asked(alices))
    sandbox.faults.add(Fault(kind=kind, path=path))
    assert said in _html(alices.get(CALLBACK, back, follow=True))
    assert (credentials.token(), OAuthGrant.objects.count()) == ("", 0)
    sandbox.faults.clear()
    assert "Connected" in _html(_connected(alices, server))


def test_a_wrong_secret_names_the_variables(alices: Client, server: str, settings: Settings) -> None:
    """For whoever set it."""
    settings.PIPEDRIVE_CLIENT_SECRET = "wrong"
    html = _html(_connected(alices, server))
    assert "PIPEDRIVE_CLIENT_SECRET" in html
    assert "wrong" not in html


def test_missing_scopes_are_named_with_what_they_cost(alices: Client, server: str, world: World) -> None:
    """On the page, until somebody connects again and allows all."""
    world.settings.scopes = "base contacts:full activities:full search:read users:read"
    html = _html(_connected(alices, server))
    assert "<code>admin</code>" in html
    assert "cannot be created" in html


@pytest.mark.parametrize("is_reached", [True, False])
def test_disconnecting_revokes(
    alices: Client, server: str, sandbox: Sandbox, world: World, *, is_reached: bool
) -> None:
    """The app is uninstalled there; if Pipedrive cannot be told, the page says what is left to do."""
    _connected(alices, server)
    if not is_reached:
        sandbox.faults.add(Fault(kind="no_answer", path="/oauth/revoke"))
    html = _html(alices.post("/settings/disconnect", follow=True))
    assert "Disconnected." in html
    assert ("Uninstall it there" in html) == (not is_reached)
    assert (credentials.token(), OAuthGrant.objects.count()) == ("", 0)
    assert bool(world.grants) == (not is_reached)


def test_a_token_takes_the_place_of_a_grant(alices: Client, server: str, settings: Settings, world: World) -> None:
    """Which is revoked; what is one of our own names is no token."""
    settings.PIPEDRIVE_BASE_URL = server
    _connected(alices, server)
    name = credentials.token()
    assert "This is not a token" in _html(alices.post("/settings", {"token": name}))
    alices.post("/settings", {"token": "sandbox-token"})
    assert (credentials.token(), OAuthGrant.objects.count(), world.grants) == ("sandbox-token", 0, [])


def test_another_company_asks_first(alices: Client, alice: User, server: str, world: World) -> None:
    """As with a token: nothing is stored before somebody decides, and the decision needs no second click there."""
    Company.objects.create(pk=1, company_id=2, name="Birch", domain="birchwren")
    contact = add_contact(alice, name="Jordan Ames", warmness_score=5)
    Contact.objects.filter(pk=contact.pk).update(pipedrive_person_id=7)
    answer = alices.get(CALLBACK, _allowed(server, _asked(alices)))
    html = _html(answer)
    assert "Start over with Alder &amp; Finch Consulting" in html
    assert (credentials.token(), OAuthGrant.objects.count()) == ("", 0)
    sealed = html.partition('name="sealed" value="')[2].partition('"')[0]
    assert "oauth" not in sealed
    done = _html(alices.post("/settings/start-anew", {"sealed": sealed}, follow=True))
    assert "Warmline starts over, connected as Alice Alder" in done
    assert oauth_grants.in_use() == OAuthGrant.objects.get()


def _basic(*pair: str) -> dict[str, str]:
    return {"Authorization": httpx.BasicAuth(*pair)._auth_header}


def _said(**changes: Any) -> str:
    body = {"client_id": CLIENT[0], "company_id": 1, "user_id": 1, "timestamp": "2026-01-05T08:00:00Z"}
    return json.dumps(body | changes)


def test_an_uninstalled_app_is_one_state(alices: Client, server: str) -> None:
    """Without session or CSRF token; told once, however often it is said."""
    _connected(alices, server)
    Connection.objects.create(pk=1, since=timezone.now())
    outside = Client(enforce_csrf_checks=True)
    for _ in range(2):
        answer = outside.delete(CALLBACK, _said(), content_type="application/json", headers=_basic(*CLIENT))
        assert answer.status_code == 200
    status = connection_health.status()
    assert status.state == ConnectionState.UNAUTHORIZED
    assert "the app was uninstalled" in status.message
    assert Notification.objects.count() == 1
    assert "the app was uninstalled" in _html(alices.get("/settings"))
    assert "Connected" in _html(_connected(alices, server))
    assert connection_health.status().state == ConnectionState.OK


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({}, _said(), 401),
        (_basic("sandbox-client", "guessed"), _said(), 401),
        (_basic("", ""), _said(), 401),
        ({"Authorization": "Basic ###"}, _said(), 401),
        ({"Authorization": "Bearer c2FuZGJveC1jbGllbnQ6c2FuZGJveC1zZWNyZXQ="}, _said(), 401),
        (_basic(*CLIENT), "nonsense", 400),
        (_basic(*CLIENT), "[" * 100_000, 400),
        (_basic(*CLIENT), _said(company_id="x"), 400),
        (_basic(*CLIENT), _said(company_id=float("inf")), 400),
        (_basic(*CLIENT), _said(company_id=10**30), 200),
        (_basic(*CLIENT), _said(user_id=None), 400),
        (_basic(*CLIENT), "{}", 400),
        (_basic(*CLIENT), _said(company_id=2), 200),
        (_basic(*CLIENT), _said(user_id=2), 200),
        (_basic(*CLIENT), _said(client_id="another"), 200),
    ],
)
def test_only_pipedrive_says_so(alices: Client, server: str, headers: dict[str, str], body: str, status: int) -> None:
    """And only about the grant in use: everything else changes nothing."""
    _connected(alices, server)
    answer = Client().delete(CALLBACK, body, content_type="application/json", headers=headers)
    assert answer.status_code == status
    assert OAuthGrant.objects.get().ended == ""
    assert preferences.stored().pipedrive_token
