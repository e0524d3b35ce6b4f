"""axe-core looks at every page in light, in dark and on a phone, and finds nothing serious.

Each page is opened once and shown in these looks one after the other: all rules in light and on a phone, and in dark,
which changes nothing else, those of colour. Its script comes from a package and is handed to the browser from outside,
past the page's Content-Security-Policy.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from django.template.loader import render_to_string
from e2e.browsing import PHONE, People, Site, serving_site
from e2e.sample import Book
from playwright.sync_api import Browser, Page, Route, expect
from programs import environment, free_port, serving_warmline

STILL: Any = {"reduced_motion": "reduce"}  # a colour that fades is measured half-way
COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
ERRORS = ("400.html", "400_host.html", "403.html", "403_csrf.html", "404.html", "500.html", "429.html")
CSV = b"Name,E-mail,Organization,Warmness\nDana Frost,dana@example.com,Larkspur Mills,6\nKim,kim,,\n"


@dataclass(frozen=True)
class Place:
    """Where the sample is.

    Attributes:
        site: The programs.
        book: Whose contacts are looked at.
        contacts: The address of a contact in each state.
    """

    site: Site
    book: Book
    contacts: dict[str, str]


@pytest.fixture(scope="module")
def place(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Return the programs with the sample, for all tests here."""
    with serving_site(tmp_path_factory.mktemp("site")) as site, Book(site) as book:
        yield Place(site, book, book.fill())


def serious(page: Page) -> list[str]:
    """Return what axe-core finds in any look that is serious or critical, a line each; the page is as before then."""
    page.evaluate(AXE_SCRIPT)
    wide = page.viewport_size
    assert wide is not None
    faults = _serious(page, "light")
    page.emulate_media(color_scheme="dark")
    faults += _serious(page, "dark", COLOURS)
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(PHONE["viewport"])
    faults += _serious(page, "phone")
    page.set_viewport_size(wide)
    return faults


def _serious(page: Page, look: str, options: dict[str, Any] | None = None) -> list[str]:
    found = page.evaluate("options => axe.run(options)", {"resultTypes": ["violations"], **(options or {})})
    return [
        f"{look}: {fault['impact']} {fault['id']}: {node['target']} {' '.join(node['failureSummary'].split())}"
        for fault in found["violations"]
        if fault["impact"] in {"serious", "critical"}
        for node in fault["nodes"]
    ]


def look_at(page: Page, *addresses: str) -> None:
    """Go to pages one after the other, and find nothing serious on any."""
    faults = {}
    for address in addresses:
        page.goto(address)
        if found := serious(page):
            faults[address] = found
    assert not faults, json.dumps(faults, indent=2)


def test_at_the_door(people: People, place: Place, tmp_path: Path) -> None:
    """Signing in, in vain too; a new password, by a one-time link as well; and the first start, with nobody there."""
    page = people.stranger(place.site, **STILL)
    look_at(page, "/sign-in", "/password/new", "/password/sent", "/one-time/MQ/worn-out")
    page.goto("/sign-in")
    page.get_by_label("E-mail", exact=True).fill("nobody@example.com")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert serious(page) == []
    port = free_port()
    with serving_warmline(environment(tmp_path, place.site.sandbox), port, log=tmp_path / "warmline.log"):
        look_at(page, f"http://127.0.0.1:{port}/welcome")


def test_contacts(people: People, place: Place) -> None:
    """The list with many, with none, and with some selected; a contact in each state; adding, editing, deleting."""
    page = people.member(place.site, **STILL)
    contact = place.contacts["synced"]
    look_at(
        page, "/", "/contacts", "/contacts?q=nobody", "/contacts?show=failed", "/contacts/new", *place.contacts.values()
    )
    look_at(page, *(f"{contact}/{what}" for what in ("edit", "hand-over", "delete", "attempts")), "/activities/1/edit")
    page.goto("/contacts")
    page.get_by_label("Select all on this page").check()
    assert serious(page) == []
    page.get_by_role("button", name="Delete").click()
    assert serious(page) == []
    page.goto(contact)
    for summary in page.locator("main summary").all():
        summary.click()
    assert serious(page) == []
    look_at(people.member(place.site, "bob", **STILL), "/contacts", "/organizations", "/notifications", "/import")


def test_a_contact_on_its_way(people: People, place: Place) -> None:
    """Waiting in an outage, and in progress; with the toasts that tell of it, the bell and the Sync page."""
    page = people.member(place.site, **STILL)
    under_way = place.book.add("Ash Grove", "Larkspur Mills", "Manufacturing", "Germany", 1)
    with place.book.under_way(under_way):
        look_at(page, f"/contacts/{under_way['id']}")
        expect(page.get_by_text("In progress").first).to_be_visible()
    place.book.arrived()
    with place.book.broken(kind="error", status=503):
        waiting = place.book.add("Bay Rowan", "Larkspur Mills", "Manufacturing", "Germany", 5)
        place.book.until_connection("down")
        look_at(page, f"/contacts/{waiting['id']}", "/sync")
        page.goto("/organizations")
        expect(page.locator("#toast-connection")).to_be_visible()
        assert serious(page) == []
        page.goto("/sync")
    page.get_by_role("button", name="Try now").click()
    place.book.until_connection("ok")
    place.book.arrived()


def test_organizations_sync_and_notifications(people: People, place: Place) -> None:
    """With something on each of them."""
    page = people.member(place.site, **STILL)
    pages = ("/organizations", "/organizations?q=nobody", "/organizations/1", "/organizations/1/edit")
    look_at(page, *pages, "/sync", "/sync/failed/contact", "/sync/failed/activity", "/notifications")


def test_an_import(people: People, place: Place) -> None:
    """Each step: the file, its columns and the preview, and what was done."""
    page = people.member(place.site, "bob", **STILL)
    look_at(page, "/import")
    page.get_by_label("File", exact=True).set_input_files({"name": "two.csv", "mimeType": "text/csv", "buffer": CSV})
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("main")).to_contain_text("Enter an e-mail address such as kim@example.com")
    assert serious(page) == []
    look_at(page, f"{page.url}/columns")
    page.go_back()
    page.get_by_role("button", name="Import 1 contact").click()
    expect(page.get_by_role("heading", name="1 contact added")).to_be_visible()
    assert serious(page) == []


def test_settings_team_and_profile(people: People, place: Place) -> None:
    """With a token made, and with a link for a colleague."""
    page = people.member(place.site, **STILL)
    settings = (
        "/settings",
        "/settings/warm-leads",
        "/settings/contact-details",
        "/settings/team",
        "/settings/team/invitation",
        "/settings/team/2",
    )
    look_at(page, *settings, "/settings/webhooks", "/profile", "/password")
    page.goto("/settings")
    page.get_by_role("button", name="Check the connection").click()
    expect(page.get_by_role("region", name="Findings")).to_be_visible()
    assert serious(page) == []
    page.goto("/profile")
    page.get_by_label("Purpose").fill("the report")
    page.get_by_role("button", name="Create token").click()
    expect(page.get_by_label("The new token")).to_be_visible()
    assert serious(page) == []
    page.get_by_role("button", name="Your menu, Alice").click()
    assert serious(page) == []


def test_errors(people: People, place: Place) -> None:
    """As they are, with the site's stylesheet; not all of them can be had from a program that is well."""
    page = people.stranger(place.site, **STILL)
    for number, template in enumerate(ERRORS):
        body = render_to_string(template)
        page.route(f"**/broken-{number}", partial(Route.fulfill, body=body, content_type="text/html"))
    look_at(page, *(f"/broken-{number}" for number in range(len(ERRORS))))


def test_the_sandboxs_page(people: People, place: Place) -> None:
    """When all is well, and when it is broken."""
    page = people.stranger(place.site, **STILL)
    page.goto(place.site.sandbox)
    assert serious(page) == []
    page.get_by_text("Add a person").click()
    page.locator("#break-slow").click()
    expect(page.locator("#break-slow")).to_have_attribute("aria-pressed", "true")
    assert serious(page) == []
    page.locator("#mend").click()
    expect(page.locator("#health")).to_contain_text("Everything works.")
