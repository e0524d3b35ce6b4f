"""Limits the size of request bodies before any of a body is stored, so that strangers cannot fill memory or disk.

Django stores a whole body, in a file if it is long, before it asks who sent it. So the limit is enforced outside of
Django, by the Content-Length header and by counting. A longer body is cut off; the request itself goes on to Django,
where `refuse_cut` refuses it with a page, or with the API's usual error.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from warmline.api import errors
from warmline.crm.imports.tables import MOST_BYTES
from warmline.http import error_pages
from warmline.http.asgi_types import App, Message, Receive, Send

FILE_LIMIT = MOST_BYTES + errors.BODY_LIMIT  # bytes; a slightly too large file still gets its message at the field
CUT = "warmline.cut"  # key in a request's scope: whether its body was cut off
END: Message = {"type": "http.request", "body": b"", "more_body": False}


class BodyLimit:
    """ASGI middleware that passes on no more of a body than the limit.

    Args:
        app: The wrapped application.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request."""
        limit = FILE_LIMIT if scope["path"] == reverse("web:import") else errors.BODY_LIMIT
        said = dict(scope["headers"]).get(b"content-length", b"")
        left = -1 if said.isdigit() and int(said) > limit else limit
        scope[CUT] = left < 0
        has_ended = False

        async def limited() -> Message:
            nonlocal left, has_ended
            while has_ended or not scope[CUT]:
                message = await receive()
                left -= len(message.get("body", b""))
                if left >= 0 or message["type"] != "http.request":
                    return message
                scope[CUT] = True  # the rest is read and thrown away, until the caller has the answer
            has_ended = True
            return END

        await self._app(scope, limited, send)


def refuse_cut(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Refuse requests whose body was cut off, before anything reads it (Django middleware)."""

    def middleware(request: HttpRequest) -> HttpResponse:
        is_cut = getattr(request, "scope", {}).get(CUT, False)
        return error_pages.too_large(request) if is_cut else get_response(request)

    return middleware
