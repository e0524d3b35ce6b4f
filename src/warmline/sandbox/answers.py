"""Requests, answers and errors in Pipedrive's formats.

The HTTP server and the in-process transport both use these types, so the sandbox behaves the same in both. v1 and v2
format their errors differently, and clients must read both; this module alone knows the difference. Values of headers
and queries are left out of every repr, because they can contain tokens.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

Json = dict[str, Any]

BAD_REQUEST = 400
UNAUTHORIZED = 401
PAYMENT_REQUIRED = 402
FORBIDDEN = 403
NOT_FOUND = 404
TOO_MANY = 429
SERVER_ERROR = 500


@dataclass(frozen=True)
class Request:
    """One call.

    Args:
        method: In capitals.
        path: Without the query, beginning with a slash.
        query: One value for each name.
        headers: Names in lower case.
        body: As it came.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)

    @property
    def version(self) -> int:
        """Which API is called: 2, or 1 for every other path."""
        return 2 if self.path.startswith("/api/v2/") else 1

    def json(self) -> Any:
        """Return the body read as JSON.

        Raises:
            Refused: The body is not JSON in UTF-8.
        """
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise Refused("The body is not valid JSON") from None


@dataclass(frozen=True)
class Response:
    """One answer.

    Args:
        status: HTTP status.
        headers: Names in lower case.
        body: As sent.
        delay: Seconds to wait before it is sent.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    delay: float = 0.0


class Refused(Exception):  # noqa: N818 - Pipedrive's answer, not an error of ours
    """Pipedrive refuses a call. Raised anywhere while handling it; `gateway.py` turns it into an answer.

    Args:
        message: Names the field when one is at fault.
        status: HTTP status.
        code: v2's `code`; v1 has none.
        headers: Of the answer, beside the usual ones.
        content: The whole answer, where an operation has a shape of its own for it.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = BAD_REQUEST,
        code: str = "ERR_BAD_REQUEST",
        headers: Mapping[str, str] | None = None,
        content: Json | None = None,
    ) -> None:
        super().__init__(message)
        self.content = content
        self.headers = headers or {}
        self.message = message
        self.status = status
        self.code = code


def invalid(name: str, why: str) -> Refused:
    """Return the refusal of a value, worded as v2 words it: the field first, then what is wrong with it."""
    return Refused(f"Validation failed: {name}: {why}", code="ERR_SCHEMA_VALIDATION_FAILED")


def missing(what: str) -> Refused:
    """Return the refusal of a path whose record is not there."""
    return Refused(f"{what} not found", status=NOT_FOUND, code="ERR_NOT_FOUND")


def json_response(status: int, content: object) -> Response:
    """Return an answer holding `content` as JSON."""
    return Response(status, {"content-type": "application/json; charset=utf-8"}, json.dumps(content).encode())


def html_response(status: int, html: str) -> Response:
    """Return an answer holding a page, as a proxy in front of Pipedrive would."""
    return Response(status, {"content-type": "text/html; charset=utf-8"}, html.encode())


def error_response(version: int, refused: Refused) -> Response:
    """Return a refusal in the error shape of that version of the API (docs/pipedrive.md, "Errors")."""
    content: Json = {"success": False, "error": refused.message}
    if refused.content is not None:
        content = refused.content
    elif refused.status in (UNAUTHORIZED, TOO_MANY):
        content["errorCode"] = refused.status
    elif version == 1:
        content |= {"error_info": "Refused by the sandbox.", "data": None}
    else:
        content["code"] = refused.code
    response = json_response(refused.status, content)
    return replace(response, headers={**response.headers, **refused.headers})
