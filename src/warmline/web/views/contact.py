"""One contact: its details, warmness, timeline and sync status."""

from datetime import timedelta
from math import ceil

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import BadRequest
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from warmline import database_time
from warmline.crm import book
from warmline.crm.models import WARMEST, Contact
from warmline.crm.undo import Keeper
from warmline.crm.users import User
from warmline.sync.policy import Policy
from warmline.web.forms.contact_book import SCORES, TYPE_BUTTONS, ContactForm, NewActivityForm
from warmline.web.kept_forms import typed
from warmline.web.list_query import list_address, number
from warmline.web.presentation.timeline import timeline
from warmline.web.requests import PageRequest
from warmline.web.views import row_status
from warmline.web.views.row_status import in_pipedrive, page_of


def seen(request: PageRequest, contact_id: int) -> Contact:
    """Return a contact that the user may see, with its state.

    Raises:
        Http404: If there is none.
    """
    found: Contact = row_status.seen(request, "contact", contact_id)
    return found


@require_safe
def contact(request: PageRequest, contact_id: int) -> HttpResponse:
    """Show the page; htmx gets only the details, or an earlier part of the timeline."""
    row = seen(request, contact_id)
    if request.htmx.target == "details":
        return render(request, "web/contacts/_details.html", {"contact": row, "is_new": True})
    shown = {"contact": row, "timeline": timeline(row, request.GET.get("before", ""))}
    if request.htmx:
        return render(request, "web/contacts/_timeline.html", shown)
    kept = typed(request, reverse("web:log-activity", args=[row.pk]))
    return render(request, "web/contacts/contact.html", {**shown, **around(row, NewActivityForm(kept))})


def around(row: Contact, form: NewActivityForm | None = None) -> dict[str, object]:
    """Return the template context of a contact's page, except for the timeline.

    Args:
        row: The contact.
        form: The form to log an activity with; None for an empty one.
    """
    return {
        "scores": SCORES,
        "form": form or NewActivityForm(),
        "kinds": TYPE_BUTTONS,
        "threshold": Policy.current().threshold,
        **in_pipedrive(row),
    }


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: PageRequest, contact_id: int) -> HttpResponse:
    """Change the details; htmx gets the form in their place."""
    row = seen(request, contact_id)
    form = ContactForm.of(row, typed(request))
    if request.method == "POST" and form.save(lambda changes: book.change_contact(row, changes, form.shown())):
        if not request.htmx:
            return redirect(page_of(row))
        row = seen(request, contact_id)
        return render(request, "web/contacts/_edited.html", {"contact": row, **in_pipedrive(row)})
    template = "web/contacts/_edit.html" if request.htmx else "web/contacts/edit.html"
    return render(request, template, {"contact": row, "form": form})


@require_POST
def warmness(request: PageRequest, contact_id: int) -> HttpResponse:
    """Set the warmness; htmx gets the control and the badge."""
    row = seen(request, contact_id)
    score = number(request.POST.get(f"warmness-{contact_id}", ""))
    if score is None or score > WARMEST:
        raise BadRequest
    before, (text, keeper) = row.warmness_score, set_warmness(request.user, row, score)
    if request.htmx:
        shown = {"contact": seen(request, contact_id), "scores": SCORES, "is_saved": True}
        offer = {
            "undo_text": text if keeper.group else "",
            "undo_group": keeper.group,
            "undo_page": request.htmx.current_url_abs_path,
        }
        # What was offered before is over if the contact is cold again; otherwise it stays.
        says = bool(keeper.group) or before >= Policy.current().threshold > score
        return render(request, "web/contacts/_warmness.html", {**shown, **offer, "undo_changes": says})
    messages.success(request, text, extra_tags=str(keeper.group or ""))
    return redirect(list_address(request) if "query" in request.POST else page_of(row))


def set_warmness(user: User, row: Contact, score: int, shown: int | None = None) -> tuple[str, Keeper]:
    """Set a contact's warmness by hand, with the time in which that can be undone.

    Args:
        user: Who does it.
        row: The contact, as read.
        score: The warmness.
        shown: What the person saw before; None if it does not matter.

    Returns:
        What to say, and what it takes to undo it, if that is offered.

    Raises:
        ChangedMeanwhileError: When somebody else has changed it meanwhile.
    """
    before, keeper = row.warmness_score, Keeper(user)
    seen_before = None if shown is None else {"warmness_score": shown}
    with transaction.atomic():
        grace = timedelta(seconds=settings.GRACE_SECONDS)
        book.change_contact(row, {"warmness_score": score}, seen_before, grace)
        is_new = before < Policy.current().threshold
        if row.is_warm and not row.is_linked and (is_new or _waits(row)):
            keeper.changed(Contact, {row.pk: {"warmness_score": before}}, {"warmness_score": score}, goes_on=not is_new)
    return going_over(row) if keeper.group else f"Warmness of {row.name} set to {score}.", keeper


def going_over(contact: Contact) -> str:
    """Say that a contact has become a warm lead, and when it goes to Pipedrive."""
    left = ceil((contact.next_pipedrive_sync_attempt - database_time.now()).total_seconds())
    when = f" in {left} second{'s' if left > 1 else ''}" if left > 0 else ""
    return f"{contact.name} is a warm lead now, and goes to Pipedrive{when}."


def _waits(contact: Contact) -> bool:
    return contact.next_pipedrive_sync_attempt > database_time.now() and not contact.pipedrive_sync_attempts


@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: PageRequest, contact_id: int) -> HttpResponse:
    """Delete the contact, after confirmation."""
    row = seen(request, contact_id)
    if request.method != "POST":
        return render(request, "web/contacts/delete.html", {"contact": row, "activities": row.activities.count()})
    keeper = Keeper(request.user)
    book.delete_contacts(Contact.objects.filter(pk=row.pk), keeper.deleted)
    messages.success(request, f"{row.name} deleted.", extra_tags=str(keeper.group or ""))
    return redirect("web:contacts")


@require_http_methods(["GET", "HEAD", "POST"])
def hand_over(request: PageRequest, contact_id: int) -> HttpResponse:
    """Hand the contact over to a colleague."""
    row = seen(request, contact_id)
    colleagues = User.objects.people().exclude(pk=row.owner_id).order_by("name")
    if request.method != "POST":
        return render(request, "web/contacts/hand_over.html", {"contact": row, "colleagues": colleagues})
    to = get_object_or_404(colleagues, pk=number(request.POST.get("to", "")))
    keeper = Keeper(request.user)
    book.hand_over(Contact.objects.filter(pk=row.pk), to, keeper.handed_over(to))
    get_object_or_404(Contact, pk=row.pk, owner=to)  # it may have been deleted in the meantime
    messages.success(request, f"{row.name} handed over to {to.name}.", extra_tags=str(keeper.group or ""))
    return redirect(page_of(row) if request.user.is_admin else reverse("web:contacts"))
