"""In a real browser: a device in another time zone than its user's profile."""

from collections.abc import Iterator

import pytest
from e2e.browsing import PHONE, People, Site, serving_site
from playwright.sync_api import Browser, expect


@pytest.fixture(scope="module")
def site(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return the programs."""
    with serving_site(tmp_path_factory.mktemp("site")) as running:
        yield running


def test_another_time_zone(people: People, site: Site) -> None:
    """It is offered on every page until it is taken over, or kept in this browser."""
    page = people.member(site, "bob", **PHONE, timezone_id="Asia/Tokyo")
    notice = page.locator("#messages .notice", has_text="Asia/Tokyo")
    expect(notice).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert notice.locator("p").evaluate("(text) => text.clientWidth > innerWidth / 2")
    notice.get_by_role("button", name="Keep it").click()
    expect(notice).to_have_count(0)
    page.goto(f"{site.url}/contacts")
    expect(page.get_by_role("heading", name="Contacts", level=1)).to_be_visible()
    page.evaluate("localStorage.clear()")
    page.reload()
    notice.get_by_role("button", name="Change the profile").click()
    expect(page.get_by_text("Dates and times are those of Asia/Tokyo now.")).to_be_visible()
    expect(page).to_have_url(f"{site.url}/contacts")
    page.goto(f"{site.url}/profile")
    expect(page.get_by_label("Time zone")).to_have_value("Asia/Tokyo")
    expect(page.get_by_text("This device is in")).to_have_count(0)
