"""In a real browser: a slip of the hand makes nobody a person in Pipedrive, and what was just done is taken back."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from e2e.browsing import PATIENCE, PHONE, People, Site, serving_site
from playwright.sync_api import Browser, Page, expect

GRACE = 30  # seconds: on a busy machine, five presses of a key take their time


@pytest.fixture(scope="module")
def site(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return the programs, which wait for some seconds."""
    with serving_site(tmp_path_factory.mktemp("site"), WARMLINE_GRACE_SECONDS=str(GRACE)) as running:
        yield running


def add(page: Page, name: str, warmness: str = "3") -> None:
    """Add a contact, and end on its page."""
    page.goto("/contacts/new")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Warmness").select_option(warmness)
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()


def persons(site: Site) -> set[str]:
    """Return who is in Pipedrive."""
    world = httpx.get(f"{site.sandbox}/sandbox/world", timeout=PATIENCE, trust_env=False).raise_for_status()
    return {person["name"] for person in world.json()["persons"]}


@pytest.mark.parametrize("device", [PHONE, {}], ids=["phone", "wide"])
def test_a_slip_of_the_hand(people: People, site: Site, device: dict[str, Any]) -> None:
    """An arrow key on the closed list sends five changes; one "Undo" takes them back, and nobody goes over."""
    page = people.member(site, **device)
    slipped, meant = f"Slipped {len(device)}", f"Meant {len(device)}"
    add(page, slipped)
    control = page.get_by_label(f"Warmness of {slipped}")
    network = page.context.new_cdp_session(page)
    slow = {"offline": False, "latency": 400, "downloadThroughput": -1, "uploadThroughput": -1}
    network.send(
        "Network.emulateNetworkConditions", slow
    )  # so that each press comes before the answer to the one before
    for _ in range(4, 9):
        control.press("ArrowDown")
    network.send("Network.emulateNetworkConditions", {**slow, "latency": 0})
    expect(
        page.locator(f"select[aria-label='Warmness of {slipped}']:not(.htmx-request) option[selected]")
    ).to_have_text("8")
    expect(page.locator("span", has=control).get_by_role("status")).to_have_text("Saved")
    expect(control).to_have_value("8")
    corner = page.get_by_role("region", name="Undo")
    expect(corner).to_contain_text(f"{slipped} is a warm lead now, and goes to Pipedrive in")
    corner.get_by_role("button", name="Undo").click()
    expect(control).to_have_value("3")
    expect(page.locator("#undo")).to_be_empty()  # and hidden then, so it is no region
    add(page, meant, "7")
    expect(page.locator("#in-pipedrive .badge")).to_have_text("In Pipedrive")
    assert meant in persons(site)
    assert slipped not in persons(site)


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
def test_what_was_done(people: People, site: Site, *, scripts: bool) -> None:
    """A call marked done and deleted, and a contact deleted, are as they were."""
    page = people.member(site, java_script_enabled=scripts)
    name = f"Robin {scripts}"
    add(page, name)
    page.get_by_text("Subject, note and date").click()
    page.get_by_label("Date").fill("2999-03-01")
    page.get_by_role("radio", name="Call").check(force=True)
    page.locator("#log").get_by_role("button", name="Save").click()
    entry = page.locator("#timeline > li")
    expect(entry).to_contain_text("to do")
    undo = page.get_by_role("button", name="Undo")
    entry.get_by_role("button", name="Mark done").click()
    expect(entry).not_to_contain_text("to do")
    undo.click()
    expect(entry).to_contain_text("to do")
    entry.get_by_role("button", name="Delete").click()
    expect(entry).to_have_count(0)
    undo.click()
    expect(entry).to_have_count(1)
    page.locator("#details").get_by_role("link", name="Delete").click()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text(f"{name} deleted.")).to_be_visible()
    undo.click()
    page.get_by_role("link", name=name).click()
    expect(entry).to_have_count(1)
