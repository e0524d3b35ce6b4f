"""`Idempotency-Key`: a POST that is sent again with its key is answered as the first time, and done once.

Key, change and answer are stored in one transaction (`crm.idempotency`). What says nothing of the call itself is not
stored: 401, 429 and 5xx; nor is 403, which a token with other rights mends. The same call can be sent again after it.
"""

import json
from collections.abc import Callable
from hashlib import sha256

from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from warmline.api import errors
from warmline.api.auth import BATCH, BEARER
from warmline.api.errors import RefusedError
from warmline.crm import idempotency

HEADER = "Idempotency-Key"
LONGEST = 255  # characters
REPLAYED = "Idempotent-Replayed"  # the header of an answer that was given before
NOT_STORED = {401, 403, 429}
KEPT_HEADERS = ("ETag",)
WRITING = {"POST", "PUT", "PATCH", "DELETE"}  # of items in a batch with a key


class _UndoneError(Exception):
    """What was done is to be taken back, and this is the answer."""

    def __init__(self, response: HttpResponse) -> None:
        super().__init__()
        self.response = response


def key_of(request: HttpRequest) -> str | None:
    """Return the key that a request is sent with; None for none.

    Raises:
        RefusedError: When it cannot be one.
    """
    key = request.headers.get(HEADER)
    if key is not None and not (0 < len(key) <= LONGEST and key.isascii() and key.isprintable()):
        message = f"The header `{HEADER}` must have 1 to {LONGEST} printable ASCII characters, such as a UUID."
        raise RefusedError(422, "invalid", message, HEADER)
    return key


def item_key(key: str | None, index: int) -> str | None:
    """Return the key of an item in a batch.

    Args:
        key: The batch's.
        index: The item's place, from 0.
    """
    return None if key is None else f"{key}\t{index}"  # which nobody can send as a key of their own


def answered(request: HttpRequest, answer: Callable[[], HttpResponse]) -> HttpResponseBase:
    """Answer a request, or answer it as the first time.

    Args:
        request: Any of the API.
        answer: Does what the request asks for.
    """
    try:
        key = _key_of_known(request)
        if key is None:
            return answer()
        return _once(f"token:{request.token.pk}", key, request, answer)  # type: ignore[attr-defined]
    except RefusedError as error:
        return errors.refused(error)
    except idempotency.KeyReusedError:
        message = f"This `{HEADER}` was used for another request. Use a new key for each new request."
        return errors.refuse(422, "key_reused", message, HEADER)
    except idempotency.KeyInUseError:
        message = "The first request with this key is not done yet. Wait a second, then send it again."
        response = errors.refuse(409, "key_in_use", message, HEADER)
        response["Retry-After"] = "1"
        return response


def _key_of_known(request: HttpRequest) -> str | None:
    """Return the key under which a request's answer is kept; None when it is not: whoever is not let in has none.

    Raises:
        RefusedError: When it cannot be a key.
    """
    if hasattr(request, "item_key"):
        item: str | None = request.item_key
        return item if request.method in WRITING else None
    # A batch keeps the answers of its items, and none of its own.
    if request.method != "POST" or HEADER not in request.headers or request.path_info == BATCH:
        return None
    try:
        is_known = BEARER(request) is not None
    except Exception:  # noqa: BLE001 (the call itself meets the same, and answers it)
        is_known = False
    return key_of(request) if is_known else None


def _once(scope: str, key: str, request: HttpRequest, answer: Callable[[], HttpResponse]) -> HttpResponse:
    try:
        # The note of what is running is taken away after the commit, so nobody comes between the two.
        with idempotency.running(scope, key), transaction.atomic():
            idempotency.hold(scope, key)
            with idempotency.claimed(scope, key, _digest(request)) as kept:
                if kept.answer is not None:
                    return _replayed(kept.answer)
                response = _done(answer)
                kept.answer = {
                    "status": response.status_code,
                    "body": response.content.decode(),
                    "headers": {name: response[name] for name in KEPT_HEADERS if name in response},
                }
                return response
    except _UndoneError as undone:
        return undone.response


def _done(answer: Callable[[], HttpResponse]) -> HttpResponse:
    """Do it, and take back whatever was done of what is refused."""
    try:
        with transaction.atomic():
            response = answer()
            if response.status_code >= 400:  # noqa: PLR2004 (HTTP's first error)
                raise _UndoneError(response)  # noqa: TRY301 (it is what ends the transaction)
    except _UndoneError as undone:
        response = undone.response
    if response.status_code in NOT_STORED or response.status_code >= 500:  # noqa: PLR2004 (HTTP's first of ours)
        raise _UndoneError(response)
    return response


def _replayed(kept: dict[str, object]) -> HttpResponse:
    response = HttpResponse(
        str(kept["body"]), status=int(str(kept["status"])), content_type="application/json; charset=utf-8"
    )
    for name, value in dict(kept["headers"]).items():  # type: ignore[call-overload]
        response[name] = value
    response[REPLAYED] = "true"
    return response


def _digest(request: HttpRequest) -> str:
    """Return what tells one request from another: method, address and body, whatever the order of its fields."""
    try:
        body = json.dumps(json.loads(request.body), sort_keys=True).encode()
    except (ValueError, RecursionError):
        body = request.body
    return sha256(b"\n".join([str(request.method).encode(), request.get_full_path().encode(), body])).hexdigest()
