"""In Chromium: connecting with a click, there and back, and what people do in Pipedrive as it is reported."""

from collections.abc import Iterator

import httpx
import pytest
from e2e.browsing import People, Site
from playwright.sync_api import Browser, expect
from programs import PASSWORD, environment, free_port, running, serving_warmline, warmline


@pytest.fixture(scope="module")
def site(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return a Warmline with an OAuth app, which Pipedrive can reach."""
    folder, port, other = tmp_path_factory.mktemp("site"), free_port(), free_port()
    url, sandbox = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{other}"
    env = environment(
        folder,
        sandbox,
        PIPEDRIVE_API_TOKEN="",
        PIPEDRIVE_OAUTH_URL=sandbox,
        PIPEDRIVE_CLIENT_ID="sandbox-client",
        PIPEDRIVE_CLIENT_SECRET="sandbox-secret",
        WARMLINE_PUBLIC_URL=url,
    )
    arguments = ("sandbox", "--port", str(other))
    with running(env, *arguments, ready=f"{sandbox}/sandbox/world", log=folder / "sandbox.log"):
        added = warmline(env, "user", "add", "alice@example.com", "--name", "Alice", "--admin", typed=PASSWORD)
        assert added.returncode == 0, added.stderr
        with serving_warmline(env, port, log=folder / "warmline.log"):
            yield Site(url, sandbox, folder, env)


def test_there_and_back(people: People, site: Site) -> None:
    """No policy stands in the way; then a change there is shown here, and the end of the app is told."""
    page = people.member(site)
    page.goto("/settings")
    page.get_by_role("button", name="Connect with Pipedrive").click()
    expect(page.get_by_role("heading", name="sandbox-client wants to use Alder & Finch Consulting")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("access was not allowed there")).to_be_visible()
    page.get_by_role("button", name="Connect with Pipedrive").click()
    page.get_by_role("button", name="Allow and install").click()
    expect(page.get_by_text("Connected to Pipedrive as Alice Alder")).to_be_visible()
    page.goto("/contacts/new")
    page.get_by_label("Name", exact=True).fill("Robin Vale")
    page.get_by_label("E-mail", exact=True).fill("robin@example.com")
    page.get_by_label("Warmness").select_option("8")
    page.get_by_role("button", name="Add", exact=True).click()
    for _ in range(600):
        if httpx.get(f"{site.sandbox}/sandbox/world").json()["persons"]:
            break
        page.wait_for_timeout(100)
    for _ in range(600):
        if len(httpx.get(f"{site.sandbox}/sandbox/world").json()["webhooks"]) == 4:
            break
        page.wait_for_timeout(100)
    deed = {"do": "change", "kind": "persons", "id": 1, "name": "Robin Veil"}
    assert httpx.post(f"{site.sandbox}/sandbox/people", json=deed).status_code == 200
    for _ in range(600):
        page.goto("/contacts")
        if page.get_by_role("link", name="Robin Veil").count():
            break
        page.wait_for_timeout(100)
    expect(page.get_by_role("link", name="Robin Veil")).to_be_visible()
    page.goto("/settings")
    expect(page.get_by_text("Reported by Pipedrive")).to_be_visible()
    assert httpx.post(f"{site.sandbox}/sandbox/people", json={"do": "uninstall_app", "user_id": 1}).status_code == 200
    for _ in range(600):
        page.goto("/settings")
        if page.get_by_text("the app was uninstalled").count():
            break
        page.wait_for_timeout(100)
    expect(page.get_by_text("the app was uninstalled").first).to_be_visible()
