"""The Sync page: the connection, what is on its way, what failed, and what is not sent."""

from typing import get_args

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from warmline.crm.models import Contact
from warmline.sync.priorities import RowKind
from warmline.sync.status import audit_result, not_sent_list
from warmline.sync.status import retry_and_choose as again
from warmline.web.list_query import number
from warmline.web.presentation.audit_line import AuditLine
from warmline.web.presentation.charts import last_day
from warmline.web.presentation.sync_overview import Overview
from warmline.web.requests import PageRequest

PAGE_SIZE = 50
KINDS: tuple[RowKind, ...] = get_args(RowKind)


@require_safe
def overview(request: PageRequest) -> HttpResponse:
    """Show the page; htmx gets the part that is refreshed."""
    now = timezone.now()
    shown = {
        "overview": Overview.of(request.user, now),
        "chart": last_day(request.user, now),
        "audit": AuditLine(audit_result.latest(request.user), now),
    }
    return render(request, "web/sync/_overview.html" if request.htmx else "web/sync/overview.html", shown)


@require_safe
def failed(request: PageRequest, kind: RowKind) -> HttpResponse:
    """Show a page of the failed rows of a kind."""
    if kind not in KINDS:
        raise Http404
    after = number(request.GET.get("after", "")) or 0
    rows = not_sent_list.failed(kind, request.user, now=timezone.now(), after=after, limit=PAGE_SIZE + 1)
    more = rows[PAGE_SIZE - 1].pk if len(rows) > PAGE_SIZE else None
    shown = {"kind": kind, "rows": rows[:PAGE_SIZE], "more": more, "is_first": not after}
    return render(request, "web/sync/failed.html", shown)


@require_POST
def retry(request: PageRequest) -> HttpResponse:
    """Retry the row that the form names, such as `contact=12`, or everything of the user's that failed."""
    tried = _try_again(request)
    if "connection" in request.POST:
        text = "Checking the connection…"
    else:
        text = f"Trying again: {tried}." if tried else "Nothing has failed, so there is nothing to retry."
    if request.headers.get("X-Live"):  # the refreshed part shows the rest
        return HttpResponse(text, content_type="text/plain")
    messages.success(request, text)
    return redirect("web:sync")


def _try_again(request: PageRequest) -> str:
    for kind in KINDS:
        if row_id := number(request.POST.get(kind, "")):
            row = get_object_or_404(not_sent_list.visible(kind, request.user), pk=row_id)
            if isinstance(row, Contact) and "with_activities" in request.POST:
                return row.name if again.retry_with_activities(row) else ""
            return str(row) if again.retry(row) else ""
    count = again.retry_all(request.user)
    return f"{count} record{'s' if count > 1 else ''}" if count else ""
