"""Connecting by OAuth: sends an admin's browser to Pipedrive, receives it back, and hears of the app's end.

The callback is three things at one address: where the browser comes back to, signed in; where Pipedrive sends `DELETE`
when a user uninstalls the app, with the app's own id and secret and nothing of a browser; and nothing else.
"""

import json
from base64 import b64decode
from hmac import compare_digest
from http import HTTPStatus

from csp.decorators import csp_update
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from warmline.crm.users import User
from warmline.sync.remote import oauth_setup, setup
from warmline.web.public_address import PUBLIC_ADDRESS
from warmline.web.requests import PageRequest, admins_only
from warmline.web.views import settings as settings_pages

STATE = "pipedrive-oauth-state"  # in the session
LONGEST = 4_000  # bytes of what Pipedrive says when the app is uninstalled
DENIED = "Pipedrive was not connected, because access was not allowed there."


@require_http_methods(["GET", "HEAD", "POST"])
def pipedrive(request: PageRequest) -> HttpResponseBase:
    """Show the page with the connection. Chromium applies `form-action` to redirects, so this one names the server."""
    if not oauth_setup.is_offered():
        return settings_pages.pipedrive(request)

    @csp_update({"form-action": [settings.PIPEDRIVE_OAUTH_URL]})
    def with_server(_request: HttpRequest) -> HttpResponseBase:
        return settings_pages.pipedrive(request)

    return with_server(request)


@require_POST
@admins_only
def connect(request: PageRequest) -> HttpResponse:
    """Send the browser to Pipedrive, with a question that its session remembers."""
    if not oauth_setup.is_offered():
        raise Http404
    request.session[STATE], address = oauth_setup.begin(_callback_address())
    return redirect(address)


@csrf_exempt
@login_not_required
@require_http_methods(["GET", "DELETE"])
def callback(request: HttpRequest) -> HttpResponse:
    """Receive the browser from Pipedrive, or the word that the app was uninstalled."""
    if not settings.PIPEDRIVE_CLIENT_ID:
        raise Http404
    if request.method == "DELETE":
        return _uninstalled(request)
    if not isinstance(request.user, User):
        messages.warning(request, "Sign in, and click “Connect with Pipedrive” again.")
        return redirect("web:sign-in")
    if not request.user.is_admin or not oauth_setup.is_offered():
        raise PermissionDenied
    return _back(request)


@sensitive_variables("code")
def _back(request: HttpRequest) -> HttpResponse:
    """Connect with the code that the browser brings."""
    asked, code = request.session.pop(STATE, ""), request.GET.get("code", "")
    try:
        oauth_setup.claim(request.GET.get("state", ""), asked)
        if not code:
            messages.warning(request, DENIED)
            return redirect("web:settings")
        me = oauth_setup.finish(code, _callback_address())
    except setup.AnotherCompanyError as error:
        return settings_pages.ask_whether(request, error.ours, error.me, error.way_in)
    except setup.CannotConnectError as error:
        messages.error(request, str(error))
    else:
        messages.success(
            request, f"Connected to Pipedrive as {settings_pages.called(me)}. Waiting items are being sent."
        )
    return redirect("web:settings")


def _uninstalled(request: HttpRequest) -> HttpResponse:
    """Note the end of a grant. Whoever does not know the app's secret gets 401, and nothing is written."""
    if not _is_pipedrive(request):
        return HttpResponse(status=HTTPStatus.UNAUTHORIZED, headers={"WWW-Authenticate": 'Basic realm="Warmline"'})
    try:
        said = json.loads(request.body[:LONGEST])
        is_ours = said["client_id"] == settings.PIPEDRIVE_CLIENT_ID
        whose = int(said["company_id"]), int(said["user_id"])
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return HttpResponse(status=HTTPStatus.BAD_REQUEST)
    if is_ours:
        oauth_setup.uninstalled(*whose)
    return HttpResponse(status=HTTPStatus.OK)


def _is_pipedrive(request: HttpRequest) -> bool:
    scheme, _, pair = request.headers.get("Authorization", "").partition(" ")
    try:
        given = b64decode(pair.strip(), validate=True)
    except ValueError:
        given = b""
    expected = f"{settings.PIPEDRIVE_CLIENT_ID}:{settings.PIPEDRIVE_CLIENT_SECRET}".encode()
    is_right = compare_digest(given, expected)
    return scheme.lower() == "basic" and bool(settings.PIPEDRIVE_CLIENT_SECRET) and is_right


def _callback_address() -> str:
    return PUBLIC_ADDRESS.whole(reverse("web:oauth-callback"))
