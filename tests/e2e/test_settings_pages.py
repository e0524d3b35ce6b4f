"""In Chromium: connecting Pipedrive, an import with its progress, an invitation, a token for the API."""

import re
from collections.abc import Iterator

import httpx
import pytest
from e2e.browsing import PATIENCE, People, Site, serving_site
from playwright.sync_api import Browser, expect
from programs import PASSWORD

PHONE = {"width": 390, "height": 844}
FILE = "Name;E-Mail;Firma;Wärme\n" + "".join(
    # So many that even a browser which comes late sees how they become more.
    f"Contact {number};c{number}@example.com;Larkspur {number % 7};{number % 5}\n"
    for number in range(800)
)


@pytest.fixture(scope="module")
def site(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return a Warmline that nobody has connected yet."""
    with serving_site(tmp_path_factory.mktemp("site"), PIPEDRIVE_API_TOKEN="") as served:
        yield served


def test_connecting(people: People, site: Site) -> None:
    """A bad token is refused in words, a good one taken up by the running server; activity types are the account's."""
    page = people.member(site)
    page.get_by_role("link", name="Settings").click()
    page.get_by_label("API token").fill("a-wrong-token")
    page.get_by_role("button", name="Connect").click()
    expect(page.get_by_text("Pipedrive does not accept the API token. Copy it again")).to_be_visible()
    expect(page.get_by_label("API token")).to_have_value("")
    page.get_by_label("API token").fill("sandbox-token")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Connected to Pipedrive as")).to_be_visible()
    expect(page.get_by_role("button", name="Replace token")).to_be_visible()
    page.get_by_role("link", name="Warm leads").click()
    page.get_by_label("Referral").select_option(label="Deadline")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    expect(page.get_by_label("Referral")).to_have_value("deadline")


def test_an_import(people: People, site: Site) -> None:
    """Eight hundred rows: what will happen, the progress, what happened; the second time nothing does."""
    page = people.member(site, "bob", viewport=PHONE)
    file = {"name": "people.csv", "mimeType": "text/csv", "buffer": FILE.encode("cp1252")}
    for said in ("800 new contacts", "No new contacts in this file"):
        page.goto("/import")
        page.get_by_label("File", exact=True).set_input_files(file)  # type: ignore[arg-type]
        page.get_by_role("button", name="Continue").click()
        expect(page.get_by_role("heading", name=said)).to_be_visible()
        expect(page.get_by_text("read as Windows-1252")).to_be_visible()
        if said.startswith("800"):
            page.get_by_role("button", name="Import 800 contacts").click()
            expect(page.get_by_role("progressbar", name="contacts added")).to_be_visible()
            expect(page.get_by_role("heading", name="800 contacts added")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("Import .* contacts"))).to_have_count(0)


def test_an_import_without_javascript(people: People, site: Site) -> None:
    """The page of the progress reloads itself."""
    page = people.member(site, java_script_enabled=False)
    page.goto("/import")
    file = {"name": "two.csv", "mimeType": "text/csv", "buffer": b"Name,E-mail\nDana,dana@example.com\nKim,kim\n"}
    page.get_by_label("File", exact=True).set_input_files(file)  # type: ignore[arg-type]
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Import 1 contact").click()
    expect(page.get_by_role("heading", name="1 contact added")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download 1 row not imported").click()
    assert "Enter an e-mail address such as kim@example.com" in download.value.path().read_text(encoding="utf-8-sig")


def test_an_invitation(people: People, site: Site) -> None:
    """The admin copies a link; Dave sets a password with it, is in, and sees no settings."""
    page = people.member(site)
    page.goto("/settings/team")
    page.get_by_role("link", name="Invite a colleague").click()
    page.get_by_label("Name").fill("Dave")
    page.get_by_label("E-mail", exact=True).fill("dave@example.com")
    page.get_by_role("button", name="Invite").click()
    link = page.get_by_label("Link", exact=True).input_value()
    daves = people.stranger(site)
    daves.goto(link)
    daves.get_by_label("New password", exact=True).fill(PASSWORD)
    daves.get_by_label("New password confirmation").fill(PASSWORD)
    daves.get_by_role("button", name="Set password").click()
    daves.get_by_role("button", name="Your menu, Dave").click()
    expect(daves.get_by_role("link", name="Settings")).to_have_count(0)
    page.get_by_role("link", name="Back to team").click()
    expect(page.get_by_role("row", name="Dave")).to_contain_text("Active")


def test_a_token(people: People, site: Site) -> None:
    """It is shown once and opens the API, until it is revoked."""
    page = people.member(site, "bob")
    page.goto("/profile")
    page.get_by_label("Purpose").fill("the report")
    page.get_by_role("button", name="Create token").click()
    token = page.get_by_label("The new token").input_value()
    url, headers = f"{site.url}/api/contacts", {"Authorization": f"Bearer {token}"}
    assert httpx.get(url, headers=headers, timeout=PATIENCE, trust_env=False).status_code == 200
    page.goto("/profile")
    expect(page.get_by_text("last used")).to_be_visible()
    expect(page.get_by_label("The new token")).to_have_count(0)
    page.get_by_role("button", name="Revoke the token the report").click()
    expect(page.get_by_text("Token revoked.")).to_be_visible()
    assert httpx.get(url, headers=headers, timeout=PATIENCE, trust_env=False).status_code == 401
