"""What holds for every page: the policy, the frame, the errors, the icons and the stylesheet."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.core.exceptions import PermissionDenied
from django.db import OperationalError, connection
from django.http import HttpResponse
from django.template import Context, Template
from django.template.loader import get_template
from django.test import Client, RequestFactory
from django.test.signals import template_rendered
from django.utils import timezone
from web.pages import look, problems

from warmline.crm.users import User
from warmline.sync.row_state import SyncState
from warmline.web.presentation.icons import ICONS
from warmline.web.requests import admins_only

ROOMS = ["/contacts", "/organizations", "/sync", "/import", "/settings"]
TEMPLATES = sorted((Path(__file__).parents[2] / "src" / "warmline" / "web" / "templates").rglob("*.html"))


@pytest.mark.parametrize("path", [*ROOMS, "/profile", "/password"])
def test_the_frame(alices: Client, path: str) -> None:
    """Each page has its landmarks, says where one is, and is kept by no cache."""
    response = alices.get(path)
    html = look(response)
    for part in ('href="#main"', '<main id="main"', 'id="toasts"', 'id="bell"', 'action="/sign-out"', "htmx-2.min.js"):
        assert part in html
    rooms = html.partition('<nav class="rooms"')[2].partition("</nav>")[0]
    assert re.findall(r'<a href="(\S+)" aria-current="page"', rooms) == ([path] if path in ROOMS else [])
    assert html.count("<h1") == 1
    assert "no-store" in response["Cache-Control"]


def test_the_front_door(alices: Client) -> None:
    """Whoever opens the address itself finds their contacts."""
    assert "Today" in look(alices.get("/"))


def test_times_are_the_users(bobs: Client) -> None:
    """A page is made in its user's time zone, and none is left behind."""
    seen = set()

    def note(**_: Any) -> None:
        seen.add(timezone.get_current_timezone_name())

    template_rendered.connect(note)
    try:
        look(bobs.get("/contacts"))
    finally:
        template_rendered.disconnect(note)
    assert seen == {"Europe/Berlin"}
    assert timezone.get_current_timezone_name() == "UTC"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("post", "/contacts"),
        ("post", "/import/1"),
        ("post", "/import/1/rejected.csv"),
        ("post", "/settings/team"),
        ("delete", "/settings/team/1"),
    ],
)
def test_a_wrong_method(alices: Client, method: str, path: str) -> None:
    """What only shows cannot be sent to."""
    assert getattr(alices, method)(path).status_code == 405


@pytest.mark.parametrize(
    ("host", "path", "status", "says"),
    [
        ("elsewhere.example.com", "/contacts", 400, "This request could not be read"),
        ("testserver", "/nothing", 404, "Page not found"),
        ("testserver", "/contacts/", 404, "Page not found"),
    ],
)
def test_an_error_page(client: Client, db: None, host: str, path: str, status: int, says: str) -> None:
    """It is one of ours, says what to do, and leads back."""
    html = look(client.get(path, headers={"Host": host}), status)
    assert says in html
    assert 'href="/contacts"' in html
    assert ('<nav class="rooms"' in html) == (status == 404)


def test_a_form_that_cannot_be_read(alices: Client) -> None:
    """The page keeps the navigation; it is not about the name of the host."""
    html = look(alices.post("/contacts/selected", {"action": "dance"}), 400)
    assert '<nav class="rooms"' in html
    assert "WARMLINE_HOSTS" not in html


@pytest.mark.parametrize("name", [path.name for path in TEMPLATES if path.stem[:3].isdigit()])
def test_error_pages_keep_the_navigation(name: str) -> None:
    """All do but the one for an unknown host name, at which every page is refused."""
    assert ('<nav class="rooms"' in get_template(name).render()) == (name != "400_host.html")


@pytest.mark.parametrize(
    ("path", "to"),
    [
        ("/contacts/selected", "/contacts"),
        ("/contacts/5/activities", "/contacts/5"),
        ("/contacts/5/warmness", "/contacts/5"),
        ("/organizations/3/link", "/organizations/3"),
        ("/activities/7/done", "/activities/7"),
        ("/sync/retry", "/sync"),
        ("/import/2/start", "/import/2"),
        ("/settings/team/2/link", "/settings/team/2"),
        ("/profile/tokens", "/profile"),
        ("/profile/tokens/1/revoke", "/profile/tokens"),
        ("/sign-out", "/"),
    ],
)
def test_the_address_of_a_form(alices: Client, path: str, to: str) -> None:
    """Who opens it, as a phone does that lost the page, is led to what it belongs to; other methods are refused."""
    assert alices.get(path)["Location"] == to
    assert alices.head(path)["Location"] == to
    assert alices.delete(path).status_code == 405


def test_the_page_of_a_breakdown(alices: Client) -> None:
    """It needs no database, which may be what broke."""

    def broken(*_: Any) -> Any:
        raise OperationalError("disk I/O error")

    alices.raise_request_exception = False
    with connection.execute_wrapper(broken):
        html = look(alices.get("/contacts"), 500)
    assert "Something went wrong on our side" in html
    assert "disk" not in html


def test_the_page_of_an_old_form(alice: User) -> None:
    """A form without a good token changes nothing and says why."""
    client = Client(enforce_csrf_checks=True)
    html = look(client.post("/sign-in", {"username": "alice@example.com"}), 403)
    assert "This page is out of date" in html


def test_a_page_for_admins(alice: User, bob: User) -> None:
    """A member is refused."""
    view = admins_only(lambda _: HttpResponse("for admins"))
    request: Any = RequestFactory().get("/settings")
    request.user = alice
    assert view(request).status_code == 200
    request.user = bob
    with pytest.raises(PermissionDenied):
        view(request)


def test_the_page_of_a_refusal() -> None:
    """Django shows it for PermissionDenied, without any context."""
    html = get_template("403.html").render()
    assert problems(html) == []
    assert "Only admins can open this page" in html


@pytest.mark.parametrize(
    ("html", "found"),
    [
        ('<p id="a">fine</p><script src="/static/x.js" defer></script><a href="https://example.com/">out</a>', []),
        ('<p style="color:red">', ["style='color:red' in <p>"]),
        ("<style>p{}</style>", ["an inline <style>"]),
        ("<script>alert(1)</script>", ["an inline <script>"]),
        ('<button onclick="go()">', ["onclick='go()' in <button>"]),
        ('<a href="javascript:go()">', ["href='javascript:go()' in <a>"]),
        ('<div hx-on:click="go()" hx-vals="js:{}">', ["hx-on:click='go()' in <div>", "hx-vals='js:{}' in <div>"]),
        ('<script src="https://cdn.example.com/x.js">', ["<script> from elsewhere: https://cdn.example.com/x.js"]),
        ('<i id="a"></i><i id="a"></i>', ["2 elements with id a"]),
        ('<img src="/x.png">', ["an <img> without alt"]),
        ('<input name="q"><label>Name <input name="n"></label><input type="hidden" name="h">', ["no label for q"]),
    ],
)
def test_the_look_at_a_page(html: str, found: list[str]) -> None:
    """It finds what must not be, and leaves alone what may."""
    assert problems(html) == found


def test_each_icon_that_is_asked_for_is_drawn() -> None:
    """And each that is drawn is well-formed; one with words is an image, one without is decoration."""
    asked = {name for file in TEMPLATES for name in re.findall(r'{% icon "([^"]+)"', file.read_text(encoding="utf-8"))}
    assert asked <= ICONS.keys()
    template = Template("{% load warmline %}{% for name in names %}{% icon name %}{% endfor %}{% icon 'bell' words %}")
    html = template.render(Context({"names": list(ICONS), "words": "<3 new"}))
    assert problems(html) == []
    assert html.count('aria-hidden="true"') == len(ICONS)
    assert 'role="img" aria-label="&lt;3 new"' in html


def test_each_state_has_a_badge() -> None:
    """With an icon and words of its own, so that the colour is not all."""
    template = Template("{% load warmline %}{% sync_badge state %}")
    badges = {template.render(Context({"state": state})).replace(f"badge-{state}", "") for state in SyncState.values}
    assert len(badges) == len(SyncState)
    for badge in badges:
        assert re.search(r"<svg .*</svg>[A-Z][A-Za-z ]+</span>", badge)


def stylesheet() -> str:
    """Return the stylesheet's text."""
    found = finders.find("web/warmline.css")
    assert isinstance(found, str)
    return Path(found).read_text(encoding="utf-8")


def test_the_stylesheet_is_small() -> None:
    """And loads nothing."""
    css = stylesheet()
    assert len(css.encode()) < 36_000
    assert "url(" not in css
    assert "@import" not in css


def luminance(colour: str) -> float:
    """Return how bright a colour is, as WCAG 2 defines it."""
    digits = "".join(digit * 2 for digit in colour) if len(colour) == 3 else colour
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("front", "grounds", "least"),
    [
        ("ink", "paper card hover", 4.5),
        ("muted", "paper card hover", 4.5),
        ("accent", "paper card hover accent-soft", 4.5),
        ("on-accent", "accent accent-hover", 4.5),
        ("danger", "card paper", 4.5),
        ("on-danger", "danger", 4.5),
        ("bad", "bad-soft card", 4.5),
        ("ok", "ok-soft card", 4.5),
        ("busy", "busy-soft card", 4.5),
        ("wait", "wait-soft", 4.5),
        ("rest", "rest-soft", 4.5),
        ("control", "card paper", 3),
        ("warm", "card", 3),
    ],
)
def test_contrast(scheme: str, front: str, grounds: str, least: float) -> None:
    """Words and controls can be told from their ground by everyone (WCAG 2 AA), in light and in dark."""
    light, dark = stylesheet().split("prefers-color-scheme: dark", maxsplit=1)
    tokens = dict(re.findall(r"--([a-z-]+): #([0-9a-f]+);", light if scheme == "light" else dark))
    for ground in grounds.split():
        low, high = sorted((luminance(tokens[front]), luminance(tokens[ground])))
        assert (high + 0.05) / (low + 0.05) >= least, ground
