"""Activities on their contact's timeline: log, mark done, change, and try again."""

from functools import partial
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from warmline.crm import book
from warmline.crm.activities import Activity
from warmline.crm.activity_deletion import delete_activity
from warmline.crm.idempotency import save_once
from warmline.crm.undo import GOOD_FOR, Keeper
from warmline.sync.policy import Policy
from warmline.sync.row_state import with_state
from warmline.sync.status import retry_and_choose as again
from warmline.sync.status.deletions import is_to_go
from warmline.web.calendar_file import calendar
from warmline.web.forms.contact_book import ActivityForm, NewActivityForm
from warmline.web.kept_forms import typed
from warmline.web.presentation.timeline import Entry, timeline
from warmline.web.requests import PageRequest, idempotency_key, leave
from warmline.web.views.contact import around, seen
from warmline.web.views.row_status import page_of


def seen_activity(request: PageRequest, activity_id: int) -> Activity:
    """Return an activity that the user may see, with its state and contact.

    Raises:
        Http404: If there is none.
    """
    rows = Activity.objects.seen_by(request.user).select_related("contact").filter(pk=activity_id)
    found: Activity | None = with_state(rows, threshold=Policy.current().threshold, now=timezone.now()).first()
    if found is None:
        raise Http404
    return found


def _entry(request: PageRequest, activity_id: int, **more: object) -> HttpResponse:
    """Show an activity on its timeline again; without htmx, redirect to the page of its contact."""
    row, is_live = seen_activity(request, activity_id), "X-Live" in request.headers
    if request.htmx or is_live:
        shown = {"entry": Entry.of(row), "contact": row.contact, "is_new": not is_live, **more}
        return render(request, "web/contacts/_entry.html", shown)
    return redirect(f"{page_of(row.contact)}#activity-{row.pk}")


@require_safe
def activity(request: PageRequest, activity_id: int) -> HttpResponse:
    """Show an activity on its timeline."""
    return _entry(request, activity_id)


@require_safe
def calendar_file(request: PageRequest, activity_id: int) -> HttpResponse:
    """Send an activity that has a due date as a calendar file.

    Raises:
        Http404: If it has none.
    """
    row = seen_activity(request, activity_id)
    if row.due_date is None:
        raise Http404
    answer = HttpResponse(calendar([row], timezone.now()), content_type="text/calendar; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="activity-{row.pk}.ics"'
    return answer


@require_POST
def log(request: PageRequest, contact_id: int) -> HttpResponseBase:
    """Log an activity with a contact."""
    row = seen(request, contact_id)
    form = NewActivityForm(typed(request) or {})

    def store(values: dict[str, Any]) -> Activity | None:
        make = partial(book.log_activity, request.user, row, **values)
        return save_once(Activity, request.user, idempotency_key(request), make)

    if form.save(store):
        if form.stored:
            how = "is logged" if form.stored.done else "is planned"
            text = f"“{form.stored.subject}” {how}."
            if "stay" in request.POST and request.htmx:
                return render(request, "web/undo/_toast.html", {"undo_text": text, "logged": form.stored})
            messages.success(request, text)
        return leave(request, reverse("web:home") if "stay" in request.POST else page_of(row))
    shown = {"contact": row, **around(row, form)}
    if request.htmx:
        return render(request, "web/contacts/_log.html", shown)
    return render(request, "web/contacts/contact.html", {**shown, "timeline": timeline(row, "")})


@require_POST
def done(request: PageRequest, activity_id: int) -> HttpResponse:
    """Mark an activity as done."""
    row, keeper = seen_activity(request, activity_id), Keeper(request.user)
    was_done = row.done
    with transaction.atomic():
        book.change_activity(row, {"done": True})
        if not was_done:
            keeper.changed(Activity, {row.pk: {"done": False}}, {"done": True})
    offer = offer_to_undo(request, keeper, f"“{row.subject}” is done.")
    if "today" in request.POST:
        return render(request, "web/undo/_toast.html", offer) if request.htmx else redirect("web:home")
    return _entry(request, activity_id, **offer)


@require_POST
def delete(request: PageRequest, activity_id: int) -> HttpResponse:
    """Delete an activity."""
    row, keeper = seen_activity(request, activity_id), Keeper(request.user)
    delete_activity(row, keeper.deleted, grace=GOOD_FOR)
    too = ", in Pipedrive in 10 minutes" if is_to_go(row.pk) else ""
    offer = offer_to_undo(request, keeper, f"“{row.subject}” is deleted{too}.")
    return render(request, "web/undo/_toast.html", offer) if request.htmx else redirect(page_of(row.contact))


def offer_to_undo(request: PageRequest, keeper: Keeper, text: str) -> dict[str, object]:
    """Return the context of a toast that offers to undo; without htmx, put the offer into a message."""
    if not request.htmx:
        messages.success(request, text, extra_tags=str(keeper.group or ""))
        return {}
    return {"undo_text": text, "undo_group": keeper.group, "undo_page": request.htmx.current_url_abs_path}


@require_POST
def retry(request: PageRequest, activity_id: int) -> HttpResponse:
    """Try again to send an activity to Pipedrive."""
    again.retry(seen_activity(request, activity_id))
    return _entry(request, activity_id)


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: PageRequest, activity_id: int) -> HttpResponse:
    """Change an activity; htmx gets the form in place of the entry."""
    row = seen_activity(request, activity_id)
    form = ActivityForm.of(row, typed(request))
    if request.method == "POST" and form.save(lambda changes: book.change_activity(row, changes, form.shown())):
        return _entry(request, activity_id)
    template = "web/contacts/_edit_activity.html" if request.htmx else "web/contacts/edit_activity.html"
    return render(request, template, {"entry": Entry.of(row), "contact": row.contact, "form": form})
