"""Django middleware for every request, of pages and API alike: health probe, https, secure cookies and NUL bytes.

If the public address uses https, plain http is redirected there and browsers are told to remember that. Requests from
this machine itself and health probes are exempt.
"""

from collections.abc import Callable
from ipaddress import ip_address

from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponsePermanentRedirect,
)
from django.http.request import split_domain_port

from warmline.http import error_pages

NUL = "%00"
GetResponse = Callable[[HttpRequest], HttpResponse]


def answer_health(get_response: GetResponse) -> GetResponse:
    """Answer `/healthz`: this process is up. Neither the database nor Pipedrive is asked, and nothing is logged."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.path_info != "/healthz":
            return get_response(request)
        if request.method not in {"GET", "HEAD"}:
            return HttpResponseNotAllowed(["GET", "HEAD"])
        return HttpResponse("ok\n", content_type="text/plain", headers={"Cache-Control": "no-store"})

    return middleware


def redirect_to_https(get_response: GetResponse) -> GetResponse:
    """Redirect plain http to the public address, if that uses https.

    Django's own redirect cannot exempt this machine, for whose names there is no certificate. For the same reason its
    SecurityMiddleware must not tell browsers on this machine to use https only.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        is_local = _is_local(request)
        if not is_local and not request.is_secure() and settings.PUBLIC_URL.startswith("https:"):
            return HttpResponsePermanentRedirect(settings.PUBLIC_URL + request.get_full_path())
        response = get_response(request)
        if is_local:
            del response["Strict-Transport-Security"]
        return response

    return middleware


def secure_cookies(get_response: GetResponse) -> GetResponse:
    """Mark cookies as Secure if the request came by https, and only then.

    Django's settings have one value for all requests. The same installation may be reached by https through a reverse
    proxy, and by plain http on its own machine, where browsers would never send a Secure cookie back.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        for cookie in response.cookies.values():
            cookie["secure"] = request.is_secure()
        return response

    return middleware


def refuse_nul(get_response: GetResponse) -> GetResponse:
    """Refuse requests with a NUL byte: nobody types one, and neither file systems nor PostgreSQL accept it.

    In the query string of a page it is dropped, like anything else there that makes no sense. Forms and API bodies are
    checked field by field elsewhere, so that the message can name the field.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        while not _is_of_api(request) and NUL in request.META["QUERY_STRING"]:
            request.META["QUERY_STRING"] = request.META["QUERY_STRING"].replace(NUL, "")
        if _holds_nul(request):
            return error_pages.bad_request(request, BadRequest("NUL"))
        return get_response(request)

    return middleware


def _holds_nul(request: HttpRequest) -> bool:
    headers = [value for name, value in request.META.items() if name.startswith("HTTP_")]
    cookies = [text for cookie in request.COOKIES.items() for text in cookie]  # which can hold it in escaped form
    return any("\0" in text for text in (request.path_info, *headers, *cookies))


def _is_of_api(request: HttpRequest) -> bool:
    return request.path_info.startswith("/api/")


def _is_local(request: HttpRequest) -> bool:
    name, _ = split_domain_port(request.META.get("HTTP_HOST", "").lower())
    try:
        return name == "localhost" or ip_address(request.META["REMOTE_ADDR"]).is_loopback
    except ValueError:
        return False
