"""In a real browser: Warmline cannot be reached for a while; what was entered meanwhile arrives, each thing once."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from e2e.browsing import PATIENCE, PHONE, People, Site, kept_ahead
from e2e.stopping import Server, stoppable
from e2e.test_accessibility import serious
from playwright.sync_api import Browser, Page, Route, expect
from programs import PASSWORD

WORKER: dict[str, Any] = {"service_workers": "allow"}


@pytest.fixture(scope="module")
def server(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return the programs, for all tests here."""
    with stoppable(tmp_path_factory.mktemp("site")) as found:
        yield found


@pytest.fixture
def site(people: People, server: Server) -> Iterator[Site]:
    """Return where it runs; what the browser says of requests that failed, as they should, is no complaint."""
    server.start()
    yield server.site
    people.close()
    people.complaints[:] = [each for each in people.complaints if not each.startswith(("Failed to load", "htmx:"))]


def pages_of(page: Page) -> list[str]:
    """Return for whom the browser keeps pages."""
    return [name for name in page.evaluate("caches.keys()") if name.startswith("warmline-pages-")]


def visit(page: Page, path: str) -> None:
    """Go to a page, and wait until the outbox is there."""
    page.goto(path)
    page.locator("html[data-outbox]").wait_for()


def fill_in(page: Page, name: str, warmness: str) -> None:
    """Add a contact."""
    page.get_by_label("Name").fill(name)
    page.get_by_label("Warmness").select_option(warmness)
    page.get_by_role("button", name="Add", exact=True).click()


def add(page: Page, name: str, warmness: str = "2") -> str:
    """Add a contact while Warmline is there, and return the path of its page."""
    page.goto("/contacts/new")
    fill_in(page, name, warmness)
    page.get_by_role("heading", name=name, exact=True).wait_for()
    return page.url.partition(page.url.split("/contacts/")[0])[2]


def unsent(page: Page, words: str) -> None:
    """Expect the line that says how many are not sent yet; empty for none."""
    expect(page.locator("#unsent")).to_have_text(words)


def again(page: Page) -> Page:
    """Close the page, and open another one of the same browser."""
    context = page.context
    page.close()
    return context.new_page()


def in_pipedrive(site: Site) -> tuple[Counter[str], Counter[str]]:
    """Return the names of persons and the notes of activities there."""
    world = httpx.get(f"{site.sandbox}/sandbox/world", timeout=PATIENCE, trust_env=False).raise_for_status().json()
    return Counter(each["name"] for each in world["persons"]), Counter(each["note"] for each in world["activities"])


@pytest.mark.parametrize(
    ("device", "how"), [({**PHONE, **WORKER}, "server"), (WORKER, "switch")], ids=["phone, server", "wide, switch"]
)
def test_a_while_without_warmline(people: People, server: Server, site: Site, device: dict[str, Any], how: str) -> None:
    """The page is closed and opened in between; what was added, logged and changed is there once, in Pipedrive too."""
    page = people.member(site, **device)
    suffix = f"{how} {len(device)}"
    robin, kim = f"Robin {suffix}", f"Kim {suffix}"
    path = add(page, robin)
    kept_ahead(page)
    visit(page, path)
    page.context.set_offline(True) if how == "switch" else server.stop()
    page = again(page)
    visit(page, path)
    if how == "server":  # the switch does not reach the worker, which gets the page all the same
        expect(page.locator("#offline")).to_contain_text("Offline: as of")
    page.get_by_label(f"Warmness of {robin}").select_option("6")
    unsent(page, "1 not sent yet")
    page.locator("#log").get_by_role("radio", name="Call").check(force=True)
    page.get_by_text("Subject, note and date").click()
    page.get_by_label("Note").fill(f"Wants a quote {suffix}")
    page.locator("#log").get_by_role("button", name="Save").click()
    unsent(page, "2 not sent yet")
    visit(page, "/contacts/new")
    fill_in(page, kim, "7")
    unsent(page, "3 not sent yet")
    expect(page.get_by_label("Name")).to_have_value("")
    page = again(page)
    visit(page, "/outbox")
    page.get_by_role("listitem").filter(has_text=kim).get_by_role("button", name="Log an activity").click()
    page.locator("[data-offline-log]").get_by_role("radio", name="Meeting").check(force=True)
    page.locator("[data-offline-log]").get_by_label("Note").fill(f"At the fair {suffix}")
    page.locator("[data-offline-log]").get_by_role("button", name="Save").click()
    unsent(page, "4 not sent yet")
    if how == "switch":
        page.context.set_offline(False)  # which the browser tells the page
    else:
        server.start()
        page = again(page)
        page.goto("/outbox")
    expect(page.get_by_role("heading", name="Everything is sent")).to_be_visible()
    unsent(page, "")
    for name, note, score in ((robin, "Wants a quote", "6"), (kim, "At the fair", "7")):
        page.goto(f"/contacts?q={name.replace(' ', '+')}")
        expect(page.get_by_label(f"Warmness of {name}")).to_have_value(score)
        page.get_by_role("link", name=name).click()
        expect(page.get_by_text(f"{note} {suffix}")).to_have_count(1)
        expect(page.locator("#in-pipedrive .badge")).to_have_text("In Pipedrive")
        expect(page.locator("#timeline .badge")).to_have_text("In Pipedrive")
    persons, notes = in_pipedrive(site)
    assert [persons[robin], persons[kim]] == [1, 1]
    assert sorted(count for note, count in notes.items() if suffix in (note or "")) == [1, 1]


def sign_in(page: Page, name: str) -> None:
    """Sign in on the page that asks for it."""
    page.get_by_label("E-mail", exact=True).fill(f"{name}@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def sign_out(page: Page) -> None:
    """Press "Sign out" in the menu."""
    page.get_by_role("button", name="Your menu").click()
    page.get_by_role("button", name="Sign out").click()


def answer(page: Page, button: str) -> None:
    """Answer what is asked of who signs out, by keyboard."""
    chosen = page.get_by_role("dialog").get_by_role("button", name=button, exact=True)
    while not chosen.evaluate("it => it === document.activeElement"):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")


def test_signing_out(people: People, server: Server, site: Site) -> None:
    """It asks whether to stay, send or discard; nothing is left in the browser for whoever uses it next."""
    page = people.member(site, **WORKER)
    add(page, "Seen By Alice")
    kept_ahead(page)
    visit(page, "/contacts/new")
    page.context.set_offline(True)
    fill_in(page, "Sent At The End", "1")
    unsent(page, "1 not sent yet")
    sign_out(page)
    page.get_by_role("dialog").wait_for()
    assert serious(page) == []
    answer(page, "Stay signed in")
    unsent(page, "1 not sent yet")
    sign_out(page)
    answer(page, "Send and sign out")
    expect(page.get_by_text("1 could not be sent, so you are still signed in.")).to_be_visible()
    page.route("**/outbox/token", lambda route: route.abort())  # or it would be sent by itself
    with page.expect_request("**/outbox/token"):
        page.context.set_offline(False)
    unsent(page, "1 not sent yet")
    page.unroute("**/outbox/token")
    sign_out(page)
    answer(page, "Send and sign out")
    page.get_by_role("button", name="Sign in").wait_for()
    assert pages_of(page) == []
    sign_in(page, "alice")
    page.goto("/contacts?q=Sent+At")
    expect(page.get_by_role("link", name="Sent At The End")).to_have_count(1)
    kept_ahead(page)
    visit(page, "/contacts/new")
    page.context.set_offline(True)
    fill_in(page, "Not Wanted", "1")
    unsent(page, "1 not sent yet")
    sign_out(page)
    answer(page, "Discard and sign out")
    expect(page.get_by_text("so you are still signed in there")).to_be_visible()
    unsent(page, "")
    assert pages_of(page) == []
    page.context.set_offline(False)
    page.goto("/contacts?q=Not+Wanted")
    expect(page.get_by_text("No contacts match")).to_be_visible()


def test_another_user(people: People, server: Server, site: Site) -> None:
    """A session ended with something unsent: the next user sees and sends nothing of it; the first one does."""
    page = people.member(site, **WORKER)
    kept_ahead(page)
    visit(page, "/contacts/new")
    page.context.set_offline(True)
    mine = pages_of(page)
    fill_in(page, "Only Alice's", "1")
    unsent(page, "1 not sent yet")
    page.context.clear_cookies(name="sessionid")
    page.context.set_offline(False)
    expect(page.locator("#unsent")).to_contain_text("sign in to send")
    page.goto("/contacts")
    sign_in(page, "bob")
    kept_ahead(page)
    unsent(page, "")
    visit(page, "/outbox")
    expect(page.get_by_role("heading", name="Everything is sent")).to_be_visible()
    expect(page.get_by_text("Only Alice's")).to_have_count(0)
    theirs = pages_of(page)
    assert len(theirs) == 1
    assert theirs != mine
    sign_out(page)
    page.get_by_role("button", name="Sign in").wait_for()
    sign_in(page, "alice")
    page.locator("html[data-outbox]").wait_for()
    expect(page.get_by_text("Only Alice's added.")).to_be_visible()
    unsent(page, "")


def test_what_is_refused(people: People, server: Server, site: Site) -> None:
    """A contact that was deleted, and a warmness that changed meanwhile: each stays, and the person decides."""
    page = people.member(site, **WORKER)
    gone, changed = add(page, "Gone By Then"), add(page, "Changed By Then")
    kept_ahead(page)
    elsewhere = people.member(site)
    page.goto("/contacts?q=By+Then")
    page.locator("html[data-outbox]").wait_for()
    page.context.set_offline(True)
    for count, name in enumerate(("Gone By Then", "Changed By Then"), 1):
        control = page.get_by_label(f"Warmness of {name}")
        control.focus()
        for score in ("3", "4"):  # the arrow key sends each step
            control.press("ArrowDown")
            expect(control).to_have_value(score)
            expect(control).to_have_class("warmness is-kept")
        unsent(page, f"{count} not sent yet")
    elsewhere.goto(f"{gone}/delete")
    elsewhere.get_by_role("button", name="Delete").click()
    elsewhere.get_by_text("Gone By Then deleted.").wait_for()
    elsewhere.goto(changed)
    with elsewhere.expect_response("**/warmness"):
        elsewhere.get_by_label("Warmness of Changed By Then").select_option("1")
    page.context.set_offline(False)
    unsent(page, "2 not sent yet, 2 need you")
    page.locator("#unsent").get_by_role("link").press("Enter")
    expect(page.locator("#outbox > li")).to_have_count(2)
    first, second = page.locator("#outbox > li").all()
    expect(first).to_contain_text("Not saved: The contact was deleted, or it now belongs to a colleague.")
    expect(second).to_contain_text("The warmness has been changed to 1 in the meantime.")
    assert serious(page) == []
    page.once("dialog", lambda dialog: dialog.accept())
    first.get_by_role("button", name="Copy").press("Enter")
    first.get_by_role("button", name="Discard").press("Enter")
    page.get_by_role("button", name="Set 4").press("Enter")
    expect(page.get_by_role("heading", name="Everything is sent")).to_be_visible()
    page.goto(changed)
    expect(page.get_by_label("Warmness of Changed By Then")).to_have_value("4")


def test_an_answer_that_is_lost(people: People, server: Server, site: Site) -> None:
    """Of the form and of the outbox, with two tabs that send at once: one contact and one call."""
    page = people.member(site, **WORKER)
    path = add(page, "Called Once")
    kept_ahead(page)
    lost: list[str] = []

    def lose(route: Route) -> None:
        lost.append(route.request.url)
        route.fetch()
        route.abort()

    visit(page, "/contacts/new")
    page.route("**/contacts/new", lambda route: (route.fetch(max_redirects=0), route.abort()))
    page.route("**/outbox/items", lose)
    fill_in(page, "Added Once", "1")
    expect(page.locator("#unsent")).to_contain_text("1 not sent yet")
    page.unroute("**/contacts/new")
    visit(page, path)
    page.route("**/activities", lose)
    page.locator("#log").get_by_role("radio", name="Call").check(force=True)
    page.locator("#log").get_by_role("button", name="Save").click()
    unsent(page, "2 not sent yet")
    tabs = [page.context.new_page() for _ in range(2)]
    for tab in tabs:
        tab.goto("/outbox", wait_until="commit")
    for tab in tabs:
        unsent(tab, "")
    assert {each.rpartition("/")[2] for each in lost} == {"items", "activities"}
    page.unroute_all()
    page.goto(path)
    expect(page.locator("#timeline > li")).to_have_count(1)
    page.goto("/contacts?q=Added+Once")
    expect(page.get_by_role("link", name="Added Once")).to_have_count(1)


def test_saved_at_the_last_moment(people: People, server: Server, site: Site) -> None:
    """The network goes after the answer: the old page that follows says that it was saved, once."""
    page = people.member(site, **WORKER)
    path = add(page, "Called In Time")
    kept_ahead(page)
    visit(page, path)

    def go(route: Route) -> None:
        saved = route.fetch(max_redirects=0)
        server.stop()
        route.fulfill(response=saved)

    page.route("**/activities", go)
    page.locator("#log").get_by_role("radio", name="Call").check(force=True)
    page.locator("#log").get_by_role("button", name="Save").click()
    expect(page.locator("#offline")).to_contain_text("The activity with Called In Time is logged. Offline: as of")
    page.reload()
    expect(page.locator("#offline")).to_contain_text("Offline: as of")
    expect(page.locator("#offline")).not_to_contain_text("is logged")


def test_what_was_saved_after_a_page_was_kept(people: People, server: Server, site: Site) -> None:
    """Each old page shows the warmness that this browser saved last, by a page or from the outbox."""
    page = people.member(site, **WORKER)
    path = add(page, "Changed Elsewhere", "2")
    kept_ahead(page)
    visit(page, "/contacts?q=Changed+Elsewhere")
    visit(page, path)
    control = page.get_by_label("Warmness of Changed Elsewhere")
    for score in ("3", "5"):
        with page.expect_response("**/warmness"):
            control.select_option(score)
        expect(page.get_by_text("Saved", exact=True)).to_be_attached()
    server.stop()
    visit(page, "/contacts?q=Changed+Elsewhere")
    expect(page.locator("#offline")).to_contain_text("Offline: as of")
    expect(control).to_have_value("5")
    control.select_option("7")
    unsent(page, "1 not sent yet")
    server.start()
    page = again(page)
    visit(page, "/outbox")
    expect(page.get_by_role("heading", name="Everything is sent")).to_be_visible()
    server.stop()
    visit(page, path)
    expect(page.get_by_label("Warmness of Changed Elsewhere")).to_have_value("7")


# Keeps what opens the database waiting, as a slow disk does, until somebody lets one go on.
SLOW = """() => {
  const open = IDBFactory.prototype.open;
  window.held = [];
  IDBFactory.prototype.open = function (...args) {
    const asked = open.apply(this, args);
    return {
      get result() { return asked.result; },
      set onupgradeneeded(then) { asked.onupgradeneeded = then; },
      set onerror(then) { asked.onerror = then; },
      set onsuccess(then) {
        held.push(() => { if (asked.readyState === "done") then(); else asked.onsuccess = then; });
      },
    };
  };
}"""


def test_keys_that_are_faster_than_the_disk(people: People, server: Server, site: Site) -> None:
    """What is kept late does not set the control back on which somebody goes on pressing."""
    page = people.member(site, **WORKER)
    path = add(page, "Pressed Fast", "2")
    kept_ahead(page)
    visit(page, path)
    page.evaluate(SLOW)
    page.context.set_offline(True)
    control, said = page.get_by_label("Warmness of Pressed Fast"), page.locator("#said")
    for waiting in (1, 2):
        control.press("ArrowDown")
        page.wait_for_function("waiting => held.length === waiting", arg=waiting)
    page.evaluate("held.shift()()")
    expect(said).to_contain_text("kept in this browser")
    control.press("ArrowDown")
    expect(control).to_have_value("5")
    page.evaluate("() => { for (const go of held) go(); held.push = (go) => go(); }")
    expect(said).to_contain_text("Warmness of Pressed Fast: 5.")
    page.context.set_offline(False)
    unsent(page, "")
    page.goto(path)
    expect(control).to_have_value("5")


def test_no_room_in_the_browser(people: People, server: Server, site: Site) -> None:
    """The form keeps what was typed, as without an outbox."""
    page = people.member(site, **WORKER)
    kept_ahead(page)
    visit(page, "/contacts/new")
    page.evaluate("() => { IDBObjectStore.prototype.put = () => { throw new Error('full'); }; }")
    page.context.set_offline(True)
    fill_in(page, "Kept In The Form", "1")
    expect(page.locator("#toast-trouble")).to_contain_text("What you entered is still here.")
    expect(page.get_by_label("Name")).to_have_value("Kept In The Form")
    page.context.set_offline(False)


def test_pages_that_were_not_kept(people: People, server: Server, site: Site) -> None:
    """Without Warmline: what was seen last is read-only; what was not, or shows secrets, is said not to be there."""
    page = people.member(site, **{**PHONE, **WORKER})
    path = add(page, "Looked At")
    kept_ahead(page)
    for each in (path, "/profile", "/settings", "/notifications"):
        page.goto(each)
    visit(page, path)
    kept = kept_ahead(page)
    assert not [
        each for each in kept if each.startswith(("/profile", "/settings", "/notifications", "/sign", "/events"))
    ]
    server.stop()
    try:
        page.goto(path)
        expect(page.locator("#offline")).to_contain_text("Offline: as of")
        expect(page.get_by_role("link", name="Edit", exact=True)).to_be_hidden()
        assert serious(page) == []
        assert 'csrfmiddlewaretoken" value=""' in page.content()
        page.goto("/profile")
        expect(page.get_by_text("this browser has no copy of the page")).to_be_visible()
    finally:
        server.start()
    page.goto(path)
    expect(page.locator("#offline")).to_be_hidden()


def test_what_is_too_old(people: People, server: Server, site: Site) -> None:
    """After 30 days an entry is not sent any more, but shown, to be copied or discarded."""
    page = people.member(site, **WORKER)
    kept_ahead(page)
    visit(page, "/contacts/new")
    page.context.set_offline(True)
    fill_in(page, "Long Ago", "1")
    unsent(page, "1 not sent yet")
    page.evaluate("""async () => {
      const { edit } = await import("/static/web/outbox-store.js");
      const age = (all) => ({ put: all.map((item) => ({ ...item, at: item.at - 31 * 86400000 })) });
      await edit(document.getElementById("kept-here").dataset.user, age);
    }""")
    page.context.set_offline(False)
    unsent(page, "1 not sent yet, 1 needs you")
    page.goto("/contacts?q=Long+Ago")
    expect(page.get_by_text("No contacts match")).to_be_visible()
    page.goto("/outbox")
    expect(page.locator("#outbox > li")).to_contain_text("Not sent: it was kept for 30 days.")
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Discard").click()
    expect(page.get_by_role("heading", name="Everything is sent")).to_be_visible()
