"""Errors that no view answers, from Django, the request limits or the disk: JSON under /api/, a page elsewhere."""

import logging
import sys

from django.core.exceptions import DisallowedHost, SuspiciousOperation
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views import defaults

from warmline import storage
from warmline.api import errors
from warmline.web import kept_forms
from warmline.web.kept_forms import KeptForm
from warmline.web.middleware import MATTER, SIGNED_OUT, sign_in_page

log = logging.getLogger(__name__)

HEADINGS = {
    storage.Matter.BUSY: "Too many people are saving",
    storage.Matter.DISK_FULL: "The disk is full",
    storage.Matter.DISK_ERROR: "Warmline cannot write to its disk",
    storage.Matter.NO_DATABASE: "Warmline cannot reach its database",
}
FORM = "application/x-www-form-urlencoded"
LONGEST_FORM = 100_000  # bytes; a longer form is not handed back for another try


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request that Django or a view cannot read, such as one for an unknown host name (handler400)."""
    if not _is_for_the_api(request):
        # At an unknown host name every page is refused, so that one has no navigation.
        name = "400_host.html" if isinstance(exception, DisallowedHost) else "400.html"
        return defaults.bad_request(request, exception, template_name=name)
    return errors.refuse(400, "bad_request", "The request cannot be read. Check its address and headers.")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form whose token is not this browser's, mostly because its user has signed in anew in another tab.

    What was typed is handed back only if the browser says that the form came from a page of ours: it names the page's
    origin by itself, and nobody else's page can say so.

    Args:
        request: The one that sent the form.
        reason: Django's, in its own words.
    """
    # The pattern and not the path, which may contain a one-time link's secret.
    route = getattr(request.resolver_match, "route", None) or ""
    log.warning("web.form_refused route=/%s reason=%s", route, reason)
    is_ours = request.headers.get("Origin") == f"{request.scheme}://{request.get_host()}"
    kept = (KeptForm.of(request) or KeptForm.read(request.POST.get(kept_forms.NAME, ""))) if is_ours else None
    if kept and not request.user.is_authenticated:
        return sign_in_page(request, kept)
    shown = {"kept": kept} if kept and kept.is_of(request.user) else {}
    response = render(request, "403_csrf.html", shown, status=403)
    if shown:
        response[MATTER] = SIGNED_OUT
    return response


def too_large(request: HttpRequest) -> HttpResponse:
    """Answer a request whose body was cut off (see body_limit.py)."""
    if not _is_for_the_api(request):
        return HttpResponse(render_to_string("413.html"), status=413)
    return errors.refuse(413, "too_large", "The body is larger than 1 MB. Send less.")


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request for an address that does not exist (handler404)."""
    return errors.not_found() if _is_for_the_api(request) else defaults.page_not_found(request, exception)


def not_stored(request: HttpRequest, matter: storage.Matter) -> HttpResponse:
    """Say that nothing could be saved at the moment, and hand the form back for another try.

    Args:
        request: The request that failed.
        matter: Why it failed.
    """
    if _is_for_the_api(request):
        response = errors.refuse(503, matter, storage.WORDS[matter])
    else:
        fields = _sent(request) if request.method == "POST" else []
        context = {"heading": HEADINGS[matter], "text": storage.WORDS[matter], "fields": fields, "path": request.path}
        response = HttpResponse(render_to_string("503.html", context), status=503)
        response["Cache-Control"] = "no-store"
    response["Retry-After"] = "1" if matter is storage.Matter.BUSY else "5"
    response[MATTER] = matter
    return response


def _sent(request: HttpRequest) -> list[tuple[str, str]]:
    """Return the fields of a form that a page can offer to send again: no files, no passwords, nothing very long."""
    length = request.headers.get("Content-Length", "")
    if request.content_type != FORM or not length.isdigit() or int(length) > LONGEST_FORM:
        return []
    try:
        pairs = [(name, value) for name, values in request.POST.lists() for value in values]
    except (SuspiciousOperation, UnreadablePostError):
        return []
    return [] if any("password" in name for name, _ in pairs) else pairs


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer when something broke; the cause is only in the log (handler500).

    If the disk is the cause, or too many writers at once, the answer says so, wherever the error was raised.
    """
    error = sys.exc_info()[1]
    matter = None if error is None else storage.noticed(error)
    if matter is not None:
        return not_stored(request, matter)
    if not _is_for_the_api(request):
        return defaults.server_error(request)
    return errors.internal()


def _is_for_the_api(request: HttpRequest) -> bool:
    return request.path_info.startswith("/api/")
