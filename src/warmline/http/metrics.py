"""`/metrics`, for Prometheus: on this machine without a token, from elsewhere with WARMLINE_METRICS_TOKEN.

Without a token in the settings it does not exist for others. It is told under any host name, as health is, and nobody
signs in for it.
"""

from collections.abc import Callable
from hmac import compare_digest
from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseNotFound
from django.http.request import split_domain_port

PATH = "/metrics"
REFUSED = 401
GetResponse = Callable[[HttpRequest], HttpResponse]


def answer_metrics(get_response: GetResponse) -> GetResponse:
    """Answer `/metrics` to those who may read it (a middleware of Django's)."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.path_info != PATH:
            return get_response(request)
        if request.method not in {"GET", "HEAD"}:
            return HttpResponseNotAllowed(["GET", "HEAD"])
        if not _may_read(request):
            if not settings.METRICS_TOKEN:
                return HttpResponseNotFound("not found\n", content_type="text/plain")
            return HttpResponse("a token is needed\n", status=REFUSED, headers={"WWW-Authenticate": "Bearer"})
        return _told(request)

    return middleware


def _told(request: HttpRequest) -> HttpResponse:
    # Some megabytes, which an installation that Prometheus does not watch need not hold.
    from prometheus_client import CollectorRegistry  # noqa: PLC0415
    from prometheus_client.exposition import choose_encoder  # noqa: PLC0415

    from warmline.sync.status.metrics import Collector  # noqa: PLC0415

    registry = CollectorRegistry()
    registry.register(Collector())
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return HttpResponse(encode(registry), content_type=content_type, headers={"Cache-Control": "no-store"})


def _may_read(request: HttpRequest) -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if settings.METRICS_TOKEN and scheme.lower() == "bearer":
        return compare_digest(token.strip().encode(), settings.METRICS_TOKEN.encode())
    return _is_here(request)


def _is_here(request: HttpRequest) -> bool:
    """Tell whether a program of this machine asks, under its own name: a proxy would hand on the name that it has."""
    name, _ = split_domain_port(request.META.get("HTTP_HOST", "").lower())
    try:
        is_own_name = name == "localhost" or ip_address(name.strip("[]")).is_loopback
        return is_own_name and ip_address(request.META["REMOTE_ADDR"]).is_loopback
    except ValueError:
        return False
