"""The door: https where it has to be, the probe of health, and what no request may hold."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from pytest_django import Settings
from web.pages import PASSWORD, look, sign_in

from warmline.crm.models import Contact
from warmline.crm.tokens import ApiToken, issue
from warmline.crm.users import User

REMOTE = {"REMOTE_ADDR": "192.0.2.1"}
PUBLIC = "crm.example.com:8443"


@pytest.fixture
def alice(db: None) -> User:
    """Return Alice."""
    return User.objects.create_user("alice@example.com", "Alice", PASSWORD, is_admin=True)


@pytest.fixture
def behind_tls(settings: Settings) -> None:
    """Decide as an https WARMLINE_PUBLIC_URL does."""
    settings.ALLOWED_HOSTS = ["crm.example.com", "other.example", "localhost"]
    settings.PUBLIC_URL = f"https://{PUBLIC}"
    settings.SECURE_HSTS_SECONDS = 31_536_000


@pytest.mark.usefixtures("behind_tls", "alice")
def test_plain_http_from_elsewhere() -> None:
    """It leads to the public address, whatever host was named; no cookie is given by it."""
    for path in ("/sign-in?next=/sync", "/api/contacts", "/nothing"):
        answer = Client().get(path, headers={"Host": "other.example:31337"}, **REMOTE)  # type: ignore[arg-type]
        assert (answer.status_code, answer["Location"]) == (301, f"https://{PUBLIC}{path}")
        assert not answer.cookies
        assert "Strict-Transport-Security" not in answer


@pytest.mark.usefixtures("behind_tls", "alice")
def test_https_from_elsewhere() -> None:
    """Browsers are told to come by nothing else for a year, and cookies are Secure."""
    client = Client()
    answer = sign_in(client, secure=True, headers={"Host": "crm.example.com"}, **REMOTE)
    assert answer["Strict-Transport-Security"] == "max-age=31536000"
    assert answer.cookies
    assert all(cookie["secure"] for cookie in answer.cookies.values())


@pytest.mark.usefixtures("behind_tls", "alice")
@pytest.mark.parametrize(
    "more",
    [
        {"REMOTE_ADDR": "127.0.0.1", "headers": {"Host": "crm.example.com"}},
        {"REMOTE_ADDR": "::1", "headers": {"Host": "crm.example.com"}},
        {"REMOTE_ADDR": "192.0.2.1", "headers": {"Host": "localhost:8000"}},
    ],
)
@pytest.mark.parametrize("secure", [True, False])
def test_from_this_machine(more: dict[str, Any], secure: bool) -> None:  # noqa: FBT001 (a column of the table)
    """It is left alone: by http, and without a word of what browsers should remember."""
    answer = sign_in(Client(), secure=secure, **more)
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert "Strict-Transport-Security" not in answer
    assert all(bool(cookie["secure"]) == secure for cookie in answer.cookies.values())


@pytest.mark.usefixtures("behind_tls")
@pytest.mark.parametrize("host", ["crm.example.com", "10.0.0.5:8000", "not valid"])
def test_the_probe_of_health(host: str) -> None:
    """Whoever asks, under whatever name: it answers without a database, and says nothing."""

    def broken(*_: Any) -> Any:
        raise AssertionError

    for method in ("get", "head"):
        answer = getattr(Client(), method)("/healthz", headers={"Host": host}, **REMOTE)
        assert answer.status_code == 200
        assert answer.content in {b"ok\n", b""}
        assert not answer.cookies
    assert Client().post("/healthz").status_code == 405
    assert connection.queries == []


NUL: list[tuple[str, str, dict[str, Any]]] = [
    ("get", "/contacts/%00", {}),
    ("get", "/static/web/%00.css", {}),
    ("get", "/one-time/%00/x", {}),
    ("get", "/sync/failed/%00", {}),
    ("get", "/contacts", {"headers": {"HX-Current-URL": "http://testserver/\0"}}),
    ("get", "/contacts", {"headers": {"Cookie": "sessionid=a\0b"}}),
    ("get", "/contacts", {"headers": {"Cookie": 'sessionid="a\\000b"'}}),
    ("get", "/api/contacts/%00", {}),
    ("get", "/api/contacts", {"headers": {"Authorization": "Bearer \0"}}),
]


@pytest.mark.parametrize(("method", "path", "more"), NUL)
def test_a_nul_byte(alice: User, method: str, path: str, more: dict[str, Any]) -> None:
    """It is refused wherever it stands, in the shape of all errors, before anything is asked of the database."""
    client = Client()
    client.force_login(alice)
    if "Cookie" in more.get("headers", {}):
        client.cookies.clear()
    answer = getattr(client, method)(path, **more)
    if path.startswith("/api/"):
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_request")
    else:
        assert "This request could not be read" in look(answer, 400)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        *(("/api/contacts", {"name": "Dana", field: "a\0b"}) for field in ("name", "email", "phone", "a\0b")),
        *(
            ("/api/contacts", {"name": "Dana", "organization": {"name": "Acme", field: "a\0b"}})
            for field in ("name", "sector", "country")
        ),
        *(
            ("/api/activities", {"contact_id": 1, "type": "CALL", field: "a\0b"})
            for field in ("subject", "note", "due_date")
        ),
        ("/api/activities", {"contact_id": 1, "type": "\0"}),
    ],
)
def test_a_nul_byte_in_json(alice: User, path: str, body: Any) -> None:
    """It is refused as any other value that a field does not take."""
    headers = {"Authorization": f"Bearer {issue(alice)}"}
    client = Client(headers=headers)
    client.post("/api/contacts", {"name": "Robin"}, content_type="application/json")
    answer = client.post(path, body, content_type="application/json")
    assert answer.status_code in {404, 422}
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("path", "data", "status"),
    [
        ("/sign-in", {"username": "a\0b", "password": PASSWORD}, 200),
        ("/sign-in", {"username": "alice@example.com", "password": "\0"}, 200),
        ("/sign-in", {"a\0": "x", "next": "\0"}, 200),
        ("/password/new", {"email": "a\0b"}, 200),
        ("/contacts/new", {"name": "Da\0na", "email": "\0", "organization_name": "\0"}, 200),
        ("/contacts/selected", {"query": "?q=\0", "action": "delete", "ids": "1\0"}, 302),
        ("/contacts/selected", {"action": "\0"}, 400),
        ("/import", {"file": SimpleUploadedFile("a\0b.csv", b"Name\0\n")}, 302),  # a few of them stand for nothing
        ("/settings/team/invitation", {"name": "\0", "email": "\0", "time_zone": "\0"}, 200),
        ("/settings/warm-leads", {"label": "\0", "threshold": "\0", "initial-label": "\0"}, 200),
        ("/profile", {"name": "\0", "time_zone": "\0"}, 200),
        ("/profile/tokens", {"token-name": "\0"}, 200),
        ("/sync/retry", {"contact": "1\0"}, 302),
    ],
)
def test_a_nul_byte_in_a_form(alice: User, path: str, data: dict[str, Any], status: int) -> None:
    """It is told beside the field, or is nothing that anybody could have chosen."""
    client = Client()
    if path not in {"/sign-in", "/password/new"}:
        client.force_login(alice)
    assert client.post(path, data).status_code == status
    assert (User.objects.count(), Contact.objects.count(), ApiToken.objects.count()) == (1, 0, 0)


@pytest.mark.parametrize(
    "address",
    [
        "/contacts?q=%00",
        "/contacts?q=a%%0000b",
        "/contacts?%00=1",
        "/contacts?order=%00&after=%00&owner=%00&show=%00",
        "/contacts/known?email=%00&name=%00",
        "/organizations?q=%00",
        "/organizations/names?organization=%00",
        "/notifications?before=%00",
        "/badges?contact=%00",
        "/toasts?after=%00",
        "/settings/team?page=%00",
    ],
)
def test_a_nul_byte_in_what_a_page_is_asked_for(alice: User, address: str) -> None:
    """It is left out, as all is that cannot be read there."""
    client = Client()
    client.force_login(alice)
    answer = client.get(address)
    assert answer.status_code == 200
    assert "\0" not in str(dict(answer.wsgi_request.GET)).replace("\\x00", "\0")


@pytest.mark.parametrize("query", ["search=%00", "cursor=%00", "limit=%00", "state=%00", "warm=%00", "%00=1"])
def test_a_nul_byte_in_a_filter(alice: User, query: str) -> None:
    """So it is in a list's filter."""
    headers = {"Authorization": f"Bearer {issue(alice)}"}
    answer = Client(headers=headers).get(f"/api/contacts?{query}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid")


@pytest.mark.parametrize("email", ["x" * 300, f"{'x' * 300}@example.com", "\u2028", "\ud83d", "@", " "])
@pytest.mark.parametrize("path", ["/sign-in", "/password/new"])
def test_names_that_nobody_has(alice: User, path: str, email: str) -> None:
    """Too long or odd: it is told beside the field, or taken for nobody's."""
    data = {"username": email, "email": email, "password": PASSWORD}
    text = "&".join(f"{name}={value}" for name, value in data.items()).encode("utf-8", "surrogatepass")
    for body in (data, text):
        more = {"content_type": "application/x-www-form-urlencoded"} if isinstance(body, bytes) else {}
        if isinstance(body, dict) and "\ud83d" in email:
            continue
        assert Client().post(path, body, **more).status_code == 200  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "headers",
    [
        {"Referer": "http://[::1"},
        {"HX-Request": "true", "HX-Current-URL": "http://[::1"},
        {"HX-Request": "true", "HX-Current-URL": "\udcff"},
        {"Last-Event-ID": "9" * 30},
        {"Cookie": "sessionid=" + "x" * 4000},
        {"Cookie": "browser=" + "\u00e9" * 400},
        {"Accept-Language": "x" * 4000},
        {"User-Agent": "x" * 4000},
        {"Content-Type": "multipart/form-data"},
    ],
)
@pytest.mark.parametrize("path", ["/contacts", "/sign-in", "/password/new", "/api/contacts"])
def test_odd_headers(alice: User, headers: dict[str, str], path: str) -> None:
    """None of them breaks anything."""
    assert Client(headers=headers).post(path, {}).status_code < 500


def test_a_form_at_the_api(alice: User) -> None:
    """A body that is no JSON is told so, also one of several parts."""
    headers = {"Authorization": f"Bearer {issue(alice)}"}
    answer = Client(headers=headers).post("/api/contacts", {"name": "Dana"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "malformed")


def test_djangos_own_look(tmp_path: Path) -> None:
    """With an https address nothing is left of what Django warns of before a deployment."""
    env = {"DJANGO_SETTINGS_MODULE": "warmline.settings", "WARMLINE_DATA_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "django", "check", "--deploy", "--fail-level", "INFO"]
    public = {"WARMLINE_PUBLIC_URL": f"https://{PUBLIC}"}
    done = subprocess.run(command, env={**env, **public}, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert subprocess.run(command, env=env, capture_output=True, check=False, timeout=60).returncode != 0
