"""What is compressed: listed pages and static files; never what could be guessed by its length."""

import gzip
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from warmline.crm.book import add_contact
from warmline.crm.tokens import issue
from warmline.crm.users import User
from warmline.http.compression import PAGES

GZIP = {"Accept-Encoding": "br;q=1.0, gzip, deflate"}


@pytest.fixture
def alice(db: None) -> User:
    """Return Alice, an admin with a contact."""
    found = User.objects.create_user("alice@example.com", "Alice", is_admin=True)
    add_contact(found, name="Jordan Ames")
    return found


@pytest.fixture
def alices(alice: User) -> Client:
    """Return Alice's browser."""
    client = Client()
    client.force_login(alice)
    return client


@pytest.mark.parametrize(
    "path", ["/", "/contacts", "/contacts/new", "/organizations", "/sync", "/notifications", "/import"]
)
def test_pages(alices: Client, path: str) -> None:
    """They are much shorter, and say the same."""
    plain, packed = alices.get(path), alices.get(path, headers=GZIP)
    assert (packed["Content-Encoding"], packed["Content-Length"]) == ("gzip", str(len(packed.content)))
    assert "Accept-Encoding" in packed["Vary"]
    assert "Accept-Encoding" in plain["Vary"]
    assert "Content-Encoding" not in plain
    assert len(packed.content) < len(plain.content) / 2
    assert (
        plain.content.decode().partition("<body")[0] == gzip.decompress(packed.content).decode().partition("<body")[0]
    )


def test_its_length_says_little(alices: Client) -> None:
    """It is padded at random."""
    assert len({len(alices.get("/contacts/new", headers=GZIP).content) for _ in range(20)}) > 3


def test_what_may_show_a_secret(alices: Client, alice: User) -> None:
    """Profile, settings, team, webhooks, signing in and calendars are sent as they are; so is the API."""
    for path in (
        "/profile",
        "/settings",
        "/settings/team",
        "/settings/team/invitation",
        "/settings/webhooks",
        "/password",
    ):
        answer = alices.get(path, headers=GZIP)
        assert answer.status_code == 200
        assert "Content-Encoding" not in answer, path
    assert "Content-Encoding" not in alices.post(f"/settings/team/{alice.pk}/link", headers=GZIP)
    assert "Content-Encoding" not in Client().get("/sign-in", headers=GZIP)
    token = {"Authorization": f"Bearer {issue(alice)}", **GZIP}
    for path in ("/api/contacts", "/api/openapi.json", "/events", "/contacts/export"):
        assert "Content-Encoding" not in alices.get(path, headers=token), path


def test_the_list_names_what_is_there() -> None:
    """Each part of it is the first of an address of a page."""
    web: Any = next(
        each for each in get_resolver().url_patterns if isinstance(each, URLResolver) and each.namespace == "web"
    )
    firsts = {str(each.pattern).partition("/")[0] for each in web.url_patterns if isinstance(each, URLPattern)}
    assert firsts >= PAGES


def static(path: str, method: str = "get", **headers: str) -> Any:
    """Ask for a static file, and return the answer with its `body`."""
    answer: Any = getattr(Client(), method)(f"/static/web/{path}", headers=headers)
    answer.body = b"".join(answer) if answer.streaming else answer.content
    return answer


@pytest.mark.parametrize("accepted", ["", "br", "gzip;q=0", "gzip;q=0.0, br", "identity"])
def test_who_takes_no_gzip(alices: Client, accepted: str) -> None:
    """Gets none."""
    headers = {"Accept-Encoding": accepted}
    assert "Content-Encoding" not in alices.get("/contacts", headers=headers)
    assert "Content-Encoding" not in static("warmline.css", **headers)


def test_static_files() -> None:
    """Texts are compressed, also a second time; parts, and what has not changed, are left alone."""
    plain = static("warmline.css").body
    for _ in range(2):
        packed = static("warmline.css", **GZIP)
        assert packed["Content-Encoding"] == "gzip"
        assert packed["Content-Type"].startswith("text/css")
        assert packed["Content-Length"] == str(len(packed.body))
        assert gzip.decompress(packed.body) == plain
        assert len(packed.body) < len(plain) / 3
    assert static("live.js", **GZIP)["Content-Encoding"] == "gzip"
    assert static("warmline.css", **GZIP, **{"If-Modified-Since": packed["Last-Modified"]}).status_code == 304
    part = static("warmline.css", **GZIP, Range="bytes=0-9")
    assert (part.status_code, "Content-Encoding" in part) == (206, False)
    assert "Content-Encoding" not in static("warmline.css", "head", **GZIP)
