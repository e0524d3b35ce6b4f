"""In a real browser, on any page: forced colours, paper, Escape, wide screens, and the way back from an error."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from e2e.browsing import PHONE, People, Site, serving_site
from e2e.sample import Book
from playwright.sync_api import Browser, Page, expect

LINE = 30  # pixels; what is in one line need not begin at the same height


@dataclass(frozen=True)
class Place:
    """Where Jordan Ames is, a contact of Alice's with a planned call."""

    site: Site
    contact: str


@pytest.fixture(scope="module")
def place(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Return the programs, with a contact."""
    with serving_site(tmp_path_factory.mktemp("site")) as site, Book(site) as book:
        contact = book.add("Jordan Ames", "Larkspur Mills", "", "", 3, "jordan@example.com")
        book.log(contact, type="CALL", subject="Call Jordan", due_date="2026-01-02", done=False)
        yield Place(site, f"/contacts/{contact['id']}")


def serious(page: Page) -> list[str]:
    """Return what axe-core finds that is serious or critical."""
    page.evaluate(AXE_SCRIPT)
    found: dict[str, Any] = page.evaluate("axe.run({resultTypes: ['violations']})")
    return [fault["id"] for fault in found["violations"] if fault["impact"] in {"serious", "critical"}]


def test_forced_colours(people: People, place: Place) -> None:
    """Nothing serious, and what is chosen can be told without a colour of ours."""
    page = people.member(place.site, forced_colors="active")
    for address in ("/", "/contacts", place.contact, "/sync", "/settings/warm-leads", "/profile"):
        page.goto(address)
        assert serious(page) == [], address
    page.goto(place.contact)
    call, mail = (page.locator(".kind", has=page.locator(f"[value={kind}]")) for kind in ("CALL", "EMAIL"))
    call.click()
    colour = "(element) => getComputedStyle(element).backgroundColor"
    assert call.evaluate(colour) != mail.evaluate(colour)


def test_on_paper(people: People, place: Place) -> None:
    """What there is to read, and nothing that one presses; dark or not, in the colours of light."""
    page = people.member(place.site, color_scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    page.goto(place.contact)
    expect(page.get_by_text("Call Jordan").first).to_be_visible()
    for hidden in (".top", ".actions >> nth=0", "#log"):
        expect(page.locator(hidden)).to_be_hidden()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(30, 34, 37)"


def test_escape_leaves_editing(people: People, place: Place) -> None:
    """At once if nothing was changed; otherwise it asks, and a no keeps what was typed."""
    page = people.member(place.site)
    page.goto(place.contact)
    details = page.locator("#details")
    details.get_by_role("link", name="Edit").click()
    name = details.get_by_label("Name", exact=True)
    expect(name).to_be_focused()
    page.keyboard.press("Escape")
    expect(name).to_have_count(0)
    details.get_by_role("link", name="Edit").click()
    name.fill("Jordan B. Ames")
    page.once("dialog", lambda dialog: dialog.dismiss())
    page.keyboard.press("Escape")
    expect(name).to_have_value("Jordan B. Ames")
    page.once("dialog", lambda dialog: dialog.accept())
    page.keyboard.press("Escape")
    expect(name).to_have_count(0)
    expect(page.get_by_role("heading", name="Jordan Ames", level=1)).to_be_visible()


@pytest.mark.parametrize("device", [PHONE, {"viewport": {"width": 1920, "height": 1080}}], ids=["phone", "wide"])
def test_the_way_back_from_an_error(people: People, place: Place, device: dict[str, Any]) -> None:
    """The navigation is there, and nothing is wider than the screen, also on a wide one."""
    page = people.member(place.site, **device)
    people.complaints.clear()
    page.goto("/contacts/999999")
    expect(page.get_by_role("heading", name="Page not found")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Contacts").click()
    expect(page.get_by_role("heading", name="Contacts", level=1)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert all("404" in said for said in people.complaints)
    people.complaints.clear()


STOPS = """() => {
  const { activeElement: at } = document;
  const [{ top, left }, inside] = [at.getBoundingClientRect(), at.closest("main")];
  return inside && [at.ariaLabel || at.textContent.trim() || at.name, Math.round(top + scrollY), Math.round(left)];
}"""


def test_tab_follows_the_eye(people: People, place: Place) -> None:
    """On a phone, where all is in one column, it never leads back up."""
    page = people.member(place.site, **PHONE)
    for address in ("/", "/contacts", place.contact, "/organizations/1"):
        page.goto(address)
        page.locator(".skip").focus()
        stops: list[Any] = []
        for _ in range(80):
            page.keyboard.press("Tab")
            stop = page.evaluate(STOPS)
            if stop is None and stops:
                break
            stops += [stop] if stop else []
        lines = [top for _, top, _ in stops]
        back = [(a, b) for a, b in pairwise(stops) if b[1] < a[1] - LINE]
        assert lines, address
        assert back == [], address


def test_a_message_with_undo(people: People, place: Place) -> None:
    """What undoes stands in the message that tells what was done."""
    page = people.member(place.site)
    page.goto("/contacts/new")
    page.get_by_label("Name").fill("Robin Vale")
    page.get_by_label("Warmness").select_option("8")
    page.get_by_role("button", name="Add", exact=True).click()
    message = page.locator("#messages .notice")
    expect(message).to_contain_text("Robin Vale added.")
    expect(message.get_by_role("button", name="Undo")).to_be_visible()


@pytest.mark.parametrize("width", [320, 640], ids=["reflow", "200 %"])
def test_enlarged(people: People, place: Place, width: int) -> None:
    """A window that is enlarged has fewer pixels: nothing is wider than it, and nothing serious is wrong."""
    page = people.member(place.site, viewport={"width": width, "height": 400}, device_scale_factor=2)
    for address in ("/", "/contacts", place.contact, "/organizations", "/sync", "/settings/team", "/profile"):
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address
        assert serious(page) == [], address
