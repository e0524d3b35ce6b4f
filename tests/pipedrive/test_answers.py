"""What each answer, and each failure on the way, means to the caller."""

import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from warmline.pipedrive import (
    Blocked,
    BudgetSpent,
    NotFound,
    Person,
    PipedriveError,
    Rejected,
    Suspended,
    Throttled,
    Unauthorized,
    Unavailable,
    Uncertain,
    error_responses,
)
from warmline.pipedrive.error_responses import Answer, Call

READ = Call("GET", "/api/v2/persons", 10)
READ_ONE = Call("GET", "/api/v2/persons/7", 1)
CREATE = Call("POST", "/api/v2/persons", 5)
UPDATE = Call("PATCH", "/api/v2/persons/7", 5)
SAID_NO = {"success": False, "error": "no", "code": "ERR_NO"}
PAGE = "<!DOCTYPE html><html><title>Sorry</title></html>"


def every(kind: type[Exception]) -> list[type[Exception]]:
    """Return a class of exceptions and all classes below it."""
    return [kind, *(below for child in kind.__subclasses__() for below in every(child))]


RAISED_BY_HTTPX = [
    *every(httpx.HTTPError),
    *every(httpx.InvalidURL),
    *every(httpx.CookieConflict),
    *every(httpx.StreamError),
]
NEVER_SENT = {
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
}


def failure_of(kind: type[Exception]) -> Exception:
    """Return an exception of httpx, whatever its constructor asks for."""
    request = httpx.Request("POST", "https://pipedrive.example.com")
    if kind is httpx.HTTPStatusError:
        return httpx.HTTPStatusError("broken", request=request, response=httpx.Response(500))
    if kind in (httpx.StreamConsumed, httpx.StreamClosed, httpx.ResponseNotRead, httpx.RequestNotRead):
        return kind()
    return kind("broken")


def answer(status: int, body: Any = "", headers: dict[str, str] | None = None) -> Answer:
    """Return an answer; a body that is no text is sent as JSON."""
    sent = body if isinstance(body, str) else json.dumps(body)
    return Answer(status, httpx.Headers(headers), sent.encode(), datetime(2026, 1, 1, tzinfo=UTC))


def test_the_table_of_failures_knows_all_that_httpx_exports() -> None:
    """An exception that httpx adds one day is found here, and not in production."""
    exported = {getattr(httpx, name) for name in httpx.__all__}
    exceptions = {item for item in exported if isinstance(item, type) and issubclass(item, Exception)}
    assert exceptions <= set(RAISED_BY_HTTPX)
    assert all(issubclass(kind, error_responses.FAILURES) for kind in exceptions)


@pytest.mark.parametrize("kind", [*RAISED_BY_HTTPX, OSError])
def test_a_failure_on_the_way(kind: type[Exception]) -> None:
    """A read can be made again; a write only if it surely was not sent."""
    failure = failure_of(kind)
    assert type(error_responses.no_answer(READ, failure)) is Unavailable
    assert type(error_responses.no_answer(CREATE, failure)) is (Unavailable if kind in NEVER_SENT else Uncertain)


@pytest.mark.parametrize(
    ("status", "body", "headers", "of_read", "of_write"),
    [
        (400, SAID_NO, {}, Rejected, Rejected),
        (400, PAGE, {}, Rejected, Rejected),
        (401, {"success": False, "error": "unauthorized access", "errorCode": 401}, {}, Unauthorized, Unauthorized),
        (401, PAGE, {}, Unauthorized, Unauthorized),
        (402, SAID_NO, {}, Suspended, Suspended),
        (402, PAGE, {}, Suspended, Suspended),
        (403, SAID_NO, {}, Rejected, Rejected),
        (403, PAGE, {}, Blocked, Blocked),
        (403, "error code: 1020", {}, Blocked, Blocked),
        (404, SAID_NO, {}, Rejected, Rejected),
        (404, PAGE, {}, Unavailable, Uncertain),
        (408, "", {}, Unavailable, Uncertain),
        (422, SAID_NO, {}, Rejected, Rejected),
        (429, SAID_NO, {}, Throttled, Throttled),
        (429, PAGE, {}, Throttled, Throttled),
        (429, SAID_NO, {"x-ratelimit-remaining": "0"}, Throttled, Throttled),
        (429, SAID_NO, {"x-ratelimit-remaining": "soon"}, Throttled, Throttled),
        (429, SAID_NO, {"X-RateLimit-Remaining": "3"}, BudgetSpent, BudgetSpent),
        (301, "", {"location": "https://elsewhere.example.com"}, Unavailable, Uncertain),
        (500, SAID_NO, {}, Unavailable, Uncertain),
        (502, PAGE, {}, Unavailable, Uncertain),
        (503, "", {}, Unavailable, Uncertain),
        (520, "error code: 520", {}, Unavailable, Uncertain),
        (200, PAGE, {}, Unavailable, Uncertain),
        (200, '{"success": true, "data": {"id"', {}, Unavailable, Uncertain),
        (200, "[" * 100_000, {}, Unavailable, Uncertain),
        (200, SAID_NO, {}, Unavailable, Uncertain),
        (200, [], {}, Unavailable, Uncertain),
        (204, "", {}, Unavailable, Uncertain),
    ],
)
def test_what_an_answer_means(
    status: int,
    body: Any,
    headers: dict[str, str],
    of_read: type[PipedriveError],
    of_write: type[PipedriveError],
) -> None:
    """Each status and shape has one meaning for reads and one for writes."""
    for call, kind in ((READ, of_read), (CREATE, of_write)):
        with pytest.raises(PipedriveError) as raised:
            error_responses.content(call, answer(status, body, headers))
        assert type(raised.value) is kind
        assert (raised.value.call, raised.value.status) == (str(call), status)


@pytest.mark.parametrize("status", [200, 201, 202])
def test_a_good_answer_is_returned(status: int) -> None:
    """Any 2xx in Pipedrive's shape is a success."""
    assert error_responses.content(CREATE, answer(status, {"success": True, "data": {"id": 1}}))["data"] == {"id": 1}


@pytest.mark.parametrize("status", [404, 410])
@pytest.mark.parametrize(
    ("call", "kind"), [(READ, Rejected), (CREATE, Rejected), (READ_ONE, NotFound), (UPDATE, NotFound)]
)
def test_only_a_single_record_can_be_not_found(status: int, call: Call, kind: type[PipedriveError]) -> None:
    """A list that is not there is no sign that a record is gone."""
    assert type(error_responses.refusal(call, answer(status, SAID_NO), SAID_NO)) is kind


def test_a_page_that_says_404_is_not_a_missing_record() -> None:
    """A proxy's 404 would otherwise make a person look deleted, and be created a second time."""
    assert type(error_responses.refusal(READ_ONE, answer(404, PAGE), {})) is Unavailable
    assert type(error_responses.refusal(UPDATE, answer(404, PAGE), {})) is Uncertain


@pytest.mark.parametrize(
    ("status", "body", "answered"),
    [(500, SAID_NO, True), (503, SAID_NO, True), (500, {"oops": 1}, False), (502, PAGE, False), (408, SAID_NO, False)],
)
def test_an_uncertain_write_tells_an_answer_from_a_silence(status: int, body: Any, answered: bool) -> None:  # noqa: FBT001 -- a table's column
    """Only a 5xx in Pipedrive's own shape is an answer."""
    with pytest.raises(Uncertain) as raised:
        error_responses.content(CREATE, answer(status, body))
    assert raised.value.answered is answered


@pytest.mark.parametrize(
    ("body", "field", "code", "message"),
    [
        (
            {
                "success": False,
                "error": "'person_id' is a read-only field. Add a primary participant to set 'person_id' instead.",
                "code": "ERR_BAD_REQUEST",
            },
            "person_id",
            "ERR_BAD_REQUEST",
            "'person_id' is a read-only field. Add a primary participant to set 'person_id' instead.",
        ),
        (
            {
                "success": False,
                "error": "Validation failed: 3b71d5: Parameter '3b71d5' is not allowed for this request; b: no",
                "code": "ERR_SCHEMA_VALIDATION_FAILED",
            },
            "3b71d5",
            "ERR_SCHEMA_VALIDATION_FAILED",
            "Validation failed: 3b71d5: Parameter '3b71d5' is not allowed for this request; b: no",
        ),
        ({"success": False, "error": "Validation failed: emails.0.value: bad"}, "emails", "", None),
        ({"success": False, "error": "Validation failed: emails[0].value: bad"}, "emails", "", None),
        ({"success": False, "error": 'Wrong value for "label_ids[2]".'}, "label_ids", "", None),
        (
            {"success": False, "error": "Bad request", "error_info": "See the docs."},
            "",
            "",
            "Bad request See the docs.",
        ),
        ({"success": False, "error": None, "errorCode": 403}, "", "403", None),
        ({"success": False, "error": {"nested": 1}, "code": {}}, "", "", None),
    ],
)
def test_a_refusal_names_the_field_where_pipedrive_does(
    body: dict[str, Any], field: str, code: str, message: str | None
) -> None:
    """The message is Pipedrive's own; field and code are taken from it, or empty."""
    with pytest.raises(Rejected) as raised:
        error_responses.content(CREATE, answer(400, body))
    assert (raised.value.field, raised.value.code) == (field, code)
    assert message is None or raised.value.message == message


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("<html>\n\r\x0b" + "x" * 5000, "A web page came instead of an answer (HTTP 403)."),
        ("", "No reason was given (HTTP 403)."),
        ("far\n\r\x0btoo long" + "x" * 5000, "far too long" + "x" * 288),
    ],
)
def test_a_strangers_answer_becomes_a_short_line(body: str, message: str) -> None:
    """Neither a page nor a line break of a stranger gets into a log line or before a person's eyes."""
    with pytest.raises(Blocked) as raised:
        error_responses.content(CREATE, answer(403, body))
    assert raised.value.message == message
    assert str(raised.value) == f"POST /api/v2/persons: 403: {message}"


def test_a_throttled_call_knows_how_long_to_wait() -> None:
    """The wait is that of Retry-After, in seconds."""
    with pytest.raises(Throttled) as raised:
        error_responses.content(READ, answer(429, "", {"Retry-After": "11"}))
    assert raised.value.wait == 11


@pytest.mark.parametrize(("call", "kind"), [(READ, Unavailable), (CREATE, Uncertain)])
@pytest.mark.parametrize("data", [None, [], "text", {}, {"id": "not a number"}])
def test_an_answer_that_is_no_record(call: Call, kind: type[PipedriveError], data: Any) -> None:
    """A created record whose id cannot be read was still created."""
    with pytest.raises(kind, match="is not a valid Person") as raised:
        error_responses.record(call, Person, data)
    assert "not a number" not in str(raised.value)


@pytest.mark.parametrize(
    "said", [{}, {"data": None}, {"data": []}, {"data": {"items": None}}, {"data": {"items": [1]}}]
)
def test_a_search_without_hits_to_read_has_failed(said: dict[str, Any]) -> None:
    """A failed search is not "not found": taking it for that made up to 18 duplicates elsewhere."""
    with pytest.raises(Unavailable):
        error_responses.hits(READ, said)


def test_a_list_may_be_null_but_nothing_else() -> None:
    """V1 answers null for an empty list; an object in its place is a fault."""
    assert error_responses.rows(READ, {"data": None}) == []
    assert error_responses.rows(READ, {"data": [1]}) == [1]
    with pytest.raises(Unavailable):
        error_responses.rows(READ, {"data": {}})


@pytest.mark.parametrize(
    ("said", "cursor"),
    [
        ({}, None),
        ({"additional_data": None}, None),
        ({"additional_data": []}, None),
        ({"additional_data": {"next_cursor": None}}, None),
        ({"additional_data": {"next_cursor": ""}}, None),
        ({"additional_data": {"next_cursor": "abc"}}, "abc"),
    ],
)
def test_the_next_cursor(said: dict[str, Any], cursor: str | None) -> None:
    """No cursor, in any form, is the end."""
    assert error_responses.next_cursor(said) == cursor
