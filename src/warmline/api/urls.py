"""Puts the API together: calls, errors, OpenAPI document (`/api/openapi.json`) and documentation page (`/api/docs`)."""

from collections.abc import Callable
from functools import wraps
from importlib.metadata import version
from typing import Any

from django.http import HttpRequest, HttpResponseBase, HttpResponseNotAllowed
from django.urls import URLPattern
from ninja import NinjaAPI, Swagger
from ninja.openapi.schema import OpenAPISchema

from warmline.api import activities, contacts, errors, organizations, progress
from warmline.api.auth import Bearer

TEMPORARY = {429, 503}  # statuses of temporary errors
RETRY_AFTER = {
    "description": "Seconds to wait before the next call.",
    "required": True,
    "schema": {"type": "integer", "minimum": 1},
}
View = Callable[..., HttpResponseBase]


class Api(NinjaAPI):
    """A ninja API that answers a wrong method in our error format, for which ninja has no handler."""

    def get_openapi_schema(self, **more: Any) -> OpenAPISchema:
        """Return the document with response headers, which ninja cannot describe."""
        document = super().get_openapi_schema(**more)
        for operation in (operation for path in document["paths"].values() for operation in path.values()):
            for status in TEMPORARY & operation["responses"].keys():
                operation["responses"][status]["headers"] = {"Retry-After": RETRY_AFTER}
        return document

    @property
    def urls(self) -> tuple[list[Any], str, str]:
        """The URL patterns, the application's name and the namespace."""
        patterns, application, namespace = super().urls
        for pattern in patterns:
            if isinstance(pattern, URLPattern):
                pattern.callback = _with_plain_refusal(pattern.callback)
        return patterns, application, namespace


def _with_plain_refusal(view: View) -> View:
    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        if isinstance(response, HttpResponseNotAllowed):
            return errors.method_not_allowed(response["Allow"])
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
    auth=Bearer(),
)
errors.install(api)
for room in (contacts, organizations, activities, progress):
    api.add_router("", room.router)
