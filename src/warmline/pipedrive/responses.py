"""What an answer, or none, means.

The one place where an httpx answer or failure becomes a record or an error of ours. It must never guess: a read that
failed is not "nothing found", and a write is "not done" only where that is certain. An answer counts as
Pipedrive's only in Pipedrive's own JSON shape, because proxies and block pages answer with any status.
"""

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from warmline.pipedrive.errors import (
    Blocked,
    BudgetSpent,
    NotFound,
    PipedriveError,
    Rejected,
    Throttled,
    Unauthorized,
    Unavailable,
    Uncertain,
)
from warmline.pipedrive.headers import header_number, wait_seconds

Record = TypeVar("Record", bound=BaseModel)

# Everything that httpx raises, and what a transport may let through.
FAILURES = (httpx.HTTPError, httpx.InvalidURL, httpx.CookieConflict, httpx.StreamError, OSError)

# Raised before the first byte of a request is sent. A WriteError is not among them: what was written before it
# may have been enough.
NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
)

# What people read; the failure itself stays the error's cause.
IN_WORDS: dict[type[Exception], str] = {
    httpx.ConnectError: "Could not connect.",
    httpx.TimeoutException: "No answer came in time.",
    httpx.DecodingError: "The answer was too long, or could not be decompressed.",
}

# `Validation failed: FIELD: why; ...` (pipedrive/client-nodejs#651), or the first name in quotes.
NAMED_FIELD = re.compile(r"Validation failed: (\w+)|['\"`](\w+)[\w.\[\]]*['\"`]")


# Of JSON, what may be a NUL, half a sign, or a number that is none, or too large for any.
ODD = re.compile(rb"\\u0000|\\ud|nan|infinity|\de\+?\d{3}|\d{300}", re.IGNORECASE)


@dataclass(frozen=True)
class Call:
    """One request: what it is called in messages, what it costs, and what kind it is."""

    method: str
    path: str
    tokens: int
    search: bool = False

    @property
    def writes(self) -> bool:
        """Whether it changes anything in Pipedrive."""
        return self.method != "GET"

    @property
    def of_one_record(self) -> bool:
        """Whether its path names one record, so that a 404 speaks of that record."""
        return self.path.rpartition("/")[2].isdecimal()

    def __str__(self) -> str:
        """Name the call as errors do."""
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class Answer:
    """What came back: status, headers (case-insensitive), the whole body, and when (aware)."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    at: datetime


def unclear(call: Call, message: str, *, status: int | None = None, answered: bool = False) -> PipedriveError:
    """Return the error for a call of which nobody can say whether it was done.

    Args:
        call: The call made.
        message: What is unclear.
        status: The answer's status, if there was an answer.
        answered: As in Uncertain.

    Returns:
        Uncertain for a write; Unavailable for a read, which can simply be made again.
    """
    if call.writes:
        return Uncertain(message, call=str(call), status=status, answered=answered)
    return Unavailable(message, call=str(call), status=status)


def no_answer(call: Call, failure: Exception) -> PipedriveError:
    """Return the error for a failure on the way.

    Args:
        call: The call made.
        failure: One of FAILURES.

    Returns:
        Unavailable if nothing was sent or the call is a read, else Uncertain.
    """
    words = (words for kind, words in IN_WORDS.items() if isinstance(failure, kind))
    message = next(words, "The connection broke off.")
    if isinstance(failure, NOT_SENT):
        return Unavailable(message, call=str(call))
    return unclear(call, message)


def content(call: Call, answer: Answer) -> dict[str, Any]:
    """Return what Pipedrive answered to a call that it has done.

    Args:
        call: The call made.
        answer: What came back.

    Returns:
        The JSON object around the data: `success`, `data` and perhaps `additional_data`.

    Raises:
        PipedriveError: The call was not done, or nobody can say.
    """
    said = _json_object(answer.body)
    if not HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
        raise refusal(call, answer, said)
    if said.get("success") is not True:
        raise unclear(call, "The answer is not one of Pipedrive's.", status=answer.status)
    return said


def refusal(call: Call, answer: Answer, said: Mapping[str, Any]) -> PipedriveError:
    """Return the error that an answer other than 2xx stands for.

    Args:
        call: The call made.
        answer: What came back.
        said: Its body as a JSON object; empty when it isn't one.

    Returns:
        The error, with Pipedrive's own words where it has any.
    """
    status, name = answer.status, str(call)
    by_pipedrive = said.get("success") is False
    message = _message(said) or _plain(answer)
    missing = status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE)
    if status == HTTPStatus.UNAUTHORIZED:
        return Unauthorized(message, call=name, status=status)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return _too_many(name, answer, message)
    if status == HTTPStatus.FORBIDDEN and not by_pipedrive:
        return Blocked(message, call=name, status=status)
    # A proxy that knows no such page must not be taken for Pipedrive that knows no such record.
    if not _is_final(status) or (missing and not by_pipedrive):
        answered = by_pipedrive and status >= HTTPStatus.INTERNAL_SERVER_ERROR
        return unclear(call, message, status=status, answered=answered)
    error = NotFound if missing and call.of_one_record else Rejected
    return error(message, call=name, status=status, field=_field(_message(said)), code=_code(said))


def _plain(answer: Answer) -> str:
    """Return what an answer without Pipedrive's JSON says; of a page, people are spared the HTML."""
    text = answer.body[:2000].decode(errors="replace").replace("\0", "").strip()
    if text.startswith("<"):
        return f"A web page came instead of an answer (HTTP {answer.status})."
    return text or f"No reason was given (HTTP {answer.status})."


def record(call: Call, model: type[Record], data: Any) -> Record:
    """Return one record of an answer.

    Args:
        call: The call made.
        model: The record's class.
        data: Its JSON object.

    Returns:
        The record.

    Raises:
        Unavailable: A read was answered with something else.
        Uncertain: A write was: it was probably done, but what was made is not known.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        # Pydantic names the fields, and hides their values.
        where = ", ".join(".".join(map(str, item["loc"])) or "it all" for item in error.errors())
        raise unclear(call, f"The answer is not a valid {model.__name__}: {where} cannot be read.") from error


def rows(call: Call, said: Mapping[str, Any]) -> list[Any]:
    """Return the JSON objects of a list's page; v1 answers null when there are none."""
    data = said.get("data")
    if not isinstance(data, list | None):
        raise unclear(call, "The answer is not a list.")
    return data or []


def hits(call: Call, said: Mapping[str, Any]) -> list[Any]:
    """Return the JSON objects of a search's page; an answer without a list of hits is not 'nothing found'."""
    try:
        return [hit["item"] for hit in said["data"]["items"]]
    except (KeyError, TypeError) as error:
        raise unclear(call, "The answer is not a list of search results.") from error


def next_cursor(said: Mapping[str, Any]) -> str | None:
    """Return the cursor of the page that follows, None at the end."""
    more = said.get("additional_data")
    return (more.get("next_cursor") or None) if isinstance(more, Mapping) else None


def without_frames(failure: BaseException) -> BaseException:
    """Forget the frames of a failure and of those behind it.

    The frames of httpx hold the request's headers, the token among them, and error pages print what frames hold.

    Args:
        failure: What was raised.

    Returns:
        The same exception.
    """
    behind: BaseException | None = failure
    while behind is not None:
        behind.__traceback__ = None
        behind = behind.__cause__ or behind.__context__
    return failure


def _too_many(name: str, answer: Answer, message: str) -> PipedriveError:
    """Tell the two kinds of 429 apart: with calls left in the window, it is the day's budget that is spent."""
    if header_number(answer.headers, "x-ratelimit-remaining"):
        return BudgetSpent(message, call=name, status=answer.status)
    return Throttled(message, wait=wait_seconds(answer.headers, answer.at), call=name, status=answer.status)


def _is_final(status: int) -> bool:
    """Whether a status is a refusal for good: 4xx, but for those that speak of the moment."""
    momentary = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY)
    return HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR and status not in momentary


def _json_object(body: bytes) -> dict[str, Any]:
    """Read a JSON object; anything else is an empty one."""
    try:
        said = json.loads(body)
        if ODD.search(body):
            said = _storable(said)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _storable(value: Any) -> Any:
    """Return JSON without what it can hold and no database can."""
    match value:
        case str():
            return value.replace("\0", "").encode(errors="replace").decode()
        case float():
            return value if math.isfinite(value) else None
        case list():
            return [_storable(each) for each in value]
        case dict():
            return {_storable(name): _storable(each) for name, each in value.items()}
    return value


def _texts(values: Iterable[Any]) -> list[str]:
    return [str(value) for value in values if isinstance(value, str | int) and value]


def _message(said: Mapping[str, Any]) -> str:
    """Join Pipedrive's words; v1 puts advice into `error_info`."""
    return " ".join(_texts([said.get("error"), said.get("error_info")]))


def _code(said: Mapping[str, Any]) -> str:
    """Return Pipedrive's code: v2's `code`, v1's `errorCode`."""
    return next(iter(_texts([said.get("code"), said.get("errorCode")])), "")


def _field(message: str) -> str:
    """Return the field that a message names, without its place in a list."""
    named = NAMED_FIELD.search(message)
    return "" if named is None else named[1] or named[2]
