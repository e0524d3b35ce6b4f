"""What a response from Pipedrive means, or the lack of one.

The one place where an httpx response or exception becomes a record or an error of ours. It must never guess: a failed
read does not mean "nothing found", and a write counts as "not done" only if that is certain. A response counts as
Pipedrive's only if it has the shape of Pipedrive's JSON, because proxies and block pages respond with any status.
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
    MissingScope,
    NotFound,
    PipedriveError,
    Rejected,
    Suspended,
    Throttled,
    Unauthorized,
    Unavailable,
    Uncertain,
)
from warmline.pipedrive.limit_headers import is_of_the_day, wait_seconds

Record = TypeVar("Record", bound=BaseModel)

# Everything that httpx raises, and what a transport may raise besides.
FAILURES = (httpx.HTTPError, httpx.InvalidURL, httpx.CookieConflict, httpx.StreamError, OSError)

# Raised before the first byte of a request is sent. WriteError is not among them: the bytes that were sent before it
# may have been the whole request.
NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
)

# What every call would be answered, whoever writes it and in whatever form.
OF_ALL_CALLS: dict[int, type[PipedriveError]] = {
    HTTPStatus.UNAUTHORIZED: Unauthorized,
    HTTPStatus.PAYMENT_REQUIRED: Suspended,
}

# What people read; the exception itself stays the error's cause.
IN_WORDS: dict[type[Exception], str] = {
    httpx.ConnectError: "Could not connect.",
    httpx.TimeoutException: "No answer came in time.",
    httpx.DecodingError: "The answer was too long, or could not be decompressed.",
}

OUT_OF_SCOPE = "the connection does not cover this. Connect Pipedrive again, and allow everything that is asked for."

# `Validation failed: FIELD: why; ...` (pipedrive/client-nodejs#651), or the first name in quotes.
NAMED_FIELD = re.compile(r"Validation failed: (\w+)|['\"`](\w+)[\w.\[\]]*['\"`]")


# Of JSON, what may be a NUL, half a sign, or a number that is none, or too large for any.
ODD = re.compile(rb"\\u0000|\\ud|nan|infinity|\de\+?\d{3}|\d{300}", re.IGNORECASE)


@dataclass(frozen=True)
class Call:
    """One request: its method and path, its price in tokens, and whether it is a search."""

    method: str
    path: str
    tokens: int
    search: bool = False

    @property
    def writes(self) -> bool:
        """Whether it changes anything in Pipedrive."""
        return self.method != "GET"

    @property
    def endpoint(self) -> str:
        """Its path with `{id}` in place of ids, as it is counted."""
        return "/".join("{id}" if part.isdecimal() else part for part in self.path.split("/"))

    @property
    def of_one_record(self) -> bool:
        """Whether its path names one record, so that a 404 is about that record."""
        return self.path.rpartition("/")[2].isdecimal()

    def __str__(self) -> str:
        """Return method and path, as errors name the call."""
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class Answer:
    """A response: status, headers (case-insensitive), the whole body, and when it came (aware)."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    at: datetime


def unclear(call: Call, message: str, *, status: int | None = None, answered: bool = False) -> PipedriveError:
    """Return the error for a call whose outcome is unknown.

    Args:
        call: The call that was made.
        message: What is unclear.
        status: The response's status, if there was one.
        answered: As in Uncertain.

    Returns:
        Uncertain for a write; Unavailable for a read, which can simply be repeated.
    """
    if call.writes:
        return Uncertain(message, call=str(call), status=status, answered=answered)
    return Unavailable(message, call=str(call), status=status)


def no_answer(call: Call, failure: Exception) -> PipedriveError:
    """Return the error for a call that got no response.

    Args:
        call: The call that was made.
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
    """Return what Pipedrive responded to a call that succeeded.

    Args:
        call: The call that was made.
        answer: The response.

    Returns:
        The JSON object around the data: `success`, `data` and perhaps `additional_data`.

    Raises:
        PipedriveError: The call was not done, or its outcome is unknown.
    """
    said = _json_object(answer.body)
    if not HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
        raise refusal(call, answer, said)
    if said.get("success") is not True:
        raise unclear(call, "The answer is not one of Pipedrive's.", status=answer.status)
    return said


def refusal(call: Call, answer: Answer, said: Mapping[str, Any]) -> PipedriveError:
    """Return the error for a response other than 2xx.

    Args:
        call: The call that was made.
        answer: The response.
        said: Its body as a JSON object; empty when it is none.

    Returns:
        The error, with Pipedrive's own message if there is one.
    """
    status, name = answer.status, str(call)
    by_pipedrive = said.get("success") is False
    message = _message(said) or _plain(answer)
    missing = status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE)
    if status == HTTPStatus.FORBIDDEN and "scope and url mismatch" in _message(said).casefold():
        return MissingScope(OUT_OF_SCOPE, call=name, status=status, code=_code(said))
    if status in OF_ALL_CALLS:
        return OF_ALL_CALLS[status](message, call=name, status=status)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return _too_many(name, answer, message)
    if status == HTTPStatus.FORBIDDEN and not by_pipedrive:
        return Blocked(message, call=name, status=status)
    # A proxy's 404 for a page must not be mistaken for Pipedrive's 404 for a record.
    if not _is_final(status) or (missing and not by_pipedrive):
        answered = by_pipedrive and status >= HTTPStatus.INTERNAL_SERVER_ERROR
        return unclear(call, message, status=status, answered=answered)
    error = NotFound if missing and call.of_one_record else Rejected
    return error(message, call=name, status=status, field=_field(_message(said)), code=_code(said))


def _plain(answer: Answer) -> str:
    """Return the message of a response without Pipedrive's JSON, without any HTML."""
    text = answer.body[:2000].decode(errors="replace").replace("\0", "").strip()
    if text.startswith("<"):
        return f"A web page came instead of an answer (HTTP {answer.status})."
    return text or f"No reason was given (HTTP {answer.status})."


def record(call: Call, model: type[Record], data: Any) -> Record:
    """Return one record of a response.

    Args:
        call: The call that was made.
        model: The record's class.
        data: Its JSON object.

    Returns:
        The record.

    Raises:
        Unavailable: A read returned something else.
        Uncertain: A write returned something else: it was probably done, but what was made is not known.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        # Pydantic names the fields, and hides their values.
        where = ", ".join(".".join(map(str, item["loc"])) or "it all" for item in error.errors())
        raise unclear(call, f"The answer is not a valid {model.__name__}: {where} cannot be read.") from error


def rows(call: Call, said: Mapping[str, Any]) -> list[Any]:
    """Return the JSON objects of a list's page; v1 returns null when there are none."""
    data = said.get("data")
    if not isinstance(data, list | None):
        raise unclear(call, "The answer is not a list.")
    return data or []


def hits(call: Call, said: Mapping[str, Any]) -> list[Any]:
    """Return the JSON objects of a search's page; a response without a list of hits does not mean "nothing found"."""
    try:
        return [hit["item"] for hit in said["data"]["items"]]
    except (KeyError, TypeError) as error:
        raise unclear(call, "The answer is not a list of search results.") from error


def next_cursor(said: Mapping[str, Any]) -> str | None:
    """Return the cursor of the next page; None at the end."""
    more = said.get("additional_data")
    cursor = more.get("next_cursor") if isinstance(more, Mapping) else None
    return str(cursor) if cursor else None


def without_frames(failure: BaseException) -> BaseException:
    """Remove the stack frames of an exception and of its causes.

    httpx's frames hold the request's headers, including the token, and error pages print the contents of frames.

    Args:
        failure: The exception.

    Returns:
        The same exception.
    """
    behind: BaseException | None = failure
    while behind is not None:
        behind.__traceback__ = None
        behind = behind.__cause__ or behind.__context__
    return failure


def _too_many(name: str, answer: Answer, message: str) -> PipedriveError:
    """Distinguish the two kinds of 429, by what its headers say."""
    if is_of_the_day(answer.headers, answer.at):
        return BudgetSpent(message, call=name, status=answer.status)
    return Throttled(message, wait=wait_seconds(answer.headers, answer.at), call=name, status=answer.status)


def _is_final(status: int) -> bool:
    """Tell whether a status is a lasting refusal: any 4xx except those that will pass."""
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
    """Join Pipedrive's messages; v1 puts advice into `error_info`."""
    return " ".join(_texts([said.get("error"), said.get("error_info")]))


def _code(said: Mapping[str, Any]) -> str:
    """Return Pipedrive's code: v2's `code`, v1's `errorCode`."""
    return next(iter(_texts([said.get("code"), said.get("errorCode")])), "")


def _field(message: str) -> str:
    """Return the field that a message names, without an index into a list."""
    named = NAMED_FIELD.search(message)
    return "" if named is None else named[1] or named[2]
