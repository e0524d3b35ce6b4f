"""In a real browser: the first page, and what one does there with one tap."""

from collections.abc import Iterator
from typing import Any

import pytest
from e2e.browsing import PHONE, People, Site, serving_site
from e2e.sample import Book
from playwright.sync_api import Browser, expect


@pytest.fixture(scope="module")
def site(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return the programs, with something to do for Alice and for Bob."""
    with serving_site(tmp_path_factory.mktemp("site")) as running:
        for name in ("alice", "bob"):
            with Book(running, name) as book:
                for person in ("Jordan Ames", "Kim Castell"):
                    contact = book.add(person, "Larkspur Mills", "", "", 3, f"{person[:3]}.{name}@example.com")
                    book.log(contact, type="CALL", due_date="2026-01-02", done=False)
        yield running


@pytest.mark.parametrize(("name", "device"), [("alice", PHONE), ("bob", {})], ids=["phone", "wide"])
def test_with_one_tap(people: People, site: Site, name: str, device: dict[str, Any]) -> None:
    """Done, put off, undone, and logged after a tapped call; the page stays, and nothing is wider than the screen."""
    page = people.member(site, name, **device)
    overdue = page.get_by_role("region", name="Overdue")
    expect(overdue.get_by_role("listitem")).to_have_count(2)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name="Done: Call with Jordan Ames").click()
    expect(overdue.get_by_role("listitem")).to_have_count(1)
    page.get_by_role("button", name="One day later: Call with Kim Castell").click()
    expect(overdue.get_by_role("listitem")).to_have_count(0)
    page.reload()
    expect(page.get_by_role("region", name="This week")).to_contain_text("Call with Kim Castell")
    page.get_by_role("button", name="One day later: Call with Kim Castell").click()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Undone.")).to_be_visible()
    expect(page.get_by_role("region", name="This week")).to_contain_text("tomorrow")
    nearly = page.get_by_role("region", name="One step below warm")
    page.evaluate("addEventListener('click', (it) => it.target.closest('[href^=\"tel:\"]') && it.preventDefault())")
    nearly.get_by_role("link", name="Call Kim Castell").click()
    corner = page.get_by_role("region", name="Undo")
    expect(corner).to_contain_text("Log the call with Kim Castell?")
    corner.get_by_role("button", name="Log it").click()
    expect(corner).to_contain_text("“Call with Kim Castell” is logged.")
    nearly.get_by_role("link", name="Kim Castell", exact=True).click()
    expect(page.locator("#timeline > li")).to_have_count(2)


def test_logged_with_one_tap(people: People, site: Site) -> None:
    """A call, or what was tapped in the row before; the button goes, the page stays, and a slip can be deleted."""
    page = people.member(site, "bob")
    page.evaluate("addEventListener('click', (it) => it.target.closest('[href^=\"mailto:\"]') && it.preventDefault())")
    nearly, corner = (page.get_by_role("region", name=name) for name in ("One step below warm", "Undo"))
    nearly.get_by_role("button", name="Log it: Jordan Ames").click()
    expect(corner).to_contain_text("“Call with Jordan Ames” is logged.")
    expect(nearly.get_by_role("button", name="Log it: Jordan Ames")).to_have_count(0)
    corner.get_by_role("button", name="Delete").click()
    expect(corner).to_contain_text("“Call with Jordan Ames” is deleted.")
    nearly.get_by_role("link", name="E-mail to Kim Castell").click()
    nearly.get_by_role("button", name="Log it: Kim Castell").click()
    expect(corner).to_contain_text("“E-mail to Kim Castell” is logged.")
    expect(page.get_by_role("heading", name="Today", level=1)).to_be_visible()


def test_without_javascript(people: People, site: Site) -> None:
    """Done and put off lead back to the page."""
    page = people.member(site, "alice", java_script_enabled=False)
    page.get_by_role("button", name="One day later: Call with Kim Castell").click()
    expect(page.get_by_text("is put off to")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Undone.")).to_be_visible()
    page.get_by_role("button", name="Done: Call with Kim Castell").click()
    expect(page.get_by_role("heading", name="Today", level=1)).to_be_visible()
    expect(page.get_by_role("button", name="Done: Call with Kim Castell")).to_have_count(0)
