"""Refuses requests whose headers can be read in two ways, or which Django cannot read, before it tries.

No browser sends such requests. Where a body has two lengths, a proxy in front may have taken the other one, and what
seems to follow is then a part of this request: so the connection ends with the answer. Django fails without an answer
at a content type with an unknown encoding in it, and at forms in another charset than UTF-8.
"""

from collections.abc import Callable

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.utils.http import parse_header_parameters

from warmline.http import error_pages
from warmline.http.asgi_types import App, Message, Receive, Send

UNREADABLE = "warmline.unreadable"  # key in a request's scope
CONTENT_TYPE = b"content-type"
FORMS = {"application/x-www-form-urlencoded", "multipart/form-data"}


class Unreadable:
    """ASGI middleware that marks such requests, and takes from them what Django would fail at.

    Args:
        app: The wrapped application.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request."""
        headers = dict(scope["headers"])
        has_two_lengths = {b"content-length", b"transfer-encoding"} <= headers.keys()
        if has_two_lengths or not _is_readable(headers.get(CONTENT_TYPE, b"").decode("latin-1")):
            kept = [(name, value) for name, value in scope["headers"] if name != CONTENT_TYPE]
            scope = {**scope, "headers": kept, UNREADABLE: True}
        await self._app(scope, receive, send)


def refuse_unreadable(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Refuse the requests that were marked (Django middleware)."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if UNREADABLE not in getattr(request, "scope", {}):
            return get_response(request)
        response = error_pages.bad_request(request, BadRequest("unreadable"))
        response["Connection"] = "close"
        return response

    return middleware


def _is_readable(content_type: str) -> bool:
    try:
        kind, parameters = parse_header_parameters(content_type)
    except (ValueError, LookupError):
        return False
    return kind not in FORMS or parameters.get("charset", "utf-8").lower() == "utf-8"
