"""The sandbox's page over a real socket: what it shows, what its buttons break, who may press them."""

import re
from collections.abc import Iterator
from html import unescape
from threading import Event
from typing import Any

import httpx
import pytest
from virtual_clock import VirtualClock

from warmline.sandbox import Fault, Sandbox, World, serving
from warmline.sandbox.fault_buttons import BREAKAGES
from warmline.sandbox.page import STATIC

HOME = "/sandbox/"
SWITCH, ADD = "/sandbox/switch", "/sandbox/add"
PERSONS, ORGANIZATIONS, ACTIVITIES = (f"/api/v2/{kind}" for kind in ("persons", "organizations", "activities"))
WELL = "Everything works. All calls are answered normally."
CREATES = {PERSONS: {"name": "Robin"}, ORGANIZATIONS: {"name": "Tidewater"}, ACTIVITIES: {"subject": "Call"}}


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[httpx.Client]:
    """Return a client with Alice's token."""
    with serving(sandbox) as url, httpx.Client(base_url=url, headers={"x-api-token": "sandbox-token"}) as client:
        yield client


@pytest.fixture
def browser(api: httpx.Client) -> Iterator[httpx.Client]:
    """Return a client without a token that follows where it is sent, as a browser would."""
    with httpx.Client(base_url=api.base_url, follow_redirects=True) as client:
        yield client


def _text(page: httpx.Response, element_id: str) -> str:
    """Return what is read in an element; its parts have single spaces between them."""
    tag, inside = re.findall(rf'<(\w+) [^>]*\bid="{element_id}".*?>(.*?)</\1>', page.text, re.DOTALL)[0]
    assert tag
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", inside)).split())


def _rows(page: httpx.Response, one: str) -> list[str]:
    return re.findall(rf'<tr id="({one}-\d+)"', page.text)


def _made(api: httpx.Client, path: str) -> int | None:
    """Return the status of a create; none where no answer came."""
    try:
        return api.post(path, json=CREATES[path]).status_code
    except httpx.TransportError:
        return None


def test_the_page_shows_what_a_person_would_see_in_pipedrive(
    browser: httpx.Client, api: httpx.Client, sandbox: Sandbox
) -> None:
    """Names instead of numbers: labels, owners, organizations, activity types, people."""
    sandbox.add("organizations", name="Tidewater Mills", owner_id=2)
    label = api.post("/api/v2/personFields/label_ids/options", json=[{"label": "Warm lead"}]).json()["data"][0]["id"]
    robin: dict[str, Any] = {
        "name": "Robin Vale",
        "org_id": 1,
        "label_ids": [label, 12],
        "emails": [{"value": "robin@example.com"}],
        "phones": [{"value": "+49 30 5550100"}],
    }
    api.post(PERSONS, json=robin)
    call = {"subject": "About the quote", "type": "meeting", "due_date": "2026-01-31", "due_time": "09:30"}
    sandbox.add("activities", **call, participants=[{"person_id": 1}])
    sandbox.add("activities", subject="Thanks", done=True)
    page = browser.get(HOME)
    assert _text(page, "organization-1") == "1 Tidewater Mills Bob Finch"
    assert _text(page, "person-1") == (
        "1 Robin Vale Customer Warm lead robin@example.com, +49 30 5550100 Tidewater Mills Alice Alder"
    )
    assert _text(page, "activity-1") == "1 About the quote Meeting Robin Vale To do 2026-01-31 09:30"
    assert _text(page, "activity-2") == "2 Thanks Call none Done"
    assert _text(page, "nav") == "Persons 1 Organizations 1 Activities 2 Calls 2"


def test_the_page_shows_the_last_calls_with_their_price(
    browser: httpx.Client, api: httpx.Client, sandbox: Sandbox, world: World
) -> None:
    """Newest first, each with its status and the fault that struck it; with a budget, what is left of it."""
    world.settings.daily_budget = 1_000
    api.post(PERSONS, json={"name": "Robin"})
    sandbox.faults.add(Fault(kind="no_answer_after", times=1))
    assert _made(api, PERSONS) is None
    page = browser.get(HOME)
    assert _rows(page, "call") == ["call-1", "call-0"]
    assert _text(page, "call-0") == "08:00:00 POST /api/v2/persons 200 5"
    assert _text(page, "call-1") == "08:00:00 POST /api/v2/persons none no_answer_after 5"
    assert _text(page, "spent").startswith("2 calls cost 10 tokens, and 990 are left today.")


@pytest.mark.usefixtures("api")
def test_a_new_world_says_what_will_arrive(browser: httpx.Client) -> None:
    """No table is empty without a word."""
    page = browser.get(HOME)
    said = [_text(page, f"no-{kind}") for kind in ("persons", "organizations", "activities", "calls")]
    assert [bool(text) for text in said] == [True] * 4


def test_the_page_is_no_call(browser: httpx.Client, sandbox: Sandbox) -> None:
    """Neither looking nor pressing needs a token, costs tokens, or is in the log; an outage does not touch it."""
    browser.post(SWITCH, data={"break": "outage"})
    browser.post(ADD, data={"one": "person", "name": "Robin"})
    for path in (
        "/",
        "/favicon.ico",
        "/sandbox",
        HOME,
        SWITCH,
        ADD,
        "/person/1",
        *(f"/sandbox/{path.name}" for path in STATIC.iterdir()),
    ):
        assert browser.get(path).status_code == 200
    assert [browser.request(method, "/sandbox/nothing").status_code for method in ("GET", "POST")] == [404, 404]
    assert (sandbox.world.calls, sandbox.world.tokens_spent) == ([], 0)


def test_names_are_text(browser: httpx.Client, api: httpx.Client) -> None:
    """Whatever came in through the API is shown as it is, markup and half characters too."""
    name = '<script>alert(1)</script> "O\'Hara" & Sons'
    api.post(PERSONS, json={"name": name, "emails": [{"value": "<b>@example.com"}]})
    api.post(PERSONS, content=rb'{"name": "\ud83d half"}')
    page = browser.get(HOME)
    assert _text(page, "person-1") == f"1 {name} <b>@example.com none Alice Alder"
    assert _text(page, "person-2") == "2 ? half none Alice Alder"
    assert page.text.count("<script") == 1
    refused = browser.post(ADD, data={"one": "person", "name": " ", "email": '"><script>'})
    assert 'value="&quot;&gt;<script&gt;"' in refused.text


@pytest.mark.parametrize(
    ("key", "statuses"),
    [
        ("outage", [503, 503, 503]),
        ("silence", [None, None, None]),
        ("unauthorized", [401, 401, 401]),
        ("throttle", [429, 429, 429]),
        ("refuse-persons", [400, 200, 200]),
        ("refuse-organizations", [200, 400, 200]),
        ("refuse-activities", [200, 200, 400]),
    ],
)
def test_a_button_breaks_and_mends(
    browser: httpx.Client, api: httpx.Client, key: str, statuses: list[int | None]
) -> None:
    """Real calls feel it, the page says so beside the button and on top, and the same button mends it."""
    effect = next(one.effect for one in BREAKAGES if one.key == key)
    broken = browser.post(SWITCH, data={"break": key})
    assert broken.history[0].status_code == 303
    assert _text(broken, "health") == f"Broken now {effect}"
    assert re.findall(r'name="mend" value="([\w-]+)" id="break-[\w-]+" aria-pressed="true"', broken.text) == [key]
    assert [_made(api, path) for path in CREATES] == statuses
    mended = browser.post(SWITCH, data={"mend": key})
    assert _text(mended, "health") == WELL
    assert 'aria-pressed="true"' not in mended.text
    assert [_made(api, path) for path in CREATES] == [200] * 3


def test_a_button_has_what_is_stored_cleaned(browser: httpx.Client, api: httpx.Client, sandbox: Sandbox) -> None:
    """Nothing is broken by it, and the same button ends it."""
    page = browser.post(SWITCH, data={"clean": "yes"})
    assert _text(page, "health") == WELL
    assert re.search(r'name="clean" value="no" id="clean" aria-pressed="true"', page.text)
    browser.post(SWITCH, data={"mend": "everything"})
    api.post(PERSONS, json={"name": " Robin  Vale "})
    assert sandbox.world.persons[1]["name"] == "Robin Vale"
    page = browser.post(SWITCH, data={"clean": "no"})
    assert 'aria-pressed="true"' not in page.text
    assert not sandbox.world.settings.cleaning


def test_slow_answers_are_late(browser: httpx.Client, api: httpx.Client, sandbox: Sandbox) -> None:
    """Who waits for a second gives up; the record is made."""
    assert _text(browser.post(SWITCH, data={"break": "slow"}), "health") == "Broken now Good answers take 5 seconds"
    with pytest.raises(httpx.ReadTimeout):
        api.post(PERSONS, json={"name": "Robin"}, timeout=httpx.Timeout(60, read=0.2))
    poll = Event()
    for _ in range(600):
        if sandbox.world.persons:
            return
        poll.wait(0.1)
    pytest.fail("it was not made")


def test_what_is_listed_first_strikes_first(browser: httpx.Client, api: httpx.Client) -> None:
    """Whatever was pressed first, and pressed twice; mending the one uncovers the other."""
    for key in ("slow", "refuse-persons", "throttle", "outage", "outage"):
        broken = browser.post(SWITCH, data={"break": key})
    assert _text(broken, "health") == (
        "Broken now Every call answers 503 Every call answers 429 Creates of persons answer 400 "
        "Good answers take 5 seconds"
    )
    seen = [_made(api, PERSONS)]
    for key in ("outage", "throttle"):
        browser.post(SWITCH, data={"mend": key})
        seen.append(_made(api, PERSONS))
    assert seen == [503, 429, 400]


def test_mend_everything_lifts_what_came_by_other_ways_too(
    browser: httpx.Client, api: httpx.Client, sandbox: Sandbox, clock: VirtualClock
) -> None:
    """Rules of the control API are told in words, are left alone by the single buttons, and end with the rest."""
    api.post("/sandbox/faults", json={"kind": "late_commit", "delay": 9, "method": "POST", "path": "/api/v2/*"})
    rule = {"kind": "error", "probability": 0.25, "times": 1, "seconds": 60}
    api.post("/sandbox/faults", json=rule | {"status": 404, "message": "Gone"})
    clock.sleep(20)
    browser.post(SWITCH, data={"break": "throttle"})
    assert _text(browser.get(HOME), "health") == (
        "Broken now Every call answers 429 late_commit: POST /api/v2/* "
        "error: every call, with a probability of 25%, 1 more time, for 40 more seconds"
    )
    browser.post(SWITCH, data={"mend": "throttle"})
    assert len(sandbox.faults.all()) == 2
    assert _text(browser.post(SWITCH, data={"mend": "everything"}), "health") == WELL
    assert _made(api, PERSONS) == 200


def test_an_error_says_what_it_is_told_to(api: httpx.Client) -> None:
    """Status and message are the rule's; kinds that are no error take neither."""
    rule = {"kind": "error", "status": 404, "message": "Gone", "path": PERSONS}
    assert api.post("/sandbox/faults", json=rule).status_code == 200
    answer = api.get(PERSONS)
    assert (answer.status_code, answer.json()["error"]) == (404, "Gone")
    for kind in ("throttled", "no_answer", "truncated"):
        assert api.post("/sandbox/faults", json=rule | {"kind": kind}).status_code == 400
    assert api.post("/sandbox/faults", json=rule | {"status": 200}).status_code == 400


def test_a_colleague_adds_a_person(browser: httpx.Client, api: httpx.Client) -> None:
    """Two with one e-mail are there for the API to find; the page goes to the new row and points it out."""
    form = {"one": "person", "name": "Robin Vale", "email": "robin@example.com", "owner": "2"}
    browser.post(ADD, data=form)
    page = browser.post(ADD, data=form | {"name": "R. Vale", "owner": "1"})
    assert (page.url.query, page.url.fragment) == (b"show=person-2", "person-2")
    assert re.findall(r'id="([\w-]+)" aria-current', page.text) == ["person-2"]
    assert _text(page, "person-1") == "1 Robin Vale robin@example.com none Bob Finch"
    query = {"term": "robin@example.com", "fields": "email", "exact_match": "true"}
    assert len(api.get(f"{PERSONS}/search", params=query).json()["data"]["items"]) == 2


def test_a_colleague_adds_an_organization(browser: httpx.Client) -> None:
    """By its name; someone who is nobody owns nothing."""
    page = browser.post(ADD, data={"one": "organization", "name": "Tidewater Mills", "owner": "99"})
    assert _text(page, "organization-1") == "1 Tidewater Mills Alice Alder"


def test_what_cannot_be_added_says_why_and_is_kept(browser: httpx.Client, sandbox: Sandbox) -> None:
    """The form is open, with what was typed and the reason."""
    page = browser.post(ADD, data={"one": "person", "name": " ", "email": "robin@example.com", "owner": "1"})
    assert page.status_code == 400
    assert re.findall(r'<p role="alert">(.*?)</p>', page.text) == [
        "Validation failed: name: Value error, must not be empty"
    ]
    assert 'value="robin@example.com"' in page.text
    assert page.text.count('<details open="">') == 1
    assert '<option value="1" selected>Alice Alder' in page.text.replace('selected=""', "selected")
    inactive = browser.post(ADD, data={"one": "person", "name": "Robin", "owner": "3"})
    assert "user 3 is not an active user" in inactive.text
    assert browser.post(ADD, data={"one": "deal", "name": "Robin"}).status_code == 400
    assert sandbox.world.persons == {}


@pytest.mark.parametrize("one", ["person", "organization"])
def test_a_record_has_the_address_that_it_has_in_pipedrive(browser: httpx.Client, sandbox: Sandbox, one: str) -> None:
    """It leads to the record's row; one that is gone, or never was, is said to be."""
    sandbox.add("organizations" if one == "organization" else "persons", name="A")
    led = httpx.get(f"{browser.base_url}/{one}/1")
    assert (led.status_code, led.headers["location"]) == (303, f"{HOME}?show={one}-1#{one}-1")
    sandbox.people.delete("organizations" if one == "organization" else "persons", 1)
    for number in (1, 2, 10**30):
        gone = browser.get(f"/{one}/{number}")
        assert (gone.status_code, f"There is no {one} {number}" in gone.text) == (404, True)
    assert _rows(browser.get(HOME), one) == []


def test_many_records_are_cut_but_the_one_asked_for_is_there(
    browser: httpx.Client, api: httpx.Client, sandbox: Sandbox
) -> None:
    """With 500 of each kind all that is sent is under 100 kB: the newest, and the oldest by its address."""
    for number in range(500):
        sandbox.add("organizations", name=f"Tidewater Mills number {number}")
        person = {"name": f"Robin Vale the {number}th", "org_id": number + 1, "label_ids": [11]}
        mail, phone = f"robin.vale.{number}@example.com", "+49 30 5550100"
        sandbox.add("persons", **person, emails=[{"value": mail}], phones=[{"value": phone}])
        due = {"due_date": "2026-01-31", "due_time": "09:30", "participants": [{"person_id": number + 1}]}
        sandbox.add("activities", subject="Asked about the quote for two mills", **due)
        api.get(f"{PERSONS}/1")
    page = browser.get(HOME)
    files = [browser.get(path) for path in re.findall(r'(?:href|src)="(/sandbox/\w+\.\w+)"', page.text)]
    assert len(files) == 3
    assert sum(len(one.content) for one in (page, *files)) < 100_000
    assert _rows(page, "person") == [f"person-{number}" for number in range(500, 400, -1)]
    assert _text(page, "more-persons") == "and 400 more"
    assert len(_rows(page, "call")) == 50
    asked = browser.get("/person/1")
    assert _rows(asked, "person")[-2:] == ["person-401", "person-1"]
    assert _text(asked, "more-persons") == "and 399 more"


@pytest.mark.parametrize("path", [HOME, "/person/9", "/sandbox/page.css", "/sandbox/page.js", "/sandbox/icon.svg"])
def test_the_policy_lets_nothing_in_from_elsewhere(browser: httpx.Client, path: str) -> None:
    """Every page and file carries it, and the page has nothing inline that it would forbid."""
    answer = browser.get(path)
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert {policy[name] for name in ("script-src", "style-src", "connect-src", "form-action")} == {"'self'"}
    assert answer.headers["x-content-type-options"] == "nosniff"
    if answer.headers["content-type"].startswith("text/html"):
        assert not re.search(r"<style|\bstyle=|\bon\w+=|(?:href|src|action)=\"(?![/#])", answer.text)


@pytest.mark.parametrize(
    ("origin", "status"),
    [("http://elsewhere.example.com", 403), ("null", 403), ("{here}", 200), ("{here}1", 403), (None, 200)],
)
def test_pages_of_other_sites_press_no_button(
    browser: httpx.Client, sandbox: Sandbox, origin: str | None, status: int
) -> None:
    """Neither the page's forms nor the control API obey them."""
    here = str(browser.base_url).rstrip("/")
    headers = {} if origin is None else {"origin": origin.format(here=here)}
    answers = [
        browser.post(SWITCH, data={"break": "outage"}, headers=headers),
        browser.post(ADD, data={"one": "person", "name": "Robin"}, headers=headers),
        browser.post("/sandbox/faults", json={"kind": "no_answer", "times": 1}, headers=headers),
    ]
    assert [answer.status_code for answer in answers] == [status] * 3
    obeyed = status == 200
    assert (len(sandbox.faults.all()), len(sandbox.world.persons)) == (2 * obeyed, int(obeyed))
