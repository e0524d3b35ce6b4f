"""In a real browser: what is deleted here is deleted in Pipedrive too, if an admin has chosen that; “Undo” keeps it."""

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from e2e.browsing import PATIENCE, PHONE, People, Site, serving_site
from playwright.sync_api import Browser, expect
from programs import warmline


@pytest.fixture(scope="module")
def site(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return the programs."""
    with serving_site(tmp_path_factory.mktemp("site"), WARMLINE_GRACE_SECONDS="0") as running:
        yield running


def calls(site: Site) -> list[dict[str, Any]]:
    """Return the activities that are in Pipedrive."""
    world = httpx.get(f"{site.sandbox}/sandbox/world", timeout=PATIENCE, trust_env=False).raise_for_status()
    return [each for each in world.json()["activities"] if not each.get("is_deleted")]


@pytest.mark.parametrize("device", [PHONE, {}], ids=["phone", "wide"])
def test_deleted_in_pipedrive_too(people: People, site: Site, device: dict[str, Any]) -> None:
    """What is deleted on a page waits there until it cannot be undone; what a program deletes goes within seconds."""
    page = people.member(site, **device)
    page.goto("/settings/warm-leads")
    page.get_by_label("Activities that are deleted here").select_option("yes")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved.").first).to_be_visible()
    expect(page.get_by_label("Activities that are deleted here")).to_have_value("yes")
    name = f"Robin Vale {len(device)}"
    page.goto("/contacts/new")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Warmness").select_option("7")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator("#in-pipedrive .badge")).to_have_text("In Pipedrive")
    page.get_by_role("radio", name="Call").check(force=True)
    page.locator("#log").get_by_role("button", name="Save").click()
    entry = page.locator("#timeline > li")
    expect(entry.locator(".badge")).to_have_text("In Pipedrive")
    contact = page.url
    entry.get_by_role("button", name="Delete").click()
    corner = page.get_by_role("region", name="Undo")
    expect(corner).to_contain_text("is deleted, in Pipedrive in 10 minutes.")
    beside = people.member(site, **device)
    beside.goto("/sync")
    still_there = beside.get_by_role("region", name="Deleted here, still in Pipedrive")
    expect(still_there).to_contain_text("1 activity will be deleted in Pipedrive too")
    corner.get_by_role("button", name="Undo").click()
    expect(entry).to_have_count(1)
    beside.goto("/sync")
    expect(beside.get_by_role("heading", name="Sync", level=1)).to_be_visible()
    expect(still_there).to_have_count(0)
    assert page.url == contact
    (there,) = calls(site)
    number = entry.get_attribute("id").rpartition("-")[2]  # type: ignore[union-attr]
    token = warmline(site.env, "token", "alice@example.com").stdout.strip()
    with httpx.Client(headers={"Authorization": f"Bearer {token}"}, timeout=PATIENCE, trust_env=False) as api:
        api.delete(f"{site.url}/api/activities/{number}").raise_for_status()
    until = time.monotonic() + PATIENCE
    while calls(site):
        assert time.monotonic() < until
        page.wait_for_timeout(200)
    assert there["subject"] == f"Call with {name}"
    page.goto(contact)
    expect(entry).to_have_count(0)
