"""Gives each request an id, which its answer names and all that follows from it keeps (see tracing.py).

A caller, or a proxy in front, may send one of its own in `X-Request-ID`.
"""

import logging
import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from warmline import tracing

log = logging.getLogger("warmline.trace")

HEADER = "X-Request-ID"
READING = {"GET", "HEAD", "OPTIONS"}
GetResponse = Callable[[HttpRequest], HttpResponse]


def trace_requests(get_response: GetResponse) -> GetResponse:
    """Answer under an id, and log what may have changed something (a middleware of Django's)."""

    def middleware(request: HttpRequest) -> HttpResponse:
        trace, began = tracing.usable(request.headers.get(HEADER, "")), time.monotonic()
        with tracing.following(trace):
            response = get_response(request)
            if request.method not in READING:
                # The pattern and not the path, which may contain a one-time link's secret.
                route = getattr(request.resolver_match, "route", None)
                took = 1000 * (time.monotonic() - began)
                log.info(
                    "web.request method=%s route=/%s status=%s ms=%.0f",
                    request.method,
                    route or "",
                    response.status_code,
                    took,
                )
        response[HEADER] = trace
        return response

    return middleware
