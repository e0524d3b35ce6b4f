"""In a real browser: the network goes, or the session ends, in the middle of a form; what was typed is saved once."""

from collections.abc import Iterator
from typing import Any

import pytest
from e2e.browsing import PHONE, People, Site, serving_site_at
from playwright.sync_api import Browser, Page, Route, expect
from programs import PASSWORD, environment, free_port, running, serving_warmline, warmline

WIDE: dict[str, Any] = {}


@pytest.fixture(scope="module")
def sandbox(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return where a Pipedrive answers."""
    folder, port = tmp_path_factory.mktemp("sandbox"), free_port()
    url = f"http://127.0.0.1:{port}"
    arguments = ("sandbox", "--port", str(port))
    with running(environment(folder, url), *arguments, ready=f"{url}/sandbox/world", log=folder / "log"):
        yield url


@pytest.fixture(scope="module")
def site(sandbox: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Return the programs, for all tests here that do not stop them."""
    with serving_site_at(sandbox, tmp_path_factory.mktemp("site")) as running:
        yield running


def fill_in(page: Page, name: str) -> None:
    """Fill in the form of a new contact."""
    page.goto("/contacts/new")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Organization").fill("Larkspur Mills")
    page.get_by_label("Warmness").select_option("3")


def add(page: Page) -> None:
    """Press the button of a new contact."""
    page.get_by_role("button", name="Add", exact=True).click()


def sign_in(page: Page) -> None:
    """Sign in on the page that asks for it, once it is there."""
    page.get_by_role("button", name="Sign in").wait_for()
    page.get_by_label("E-mail", exact=True).fill("alice@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def listed(page: Page, name: str) -> None:
    """Expect one contact of a name."""
    page.goto(f"/contacts?q={name.replace(' ', '+')}")
    expect(page.get_by_role("link", name=name)).to_have_count(1)


@pytest.mark.parametrize("device", [PHONE, WIDE], ids=["phone", "wide"])
def test_without_a_network(people: People, site: Site, device: dict[str, Any]) -> None:
    """By the browser's switch: a contact and a call, each kept in its form, and saved once when the network is back."""
    page = people.member(site, **device)
    name = f"Robin Vale {len(device)}"
    fill_in(page, name)
    page.context.set_offline(True)
    for _ in range(2):
        add(page)
        expect(page.locator("#toast-trouble")).to_contain_text("What you entered is still here.")
    expect(page.get_by_label("Name")).to_have_value(name)
    page.context.set_offline(False)
    add(page)
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()
    page.get_by_role("radio", name="Call").check(force=True)
    page.get_by_text("Subject, note and date").click()
    page.get_by_label("Note").fill("Wants a quote")
    page.context.set_offline(True)
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#toast-trouble")).to_contain_text("What you entered is still here.")
    expect(page.get_by_label("Note")).to_have_value("Wants a quote")
    page.context.set_offline(False)
    page.get_by_role("button", name="Save").dblclick()
    expect(page.get_by_text("Wants a quote")).to_have_count(1)
    listed(page, name)
    people.complaints.clear()  # the browser and htmx name what failed, as they should


def test_the_server_stops(people: People, sandbox: str, site: Site, tmp_path_factory: pytest.TempPathFactory) -> None:
    """And starts again: what was typed meanwhile is saved once, even where only the answer was lost."""
    folder = tmp_path_factory.mktemp("stopped")
    env, port = environment(folder, sandbox), free_port()
    added = warmline(env, "user", "add", "alice@example.com", "--name", "Alice", "--admin", typed=PASSWORD)
    assert added.returncode == 0, added.stderr
    own = Site(f"http://127.0.0.1:{port}", sandbox, folder, env)
    with serving_warmline(env, port, log=folder / "one.log"):
        page = people.member(own)
        fill_in(page, "Kim Castell")
        page.route(
            "**/contacts/new", lambda route: (route.fetch(max_redirects=0), route.abort())
        )  # saved; nobody says so
        add(page)
        expect(page.locator("#toast-trouble")).to_contain_text("What you entered is still here.")
        page.unroute("**/contacts/new")
    add(page)
    expect(page.locator("#toast-trouble")).to_contain_text("What you entered is still here.")
    with serving_warmline(env, port, log=folder / "two.log"):
        add(page)
        expect(page.get_by_role("heading", name="Kim Castell", exact=True)).to_be_visible()
        listed(page, "Kim Castell")
        page.context.close()
    people.complaints.clear()


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
def test_the_session_ends(people: People, site: Site, *, scripts: bool) -> None:
    """Signing in leads back to the form as it was filled in, for a new contact, an edit and a call."""
    page = people.member(site, java_script_enabled=scripts)
    name = f"Sasha Brook {scripts}"
    fill_in(page, name)
    page.context.clear_cookies(name="sessionid")
    add(page)
    sign_in(page)
    expect(page.get_by_text("What you entered is still here")).to_be_visible()
    expect(page.get_by_label("Name")).to_have_value(name)
    expect(page.get_by_label("Warmness")).to_have_value("3")
    add(page)
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()
    page.get_by_role("link", name="Edit", exact=True).click()
    page.get_by_label("Phone", exact=True).fill("+49 30 555")
    page.context.clear_cookies(name="sessionid")
    page.locator("form", has_text="Cancel").get_by_role("button", name="Save").click()
    sign_in(page)
    expect(page.get_by_label("Phone", exact=True)).to_have_value("+49 30 555")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("region", name="Details")).to_contain_text("+49 30 555")
    page.get_by_role("radio", name="Meeting").check(force=True)
    page.get_by_text("Subject, note and date").click()
    page.get_by_label("Note").fill("Lunch\nat noon")
    page.context.clear_cookies(name="sessionid")
    page.locator("#log").get_by_role("button", name="Save").click()
    sign_in(page)
    expect(page.get_by_label("Note")).to_have_value("Lunch\nat noon")
    expect(page.get_by_role("radio", name="Meeting")).to_be_checked()
    page.locator("#log").get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name=f"Meeting with {name}")).to_be_visible()
    listed(page, name)
    people.complaints.clear()  # the refusal


def test_signed_in_anew_in_another_tab(people: People, site: Site) -> None:
    """The form that stood open meanwhile is sent by one more press."""
    page = people.member(site)
    fill_in(page, "Noa Wren")
    page.context.clear_cookies(name="sessionid")
    other = page.context.new_page()
    other.goto("/contacts")
    sign_in(other)
    add(page)
    page.get_by_role("button", name="Save it now").click()
    expect(page.get_by_role("heading", name="Noa Wren", exact=True)).to_be_visible()
    people.complaints.clear()


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
def test_two_edit_the_same(people: People, site: Site, *, scripts: bool) -> None:
    """The second is told what is there by now, and takes it."""
    one = people.member(site, java_script_enabled=scripts)
    fill_in(one, f"Ellis Hart {scripts}")
    add(one)
    expect(one.get_by_role("heading", name="Ellis Hart")).to_be_visible()
    two = one.context.new_page()
    two.goto(one.url)
    for page in (one, two):
        page.get_by_role("link", name="Edit", exact=True).click()
    for page, phone in ((two, "+49 30 222"), (one, "+49 30 111")):
        page.get_by_label("Phone", exact=True).fill(phone)
        page.locator("form", has_text="Cancel").get_by_role("button", name="Save").click()
        expect(page.get_by_text("+49 30 222").first).to_be_visible()
    expect(one.get_by_text("This was changed while you were editing.")).to_be_visible()
    one.get_by_label("Take theirs: “+49 30 222”").check()
    one.locator("form", has_text="Cancel").get_by_role("button", name="Save").click()
    expect(one.get_by_role("region", name="Details")).to_contain_text("+49 30 222")


def test_before_the_scripts_are_ready(people: People, site: Site) -> None:
    """On a slow network a page can be used before its scripts arrive: a warmness and a search of that time count."""
    page = people.member(site, is_hasty=True)
    fill_in(page, "Ash Early")
    add(page)
    page.get_by_role("heading", name="Ash Early", exact=True).wait_for()
    held: list[Route] = []
    page.route("**/*htmx*.js", lambda script: held.append(script))  # noqa: PLW0108  (Playwright takes no bound method of a list)
    with page.expect_request("**/*htmx*.js"):
        page.goto("/contacts", wait_until="commit")
    page.get_by_label("Warmness of Ash Early").select_option("2")
    page.get_by_label("Search").fill("Nobody like this")
    with page.expect_response("**/warmness"):
        held[0].continue_()
    expect(page.get_by_role("row", name="Ash Early")).to_have_count(0)
    page.unroute("**/*htmx*.js")
    listed(page, "Ash Early")
    expect(page.get_by_label("Warmness of Ash Early")).to_have_value("2")
