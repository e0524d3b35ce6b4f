"""Which pages a browser may keep, to show them to their user while Warmline cannot be reached.

The service worker (static/web/service-worker.js) keeps a page only if its answer carries the header below. A new
page is not kept until it is listed here. Never one that may show a token, a code or a one-time link.
"""

from http import HTTPStatus

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.crypto import salted_hmac

from warmline.crm.users import User
from warmline.web import kept_forms

HEADER = "Warmline-Keep"  # its value says whose page it is
PAGES = {
    "web:home",
    "web:contacts",
    "web:contact",
    "web:add-contact",
    "web:organizations",
    "web:organization",
    "web:outbox",
}


def owner(user: User) -> str:
    """Return whose it is that a browser keeps: a user of this installation, and of no other at the same address."""
    return f"{user.pk}-{salted_hmac('warmline.kept', str(user.pk)).hexdigest()[:12]}"


def mark(request: HttpRequest, response: HttpResponseBase) -> None:
    """Say on a page that may be kept whose it is.

    Args:
        request: The one for it.
        response: The page.
    """
    page = request.resolver_match
    is_page = page is not None and page.view_name in PAGES and request.method == "GET"
    # A fragment is no page, and a form that was brought back is shown once.
    is_whole = "HX-Request" not in request.headers and kept_forms.NAME not in request.GET
    user = getattr(request, "user", None)
    if is_page and is_whole and response.status_code == HTTPStatus.OK and isinstance(user, User):
        response[HEADER] = owner(user)
