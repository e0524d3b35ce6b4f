"""What keeps an open page up to date: the event stream, badges and toasts. Requested by `live.js`."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from warmline.sync.policy import Policy
from warmline.sync.row_state import with_state
from warmline.sync.status.not_sent_list import TABLES, visible
from warmline.web.event_stream import LISTENING, stream
from warmline.web.list_query import number
from warmline.web.presentation.toasts import TOPIC_NAMES, newest, toasts
from warmline.web.requests import PageRequest

MOST_IDS = 500  # ids in a request


@require_safe
def events(request: PageRequest) -> HttpResponse:
    """Admit a page to the event stream; http/stream_responses.py then sends the events, including missed ones."""
    last = number(request.headers.get("Last-Event-ID") or request.GET.get("after", ""))
    scope = getattr(request, "scope", {})
    if request.method == "GET":
        scope[LISTENING] = stream(request.user, last, request.session.session_key)
    answer = HttpResponse(content_type="text/event-stream")
    answer["X-Accel-Buffering"] = "no"  # otherwise a buffering reverse proxy would hold the events back
    return answer


@require_safe
def badges(request: PageRequest) -> HttpResponse:
    """Show the badges of the requested rows that the user may see, and the bell."""
    threshold, now = Policy.current().threshold, timezone.now()
    rows: list[Any] = []
    for kind in TABLES:
        ids = [row_id for part in request.GET.get(kind, "").split(",")[:MOST_IDS] if (row_id := number(part))]
        if ids:
            some = visible(kind, request.user).select_related(None).filter(pk__in=ids)
            rows += with_state(some, threshold=threshold, now=now)
    return render(request, "web/live/_badges.html", {"rows": rows})


@require_safe
def show_toasts(request: PageRequest) -> HttpResponse:
    """Show the toasts that belong on the screen; on the first request, only the newest notification's id."""
    after, last = number(request.GET.get("after", "")), newest(request.user)
    found = []
    if after is not None:
        shown = {topic: first for topic in TOPIC_NAMES if (first := number(request.GET.get(topic, "")))}
        found = toasts(request.user, after=after, up_to=last, shown=shown)
    return render(request, "web/live/_toasts.html", {"toasts": found, "newest": last})
