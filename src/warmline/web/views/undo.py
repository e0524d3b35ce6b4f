"""Undo: the button beside what was just done. A script gets what is on the page as it is by now, others the page."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from warmline.crm.activities import Activity
from warmline.crm.models import Contact
from warmline.crm.undo import CannotUndoError, Deed, Undone, undo
from warmline.sync.policy import Policy
from warmline.sync.row_state import with_state
from warmline.web.forms.contact_book import SCORES
from warmline.web.presentation.timeline import Entry
from warmline.web.requests import PageRequest, leave, page_to_return_to

THERE = " {} are in Pipedrive already, and stay there."
SHOWN_IN_PLACE = 50  # rows; of more, the page is loaded anew


@require_POST
def take_back(request: PageRequest, group: UUID) -> HttpResponseBase:
    """Undo what the user has just done, and show the page from which that was asked for."""
    try:
        undone = undo(request.user, group)
    except CannotUndoError:
        messages.warning(
            request, "This can no longer be undone: it was undone already, or is more than 10 minutes ago."
        )
        return leave(request, page_to_return_to(request))
    text, is_there = _told(undone)
    is_shown = undone.deed is Deed.CHANGED and page_to_return_to(request).startswith(reverse("web:contacts"))
    if request.htmx and is_shown and not is_there and len(undone.ids) <= SHOWN_IN_PLACE:
        return _in_place(request, undone, text)
    (messages.warning if is_there or undone.left else messages.success)(request, text)
    return leave(request, page_to_return_to(request))


def _told(undone: Undone) -> tuple[str, bool]:
    """Return what to say, and whether something is in Pipedrive that was not meant to be."""
    done, kind = len(undone.ids), "contact" if undone.kind == "contact" else "activity"
    plural = {"contact": "contacts", "activity": "activities"}[kind]
    text = "Undone." if done == 1 else f"Undone for {done} {plural}."
    if undone.left:
        text += f" {undone.left} stayed as {'it is' if undone.left == 1 else 'they are'}: changed since, or gone."
    there = 0
    if undone.deed is Deed.CHANGED and kind == "contact":
        cold = Contact.objects.filter(pk__in=undone.ids, warmness_score__lt=Policy.current().threshold)
        there = cold.filter(pipedrive_person_id__isnull=False).count()
    if there:
        text += " It is in Pipedrive already, and stays there." if there == 1 else THERE.format(there)
    return text, bool(there)


def _in_place(request: PageRequest, undone: Undone, text: str) -> HttpResponse:
    rules: dict[str, Any] = {"threshold": Policy.current().threshold, "now": timezone.now()}
    shown: dict[str, object] = {"text": text, "scores": SCORES}
    if undone.kind == "contact":
        shown["contacts"] = with_state(Contact.objects.seen_by(request.user).filter(pk__in=undone.ids), **rules)
    else:
        rows = Activity.objects.seen_by(request.user).filter(pk__in=undone.ids).select_related("contact")
        shown["entries"] = [Entry.of(row) for row in with_state(rows, **rules)]
    return render(request, "web/undo/_undone.html", shown)
