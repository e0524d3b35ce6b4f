"""What holds for every page: only the team sees it, in its own time zone, and no browser keeps it.

The JSON API and the static files are none of its business: the API never learns who has signed in here.
"""

import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect, resolve_url
from django.urls import is_valid_path
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from warmline.crm.throttling import TooManyGuessesError
from warmline.crm.users import User
from warmline.web.access.throttling import too_many

log = logging.getLogger(__name__)

WELCOME = "web:welcome"


class TeamMiddleware(LoginRequiredMiddleware):
    """Lets the team in and leads others to the door: to sign in, or to the welcome page while there is no team yet."""

    async_capable = False  # the block below must stay open until there is an answer

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer the request; the time zone is the user's once the user is known, and gone with the request."""
        with timezone.override(None):
            return cast("HttpResponseBase", super().__call__(request))

    def process_view(
        self, request: HttpRequest, view_func: Callable[..., Any], view_args: Any, view_kwargs: Any
    ) -> HttpResponseBase | None:
        """Lead those who may not see the page to the door, and back afterwards; return None for the others."""
        page = request.resolver_match
        if page is None or page.namespace != "web":
            return None
        if isinstance(request.user, User):
            timezone.activate(request.user.zone)
        elif page.view_name != WELCOME and not User.objects.exists():
            return redirect(WELCOME)
        answer = super().process_view(request, view_func, view_args, view_kwargs)
        if answer is None:
            return None
        htmx: HtmxDetails = request.htmx  # type: ignore[attr-defined]  # set by its middleware
        if htmx:
            # It would put the door into the place of a fragment, so it is told to go there as a whole.
            return HttpResponseClientRedirect(redirect_to_login(_page_around(htmx)).url)
        if request.method not in {"GET", "HEAD"}:
            messages.warning(
                request,
                "You were signed out before this could be saved. Sign in, then use your browser's Back button to get "
                "back what you entered.",
            )
            return redirect_to_login(_page_of(request))
        return answer

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        """Have a guesser wait, and take a row that was deleted before it was written for one that was never there.

        Raises:
            Http404: For the page that says so.
        """
        if isinstance(exception, TooManyGuessesError):
            return too_many(request, exception)
        if isinstance(exception, ObjectDoesNotExist):
            log.warning("web.row_gone path=%s error=%s", request.path_info, exception)
            raise Http404 from exception
        return None

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Keep pages out of the browser's cache, and lead on from an address that forms are sent to.

        Pages hold what people told us, and a fragment must not come back as a page when the person goes back. A form's
        address is opened when a phone that let a page go gets it again; what it belongs to stands before it.
        """
        page = request.resolver_match
        if page is not None and page.namespace == "web":
            if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED and request.method in {"GET", "HEAD"}:
                response = redirect(_page_before(request.path_info))
            add_never_cache_headers(response)
        return response


def _page_around(htmx: HtmxDetails) -> str:
    """Return the page in which a fragment was asked for."""
    try:
        page = htmx.current_url_abs_path
    except ValueError:  # no browser of a person's sends such an address
        page = None
    return page or resolve_url(settings.LOGIN_REDIRECT_URL)


def _page_of(request: HttpRequest) -> str:
    """Return the page whose form was sent; the form's own address may know no GET."""
    page = request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(page, {request.get_host()}):
        return resolve_url(settings.LOGIN_REDIRECT_URL)
    parts = urlsplit(page)
    return urlunsplit(("", "", parts.path, parts.query, ""))


def _page_before(path: str) -> str:
    """Return the nearest address before one that leads somewhere."""
    while path := path.rpartition("/")[0]:
        if is_valid_path(path):
            return path
    return "/"
