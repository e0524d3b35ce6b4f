"""The client: what each method sends and returns, and what never leaves the package."""

import json
import logging
import re
import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from virtual_clock import VirtualClock

from warmline.pipedrive import (
    Activity,
    ActivityChanges,
    BudgetSpent,
    Email,
    FileLedger,
    Limiter,
    NewActivity,
    NewOrganization,
    NewPerson,
    NotFound,
    Option,
    OrganizationChanges,
    Person,
    PersonChanges,
    Pipedrive,
    PipedriveError,
    Rejected,
    Throttled,
    Unavailable,
    Uncertain,
    Unreadable,
)

TOKEN = "0123456789abcdef0123456789abcdef01234567"
BASE_URL = "https://pipedrive.example.com"
START = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)


class Scripted(httpx.MockTransport):
    """A transport that writes down the requests and answers them by a function."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.requests: list[httpx.Request] = []
        self.answer: Callable[[httpx.Request], httpx.Response] = lambda _: httpx.Response(500)

    def then(self, *responses: httpx.Response) -> None:
        """Answer the next requests with these, one each."""
        waiting = iter(responses)
        self.answer = lambda _: next(waiting)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self.answer(request)


@pytest.fixture
def clock() -> VirtualClock:
    """A clock that moves only when told."""
    return VirtualClock(START)


@pytest.fixture
def script() -> Scripted:
    """What Pipedrive answers."""
    return Scripted()


@pytest.fixture
def pipedrive(script: Scripted, clock: VirtualClock) -> Iterator[Pipedrive]:
    """A client of the script."""
    with Pipedrive(BASE_URL, TOKEN, transport=script, clock=clock) as client:
        yield client


def good(data: Any, *, cursor: str | None = None, **headers: str) -> httpx.Response:
    """Return a good answer of Pipedrive."""
    content = {"success": True, "data": data, "additional_data": {"next_cursor": cursor}}
    return httpx.Response(200, json=content, headers=headers)


def found(*items: dict[str, Any], cursor: str | None = None) -> httpx.Response:
    """Return a page of search results."""
    return good({"items": [{"result_score": 0.5, "item": item} for item in items]}, cursor=cursor)


ONE = {"id": 1}
FIELD = {"field_code": "label_ids"}
LABELS = {"id": 9, "key": "label_ids", "options": [{"id": 1, "label": "Hot", "color": "red"}]}


CALLS: list[tuple[Callable[[Pipedrive], Any], httpx.Response, str, Any, int]] = [
    (lambda p: p.me(), good(ONE), "GET /api/v1/users/me", None, 2),
    (lambda p: p.users(), good([ONE]), "GET /api/v1/users", None, 20),
    (lambda p: p.activity_types(), good([ONE]), "GET /api/v1/activityTypes", None, 20),
    (lambda p: p.person(1), good(ONE), "GET /api/v2/persons/1", None, 1),
    (lambda p: p.persons(), good([ONE]), "GET /api/v2/persons?limit=500", None, 10),
    (
        lambda p: p.persons(updated_since=START + timedelta(seconds=0.9)),
        good([ONE]),
        "GET /api/v2/persons?updated_since=2026-01-01T12%3A00%3A00Z&limit=500",
        None,
        10,
    ),
    (
        lambda p: p.search_persons("a+b@example.com"),
        found(ONE),
        "GET /api/v2/persons/search?term=a%2Bb%40example.com&fields=email&exact_match=true&limit=500",
        None,
        20,
    ),
    (
        lambda p: p.create_person(NewPerson(name="Ada", owner_id=2, emails=(Email(value="a@example.com"),))),
        good(ONE),
        "POST /api/v2/persons",
        {
            "name": "Ada",
            "owner_id": 2,
            "emails": [{"value": "a@example.com", "primary": True, "label": "work"}],
        },
        5,
    ),
    (
        lambda p: p.update_person(1, PersonChanges(label_ids=(3,))),
        good(ONE),
        "PATCH /api/v2/persons/1",
        {"label_ids": [3]},
        5,
    ),
    (lambda p: p.organization(1), good(ONE), "GET /api/v2/organizations/1", None, 1),
    (lambda p: p.organizations(), good([ONE]), "GET /api/v2/organizations?limit=500", None, 10),
    (
        lambda p: p.search_organizations("Alder & Finch"),
        found(ONE),
        "GET /api/v2/organizations/search?term=Alder+%26+Finch&fields=name&exact_match=true&limit=500",
        None,
        20,
    ),
    (
        lambda p: p.create_organization(NewOrganization(name="Alder", owner_id=2)),
        good(ONE),
        "POST /api/v2/organizations",
        {"name": "Alder", "owner_id": 2},
        5,
    ),
    (
        lambda p: p.activities(person_id=7),
        good([ONE]),
        "GET /api/v2/activities?person_id=7&limit=500",
        None,
        10,
    ),
    (
        lambda p: p.create_activity(NewActivity(subject="Tea", type="call", owner_id=2, person_id=7)),
        good(ONE),
        "POST /api/v2/activities",
        {
            "subject": "Tea",
            "type": "call",
            "owner_id": 2,
            "participants": [{"person_id": 7, "primary": True}],
        },
        5,
    ),
    (
        lambda p: p.update_organization(1, OrganizationChanges(name="Finch", industry=None)),
        good(ONE),
        "PATCH /api/v2/organizations/1",
        {"name": "Finch", "industry": None},
        5,
    ),
    (lambda p: p.activity(1), good(ONE), "GET /api/v2/activities/1", None, 1),
    (
        lambda p: p.update_activity(1, ActivityChanges(due_date=date(2026, 1, 2), due_time=time(8, 5), done=False)),
        good(ONE),
        "PATCH /api/v2/activities/1",
        {"due_date": "2026-01-02", "due_time": "08:05", "done": False},
        5,
    ),
    (
        lambda p: p.search_persons("a-b-c", field="custom_fields"),
        found(ONE),
        "GET /api/v2/persons/search?term=a-b-c&fields=custom_fields&exact_match=true&limit=500",
        None,
        20,
    ),
    (
        lambda p: p.search_organizations("a-b-c", field="custom_fields"),
        found(ONE),
        "GET /api/v2/organizations/search?term=a-b-c&fields=custom_fields&exact_match=true&limit=500",
        None,
        20,
    ),
    (
        lambda p: p.create_person_field("Ours", "varchar"),
        good(FIELD),
        "POST /api/v2/personFields",
        {"field_name": "Ours", "field_type": "varchar"},
        5,
    ),
    (lambda p: p.person_fields(), good([FIELD]), "GET /api/v2/personFields?limit=500", None, 10),
    (lambda p: p.organization_fields(), good([FIELD]), "GET /api/v2/organizationFields?limit=500", None, 10),
    (
        lambda p: p.create_organization_field("Sector", "text"),
        good(FIELD),
        "POST /api/v2/organizationFields",
        {"field_name": "Sector", "field_type": "text"},
        5,
    ),
    (
        lambda p: p.add_person_label("Referral"),
        good([{"id": 4, "label": "Referral"}]),
        "POST /api/v2/personFields/label_ids/options",
        [{"label": "Referral"}],
        5,
    ),
]


@pytest.mark.parametrize(("make", "answered", "request_line", "body", "tokens"), CALLS)
def test_each_call(
    pipedrive: Pipedrive,
    script: Scripted,
    make: Callable[[Pipedrive], Any],
    answered: httpx.Response,
    request_line: str,
    body: Any,
    tokens: int,
) -> None:
    """Each method makes one request of a known form and price, with the token in one header and nowhere else."""
    script.then(answered)
    assert make(pipedrive)
    (request,) = script.requests
    assert f"{request.method} {request.url.raw_path.decode()}" == request_line
    assert (json.loads(request.content) if request.content else None) == body
    assert request.headers["x-api-token"] == TOKEN
    assert TOKEN not in str(request.url)
    assert pipedrive.tokens_spent == tokens


# `add_person_label_v1` is not among CALLS, because v1's fields are in no document any more.
SHARED = Path(__file__).parents[3] / "shared" / "pipedrive"


@pytest.mark.skipif(not SHARED.is_dir(), reason="Pipedrive's OpenAPI documents are not beside the checkout.")
def test_each_call_is_as_pipedrive_documents_it(pipedrive: Pipedrive, script: Scripted) -> None:
    """Path, query, body and price are in the OpenAPI documents, and the answers shown there can be read."""
    paths = {
        version: yaml.safe_load((SHARED / f"openapi-{version}.yaml").read_text())["paths"] for version in ("v1", "v2")
    }
    for make, _, request_line, body, tokens in CALLS:
        method, target = request_line.split(" ")
        url = httpx.URL(target)
        version, path = url.path.removeprefix("/api/").split("/", 1)
        template = re.sub(r"/1$", "/{id}", re.sub(r"/label_ids/", "/{field_code}/", f"/{path}"))
        operation = paths[version][template][method.lower()]
        assert operation["x-token-cost"] == tokens, request_line
        assert set(url.params) <= {parameter["name"] for parameter in operation.get("parameters", [])}, request_line
        documented = operation["responses"][next(iter(operation["responses"]))]["content"]["application/json"]
        script.then(httpx.Response(200, json={**documented["example"], "additional_data": None}))
        assert make(pipedrive), request_line
        if isinstance(body, dict):
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            assert set(body) <= set(schema["properties"]), request_line


def test_a_list_is_read_to_its_end(pipedrive: Pipedrive, script: Scripted) -> None:
    """Cursors are followed, with the filter repeated, and every page is paid for."""
    script.then(good([{"id": 1}], cursor="c1"), good([{"id": 2}], cursor="c2"), good(None))
    assert pipedrive.activities(person_id=7) == [Activity(id=1), Activity(id=2)]
    assert [request.url.params.get("cursor") for request in script.requests] == [None, "c1", "c2"]
    assert {request.url.params["person_id"] for request in script.requests} == {"7"}
    assert pipedrive.tokens_spent == 30


def test_a_search_is_read_to_its_end(pipedrive: Pipedrive, script: Scripted) -> None:
    """A hit on the second page is a hit."""
    script.then(found({"id": 1}, cursor="c1"), found({"id": 2}))
    assert [person.id for person in pipedrive.search_persons("ada@example.com")] == [1, 2]


def test_a_list_that_leads_in_a_circle_ends(pipedrive: Pipedrive, script: Scripted) -> None:
    """A cursor that comes back would otherwise be followed until the day's tokens are spent."""
    script.answer = lambda _: good([{"id": 1}], cursor="again")
    with pytest.raises(Unavailable, match="never ends"):
        pipedrive.persons()
    assert len(script.requests) == 2


@pytest.mark.parametrize("page", [[{"id": 1}], []])
def test_a_page_that_comes_again_under_a_new_cursor_ends_the_list(
    pipedrive: Pipedrive, script: Scripted, page: list[dict[str, int]]
) -> None:
    """It too would be followed until the day's tokens are spent."""
    script.answer = lambda _: good(page, cursor=f"c{len(script.requests)}")
    with pytest.raises(Unavailable, match="never ends"):
        pipedrive.persons()
    assert len(script.requests) == 2


def test_a_cursor_of_another_form_is_none_that_breaks_us(pipedrive: Pipedrive, script: Scripted) -> None:
    """It goes back as a text, and whoever wrote it says what that means."""
    more = {"additional_data": {"next_cursor": {"after": 1}}}
    script.then(httpx.Response(200, json={"success": True, "data": [{"id": 1}], **more}), good([{"id": 2}]))
    assert [person.id for person in pipedrive.persons()] == [1, 2]


def test_half_a_list_is_no_list(pipedrive: Pipedrive, script: Scripted) -> None:
    """A page that fails makes the whole list fail: what is missing must not look as if it didn't exist."""
    script.then(good([{"id": 1}], cursor="c1"), httpx.Response(502))
    with pytest.raises(Unavailable):
        pipedrive.persons()


def test_a_naive_time_is_refused(pipedrive: Pipedrive) -> None:
    """A time without a zone would ask for the wrong hours."""
    with pytest.raises(ValueError, match="zone"):
        pipedrive.persons(updated_since=datetime(2026, 1, 1))  # noqa: DTZ001 -- naive on purpose


def test_a_label_is_added_the_old_way_with_all_others(pipedrive: Pipedrive, script: Scripted) -> None:
    """V1 replaces the whole list of options, so all that exist go with the new one."""
    after = {**LABELS, "options": [{"id": 1, "label": "Hot"}, {"id": 2, "label": "Warm"}]}
    script.then(good([{"id": 8, "key": "name"}, LABELS]), good(after))
    assert pipedrive.add_person_label_v1("Warm") == Option(id=2, label="Warm")
    assert script.requests[0].url.raw_path == b"/api/v1/personFields?limit=500"
    assert (script.requests[1].method, script.requests[1].url.path) == ("PUT", "/api/v1/personFields/9")
    assert json.loads(script.requests[1].content) == {"options": [{"id": 1, "label": "Hot"}, {"label": "Warm"}]}
    assert pipedrive.tokens_spent == 30


def test_a_label_that_is_there_is_not_added_the_old_way(pipedrive: Pipedrive, script: Scripted) -> None:
    """A second label of the same name would be of no use to anybody."""
    script.then(good([{**LABELS, "key": "label"}]))
    assert pipedrive.add_person_label_v1("Hot") == Option(id=1, label="Hot")


def test_a_label_cannot_be_added_where_there_is_no_field_of_labels(pipedrive: Pipedrive, script: Scripted) -> None:
    """Without the field there is nothing to try again."""
    script.then(good([]))
    with pytest.raises(Rejected) as raised:
        pipedrive.add_person_label_v1("Warm")
    assert raised.value.field == "label_ids"


def test_a_label_that_the_answer_does_not_show_is_uncertain(pipedrive: Pipedrive, script: Scripted) -> None:
    """It was written, perhaps; its id is not known."""
    script.then(good([{"id": 4, "label": "Another"}]))
    with pytest.raises(Uncertain):
        pipedrive.add_person_label("Warm")


def test_the_servers_time_is_learnt_from_its_answers(
    pipedrive: Pipedrive, script: Scripted, clock: VirtualClock
) -> None:
    """The offset to our clock is kept, and renewed by each good answer."""
    script.then(good(ONE, date="Thu, 01 Jan 2026 12:00:30 GMT"), good(ONE, date="Thu, 01 Jan 2026 11:59:00 GMT"))
    assert pipedrive.server_time() == START + timedelta(seconds=30)
    clock.elapsed = 5
    assert pipedrive.server_time() == START + timedelta(seconds=35)
    pipedrive.person(1)
    assert pipedrive.server_time() == START - timedelta(seconds=60)
    assert len(script.requests) == 2


def test_without_a_date_the_clocks_are_taken_for_equal(pipedrive: Pipedrive, script: Scripted) -> None:
    """A date that is missing or cannot be read is asked for once, not for ever."""
    script.then(good(ONE, date="yesterday"))
    assert pipedrive.server_time() == START
    assert pipedrive.server_time() == START


@pytest.mark.parametrize("date", ["Fri, 31 Dec 9999 23:59:59 GMT", "Fri, 31 Dec 9999 23:59:59 -1200"])
def test_a_date_at_an_end_of_the_calendar_is_no_clocks(pipedrive: Pipedrive, script: Scripted, date: str) -> None:
    """One cannot reckon with it: it is as good as none, in an answer and in one that says to wait."""
    script.then(good(ONE, date=date), httpx.Response(429, headers={"retry-after": date, "date": date}))
    assert pipedrive.server_time() == START
    with pytest.raises(Throttled):
        pipedrive.person(1)


@pytest.mark.parametrize("jump", [-3600, 3600])
def test_a_clock_that_is_set_does_not_move_the_servers_time(
    pipedrive: Pipedrive, script: Scripted, clock: VirtualClock, jump: float
) -> None:
    """What goes by it would otherwise ask for what changed since a wrong hour, until the next answer."""
    script.then(good(ONE, date="Thu, 01 Jan 2026 12:00:30 GMT"))
    pipedrive.server_time()
    clock.jump(jump)
    clock.sleep(5)
    assert pipedrive.server_time() == START + timedelta(seconds=35)


def test_one_asks_for_the_servers_time_and_the_others_wait(script: Scripted) -> None:
    """Eight threads that need it at once cost one call."""
    barrier, told = threading.Barrier(8), []

    def answer(_: httpx.Request) -> httpx.Response:
        threading.Event().wait(0.05)  # as long as the others need to come
        return good(ONE)

    script.answer = answer
    with Pipedrive(BASE_URL, TOKEN, transport=script) as client:

        def ask() -> None:
            barrier.wait()
            told.append(client.server_time())

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(told) == 8
    assert len(script.requests) == 1


def test_what_others_may_wait_for_goes_at_once(script: Scripted, clock: VirtualClock) -> None:
    """Whoever works in the background asks for it ahead of background work."""
    limiter = Limiter(clock=clock)
    client = Pipedrive(BASE_URL, TOKEN, limiter=limiter, transport=script, clock=clock)
    script.answer = lambda _: good(ONE)
    background = client.in_background()
    background.person(1)
    background.for_people().person(1)
    assert clock.elapsed == 0
    background.person(1)
    assert clock.elapsed > 0
    client.close()


def test_a_date_to_wait_for_is_told_by_the_servers_clock(pipedrive: Pipedrive, script: Scripted) -> None:
    """Ours may be wrong by hours; the answer says what time it is there."""
    headers = {"retry-after": "Thu, 01 Jan 2026 09:00:30 GMT", "date": "Thu, 01 Jan 2026 09:00:00 GMT"}
    script.then(httpx.Response(429, headers=headers))
    with pytest.raises(Throttled) as raised:
        pipedrive.person(1)
    assert raised.value.wait == 30


def test_a_write_is_done_though_its_answer_cannot_be_noted(
    script: Scripted, clock: VirtualClock, tmp_path: Path
) -> None:
    """Taken for not done, it would be made again."""
    ledger = FileLedger(tmp_path / "limits.sqlite3", "us")
    with Pipedrive(BASE_URL, TOKEN, transport=script, limiter=Limiter(ledger=ledger, clock=clock), clock=clock) as it:

        def answer(_: httpx.Request) -> httpx.Response:
            ledger.close()
            return good(ONE)

        script.answer = answer
        assert it.create_person(NewPerson(name="Ada", owner_id=2)).id == 1
        with pytest.raises(Unavailable, match="limits"):
            it.create_person(NewPerson(name="Ada", owner_id=2))
    assert len(script.requests) == 1


def test_something_is_done_between_the_turn_of_a_write_and_its_sending(script: Scripted, clock: VirtualClock) -> None:
    """After the wait for the turn, for each write of the block and for no read; what it raises keeps it from going."""
    limiter = Limiter(clock=clock)
    client = Pipedrive(BASE_URL, TOKEN, limiter=limiter, transport=script, clock=clock)
    script.answer = lambda _: good(ONE)
    done: list[tuple[float, int]] = []
    limiter.pause(40)
    with client.before_each_write(lambda: done.append((clock.elapsed, len(script.requests)))):
        client.create_person(NewPerson(name="Ada", owner_id=2))
        client.person(1)
        client.update_person(1, PersonChanges(name="Ada"))
    client.create_person(NewPerson(name="Ada", owner_id=2))
    assert done == [(40, 0), (40, 2)]
    with pytest.raises(ZeroDivisionError), client.before_each_write(lambda: 1 / 0):
        client.create_person(NewPerson(name="Ada", owner_id=2))
    assert len(script.requests) == 4
    client.close()


def test_a_record_that_cannot_be_read_takes_no_other_with_it(pipedrive: Pipedrive, script: Scripted) -> None:
    """Who passes over it gets its id and its texts; who does not is told of it by an error."""
    odd = {"id": "7", "owner_id": "nobody", "emails": [{"value": "ada@example.com"}], "custom_fields": {"f": ["Mark"]}}
    gone = {"id": 8, "owner_id": "nobody", "name": "Ada", "is_deleted": True}
    script.answer = lambda _: good([odd, ONE, gone, 5])
    unreadable: list[Unreadable] = []
    assert pipedrive.persons(unreadable=unreadable) == [Person(id=1)]
    assert [each.id for each in unreadable] == [7, 8, None]
    assert {"ada@example.com", "Mark"} <= unreadable[0].texts
    assert unreadable[1].texts == frozenset()
    assert unreadable[0].why == "The answer is not a valid Person: owner_id cannot be read."
    page = pipedrive.persons_page(None)
    assert (page.records, page.unreadable) == ([Person(id=1)], tuple(unreadable))
    with pytest.raises(Unavailable, match="owner_id"):
        pipedrive.persons()


def test_what_cannot_be_read_of_the_accounts_own_is_passed_over(pipedrive: Pipedrive, script: Scripted) -> None:
    """One odd user or field leaves the others usable; a list of nothing else is an error, and not an empty one."""
    script.answer = lambda _: good([{"id": None}, {"id": 2, "name": "Bob"}, "a user"])
    assert [user.name for user in pipedrive.users()] == ["Bob"]
    options = [{"id": None, "label": "A"}, {"id": 4, "label": "B"}, 5]
    script.answer = lambda _: good([{"field_name": "Odd"}, {"field_code": "code", "field_name": 5, "options": options}])
    assert [(field.code, field.name, [each.id for each in field.options]) for field in pipedrive.person_fields()] == [
        ("code", "", [4])
    ]
    script.answer = lambda _: good([{"id": None}])
    for ask in (pipedrive.users, pipedrive.activity_types, pipedrive.webhooks, pipedrive.organization_fields):
        with pytest.raises(Unavailable):
            ask()


def test_what_no_database_could_hold_is_no_record(pipedrive: Pipedrive, script: Scripted) -> None:
    """An id beyond every column, and an instant before all others, are passed over alone; half a sign is a question."""
    rows = [
        {"id": 10**30, "name": "Ada"},
        {"id": 3, "name": "Ada \ud800 \N{GRINNING FACE}"},
        {"id": 4, "name": "Ada", "update_time": "0001-01-01T00:00:00+14:00"},
        ONE,
    ]
    body = json.dumps({"success": True, "data": rows})
    script.answer = lambda _: httpx.Response(200, content=body, headers={"content-type": "application/json"})
    page = pipedrive.persons_page(None)
    assert [(person.id, person.name) for person in page.records] == [(3, "Ada ? \N{GRINNING FACE}"), (1, "")]
    assert [each.id for each in page.unreadable] == [None, 4]


def test_a_429_stops_everyone_who_shares_the_limiter(script: Scripted, clock: VirtualClock) -> None:
    """The call is refused with its wait, and the next one goes only after that."""
    limiter = Limiter(clock=clock)
    client = Pipedrive(BASE_URL, TOKEN, limiter=limiter, transport=script, clock=clock)
    script.then(httpx.Response(429, headers={"retry-after": "7"}), good(ONE))
    with pytest.raises(Throttled) as raised:
        client.person(1)
    assert (raised.value.wait, clock.elapsed) == (7, 0)
    client.person(1)
    assert clock.elapsed == 7
    client.close()


def test_a_spent_budget_is_told_from_a_full_window(pipedrive: Pipedrive, script: Scripted) -> None:
    """A 429 with calls left in the window means the day's tokens."""
    script.then(httpx.Response(429, headers={"x-ratelimit-remaining": "12"}))
    with pytest.raises(BudgetSpent):
        pipedrive.create_person(NewPerson(name="Ada", owner_id=2))


@pytest.mark.parametrize(
    ("asked", "wait"),
    [("2", 2), ("60", 60), ("Thu, 01 Jan 2026 09:00:30 GMT", 30), ("61", None), ("0", None), ("soon", None)],
)
def test_headers_that_contradict_each_other(
    pipedrive: Pipedrive, script: Scripted, asked: str, wait: int | None
) -> None:
    """A short `Retry-After` says that we called too fast, whatever is left in some window: a search has its own."""
    date = "Thu, 01 Jan 2026 09:00:00 GMT"
    script.then(httpx.Response(429, headers={"retry-after": asked, "date": date, "x-ratelimit-remaining": "12"}))
    with pytest.raises(BudgetSpent if wait is None else Throttled) as raised:
        pipedrive.create_person(NewPerson(name="Ada", owner_id=2))
    assert getattr(raised.value, "wait", None) == wait


def test_searches_wait_for_their_own_window(pipedrive: Pipedrive, script: Scripted, clock: VirtualClock) -> None:
    """The eleventh search within two seconds waits, although the burst window is not full."""
    script.answer = lambda _: found()
    for _ in range(11):
        pipedrive.search_organizations("Alder")
    assert clock.elapsed == pytest.approx(2.01)


def test_a_redirect_is_not_followed(pipedrive: Pipedrive, script: Scripted) -> None:
    """The token goes to nobody else."""
    script.then(httpx.Response(307, headers={"location": "https://elsewhere.example.com/"}))
    with pytest.raises(Unavailable):
        pipedrive.person(1)
    assert len(script.requests) == 1


class Dripping(httpx.SyncByteStream):
    """A body that comes in drops, three seconds apart, and may break off."""

    def __init__(self, clock: VirtualClock, drops: int, *, breaks: bool = False) -> None:
        self.clock = clock
        self.drops = drops
        self.breaks = breaks

    def __iter__(self) -> Iterator[bytes]:
        for _ in range(self.drops):
            self.clock.elapsed += 3
            yield b" "
        if self.breaks:
            raise httpx.ReadError("The connection broke off.")
        yield b'{"success": true, "data": {"id": 1}}'


def test_a_body_that_drips_is_given_up(pipedrive: Pipedrive, script: Scripted, clock: VirtualClock) -> None:
    """Each drop comes in time, yet the whole must come within the timeout of ten seconds."""
    script.answer = lambda _: httpx.Response(200, stream=Dripping(clock, drops=1000))
    with pytest.raises(Unavailable, match="in time"):
        pipedrive.person(1)
    assert clock.elapsed == 12
    with pytest.raises(Uncertain, match="in time"):
        pipedrive.create_person(NewPerson(name="Ada", owner_id=2))
    script.answer = lambda _: httpx.Response(200, stream=Dripping(clock, drops=3))
    assert pipedrive.person(1) == Person(id=1)


@pytest.mark.parametrize(("status", "kind"), [(201, Uncertain), (500, Uncertain), (400, Rejected), (429, Throttled)])
def test_a_body_that_breaks_off(
    pipedrive: Pipedrive, script: Scripted, clock: VirtualClock, status: int, kind: type[PipedriveError]
) -> None:
    """A refusal stays a refusal without its reasons; any other write is uncertain."""
    script.answer = lambda _: httpx.Response(status, stream=Dripping(clock, drops=1, breaks=True))
    with pytest.raises(PipedriveError) as raised:
        pipedrive.create_person(NewPerson(name="Ada", owner_id=2))
    assert type(raised.value) is kind


def test_a_missing_person_is_not_found(pipedrive: Pipedrive, script: Scripted) -> None:
    """Only Pipedrive's own 404 says so."""
    script.then(httpx.Response(404, json={"success": False, "error": "Person not found", "code": "ERR_NOT_FOUND"}))
    with pytest.raises(NotFound, match="GET /api/v2/persons/9: 404: Person not found"):
        pipedrive.person(9)


@pytest.mark.parametrize("token", ["", " ", "abc def", "abc\n", "abc\r\nx-other: 1", "äbc"])
def test_a_token_that_no_header_can_carry_is_refused_unquoted(token: str) -> None:
    """The HTTP library would quote it in its error."""
    with pytest.raises(ValueError, match="token is empty, or has characters") as raised:
        Pipedrive(BASE_URL, token)
    assert not token.strip() or token.strip() not in str(raised.value)


@pytest.mark.parametrize(
    "base_url",
    [
        "",
        "pipedrive.example.com",
        "ftp://pipedrive.example.com",
        "https://",
        "https://u:p@pipedrive.example.com",
        "https://pipedrive.example.com/api/v2",
        "https://pipedrive.example.com?api_token=x",
        "https://pipedrive.example.com#x",
        "https://pipedrive.example.com:port",
    ],
)
def test_an_address_with_more_or_less_is_refused(base_url: str) -> None:
    """Paths belong to the calls, and secrets never into an address."""
    with pytest.raises(ValueError, match="address must be a scheme, a host"):
        Pipedrive(base_url, TOKEN)


def raises(failure: Exception) -> httpx.Response:
    """Fail in place of answering."""
    raise failure


def fails_with_headers_in_hand(request: httpx.Request) -> httpx.Response:
    """Fail in a frame that holds the headers, as httpx's own frames do while it writes them."""
    headers = dict(request.headers)
    raise httpx.WriteTimeout(f"stuck after {len(headers)} headers", request=request)


@pytest.mark.parametrize(
    "answer",
    [
        lambda request: httpx.Response(403, text=f"You sent {request.headers}"),
        lambda request: httpx.Response(400, json={"success": False, "error": request.headers["x-api-token"]}),
        lambda request: raises(httpx.ConnectError("refused", request=request)),
        lambda request: raises(httpx.ReadTimeout("silence", request=request)),
        fails_with_headers_in_hand,
    ],
)
def test_the_token_is_shown_nowhere(
    pipedrive: Pipedrive,
    script: Scripted,
    caplog: pytest.LogCaptureFixture,
    answer: Callable[[httpx.Request], httpx.Response],
) -> None:
    """Neither in messages nor log lines, nor in a traceback that prints what its frames hold."""
    caplog.set_level(logging.DEBUG)
    script.answer = answer
    with pytest.raises(PipedriveError) as raised:
        pipedrive.create_person(NewPerson(name="Ada", owner_id=2))
    error: BaseException | None = raised.value
    while error is not None:
        report = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
        assert TOKEN not in report + repr(error) + str(vars(error))
        error = error.__cause__ or error.__context__
    assert TOKEN not in caplog.text


def test_the_token_is_not_in_the_clients_repr(pipedrive: Pipedrive) -> None:
    """Nor in that of anything it holds."""
    assert repr(pipedrive) == "Pipedrive('https://pipedrive.example.com')"
    assert TOKEN not in repr(vars(pipedrive)) + repr(vars(pipedrive._session))


def test_the_cause_is_kept(pipedrive: Pipedrive, script: Scripted) -> None:
    """What httpx said is there for whoever looks, but it is no httpx error that is raised."""
    script.answer = lambda request: raises(httpx.ReadTimeout("silence", request=request))
    with pytest.raises(Uncertain, match="No answer came in time") as raised:
        pipedrive.create_person(NewPerson(name="Ada", owner_id=2))
    assert isinstance(raised.value.__cause__, httpx.ReadTimeout)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A socket that listens on a free loopback port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def over_the_wire(listener: socket.socket, answer: bytes) -> PipedriveError:
    """Create a person over real HTTP at a server that says these bytes and hangs up; return the error."""

    def serve() -> None:
        peer, _ = listener.accept()
        with peer:
            peer.recv(65536)
            peer.sendall(answer)

    server = threading.Thread(target=serve)
    server.start()
    with (
        Pipedrive(f"http://127.0.0.1:{listener.getsockname()[1]}", TOKEN, timeout=5) as client,
        pytest.raises(PipedriveError) as raised,
    ):
        client.create_person(NewPerson(name="Ada", owner_id=2))
    server.join()
    return raised.value


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"", Uncertain),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{", Uncertain),
        (b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\nabc", Uncertain),
        (b"not http at all\r\n\r\n", Uncertain),
        (b"HTTP/1.1 400 Bad Request\r\ncontent-length: 500\r\n\r\n{", Rejected),
    ],
)
def test_broken_answers_over_real_http(
    listener: socket.socket, caplog: pytest.LogCaptureFixture, answer: bytes, kind: type[PipedriveError]
) -> None:
    """What breaks below httpx, as it really breaks, becomes an error of ours; even debug logs hide the token."""
    caplog.set_level(logging.DEBUG)
    error = over_the_wire(listener, answer)
    assert type(error) is kind
    report = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert caplog.text
    assert TOKEN not in report + caplog.text


def test_a_refused_connection_is_not_done() -> None:
    """Nobody listens, so nothing was sent."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with Pipedrive(f"http://127.0.0.1:{port}", TOKEN) as client, pytest.raises(Unavailable):
        client.create_person(NewPerson(name="Ada", owner_id=2))
