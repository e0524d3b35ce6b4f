"""How long a body may be, at the door and before anything of it is kept: strangers must not fill memory or disk.

Django keeps a whole body, in a file where it is long, before it asks whose it is. The limit is held outside of it, by
the length that is said and by counting. What is longer is cut off; the rest of the request goes on to Django, which
refuses it (`refuse_cut`) by a page, or as all errors of the API look.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from warmline import error_pages
from warmline.api import errors
from warmline.crm.tables import MOST_BYTES

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]

FILE_LIMIT = MOST_BYTES + errors.BODY_LIMIT  # bytes: who brings a little too much still reads why, beside the field
CUT = "warmline.cut"  # in the scope of a request: whether its body was cut off
END: Message = {"type": "http.request", "body": b"", "more_body": False}


class BodyLimit:
    """An ASGI application that hands no more than the limit to another one.

    Args:
        app: The other one.
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
                scope[CUT] = True  # what comes from now on is thrown away, until the caller has the answer
            has_ended = True
            return END

        await self._app(scope, limited, send)


def refuse_cut(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Refuse requests whose body was cut off, before anything reads it (a middleware of Django's)."""

    def middleware(request: HttpRequest) -> HttpResponse:
        is_cut = getattr(request, "scope", {}).get(CUT, False)
        return error_pages.too_large(request) if is_cut else get_response(request)

    return middleware
