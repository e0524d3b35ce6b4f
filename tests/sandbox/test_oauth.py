"""OAuth: the page, the code, tokens and their ends, scopes, and how a grant ends from either side."""

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from virtual_clock import VirtualClock

from warmline.sandbox import Fault, Sandbox, SandboxTransport, World, serving
from warmline.sandbox.outgoing import Outgoing

CALLBACK = "http://127.0.0.1:8000/oauth/pipedrive"
CLIENT = ("sandbox-client", "sandbox-secret")


@pytest.fixture
def app(sandbox: Sandbox) -> httpx.Client:
    """Return the app's own client, which knows its secret."""
    return httpx.Client(transport=SandboxTransport(sandbox), base_url="http://sandbox")


def _token(app: httpx.Client, **form: str) -> httpx.Response:
    return app.post("/oauth/token", data=form, auth=CLIENT)


def _installed(app: httpx.Client) -> dict[str, Any]:
    answer = _token(app, grant_type="authorization_code", code="sandbox-code", redirect_uri=CALLBACK)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def _me(app: httpx.Client, token: str) -> httpx.Response:
    return app.get("/v1/users/me", headers={"authorization": f"Bearer {token}"})


def _refreshed(app: httpx.Client, token: str) -> httpx.Response:
    return _token(app, grant_type="refresh_token", refresh_token=token)


def test_a_code_gives_tokens_that_work(app: httpx.Client, clock: VirtualClock) -> None:
    """For an hour, as the administrator, on the wider burst; the access token is long."""
    tokens = _installed(app)
    assert (tokens["token_type"], tokens["expires_in"], tokens["api_domain"]) == ("Bearer", 3_600, "http://sandbox")
    assert set(tokens["scope"].split(",")) == {
        "base", "contacts:full", "activities:full", "search:read", "users:read", "admin",
    }  # fmt: skip
    assert len(tokens["access_token"]) > 255
    answer = _me(app, tokens["access_token"])
    assert (answer.json()["data"]["name"], answer.headers["x-ratelimit-limit"]) == ("Alice Alder", "80")
    clock.sleep(3_600)
    assert _me(app, tokens["access_token"]).status_code == 401


@pytest.mark.parametrize("rotates", [False, True])
def test_a_refresh_gives_new_ones(app: httpx.Client, world: World, clock: VirtualClock, rotates: bool) -> None:  # noqa: FBT001
    """The refresh token stays, or is exchanged for another: then the old one is spent."""
    world.settings.rotate_refresh_tokens = rotates
    first = _installed(app)
    clock.sleep(4_000)
    second = _refreshed(app, first["refresh_token"]).json()
    assert _me(app, second["access_token"]).status_code == 200
    assert (second["refresh_token"] != first["refresh_token"]) == rotates
    again = _refreshed(app, first["refresh_token"])
    assert again.status_code == (400 if rotates else 200)
    if rotates:
        assert again.json()["message"] == "Invalid grant: refresh token was already exchanged"


def test_sixty_days_of_disuse_end_it(app: httpx.Client, clock: VirtualClock) -> None:
    """Counted from the last use."""
    tokens = _installed(app)
    clock.sleep(59 * 86_400)
    assert _refreshed(app, tokens["refresh_token"]).status_code == 200
    clock.sleep(60 * 86_400)
    ended = _refreshed(app, tokens["refresh_token"])
    assert (ended.status_code, ended.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"grant_type": "authorization_code", "code": "guessed", "redirect_uri": CALLBACK}, "authorization code"),
        ({"grant_type": "authorization_code", "code": "sandbox-code"}, "redirect_uri"),
        (
            {
                "grant_type": "authorization_code",
                "code": "sandbox-code",
                "redirect_uri": "https://warmline.example.com/oauth/pipedrive",
            },
            "redirect_uri",
        ),
        ({"grant_type": "refresh_token", "refresh_token": "1:1:none"}, "refresh token is invalid"),
        ({"grant_type": "password"}, "grant_type"),
        ({}, "grant_type"),
    ],
)
def test_what_is_wrong_is_refused_with_400(app: httpx.Client, form: dict[str, str], message: str) -> None:
    """And says why."""
    refused = _token(app, **form)
    assert refused.status_code == 400
    assert message in refused.json()["message"]


@pytest.mark.parametrize("auth", [None, ("sandbox-client", "guessed"), ("other", "sandbox-secret")])
def test_only_the_app_itself_gets_tokens(app: httpx.Client, auth: tuple[str, str] | None) -> None:
    """Its secret comes by HTTP Basic."""
    form = {"grant_type": "authorization_code", "code": "sandbox-code", "redirect_uri": CALLBACK}
    refused = app.post("/oauth/token", data=form, auth=auth or httpx.USE_CLIENT_DEFAULT)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_client")


@pytest.mark.parametrize(
    ("scopes", "method", "path", "status"),
    [
        ("base", "GET", "/v1/users/me", 200),
        ("base", "GET", "/v1/users", 403),
        ("base contacts:read", "GET", "/api/v2/persons", 200),
        ("base contacts:read", "POST", "/api/v2/persons", 403),
        ("base contacts:full", "POST", "/api/v2/persons", 200),
        ("base contacts:full", "POST", "/api/v2/personFields", 403),
        ("base contacts:full", "POST", "/v1/webhooks", 403),
        ("base admin", "GET", "/v1/webhooks", 200),
    ],
)
def test_a_call_outside_of_the_scopes_is_refused(
    app: httpx.Client, world: World, scopes: str, method: str, path: str, status: int
) -> None:
    """In JSON, which tells it from a block, and for nothing."""
    world.settings.scopes = scopes
    token = _installed(app)["access_token"]
    answer = app.request(
        method, path, headers={"authorization": f"Bearer {token}"}, json={"name": "Robin"} if method == "POST" else None
    )
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["error"] == "Scope and URL mismatch"
        assert world.calls[-1].tokens == 0


def test_revoking_uninstalls(app: httpx.Client, sandbox: Sandbox) -> None:
    """With the refresh token all of it ends, and nobody is told; an access token alone ends alone."""
    tokens = _installed(app)
    more = _refreshed(app, tokens["refresh_token"]).json()
    assert app.post("/oauth/revoke", data={"token": tokens["access_token"]}, auth=CLIENT).status_code == 200
    assert [_me(app, one["access_token"]).status_code for one in (tokens, more)] == [401, 200]
    assert app.post("/oauth/revoke", data={"token": more["refresh_token"]}, auth=CLIENT).status_code == 200
    assert _me(app, more["access_token"]).status_code == 401
    assert _refreshed(app, more["refresh_token"]).status_code == 400
    assert sandbox.deliver(lambda _one: 200) == 0


def test_a_user_who_uninstalls_has_the_app_told(app: httpx.Client, sandbox: Sandbox) -> None:
    """By a DELETE at its callback, with its own id and secret."""
    tokens = _installed(app)
    sandbox.people.uninstall_app(1)
    sent: list[Outgoing] = []
    assert sandbox.deliver(lambda one: sent.append(one) or 200) == 1  # type: ignore[func-returns-value]
    assert (sent[0].method, sent[0].url, sent[0].user, sent[0].password) == ("DELETE", CALLBACK, *CLIENT)
    assert sent[0].body == {
        "client_id": "sandbox-client",
        "company_id": 1,
        "user_id": 1,
        "timestamp": "2026-01-05T08:00:00Z",
    }
    assert _me(app, tokens["access_token"]).status_code == 401


def test_the_address_may_change(app: httpx.Client, world: World) -> None:
    """Every answer has the newest."""
    tokens = _installed(app)
    world.settings.api_domain = "https://alderfinch.pipedrive.com"
    assert _refreshed(app, tokens["refresh_token"]).json()["api_domain"] == "https://alderfinch.pipedrive.com"


def test_faults_strike_the_token_endpoint_too(app: httpx.Client, sandbox: Sandbox) -> None:
    """A refresh whose answer is lost has happened: the same token serves again, unless they rotate."""
    tokens = _installed(app)
    sandbox.faults.add(Fault(kind="no_answer_after", path="/oauth/token", times=1))
    with pytest.raises(httpx.ReadTimeout):
        _refreshed(app, tokens["refresh_token"])
    assert _refreshed(app, tokens["refresh_token"]).status_code == 200


def test_a_person_lets_the_app_in_or_does_not(sandbox: Sandbox) -> None:
    """On the page: who, for what; both answers lead back, with the state; a code is good once and for its callback."""
    asked = {"client_id": "sandbox-client", "redirect_uri": CALLBACK, "state": "a-state"}
    with serving(sandbox) as url, httpx.Client(base_url=url) as browser:
        page = browser.get("/oauth/authorize", params=asked)
        assert page.status_code == 200
        assert "form-action 'self' http://127.0.0.1:8000;" in page.headers["content-security-policy"]
        assert re.findall(r'<option value="(\d)"', page.text) == ["1", "2"]
        form = asked | {"user": "2"}
        denied = browser.post("/oauth/authorize", data=form | {"answer": "deny"})
        assert _told_back(denied) == {"error": ["user_denied"], "state": ["a-state"]}
        allowed = browser.post("/oauth/authorize", data=form | {"answer": "allow"})
        code = _told_back(allowed)["code"][0]
        elsewhere = {"grant_type": "authorization_code", "code": code, "redirect_uri": f"{CALLBACK}2"}
        assert browser.post("/oauth/token", data=elsewhere, auth=CLIENT).status_code == 400
        allowed = browser.post("/oauth/authorize", data=form | {"answer": "allow"})
        exchange = {"grant_type": "authorization_code", "code": _told_back(allowed)["code"][0]}
        answers = [
            browser.post("/oauth/token", data=exchange | {"redirect_uri": CALLBACK}, auth=CLIENT) for _ in range(2)
        ]
        assert [one.status_code for one in answers] == [200, 400]
        assert answers[0].json()["api_domain"] == url
        assert _me(browser, answers[0].json()["access_token"]).json()["data"]["name"] == "Bob Finch"


def test_a_code_is_good_for_five_minutes(app: httpx.Client, sandbox: Sandbox, clock: VirtualClock) -> None:
    """Then the app has to ask again."""
    with serving(sandbox) as url, httpx.Client(base_url=url) as browser:
        form = {"client_id": "sandbox-client", "redirect_uri": CALLBACK, "user": "1", "answer": "allow"}
        code = _told_back(browser.post("/oauth/authorize", data=form))["code"][0]
    clock.sleep(300)
    assert _token(app, grant_type="authorization_code", code=code, redirect_uri=CALLBACK).status_code == 400


@pytest.mark.parametrize(
    "change",
    [{"client_id": "other"}, {"redirect_uri": "https://warmline.example.com/"}, {"redirect_uri": ""}],
)
def test_the_page_knows_its_app(sandbox: Sandbox, world: World, change: dict[str, str]) -> None:
    """Another client, or a callback that is not of this machine, is refused on the page and leads nowhere."""
    asked = {"client_id": "sandbox-client", "redirect_uri": CALLBACK} | change
    with serving(sandbox) as url, httpx.Client(base_url=url) as browser:
        assert browser.get("/oauth/authorize", params=asked).status_code == 400
        refused = browser.post("/oauth/authorize", data=asked | {"user": "1", "answer": "allow"})
        assert (refused.status_code, "location" in refused.headers) == (400, False)
        world.settings.redirect_uri = f"{CALLBACK}/registered"
        assert browser.get("/oauth/authorize", params=asked | {"redirect_uri": CALLBACK}).status_code == 400


def _told_back(answer: httpx.Response) -> dict[str, list[str]]:
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"{CALLBACK}?")
    return parse_qs(urlsplit(answer.headers["location"]).query)
