"""Today, the first page: what is due, who goes cold, and what waits for a decision; done or put off with one tap."""

from datetime import date, timedelta

from django.core.exceptions import BadRequest, ValidationError
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.formats import date_format
from django.views.decorators.http import require_POST, require_safe

from warmline.crm import book, preferences
from warmline.crm.activities import Activity, ActivityType
from warmline.crm.undo import Keeper
from warmline.sync.status import today
from warmline.web.forms.contact_book import TYPE_ICONS
from warmline.web.list_query import number
from warmline.web.presentation.first_steps import first_steps
from warmline.web.requests import PageRequest
from warmline.web.views.activities import offer_to_undo, seen_activity
from warmline.web.views.row_status import page_of

MOST_DAYS = 366


@require_safe
def first(request: PageRequest) -> HttpResponse:
    """Show the page."""
    found = today.of(request.user, preferences.current(), timezone.now())
    parts = {
        ("overdue", "Overdue"): found.overdue,
        ("today", "Today"): found.due_today,
        ("week", "This week"): found.this_week,
        ("someday", "Without a date"): found.someday,
    }
    shown = {
        "found": found,
        "first": first_steps(request.user),
        "due": [(*names, _with_icons(part.rows), part.goes_on) for names, part in parts.items() if part.rows],
        "decisions": [(row, page_of(row)) for row in found.decisions.rows],
    }
    return render(request, "web/today/today.html", shown)


def _with_icons(rows: list[Activity]) -> list[tuple[Activity, str]]:
    return [(row, TYPE_ICONS[ActivityType(row.type)]) for row in rows]


@require_POST
def put_off(request: PageRequest, activity_id: int) -> HttpResponse:
    """Put an activity off by some days, from today on if it is overdue."""
    row, keeper, days = seen_activity(request, activity_id), Keeper(request.user), number(request.POST.get("days", ""))
    if days is None or not 0 < days <= MOST_DAYS:
        raise BadRequest
    to = max(row.due_date or date.min, timezone.localdate(timezone=row.zone)) + timedelta(days=days)
    before = row.due_date.isoformat() if row.due_date else None
    with transaction.atomic():
        try:
            book.change_activity(row, {"due_date": to})
        except ValidationError:
            raise BadRequest from None  # later than any day that can be stored
        keeper.changed(Activity, {row.pk: {"due_date": before}}, {"due_date": to.isoformat()})
    offer = offer_to_undo(request, keeper, f"“{row.subject}” is put off to {date_format(to, 'j M')}.")
    return render(request, "web/undo/_toast.html", offer) if request.htmx else redirect("web:home")
