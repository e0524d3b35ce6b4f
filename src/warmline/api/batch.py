"""`POST /api/batch`: many calls in one request. Each is a call of its own, and one that is refused harms no other."""

import io
import json
import logging
from typing import Any, Literal
from urllib.parse import unquote

from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, ResolverMatch, resolve
from ninja import Router
from pydantic import Field, StrictStr, ValidationError

from warmline import storage
from warmline.api import errors, idempotent
from warmline.api.auth import Request
from warmline.api.bodies import Batch, Body
from warmline.api.errors import WRITING, RefusedError
from warmline.api.responses import BatchAnswer, BatchOutcome

log = logging.getLogger(__name__)
router = Router(tags=["batch"])

PREFIX = "/api"
LONGEST_PATH = 4000  # characters
LONGEST_ANSWER = 10_000_000  # bytes of all answers; what would be read beyond is refused, what is written is not
NOT_INSIDE = {"api/batch", "api/contacts/import"}
PAGES = {"openapi-json", "openapi-view"}


class Item(Body):
    """One call."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: StrictStr = Field(max_length=LONGEST_PATH)
    body: Any = None


@router.post("/batch", response={200: BatchAnswer, **WRITING}, summary="Make many calls at once")
def batch(request: Request, body: Batch) -> BatchAnswer:
    """Up to 1000 calls, one after the other, each with `method`, `path` (such as `/api/contacts/12`) and `body`.

    The answers come in the same order. With an `Idempotency-Key`, each call has a key of its own, made of this one and
    its place, so a batch that was cut off is simply sent again. No batch and no import can be inside.
    """
    key = idempotent.key_of(request)
    outcomes: list[BatchOutcome] = []
    size = 0
    for index, raw in enumerate(body.items):
        response = _answered(request, raw, idempotent.item_key(key, index), is_full=size > LONGEST_ANSWER)
        size += len(response.content)
        outcomes.append(BatchOutcome(status=response.status_code, body=json.loads(response.content or b"null")))
    return BatchAnswer(items=outcomes)


def _answered(outer: Request, raw: object, key: str | None, *, is_full: bool) -> HttpResponse:
    try:
        item = Item.model_validate(raw)
        view = _view(item, is_full=is_full)
    except ValidationError as error:
        found = error.errors()[0]
        return errors.misshapen(found["type"], found["msg"], [*found["loc"]])
    except Resolver404:
        return errors.not_found()
    except RefusedError as error:
        return errors.refused(error)
    request = _request(outer, item)
    request.token, request.item_key = outer.token, key  # type: ignore[attr-defined]
    try:
        response: HttpResponse = view.func(request, *view.args, **view.kwargs)
    except Exception as error:
        matter = storage.noticed(error)
        if matter is not None:
            return errors.refuse(503, matter, storage.WORDS[matter])
        log.exception("api.batch_item_failed path=%s", item.path)
        return errors.internal()
    return response


def _view(item: Item, *, is_full: bool) -> ResolverMatch:
    """Return what answers a call.

    Raises:
        Resolver404: When nothing does.
        RefusedError: When it cannot be in a batch.
    """
    if is_full and item.method == "GET":
        raise RefusedError(
            413, "too_large", "The answers before this one are too long already. Make this call separately."
        )
    path = _path(item)
    found = resolve(path)
    if found.namespace != "api" or found.url_name in PAGES or "\0" in path:
        raise Resolver404
    if found.route in NOT_INSIDE:
        message = "A batch cannot hold a batch or an import. Send this call by itself."
        raise RefusedError(422, "not_in_batch", message, "path")
    return found


def _path(item: Item) -> str:
    return PREFIX + unquote(item.path.removeprefix(PREFIX).partition("?")[0])


def _request(outer: HttpRequest, item: Item) -> HttpRequest:
    """Return a call as a request of its own, with what the batch's own request says of its caller."""
    try:
        content = b"" if item.body is None else json.dumps(item.body).encode()
    except RecursionError:
        content = b"["  # which is as little to be read
    kept: dict[str, Any] = {name: outer.META[name] for name in ("REMOTE_ADDR", "HTTP_HOST") if name in outer.META}
    return WSGIRequest(
        {
            **kept,
            "REQUEST_METHOD": item.method,
            "PATH_INFO": _path(item).encode().decode("latin-1"),  # as WSGI has it
            "QUERY_STRING": item.path.partition("?")[2],
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(content)),
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "wsgi.input": io.BytesIO(content),
            "wsgi.url_scheme": "http",
        }
    )
