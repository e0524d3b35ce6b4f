"""What holds for every page: only the team sees it, in its own time zone, and no browser keeps it.

The JSON API and the static files are none of its business: the API never learns who has signed in here.
"""

from collections.abc import Callable
from typing import Any, cast

from django.conf import settings
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, resolve_url
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from warmline.crm.users import User

WELCOME = "web:welcome"


def secure_cookies(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Mark the cookies of an answer by https as Secure.

    Django's settings know one value for all requests. The same installation may be reached by https through a reverse
    proxy, and by plain http on its own machine, where a Secure cookie would never come back.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if request.is_secure():
            for cookie in response.cookies.values():
                cookie["secure"] = True
        return response

    return middleware


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
            back = htmx.current_url_abs_path or resolve_url(settings.LOGIN_REDIRECT_URL)
            return HttpResponseClientRedirect(redirect_to_login(back).url)
        if request.method not in {"GET", "HEAD"}:
            return redirect(settings.LOGIN_URL)  # what was sent is lost, and its address may know no GET
        return answer

    def process_exception(self, _: HttpRequest, exception: Exception) -> None:
        """Take a row that was deleted between its reading and its writing for one that was never there.

        Raises:
            Http404: For the page that says so.
        """
        if isinstance(exception, ObjectDoesNotExist):
            raise Http404 from exception

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Keep pages out of the browser's cache.

        They hold what people told us, and a fragment must not come back as a page when the person goes back.
        """
        page = request.resolver_match
        if page is not None and page.namespace == "web":
            add_never_cache_headers(response)
        return response
