"""Markup in everything that others write, here and in Pipedrive: a real browser takes none of it for its own.

Names, notes, labels, candidates, companies, users and error texts hold elements and scripts. No page opens a dialog or
has an element that was smuggled in, and none meets the Content-Security-Policy.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from e2e.browsing import People, Site, serving_site_at
from e2e.sample import Book
from playwright.sync_api import Browser, Dialog, Page, expect
from programs import PASSWORD, warmline

from warmline.sandbox import Fault, Sandbox, World, serving

EVIL = "\"'><img src=x class=evil onerror=alert(1)><script class=evil>alert(2)</script></textarea>{{7*7}}${7*7}"
ADDRESSES = [
    "/",
    "/contacts",
    "/contacts?q={evil}",
    "/contacts?show=failed",
    "/contacts?order={evil}",
    "/contacts/new",
    "/organizations",
    "/organizations?q={evil}",
    "/organizations/1",
    "/organizations/1/edit",
    "/organizations/1/attempts",
    "/contacts/known?name={evil}",
    "/organizations/names?organization={evil}",
    "/activities/1/edit",
    "/sync",
    "/sync/failed/contact",
    "/sync/failed/activity",
    "/notifications",
    "/import",
    "/settings",
    "/settings/warm-leads",
    "/settings/contact-details",
    "/settings/team",
    "/settings/team/1",
    "/settings/team/2",
    "/settings/disconnect",
    "/profile",
    "/password",
    "/badges?contact=1,2,3&organization=1",
    "/toasts?after=0",
    "/sign-in?next={evil}",
    "/{evil}",
    "/api/docs",
]
PARTS = "", "/edit", "/attempts", "/status", "/hand-over", "/delete"


def evil(name: str) -> str:
    """Return a name that no page may take for markup."""
    return f"{name} {EVIL}"


@pytest.fixture(scope="module")
def world() -> World:
    """Return a Pipedrive whose people write markup everywhere."""
    world = World.sample(token="sandbox-token")
    world.company = evil("Company")
    for user in list(world.users.values()):
        world.users[user.id] = replace(user, name=evil(user.name))
    for kind in world.activity_types:
        kind["name"] = evil(kind["name"])
    return world


@pytest.fixture(scope="module")
def sandbox(world: World) -> Sandbox:
    """Return its doors; Kim is refused with an error of markup, and there are two whose name is Alex."""
    sandbox = Sandbox(world)
    emails = [{"value": "alex@example.com", "primary": True, "label": "work"}]
    for name in ("Alex", "Alexa"):
        sandbox.people.add("persons", name=evil(name), emails=emails)
    return sandbox


@pytest.fixture(scope="module")
def site(browser: Browser, sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return a Warmline beside it."""
    with (
        serving(sandbox) as url,
        serving_site_at(url, tmp_path_factory.mktemp("site"), WARMLINE_LABEL=f"Warm {EVIL}") as site,
    ):
        for name in ("charlie", "dave"):
            email = f"{name}@example.com"
            warmline(site.env, "user", "add", email, "--name", evil(name), typed=PASSWORD)
            warmline(site.env, "token", email, "--name", evil("Token"))
        warmline(site.env, "token", "alice@example.com", "--name", evil("Token"))
        yield site


@pytest.fixture(scope="module")
def contacts(site: Site, sandbox: Sandbox) -> list[int]:
    """Fill the book, and return the contacts' ids: in Pipedrive, one of several there, and refused."""
    with Book(site) as book:
        company = evil("Company"), evil("Sector"), evil("Country")
        there = book.add(evil("Jordan"), *company, 6, email="jordan@example.com")
        book.log(there, type="CALL", subject=evil("Subject"), note=evil("Note"))
        book.arrived()
        torn = book.add(evil("Alex"), *company, 6, email="alex@example.com")
        book.until(torn, "failed")
        sandbox.faults.add(
            Fault(kind="error", method="POST", path="/api/v2/persons", status=400, message=evil("Error"))
        )
        refused = book.add(evil("Kim"), *company, 6, email="kim@example.com")
        book.until(refused, "failed")
        return [row["id"] for row in (there, torn, refused)]


@pytest.fixture
def page(people: People, site: Site) -> Iterator[Page]:
    """Return Alice's page; afterwards it must have opened no dialog. That there is no such page is no complaint."""
    dialogs: list[str] = []
    page = people.member(site)

    def note(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", note)
    yield page
    assert dialogs == []
    people.complaints[:] = [one for one in people.complaints if "status of 404" not in one]


def look(page: Page) -> None:
    """Look that nothing was smuggled in, and that what should be shown is."""
    assert page.locator(".evil, [onerror]").count() == 0
    assert page.locator("body script").count() == 0


def test_every_page(page: Page, contacts: list[int]) -> None:
    """Whoever wrote it, and wherever it is shown."""
    ours = [f"/contacts/{contact}{part}" for contact in contacts for part in PARTS]
    for address in [*(address.replace("{evil}", EVIL.replace("/", "%2F")) for address in ADDRESSES), *ours]:
        page.goto(address)
        if address != "/api/docs":
            look(page)
    page.goto(f"/contacts/{contacts[1]}")
    expect(page.get_by_role("main")).to_contain_text(evil("Alexa"))
    page.goto(f"/contacts/{contacts[2]}")
    expect(page.get_by_role("main")).to_contain_text(evil("Error"))


def test_what_comes_by_itself(page: Page, site: Site, sandbox: Sandbox, contacts: list[int]) -> None:
    """A toast, a badge and a fragment that htmx puts in its place."""
    page.goto(f"/contacts/{contacts[0]}")
    with Book(site) as book:
        book.until(book.add(evil("Lee"), evil("Company"), "", "", 7, email="lee@example.com"), "failed")
    expect(page.locator("#toasts .toast").filter(has_text=evil("Lee"))).to_be_visible()
    look(page)
    page.locator("#details").get_by_role("link", name="Edit").click()
    expect(page.locator("main form [name=name]")).to_have_value(evil("Jordan"))
    look(page)


def test_an_import(page: Page) -> None:
    """Headings, cells, and the file's own name."""
    text = io.StringIO()
    csv.writer(text).writerows(
        [["Name", "E-mail", EVIL], [evil("Dana"), EVIL, EVIL], [evil("Robin"), "r@example.com", ""]]
    )
    file: Any = {"name": f"{EVIL.replace('/', '')}.csv", "mimeType": "text/csv", "buffer": text.getvalue().encode()}
    page.goto("/import")
    page.get_by_label("File", exact=True).set_input_files(file)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("main")).to_contain_text("Enter an e-mail address such as kim@example.com")
    look(page)
    page.goto(f"{page.url}/columns")
    look(page)


def test_the_sandboxs_page(page: Page, site: Site, contacts: list[int]) -> None:
    """It shows the same."""
    page.goto(site.sandbox)
    expect(page.get_by_role("table", name="Persons")).to_contain_text(evil("Alexa"))
    assert page.locator(".evil, [onerror]").count() == 0
