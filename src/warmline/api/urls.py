"""Puts the API together: calls, errors, OpenAPI document (`/api/openapi.json`) and documentation page (`/api/docs`)."""

from collections.abc import Callable
from functools import wraps
from importlib.metadata import version
from typing import Any

from django.http import HttpRequest, HttpResponseBase, HttpResponseNotAllowed
from django.urls import URLPattern
from ninja import NinjaAPI, Swagger
from ninja.openapi.schema import OpenAPISchema

from warmline.api import (
    activities,
    audit,
    batch,
    contacts,
    errors,
    etags,
    idempotent,
    organizations,
    sync_status,
    webhooks,
)
from warmline.api.auth import BEARER, ExpiredError

TEMPORARY = {429, 503}  # statuses of temporary errors
RETRY_AFTER = {
    "description": "Seconds to wait before the next call.",
    "required": True,
    "schema": {"type": "integer", "minimum": 1},
}
KEY = {
    "name": idempotent.HEADER,
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": idempotent.LONGEST, "pattern": "^[ -~]*$"},
    "description": "The same call with the same key is done once, and answered as the first time; for a day.",
}
IF_MATCH = {
    "name": etags.IF_MATCH,
    "in": "header",
    "required": False,
    "schema": {"type": "string"},
    "description": "The `ETag` of what you have read. What was changed since is not overwritten or deleted (412).",
}
CHANGED = 412  # the status of a change that was made of an old state
View = Callable[..., HttpResponseBase]


class Api(NinjaAPI):
    """A ninja API that answers a wrong method in our error format, for which ninja has no handler."""

    def get_openapi_schema(self, **more: Any) -> OpenAPISchema:
        """Return the document with response headers, which ninja cannot describe."""
        document = super().get_openapi_schema(**more)
        for operation in (operation for path in document["paths"].values() for operation in path.values()):
            for status in TEMPORARY & operation["responses"].keys():
                operation["responses"][status]["headers"] = {"Retry-After": RETRY_AFTER}
        for item in document["paths"].values():
            for method, operation in item.items():
                parameters = operation.setdefault("parameters", [])
                parameters += [KEY] if method == "post" else []
                parameters += [IF_MATCH] if CHANGED in operation["responses"] else []
        return document

    @property
    def urls(self) -> tuple[list[Any], str, str]:
        """The URL patterns, the application's name and the namespace."""
        patterns, application, namespace = super().urls
        for pattern in patterns:
            if isinstance(pattern, URLPattern):
                pattern.callback = _with_all_headers(pattern.callback)
        return patterns, application, namespace


def _with_all_headers(view: View) -> View:
    """Answer calls that are sent again as the first time, refusals in the one shape, and all with their headers."""

    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        def answer() -> Any:
            response = view(request, *args, **kwargs)
            if isinstance(response, HttpResponseNotAllowed):
                return errors.method_not_allowed(response["Allow"])
            if response.status_code < 300 and hasattr(request, "etag"):  # noqa: PLR2004 (HTTP's successes)
                response["ETag"] = request.etag
            return response

        response = idempotent.answered(request, answer)
        rate = getattr(request, "rate", None)
        for name, value in rate.headers().items() if rate is not None else ():
            response.setdefault(name, value)
        # A proxy that compresses an answer makes its tag a weak one, which matches nothing (see etags.py).
        response.setdefault("Cache-Control", "private, no-store, no-transform")
        return response

    return answered


api = Api(
    title="Warmline",
    version=version("warmline"),
    description="A small team's contact book that stays in sync with Pipedrive. Every call needs a token: "
    "`warmline token EMAIL` creates one.",
    urls_namespace="api",
    # Without this, the page would send the document's address to a validator on the internet.
    docs=Swagger(settings={"validatorUrl": None}),
    auth=BEARER,
)
errors.install(api)
api.add_exception_handler(ExpiredError, errors.expired)
for room in (contacts, organizations, activities, sync_status, audit, batch, webhooks):
    api.add_router("", room.router)
