"""All errors of the API have one format: `{"error": {"code", "message", "field"}}`.

Exceptions of ninja, pydantic, Django and our own code are converted here, so clients need to handle only this format. A
message says what to do, and never repeats the request or reveals internals.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from django.core.exceptions import NON_FIELD_ERRORS, ObjectDoesNotExist, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError
from ninja.errors import ValidationError as ShapeError
from pydantic import BaseModel

from warmline import storage
from warmline.api.rate import TooManyCallsError
from warmline.crm.external_ids import AnothersError, NameTakenError, OtherContactError
from warmline.crm.guess_limits import TooManyGuessesError
from warmline.crm.uniqueness import TakenError
from warmline.sync.status.retry_and_choose import LinkedAlreadyError, NoCandidateError

log = logging.getLogger(__name__)

BODY_LIMIT = 1_000_000  # bytes; enforced by http/body_limit.py
MESSAGES = {  # by pydantic's error types, see its page "Validation Errors"
    "bool_type": "This must be true or false, without quotes.",
    "extra_forbidden": "This field does not exist. Remove it.",
    "int_type": "This must be a whole number, without quotes.",
    "int_parsing": "This must be a whole number.",
    "missing": "This field is required. Add it.",
    "model_attributes_type": "This must be a JSON object with fields.",
    "model_type": "This must be a JSON object with fields.",
    "string_too_long": "This is too long. Shorten it.",
    "string_type": "This must be text, in quotes.",
    "string_unicode": "This must be valid Unicode text.",
}
OF_PATTERNS = {  # by field; pydantic would tell the pattern
    "source": "This must have 1 to 64 characters of a-z, 0-9, `.`, `_` and `-`.",
    "id": "This must be UTF-8 without control characters, percent-encoded.",
    "search": "This must not contain the character NUL. Remove it.",
}
NO_BODY = "Send a JSON object with the fields as the body."


Code = (
    Literal[  # docs/api.md says what each means
        "anothers",
        "bad_request",
        "changed",
        "conflict",
        "forbidden",
        "internal",
        "invalid",
        "key_in_use",
        "key_reused",
        "linked_already",
        "malformed",
        "method_not_allowed",
        "no_candidate",
        "not_connected",
        "not_found",
        "not_in_batch",
        "other_contact",
        "rate_limited",
        "running",
        "too_large",
        "too_many",
        "unauthorized",
    ]
    | storage.Matter
)


class Refusal(BaseModel):
    """Why a call failed.

    Attributes:
        code: For programs.
        message: In plain words, with what to do.
        field: The field at fault; None if there is none.
    """

    code: Code
    message: str
    field: str | None


class ErrorAnswer(BaseModel):
    """The answer of every call that failed."""

    error: Refusal


# For `response=` of an operation: the errors of calls that read, that write, and that change with `If-Match`.
READING: Mapping[Any, Any] = {(400, 401, 403, 404, 422, 429, 503): ErrorAnswer}
WRITING: Mapping[Any, Any] = {(400, 401, 403, 404, 409, 413, 422, 429, 503): ErrorAnswer}
CHANGING: Mapping[Any, Any] = {**WRITING, 412: ErrorAnswer}


class RefusedError(Exception):
    """A call is refused.

    Args:
        status: The HTTP status.
        code: The error code for programs.
        message: What to do, in one sentence.
        field: The field at fault; None if there is none.
    """

    def __init__(self, status: int, code: Code, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.field = status, code, message, field


def refuse(status: int, code: Code, message: str, field: str | None = None) -> HttpResponse:
    """Return the answer of a call that is refused; see RefusedError for the arguments."""
    return JsonResponse({"error": {"code": code, "message": message, "field": field}}, status=status)


def install(api: NinjaAPI) -> None:
    """Convert all exceptions of the API's operations into this format."""
    for kind, handler in HANDLERS.items():
        api.add_exception_handler(kind, handler)


def refused(error: RefusedError) -> HttpResponse:
    """Return the answer of a call that was refused."""
    return refuse(error.status, error.code, error.message, error.field)


def _refused(_: HttpRequest, error: RefusedError) -> HttpResponse:
    return refused(error)


def _unauthorized(*_: object) -> HttpResponse:
    message = "Send a valid token as `Authorization: Bearer TOKEN`. `warmline token EMAIL` creates one."
    response = refuse(401, "unauthorized", message)
    response["WWW-Authenticate"] = "Bearer"
    return response


def _too_many(_: HttpRequest, error: TooManyGuessesError) -> HttpResponse:
    seconds = "1 second" if error.seconds == 1 else f"{error.seconds} seconds"
    response = refuse(429, "too_many", f"Too many wrong tokens came from your address. Wait {seconds}, then try again.")
    response["Retry-After"] = str(error.seconds)
    return response


def _too_many_calls(_: HttpRequest, error: TooManyCallsError) -> HttpResponse:
    seconds = error.rate.resets_in
    response = refuse(429, "rate_limited", f"This token has made too many calls. Wait {seconds} s, then continue.")
    response["Retry-After"] = str(seconds)
    for name, value in error.rate.headers().items():
        response[name] = value
    return response


def expired(*_: object) -> HttpResponse:
    """Return the answer to a token that has expired."""
    response = refuse(401, "unauthorized", "This token has expired. Create a new one.")
    response["WWW-Authenticate"] = "Bearer"
    return response


def _unreadable(_: HttpRequest, error: HttpError) -> HttpResponse:
    return refuse(error.status_code, "malformed", "The body is not valid JSON. Correct it and send it again.")


def _misshapen(_: HttpRequest, error: ShapeError) -> HttpResponse:
    found = error.errors[0]
    source, *path = found["loc"]
    # ("body", the view's argument, field, field within it), but ("query", field) and ("path", field).
    names = path[1:] if source == "body" else path
    if source == "body" and not names and found["type"] in MESSAGES:
        return refuse(422, "invalid", NO_BODY)
    return misshapen(found["type"], found["msg"], names)


def misshapen(kind: str, text: str, path: Sequence[str | int]) -> HttpResponse:
    """Return the answer to what has a wrong shape.

    Args:
        kind: One of pydantic's types of errors.
        text: pydantic's own words.
        path: Where it is: fields within fields.
    """
    named = OF_PATTERNS.get(str(path[-1])) if path and kind == "string_pattern_mismatch" else None
    message = named or MESSAGES.get(kind) or f"{text.replace('Input should', 'This should').rstrip('.')}."
    field = ".".join(map(str, path))
    return refuse(422, "invalid", naming(field, message), field or None)


def naming(field: str, message: str) -> str:
    """Return a message such as those in MESSAGES with the field's name in it; unchanged if there is no field."""
    start = next((start for start in ("This field ", "This ") if message.startswith(start)), "")
    return f"The field `{field}` {message.removeprefix(start)}" if field and start else message


def _invalid(_: HttpRequest, error: ValidationError) -> HttpResponse:
    by_field = error.message_dict if hasattr(error, "error_dict") else {NON_FIELD_ERRORS: error.messages}
    field, messages = next(iter(by_field.items()))
    return refuse(422, "invalid", " ".join(messages), None if field == NON_FIELD_ERRORS else field)


def _linked_already(*_: object) -> HttpResponse:
    return refuse(409, "linked_already", "This is already linked to Pipedrive, so there is nothing to decide.")


def _no_candidate(*_: object) -> HttpResponse:
    message = "This is not one of its `sync.candidates`. Read it again; without candidates, there is nothing to decide."
    return refuse(409, "no_candidate", message)


def _taken(_: HttpRequest, error: TakenError) -> HttpResponse:
    field, messages = next(iter(error.message_dict.items()))
    message = f"{' '.join(messages)} It was taken just now."
    return refuse(409, "conflict", message, field)


def _anothers(*_: object) -> HttpResponse:
    message = "This external id belongs to another user's record. Use another id, or have the record handed over."
    return refuse(409, "anothers", message)


def _other_contact(*_: object) -> HttpResponse:
    message = "This external id belongs to an activity with another contact, and that cannot change. Use another id."
    return refuse(409, "other_contact", message)


def _name_taken(*_: object) -> HttpResponse:
    message = "Another organization has this name. Use another name, or the other one's id."
    return refuse(409, "conflict", message, "name")


def _gone(request: HttpRequest, error: ObjectDoesNotExist) -> HttpResponse:
    log.warning("api.row_gone path=%s error=%s", request.path_info, error)
    return refuse(404, "not_found", "This has just been deleted, so there is nothing left to change.")


def not_found(*_: object) -> HttpResponse:
    """Return the answer for an address that does not exist."""
    return refuse(404, "not_found", "There is nothing at this address. See /api/docs for the API.")


HANDLERS: dict[type[Exception], Any] = {
    RefusedError: _refused,
    AuthenticationError: _unauthorized,
    TooManyGuessesError: _too_many,
    TooManyCallsError: _too_many_calls,
    HttpError: _unreadable,
    ShapeError: _misshapen,
    ValidationError: _invalid,
    LinkedAlreadyError: _linked_already,
    NoCandidateError: _no_candidate,
    TakenError: _taken,
    AnothersError: _anothers,
    OtherContactError: _other_contact,
    NameTakenError: _name_taken,
    Http404: not_found,
    ObjectDoesNotExist: _gone,
}


def internal() -> HttpResponse:
    """Return the answer when something broke; what it was is in the log only."""
    return refuse(500, "internal", "Something went wrong on our side. Try again, or tell your administrator.")


def method_not_allowed(allowed: str) -> HttpResponse:
    """Return the answer to a method that an address does not accept.

    Args:
        allowed: The methods that it accepts, as in the header `Allow`.
    """
    response = refuse(405, "method_not_allowed", f"This address accepts only {allowed}. Use one of these.")
    response["Allow"] = allowed
    return response
