"""What every address answers when Django, the door or the disk refuses: JSON to programs under /api/, else a page."""

import sys

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.template.loader import render_to_string
from django.views import defaults

from warmline import storage
from warmline.api import errors

HEADINGS = {
    storage.Matter.BUSY: "Too many people are saving",
    storage.Matter.DISK_FULL: "The disk is full",
    storage.Matter.DISK_ERROR: "Warmline cannot write to its disk",
}
MATTER = "Warmline-Matter"  # the header that tells a page's scripts the same
FORM = "application/x-www-form-urlencoded"
LONGEST_FORM = 100_000  # bytes of a form that is handed back to be sent again


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what Django itself refuses, such as an unknown host name (the URL conf's handler400)."""
    if not _is_for_the_api(request):
        return defaults.bad_request(request, exception)
    return errors.refuse(400, "bad_request", "The request cannot be read. Check its address and headers.")


def too_large(request: HttpRequest) -> HttpResponse:
    """Answer a request whose body was cut off at the door (see body_limit.py)."""
    if not _is_for_the_api(request):
        return HttpResponse(render_to_string("413.html"), status=413)
    return errors.refuse(413, "too_large", "The body is larger than 1 MB. Send less.")


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer for an address that leads nowhere (the URL conf's handler404)."""
    return errors.not_found() if _is_for_the_api(request) else defaults.page_not_found(request, exception)


def not_stored(request: HttpRequest, matter: storage.Matter) -> HttpResponse:
    """Answer that nothing could be saved at this moment, and hand back what was sent.

    Args:
        request: The one that could not be done.
        matter: Why.
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
    """Return the fields of a form that can be sent again from a page: no files, no passwords, nothing very long."""
    length = request.headers.get("Content-Length", "")
    if request.content_type != FORM or not length.isdigit() or int(length) > LONGEST_FORM:
        return []
    try:
        pairs = [(name, value) for name, values in request.POST.lists() for value in values]
    except (SuspiciousOperation, UnreadablePostError):
        return []
    return [] if any("password" in name for name, _ in pairs) else pairs


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer when something broke; what it was is in the log only (the URL conf's handler500).

    Where the disk is what broke, or many wrote at once, the answer says so, whoever met it.
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
