"""Compresses pages and static files for browsers that take gzip.

Never the API's answers, the event stream, or a page that may show a token, a code or a one-time link: whoever can
choose a part of such a page and see how long its answers are could guess the rest (an attack known as BREACH). So the
pages that are compressed are listed, and a new one is not until it is. All are padded at random besides.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import FileResponse, HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.utils.text import compress_string

PAGES = {"", "activities", "contacts", "import", "notifications", "organizations", "sync"}  # by the first part
PADDING = 100  # bytes at most
LEAST = 1000  # bytes; a shorter answer fits into one packet anyway
TEXTS = (
    "text/css",
    "text/javascript",
    "application/javascript",
    "application/json",
    "application/manifest+json",
    "image/svg+xml",
)
KEPT = 32  # static files
_TAKES_GZIP = re.compile(r"\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))")
GetResponse = Callable[[HttpRequest], HttpResponseBase]


def compress(get_response: GetResponse) -> GetResponse:
    """Answer in gzip where that is right (a middleware of Django's)."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if response.status_code != HTTPStatus.OK or response.has_header("Content-Encoding"):
            return response
        if isinstance(response, FileResponse):
            return _file(request, response) if request.path_info.startswith(settings.STATIC_URL) else response
        if isinstance(response, HttpResponse) and _is_listed(request) and _is_html(response):
            return _page(request, response)
        return response

    return middleware


def _is_listed(request: HttpRequest) -> bool:
    page = request.resolver_match
    return page is not None and page.namespace == "web" and page.route.partition("/")[0] in PAGES


def _is_html(response: HttpResponse) -> bool:
    return response.headers.get("Content-Type", "").startswith("text/html") and len(response.content) >= LEAST


def _takes_gzip(request: HttpRequest, response: HttpResponseBase) -> bool:
    patch_vary_headers(response, ("Accept-Encoding",))
    return bool(_TAKES_GZIP.search(request.headers.get("Accept-Encoding", "")))


def _page(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    if _takes_gzip(request, response):
        response.content = compress_string(response.content, max_random_bytes=PADDING)
        _label(response)
    return response


def _file(request: HttpRequest, response: FileResponse) -> HttpResponseBase:
    """Return a static file in gzip; WhiteNoise itself only hands over what was compressed by a build step."""
    is_text = response.headers.get("Content-Type", "").startswith(TEXTS)
    file = response.file_to_stream
    if file is None or not (is_text and request.method == "GET" and _takes_gzip(request, response)):
        return response
    with file:  # (To close the response would tell Django that the request is over.)
        packed = HttpResponse(_packed(file.read()), headers=dict(response.headers))
    _label(packed)
    return packed


@lru_cache(maxsize=KEPT)
def _packed(content: bytes) -> bytes:
    return compress_string(content)


def _label(response: HttpResponse) -> None:
    response["Content-Encoding"] = "gzip"
    response["Content-Length"] = str(len(response.content))
    etag = response.headers.get("ETag", "")
    if etag.startswith('"'):
        response["ETag"] = f"W/{etag}"  # these are not the same bytes (RFC 9110, 8.8.1)
