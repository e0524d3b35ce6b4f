"""The outbox: what a browser kept while Warmline could not be reached is handed in here, one item at a time.

Each item has a key, by which it is done once (crm/idempotency.py), and goes through the form that would have sent it.
What cannot be done is answered with the reason, and stays in the browser. See static/web/outbox.js.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_not_required
from django.contrib.staticfiles import finders
from django.core.exceptions import BadRequest, ObjectDoesNotExist
from django.http import HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from warmline.crm import book
from warmline.crm.activities import Activity
from warmline.crm.idempotency import claimed, save_once, scope_of
from warmline.crm.models import WARMEST, Contact
from warmline.crm.row_changes import ChangedMeanwhileError
from warmline.crm.undo import Keeper
from warmline.web.forms.contact_book import TYPE_BUTTONS, BookForm, NewActivityForm, NewContactForm
from warmline.web.list_query import number
from warmline.web.offline_pages import owner
from warmline.web.requests import PageRequest, idempotency_key
from warmline.web.views.contact import set_warmness
from warmline.web.views.contacts import add_once, told_of_new

OFFERED_FOR = timedelta(days=30)  # that a browser offers an item; keys are remembered for longer
GONE = "The contact was deleted, or it now belongs to a colleague."
Answer = dict[str, Any]


@require_safe
def page(request: PageRequest) -> HttpResponse:
    """Show what this browser has not sent yet; a script fills in the list."""
    return render(request, "web/outbox/outbox.html", {"form": NewActivityForm(), "kinds": TYPE_BUTTONS})


@require_safe
def token(request: PageRequest) -> HttpResponse:
    """Tell who is signed in, with a fresh CSRF token for what is handed in."""
    return JsonResponse({"user": owner(request.user), "token": get_token(request)})


@login_not_required
@require_safe
def service_worker(_request: PageRequest) -> HttpResponse:
    """Send the service worker's script; from here its scope is the whole site."""
    script = Path(str(finders.find("web/service-worker.js"))).read_bytes()
    return HttpResponse(script, content_type="text/javascript; charset=utf-8")


@require_POST
def deliver(request: PageRequest) -> HttpResponse:
    """Do what an item asks for, once; answer what came of it."""
    if request.POST.get("user") != owner(request.user):
        return JsonResponse({"state": "not_yours"})
    do, key = _DO.get(request.POST.get("kind", "")), idempotency_key(request)
    if do is None or key is None:
        raise BadRequest
    try:
        answer = do(request, key)
    except ObjectDoesNotExist:
        answer = _refused(GONE)
    return JsonResponse(answer)


def _contact(request: PageRequest, key: UUID) -> Answer:
    form = NewContactForm(request.POST)
    if not form.save(partial(add_once, request.user, key)):
        return _refused(_reasons(form))
    if form.stored is None:
        return {"state": "done", "text": "The contact was added, and has been deleted since.", "contact": None}
    return _done(request, form.stored, *told_of_new(request.user, form.stored))


def _activity(request: PageRequest, key: UUID) -> Answer:
    logged_at = _moment(request)
    form = NewActivityForm(request.POST, logged_at=logged_at)

    def log(values: dict[str, Any]) -> Activity:
        return book.log_activity(request.user, _seen(request), **values, logged_at=logged_at)

    if not form.save(lambda values: save_once(Activity, request.user, key, partial(log, values))):
        return _refused(_reasons(form))
    subject = form.stored.subject if form.stored else "The activity"
    return {"state": "done", "text": f"“{subject}” is logged."}


def _warmness(request: PageRequest, key: UUID) -> Answer:
    """Set a warmness if one of the values that the person saw still holds; otherwise tell which one does."""
    score = number(request.POST.get("to", ""))
    shown = [value for text in request.POST.getlist("shown") if (value := number(text)) is not None]
    if score is None or score > WARMEST or not shown:
        raise BadRequest
    try:
        with claimed(scope_of(request.user), str(key)) as kept:
            if kept.answer is not None:
                return {"state": "done", "text": "The warmness is set."}
            row = _seen(request)
            present = row.warmness_score
            answer = _done(
                request, row, *set_warmness(request.user, row, score, present if present in shown else shown[0])
            )
            kept.answer = {"row_id": row.pk, "kind": "warmness"}
            return answer
    except ChangedMeanwhileError as error:
        present = error.present["warmness_score"]
        return {
            "state": "changed",
            "present": present,
            "reason": f"The warmness has been changed to {present} in the meantime.",
        }


_DO: dict[str, Callable[[PageRequest, UUID], Answer]] = {
    "contact": _contact,
    "activity": _activity,
    "warmness": _warmness,
}


def _seen(request: PageRequest) -> Contact:
    return Contact.objects.seen_by(request.user).get(pk=number(request.POST.get("contact", "")) or 0)


def _moment(request: PageRequest) -> datetime:
    """Return when an item was entered; the browser tells how long ago, because its clock may be wrong."""
    ago = number(request.POST.get("age", "")) or 0  # seconds
    return timezone.now() - timedelta(seconds=min(ago, OFFERED_FOR.total_seconds()))


def _done(request: PageRequest, contact: Contact, text: str, keeper: Keeper) -> Answer:
    offer = {"undo_text": text, "undo_group": keeper.group, "undo_page": reverse("web:contact", args=[contact.pk])}
    undo = render_to_string("web/undo/_toast.html", offer, request) if keeper.group else ""
    return {"state": "done", "text": text, "contact": contact.pk, "undo": undo}


def _refused(reason: str) -> Answer:
    return {"state": "refused", "reason": reason}


def _reasons(form: BookForm) -> str:
    return " ".join(str(text) for texts in form.errors.values() for text in texts)
