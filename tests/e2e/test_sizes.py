"""In a real browser: everything has room, on narrow screens and with words that nobody foresaw."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from e2e.browsing import People, Site, serving_site
from e2e.sample import Book
from playwright.sync_api import Browser, Page
from programs import PASSWORD, warmline

LONG = "W" * 120
WIDTHS = (1280, 820, 390, 320)  # pixels: a desk, a tablet, a phone and a small one
CSV = f"Name,E-mail,Organization,Warmness\n{LONG},{LONG[:50]}@example.com,{LONG},x\n".encode()
# What is wider than its card, or than the window. What scrolls sideways within itself may be.
TOO_WIDE = """() => {
  const inside = (it, around) => it.getBoundingClientRect().right <= around.getBoundingClientRect().right + 1;
  const found = [...document.querySelectorAll("main *, header *")]
    .filter((it) => it.checkVisibility() && it.getClientRects().length)
    .filter((it) => !it.closest(".visually-hidden, .visually-hidden *, .filters, .tabs, .bulk, .table thead, option"))
    .filter((it) => !inside(it, it.parentElement.closest(".card, td") ?? document.documentElement));
  const { scrollWidth, clientWidth } = document.documentElement;
  const page = scrollWidth > clientWidth ? [`the page: ${scrollWidth}`] : [];
  return [...page, ...found.map((it) => it.outerHTML.slice(0, 120))];
}"""


@dataclass(frozen=True)
class Place:
    """Where it is.

    Attributes:
        site: The programs.
        contact: The address of a contact who has long names.
    """

    site: Site
    contact: str


@pytest.fixture(scope="module")
def place(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Return a book in which everything has a name of one long word: a user, too, who is an admin."""
    with serving_site(tmp_path_factory.mktemp("site")) as site:
        added = warmline(site.env, "user", "add", "carol@example.com", "--name", LONG, "--admin", typed=PASSWORD)
        assert added.returncode == 0, added.stderr
        with Book(site, "carol") as book:
            for warmness in (0, 5):
                contact = book.add(LONG, LONG, LONG, LONG, warmness)
            book.log(contact, type="CALL", subject=LONG, note=LONG, done=True)
            book.arrived()
            with book.broken(kind="error", method="POST", path="/api/v2/persons", status=400, message=LONG):
                book.until(book.add(f"{LONG}X", LONG, LONG, LONG, 5), "failed")
        yield Place(site, f"/contacts/{contact['id']}")


def too_wide(page: Page, *addresses: str) -> dict[tuple[str, int], list[str]]:
    """Return what of each page has no room, by address and width."""
    found = {}
    for address in addresses:
        page.goto(address)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            if wide := page.evaluate(TOO_WIDE):
                found[address, width] = wide
    return found


def test_one_long_word(people: People, place: Place) -> None:
    """It breaks, and neither a page nor a cell is wider for it; whether it names a contact, a company or a user."""
    page = people.member(place.site, "carol")
    contact, organization = place.contact, "/organizations/1"
    pages = [
        contact,
        *(f"{contact}/{what}" for what in ("edit", "hand-over", "delete", "attempts")),
        "/activities/1/edit",
    ]
    pages += ["/", "/contacts", "/contacts?organization=1", "/contacts/new", organization, f"{organization}/edit"]
    pages += ["/organizations", "/sync", "/sync/failed/contact", "/notifications", "/profile", "/settings/team"]
    assert (
        too_wide(
            page,
            *pages,
            "/settings/team/3",
            "/settings/warm-leads",
            "/settings/contact-details",
            "/settings",
            "/import",
        )
        == {}
    )


def test_one_long_word_in_a_file(people: People, place: Place) -> None:
    """The preview of an import, and the choice of its columns, hold it."""
    page = people.member(place.site, "carol")
    page.goto("/import")
    file: Any = {"name": f"{LONG}.csv", "mimeType": "text/csv", "buffer": CSV}
    page.get_by_label("File", exact=True).set_input_files(file)
    page.get_by_role("button", name="Continue").click()
    page.get_by_text("Invalid", exact=True).wait_for()
    assert too_wide(page, page.url, f"{page.url}/columns", "/import") == {}


def test_the_rooms_of_a_phone(people: People, place: Place) -> None:
    """Each room's name stands in one line of the bar, and a finger finds it, on the smallest screen, too."""
    page = people.member(place.site, "carol", viewport={"width": 320, "height": 700})
    for link in page.get_by_role("navigation", name="Main").get_by_role("link").all():
        box = link.bounding_box()
        words = link.locator("span").bounding_box()
        assert box is not None
        assert words is not None
        assert box["width"] >= 40
        assert box["x"] <= words["x"]
        assert words["x"] + words["width"] <= box["x"] + box["width"]
        assert words["height"] < 20
