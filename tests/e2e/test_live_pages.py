"""In a real browser: what happens in Pipedrive shows by itself, is told once, and stays readable."""

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import pytest
from e2e.browsing import PATIENCE, People, Site, serving_site
from playwright.sync_api import Browser, Locator, Page, Route, expect
from programs import free_port, serving_warmline, warmline
from waiting import until

PROMPT = (
    20.0  # seconds for a stop with streams open, which would go on for minutes; two to four where nothing else runs
)
TABS = 8
LOOKED_AT = "document.dispatchEvent(new Event('visibilitychange'))"  # so that a page asks for what it shows


@dataclass(frozen=True)
class Team:
    """Where things run, and the team's ways to the API."""

    site: Site
    api: dict[str, httpx.Client]

    def save(self, who: str, path: str, **body: Any) -> dict[str, Any]:
        """Save something of somebody's, and return it."""
        row: dict[str, Any] = self.api[who].post(path, json=body).raise_for_status().json()
        return row

    def arrive(self, who: str, name: str) -> dict[str, Any]:
        """Save a warm contact."""
        return self.save(who, "/contacts", name=name, warmness_score=5)

    def wait_until(self, who: str, contact: dict[str, Any], state: str) -> None:
        """Wait until a contact is in a state, as long as that may take."""
        path = f"/contacts/{contact['id']}"
        until(lambda: self.api[who].get(path).json()["sync"]["state"] == state, PATIENCE)


@pytest.fixture(scope="module")
def running(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    """Return the programs, for all tests here."""
    with serving_site(tmp_path_factory.mktemp("site")) as site, ExitStack() as stack:
        api = {}
        for who in ("alice", "bob"):
            token = warmline(site.env, "token", f"{who}@example.com").stdout.strip()
            client = httpx.Client(
                base_url=f"{site.url}/api", headers={"Authorization": f"Bearer {token}"}, timeout=PATIENCE
            )
            api[who] = stack.enter_context(client)
        yield Team(site, api)


@pytest.fixture
def team(running: Team) -> Team:
    """Return the same, with nothing broken."""
    httpx.delete(f"{running.site.sandbox}/sandbox/faults", timeout=PATIENCE).raise_for_status()
    return running


def open_page(people: People, team: Team, who: str, path: str = "/sync") -> Page:
    """Return a page of somebody's that has asked where to go on, so that what happens next is news to it."""
    page = people.member(team.site, who)
    _go(page, path)
    return page


def _go(page: Page, path: str) -> None:
    with page.expect_response(lambda answer: "/toasts" in answer.url):
        page.goto(path)


def break_it(people: People, team: Team, button: str) -> Page:
    """Press a button of the sandbox's page, and return the page."""
    page = people.stranger(team.site)
    page.goto(team.site.sandbox)
    page.locator(f"#{button}").click()
    expect(page.locator(f"#{button}")).to_have_attribute("aria-pressed", "true")
    return page


def toast(page: Page) -> Locator:
    """Return a page's toasts."""
    return page.locator("#toasts .toast")


def test_a_contact_arrives(people: People, team: Team) -> None:
    """A toast with a link, said once, counted by the bell, readable behind it."""
    page = open_page(people, team, "alice")
    contact = team.arrive("alice", "Jordan Ames")
    expect(toast(page)).to_contain_text("Jordan Ames is in Pipedrive as a Warm Lead.")
    expect(toast(page).get_by_role("link")).to_have_attribute("href", f"/contacts/{contact['id']}")
    expect(page.locator("#said")).to_have_text("Jordan Ames is in Pipedrive as a Warm Lead.")
    expect(page.get_by_role("link", name="Notifications, 1 new")).to_be_visible()
    expect(page.get_by_text("1 arrived; typically")).to_be_visible()
    page.keyboard.press("Escape")
    expect(toast(page)).to_have_count(0)
    page.get_by_role("link", name="Notifications, 1 new").click()
    expect(page.get_by_role("main").get_by_text("is in Pipedrive as a Warm Lead.")).to_be_visible()
    expect(page.locator("#bell")).to_have_attribute("aria-label", "Notifications")


def test_a_badge_changes(people: People, team: Team) -> None:
    """In the list that is open, when the contact becomes warm elsewhere and arrives."""
    contact = team.save("bob", "/contacts", name="Taylor Reed", warmness_score=1)
    page = open_page(people, team, "bob", "/contacts")
    badge = page.locator(f"#badge-contact-{contact['id']}")
    expect(badge).to_have_text("Not in Pipedrive")
    team.api["bob"].patch(f"/contacts/{contact['id']}", json={"warmness_score": 6}).raise_for_status()
    expect(badge).to_have_text("In Pipedrive")
    expect(toast(page)).to_contain_text("Taylor Reed is in Pipedrive as a Warm Lead.")


def test_an_activity_fails_and_is_tried_again(people: People, team: Team) -> None:
    """Its reason is told and stays; once Pipedrive is mended, one press brings it there and its badge says so."""
    contact = team.arrive("alice", "Kim Castell")
    page = open_page(people, team, "alice", "/organizations")
    sandbox = break_it(people, team, "break-refuse-activities")
    activity = team.save("alice", "/activities", contact_id=contact["id"], type="CALL")
    failure = page.locator("#toast-activities")
    expect(failure).to_contain_text("Refused by a button on the sandbox's page")
    expect(page.locator("#alarm")).to_contain_text("Could not sync")
    page.goto("/sync/failed/activity")
    expect(failure).to_be_visible()
    badge = page.locator(f"#badge-activity-{activity['id']}")
    expect(badge).to_have_text("Failed")

    sandbox.locator("#mend").click()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.method == "POST" else None)
    failure.get_by_role("button", name="Try again").dblclick()
    expect(failure).to_have_count(0)
    expect(badge).to_have_text("In Pipedrive")
    assert len(asked) == 1


def test_an_activity_says_why_on_its_timeline(people: People, team: Team) -> None:
    """Its reason and "Try again" come and go with its badge, and nothing else is asked for."""
    contact = team.arrive("alice", "Lee Marsh")
    team.wait_until("alice", contact, "synced")
    for _ in range(5):
        team.save("alice", "/activities", contact_id=contact["id"], type="MEETING")
    page = open_page(people, team, "alice", f"/contacts/{contact['id']}")
    expect(page.locator("#timeline .badge-synced")).to_have_count(5)
    sandbox = break_it(people, team, "break-refuse-activities")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/activities/" in request.url else None)
    page.get_by_role("radio", name="Call").check(force=True)
    page.get_by_role("button", name="Save").click()
    entry = page.get_by_role("listitem").filter(has_text="Call with Lee Marsh")
    expect(entry).to_contain_text("Refused by a button on the sandbox's page")

    sandbox.locator("#mend").click()
    entry.get_by_role("button", name="Try again").click()
    expect(entry.locator(".badge")).to_have_text("In Pipedrive")
    expect(entry.get_by_role("button", name="Try again")).to_have_count(0)
    expect(entry).not_to_contain_text("Refused")
    expect(entry).to_be_focused()
    assert len({url.rpartition("/")[2] for url in asked if url[-1].isdigit()}) == 1


def test_warmness_follows_in_another_tab(people: People, team: Team) -> None:
    """In the list and on the contact's page, whether it goes to Pipedrive or not."""
    contact = team.save("alice", "/contacts", name="Sam Heath", warmness_score=1)
    page = open_page(people, team, "alice", "/contacts")
    other = page.context.new_page()
    _go(other, f"/contacts/{contact['id']}")
    expect(other.locator("#in-pipedrive")).to_be_visible()
    page.get_by_label("Warmness of Sam Heath").select_option("3")
    expect(other.get_by_label("Warmness of Sam Heath")).to_have_value("3")
    other.get_by_label("Warmness of Sam Heath").select_option("8")
    control = page.get_by_label("Warmness of Sam Heath")
    expect(control).to_have_value("8")
    expect(control).to_have_class(re.compile("is-warm"))


def test_a_page_that_says_it_needs_no_toast(people: People, team: Team) -> None:
    """On the page of the contact itself nothing covers what one is to choose; elsewhere it is told."""
    contact = team.save("bob", "/contacts", name="Kim Frost", email="kim.frost@example.com", warmness_score=1)
    for name in ("Kim Frost", "K. Frost"):
        emails = [{"value": "kim.frost@example.com", "primary": True, "label": "work"}]
        body = {"do": "add", "kind": "persons", "name": name, "emails": emails}
        httpx.post(f"{team.site.sandbox}/sandbox/people", json=body, timeout=PATIENCE).raise_for_status()
    page = open_page(people, team, "bob", f"/contacts/{contact['id']}")
    page.get_by_label("Warmness of Kim Frost").select_option("6")
    choice = page.get_by_role("button", name="Choose: K. Frost")
    expect(choice).to_be_visible()
    expect(page.locator("#alarm")).to_contain_text("Kim Frost")
    expect(toast(page)).to_have_count(0)
    page.goto("/contacts")
    expect(page.locator("#toast-contacts")).to_contain_text("Kim Frost")
    page.go_back()
    choice.click()
    expect(page.locator("#in-pipedrive .badge")).to_have_text("In Pipedrive")
    page.goto("/organizations")
    expect(page.locator("#bell")).to_be_visible()
    expect(page.locator("#toast-contacts")).to_have_count(0)


def test_a_toast_is_not_over_the_bar(people: People, team: Team) -> None:
    """Of what can be done with those that are selected, however wide the screen is."""
    team.save("bob", "/contacts", name="Bay Rowan")
    page = open_page(people, team, "bob", "/contacts")
    team.arrive("bob", "Ash Grove")
    expect(toast(page).last).to_be_visible()
    page.get_by_label("Select Bay Rowan").check()
    page.get_by_role("button", name="Dismiss").first.focus()  # so that it stays
    for width in (1280, 1030, 900, 390, 320):
        page.set_viewport_size({"width": width, "height": 800})
        page.locator(".toast").last.evaluate("(it) => Promise.all(it.getAnimations().map((one) => one.finished))")
        shown, bar = toast(page).last.bounding_box(), page.locator(".bulk").bounding_box()
        assert shown is not None
        assert bar is not None
        assert not bar["y"] - shown["height"] < shown["y"] < bar["y"] + bar["height"], width


def test_a_failure_that_is_mended_is_no_toast(people: People, team: Team) -> None:
    """It goes by itself when the last of what it tells of has arrived, whoever tried again."""
    contact = team.arrive("alice", "Sam Heath")
    page = open_page(people, team, "alice", "/organizations")
    sandbox = break_it(people, team, "break-refuse-activities")
    team.save("alice", "/activities", contact_id=contact["id"], type="CALL")
    failure = page.locator("#toast-activities")
    expect(failure).to_contain_text("Refused by a button on the sandbox's page")
    sandbox.locator("#mend").click()
    team.api["alice"].post("/sync/retry").raise_for_status()
    expect(failure).to_have_count(0)


def test_an_outage_and_its_end(people: People, team: Team) -> None:
    """Both are told; the page says how the connection is, and what waits follows."""
    page = open_page(people, team, "bob")
    expect(page.get_by_role("heading", name="Connected to Pipedrive")).to_be_visible()
    sandbox = break_it(people, team, "break-outage")
    team.arrive("bob", "Robin Vale")
    connection = page.locator("#toast-connection")
    expect(page.get_by_role("heading", name="Pipedrive is not responding")).to_be_visible()
    expect(page.locator("#alarm")).to_contain_text("The connection to Pipedrive is lost.")
    expect(connection).to_have_count(0)
    page.goto("/organizations")
    expect(connection).to_contain_text("The connection to Pipedrive is lost.")
    page.go_back()

    sandbox.locator("#mend").click()
    page.get_by_role("button", name="Try now").focus()
    page.keyboard.press("Enter")
    expect(connection).to_contain_text("The connection to Pipedrive is back.")
    expect(page.get_by_role("heading", name="Connected to Pipedrive")).to_be_visible()
    expect(page.locator("#sync")).to_be_focused()
    expect(page.locator("#toast-arrived")).to_contain_text("Robin Vale is in Pipedrive")


def test_nobody_sees_anothers(people: People, team: Team) -> None:
    """Alice's contact is no news of Bob's, nor Bob's of Alice's, who sees all contacts."""
    alices, bobs = (open_page(people, team, who) for who in ("alice", "bob"))
    team.arrive("alice", "Alice's Own")
    expect(toast(alices)).to_contain_text("Alice's Own is in Pipedrive")
    team.arrive("bob", "Bob's Own")
    expect(toast(bobs)).to_have_text("Bob's Own is in Pipedrive as a Warm Lead. View contact", use_inner_text=True)
    expect(toast(alices)).to_have_count(1)
    expect(toast(alices)).to_contain_text("Alice's Own")


def test_eight_tabs_have_one_stream(people: People, team: Team) -> None:
    """One tells the others, one of them shows the toast; when the leader goes, another takes over."""
    context = open_page(people, team, "bob", "/sync").context
    context.pages[0].close()
    streams: list[str] = []
    context.on("request", lambda asked: streams.append(asked.url) if "/events" in asked.url else None)
    tabs = [context.new_page() for _ in range(TABS)]
    for tab in tabs:
        _go(tab, "/sync")
    break_it(people, team, "break-refuse-activities")
    contact = team.arrive("bob", "In Eight Tabs")
    team.save("bob", "/activities", contact_id=contact["id"], type="CALL")
    for tab in tabs:
        expect(tab.locator(".figure-failed").get_by_role("link", name="1 activity")).to_be_visible()
    poll = Event()
    while not (shown := [tab for tab in tabs if tab.locator("#alarm").inner_text()]):
        poll.wait(0.05)
    assert len(shown) == 1
    assert len(streams) == 1

    leader, *others = tabs
    with context.expect_event("request", lambda asked: "/events" in asked.url):
        leader.close()
    for _ in range(2):
        team.arrive("bob", "After The Change")
    expect(others[0].locator(".bell-new")).to_be_visible()
    assert len(streams) == 2


def test_a_reload_neither_loses_nor_repeats(people: People, team: Team) -> None:
    """What is on the screen comes back unsaid, what was dismissed does not, and what came meanwhile is told."""
    page = open_page(people, team, "bob")
    team.arrive("bob", "First One")
    expect(toast(page)).to_contain_text("First One")
    page.reload()
    expect(toast(page)).to_contain_text("First One")
    expect(page.locator("#said")).to_have_text("")
    page.get_by_role("button", name="Dismiss").click()
    page.reload()
    expect(page.locator("#sync")).to_be_visible()
    page.goto("about:blank")
    second = team.arrive("bob", "Second One")
    team.wait_until("bob", second, "synced")
    page.goto("/sync")
    expect(toast(page)).to_have_count(1)
    expect(toast(page)).to_contain_text("Second One")


class Held:
    """Holds back the answers about a page's toasts, from the next one on, until it is told to let them go."""

    def __init__(self, page: Page) -> None:
        self.asked: list[str] = []
        self._page, self._is_over = page, False
        self._held: list[Route] = []
        page.route("**/toasts?*", self._hold)

    def _hold(self, route: Route) -> None:
        self.asked.append(route.request.url)
        if self._is_over:
            route.continue_()
        else:
            self._held.append(route)

    def wait(self) -> None:
        """Have the page ask for its toasts, and wait until an answer is held back."""
        self._page.evaluate(LOOKED_AT)
        for _ in range(int(PATIENCE / 0.05)):
            if self._held:
                return
            self._page.wait_for_timeout(50)
        pytest.fail("the page did not ask for its toasts")

    def let_go(self) -> None:
        """Let them go, and return when they were applied: the page asks for one thing after the other."""
        self._is_over = True
        with self._page.expect_response("**/toasts?*"):
            for route in self._held:
                route.continue_()
        with self._page.expect_response("**/toasts?*"):
            self._page.evaluate(LOOKED_AT)


def test_an_answer_from_before_a_dismissal(people: People, team: Team) -> None:
    """What was dismissed while the page was asking does not come back with the answer, here or on the next page."""
    page = open_page(people, team, "bob")
    team.arrive("bob", "Long Asked")
    expect(toast(page)).to_contain_text("Long Asked")
    held = Held(page)
    held.wait()
    page.get_by_role("button", name="Dismiss").click()
    held.let_go()
    expect(toast(page)).to_have_count(0)
    _go(page, "/sync")
    expect(toast(page)).to_have_count(0)


def test_news_in_an_answer_from_before_a_dismissal(people: People, team: Team) -> None:
    """It is told, and alone: what was dismissed is not counted with it."""
    page = open_page(people, team, "bob")
    team.arrive("bob", "Dismissed One")
    expect(toast(page)).to_contain_text("Dismissed One")
    team.wait_until("bob", team.arrive("bob", "Told Anew"), "synced")
    expect(toast(page)).to_contain_text("2 contacts")
    held = Held(page)
    team.wait_until("bob", team.arrive("bob", "The Latest"), "synced")
    held.wait()
    page.get_by_role("button", name="Dismiss").click()
    held.let_go()
    expect(toast(page)).to_contain_text("The Latest is in Pipedrive as a Warm Lead.")
    expect(toast(page)).to_have_count(1)


def test_a_mark_that_was_lost_on_the_way_to_the_next_page(people: People, team: Team) -> None:
    """Of what was shown, which all tabs share: what this tab dismissed stays dismissed."""
    page = open_page(people, team, "bob")
    marks = [cookie for cookie in page.context.cookies() if cookie["name"].startswith("warmline-shown")]
    team.arrive("bob", "Once Only")
    expect(toast(page)).to_contain_text("Once Only")
    page.get_by_role("button", name="Dismiss").click()
    page.context.add_cookies(marks)  # type: ignore[arg-type]  # as they were read
    _go(page, "/sync")
    expect(toast(page)).to_have_count(0)


def test_a_page_that_comes_back_as_it_was_left(people: People, team: Team) -> None:
    """As some browsers bring it by "Back": what was dismissed on the page after it is gone, and the rest is there."""
    page = open_page(people, team, "bob")
    sandbox = break_it(people, team, "break-refuse-persons")
    team.wait_until("bob", team.arrive("bob", "Still Failing"), "failed")
    _go(page, "/organizations")
    expect(page.locator("#toast-contacts")).to_be_visible()
    sandbox.locator("#mend").click()
    team.arrive("bob", "Dismissed Later")
    expect(page.locator("#toast-arrived")).to_be_visible()
    page.evaluate(
        """user => {
            const { arrived, ...others } = JSON.parse(sessionStorage.getItem(`warmline-toasts-${user}`));
            sessionStorage.setItem(`warmline-toasts-${user}`, JSON.stringify(others));
            dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }));
        }""",
        page.locator("#toasts").get_attribute("data-user"),
    )
    expect(page.locator("#toast-arrived")).to_have_count(0)
    expect(page.locator("#toast-contacts")).to_be_visible()


def test_a_toast_goes_in_its_time(people: People, team: Team) -> None:
    """After eight seconds of being looked at, on however many pages."""
    page = people.member(team.site, "bob", toasts_go=True)
    page.clock.install()
    page.clock.pause_at(datetime.now(UTC) + timedelta(minutes=1))
    _go(page, "/sync")
    team.wait_until("bob", team.arrive("bob", "Passing By"), "synced")
    for path in ("/sync", "/notifications"):
        _go(page, path)
        expect(toast(page)).to_contain_text("Passing By")
        page.clock.run_for(3_900)
    expect(toast(page)).to_be_visible()
    page.clock.run_for(2_100)
    expect(toast(page)).to_have_count(0)


def test_many_become_one(people: People, team: Team) -> None:
    """A toast grows in its place, and Tab reaches it: Enter on its button dismisses it."""
    page = open_page(people, team, "bob")
    for number in range(12):
        team.save("bob", "/contacts", name=f"Contact {number}", warmness_score=5)
    expect(toast(page)).to_contain_text("12 contacts are in Pipedrive.")
    expect(toast(page)).to_have_count(1)
    page.get_by_role("button", name="Dismiss").focus()
    page.keyboard.press("Enter")
    expect(toast(page)).to_have_count(0)
    expect(page.locator("#main")).to_be_focused()


def test_what_could_not_be_got_is_told(people: People, team: Team) -> None:
    """A refused request and a server that cannot be reached each say what to do."""
    page = open_page(people, team, "alice")
    page.evaluate("htmx.ajax('GET', '/contacts/999999999', '#sync')")
    expect(page.locator("#toast-trouble")).to_contain_text("This was deleted")
    page.context.set_offline(True)
    page.evaluate("htmx.ajax('GET', '/sync', '#sync').catch(() => {})")
    expect(page.locator("#toast-trouble")).to_contain_text("Cannot reach Warmline")
    page.context.set_offline(False)
    page.evaluate("htmx.ajax('GET', '/sync', '#sync')")
    expect(page.locator("#toast-trouble")).to_have_count(0)
    people.complaints.clear()  # the browser and htmx name what failed, as they should


def test_without_javascript(people: People, team: Team) -> None:
    """The page is whole, the bell leads to the list, and trying again is a form."""
    sandbox = break_it(people, team, "break-refuse-persons")
    contact = team.arrive("bob", "No Script")
    team.wait_until("bob", contact, "failed")
    sandbox.locator("#mend").click()
    page = people.member(team.site, "bob", java_script_enabled=False)
    page.goto("/sync")
    page.locator(f"#retry-contact-{contact['id']}").click()
    expect(page.get_by_text("Trying again: No Script.")).to_be_visible()
    page.locator("#bell").click()
    expect(page.get_by_text("Could not sync No Script.")).to_be_visible()


def test_a_server_stops_with_streams_open(people: People, team: Team, tmp_path: Path) -> None:
    """Promptly; and while they are open they hold no connection to the database."""
    cookies = {cookie["name"]: cookie["value"] for cookie in people.member(team.site).context.cookies()}
    port = free_port()
    with ExitStack() as stack:
        program = stack.enter_context(serving_warmline(team.site.env, port, log=tmp_path / "second.log"))
        client = stack.enter_context(
            httpx.Client(base_url=f"http://127.0.0.1:{port}", cookies=cookies, timeout=PATIENCE)
        )
        streams = []
        for count in range(TABS):
            stream = stack.enter_context(client.stream("GET", "/events"))
            pieces = stream.iter_text()
            assert "retry:" in next(pieces)
            streams.append(pieces)
            if count == 0:
                with_one = _files(program.pid)
        assert _files(program.pid) <= with_one + 1  # the watcher opens its own a moment after the first stream
        began = time.monotonic()
        program.terminate()
        for pieces in streams:
            assert "".join(pieces) == ""
        program.wait(timeout=PATIENCE)
        assert time.monotonic() - began < PROMPT


def _files(pid: int) -> int:
    """Return how many times a process has the database open; 0 where that cannot be seen."""
    folder = Path(f"/proc/{pid}/fd")
    if not folder.exists():
        return 0
    found = 0
    for one in folder.iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            found += one.readlink().name == "warmline.sqlite3"
    return found
