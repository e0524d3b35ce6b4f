"""Django middleware for all pages: sign-in required, the user's time zone, and no caching in browsers.

It does not touch the JSON API and static files: the API never sees who is signed in here.
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
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render, resolve_url
from django.urls import ResolverMatch, is_valid_path
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from warmline.crm.guess_limits import TooManyGuessesError
from warmline.crm.users import User
from warmline.web import offline_pages
from warmline.web.access.guess_checks import too_many
from warmline.web.forms.sign_in import SignInForm
from warmline.web.kept_forms import KeptForm

log = logging.getLogger(__name__)

WELCOME = "web:welcome"
MATTER = "Warmline-Matter"  # the header that tells a page's scripts what is wrong
SIGNED_OUT = "signed_out"
# What a page asks for by itself, perhaps while somebody fills in its form: that must not lead away from it.
ASKED_WHILE_TYPING = {"web:known-contact", "web:organization-names", "web:row-status"}

# What only scripts ask for, which keep what they have until somebody has signed in.
ASKED_BY_SCRIPTS = {"web:outbox-token", "web:outbox-items"}


class TeamMiddleware(LoginRequiredMiddleware):
    """Admits the team, and sends everyone else to the sign-in page, or to the welcome page if there is no user yet."""

    async_capable = False  # the block below must stay open until there is an answer

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer the request; its time zone becomes the user's as soon as the user is known."""
        with timezone.override(None):
            return cast("HttpResponseBase", super().__call__(request))

    def process_view(
        self, request: HttpRequest, view_func: Callable[..., Any], view_args: Any, view_kwargs: Any
    ) -> HttpResponseBase | None:
        """Send people who are not signed in to the sign-in page, and back afterwards; return None for the others."""
        page = request.resolver_match
        if page is None or page.namespace != "web":
            return None
        if isinstance(request.user, User):
            timezone.activate(request.user.zone)
        elif page.view_name != WELCOME and not User.objects.exists():
            return redirect(WELCOME)
        answer = super().process_view(request, view_func, view_args, view_kwargs)
        return answer and _to_sign_in(request, page, answer)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        """Answer too many guesses with 429, and a row that was deleted in the meantime with 404.

        Raises:
            Http404: If a row was deleted in the meantime.
        """
        if isinstance(exception, TooManyGuessesError):
            return too_many(request, exception)
        if isinstance(exception, ObjectDoesNotExist):
            log.warning("web.row_gone path=%s error=%s", request.path_info, exception)
            raise Http404 from exception
        return None

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Keep pages out of the browser's cache, and redirect a GET for an address that only accepts forms.

        Pages contain personal data, and the Back button must not show a fragment as a page. A phone that dropped a
        page from memory reloads it by GET, even if a form was sent to it; its parent address has what belongs there.
        """
        page = request.resolver_match
        if page is not None and page.namespace == "web":
            if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED and request.method in {"GET", "HEAD"}:
                query = request.META["QUERY_STRING"]
                response = redirect(_page_before(request.path_info) + (f"?{query}" if query else ""))
            add_never_cache_headers(response)
            offline_pages.mark(request, response)
        return response


def _to_sign_in(request: HttpRequest, page: ResolverMatch, otherwise: HttpResponseBase) -> HttpResponseBase:
    """Answer somebody who is not signed in.

    Args:
        request: Theirs.
        page: What it is for.
        otherwise: The answer to a browser that asks for a page.
    """
    htmx: HtmxDetails = request.htmx  # type: ignore[attr-defined]  # set by its middleware
    if page.view_name in ASKED_BY_SCRIPTS:
        return HttpResponse(status=HTTPStatus.UNAUTHORIZED)
    if kept := KeptForm.of(request):
        return sign_in_page(request, kept)
    if htmx and page.view_name in ASKED_WHILE_TYPING:
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    if htmx:
        # htmx would insert the sign-in page as a fragment, so it is told to leave the page.
        return HttpResponseClientRedirect(redirect_to_login(_page_around(htmx)).url)
    if request.method not in {"GET", "HEAD"}:
        messages.warning(request, "You were signed out before this could be saved. Sign in, then do it again.")
        return redirect_to_login(_page_of(request))
    return otherwise


def sign_in_page(request: HttpRequest, kept: KeptForm) -> HttpResponse:
    """Answer a form whose session has ended: with the sign-in page, which keeps what was typed.

    A script is only told, and then sends the form as a browser does, to be shown that page.

    Args:
        request: The one that sent the form.
        kept: What was typed.
    """
    shown = {"form": SignInForm(request), "kept": kept.text}
    answer = render(request, "web/account/sign_in.html", shown, status=HTTPStatus.UNAUTHORIZED)
    answer[MATTER] = SIGNED_OUT
    return answer


def _page_around(htmx: HtmxDetails) -> str:
    """Return the page that requested a fragment."""
    try:
        page = htmx.current_url_abs_path
    except ValueError:  # no real browser sends such an address
        page = None
    return page or resolve_url(settings.LOGIN_REDIRECT_URL)


def _page_of(request: HttpRequest) -> str:
    """Return the page whose form was sent; the address of the form itself may not accept GET."""
    page = request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(page, {request.get_host()}):
        return resolve_url(settings.LOGIN_REDIRECT_URL)
    parts = urlsplit(page)
    return urlunsplit(("", "", parts.path, parts.query, ""))


def _page_before(path: str) -> str:
    """Return the nearest parent address that exists."""
    while path := path.rpartition("/")[0]:
        if is_valid_path(path):
            return path
    return "/"
