"""The notifications page, behind the bell."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from warmline import storage
from warmline.sync.models import NotificationKind
from warmline.sync.notifications import contacts_of, newest, saw, seen_up_to
from warmline.web.list_query import DIGITS, number
from warmline.web.presentation.toasts import TOPICS
from warmline.web.requests import PageRequest

PAGE_SIZE = 50


@require_safe
def notifications(request: PageRequest) -> HttpResponse:
    """Show a page of notifications, newest first; opening the first page marks them as seen."""
    before = number(request.GET.get("before", ""))
    rows = newest(request.user, before=before or 10**DIGITS, limit=PAGE_SIZE + 1)
    seen = seen_up_to(request.user)
    if before is None and rows and rows[0].cursor > seen:
        with storage.if_possible():
            saw(request.user, rows[0].cursor)
    contacts = contacts_of(request.user, rows)
    shown = [
        {
            "row": row,
            "topic": TOPICS[NotificationKind(row.kind)],
            "is_new": row.cursor > seen and not row.is_quiet,
            "contact": contacts.get(row.contact_id or 0),
        }
        for row in rows[:PAGE_SIZE]
    ]
    older = rows[PAGE_SIZE - 1].cursor if len(rows) > PAGE_SIZE else None
    return render(request, "web/notifications/list.html", {"shown": shown, "older": older, "is_first": before is None})
