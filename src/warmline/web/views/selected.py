"""What is done with several contacts at once: those that were ticked in the list, as far as the user may see them."""

from collections.abc import Callable

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from warmline.crm import book
from warmline.crm.models import WARMEST, Contact, ContactQuerySet
from warmline.crm.users import User
from warmline.sync import retry
from warmline.web.asked import list_address, number
from warmline.web.export import csv_of
from warmline.web.requests import PageRequest

MOST = 500  # contacts


@require_POST
def selected(request: PageRequest) -> HttpResponseBase:
    """Do what the pressed button says, and go back to the list."""
    deed = DEEDS.get(request.POST.get("action", ""))
    if deed is None:
        raise BadRequest
    ids = [row_id for text in request.POST.getlist("ids")[:MOST] if (row_id := number(text))]
    chosen = Contact.objects.seen_by(request.user).filter(pk__in=ids)
    count = chosen.count()
    if not count:
        messages.warning(request, "No contact was selected. Tick some first.")
        return redirect(list_address(request))
    return deed(request, chosen, "1 contact" if count == 1 else f"{count} contacts")


def _set_warmness(request: PageRequest, chosen: ContactQuerySet, how_many: str) -> HttpResponse:
    score = number(request.POST.get("score", ""))
    if score is None or score > WARMEST:
        messages.warning(request, "Say which warmness, from 0 to 10, and press “Set” again.")
        return redirect(list_address(request))
    for contact in chosen:
        book.change_contact(contact, {"warmness_score": score})
    messages.success(request, f"Warmness {score} is set for {how_many}.")
    return redirect(list_address(request))


def _try_again(request: PageRequest, chosen: ContactQuerySet, how_many: str) -> HttpResponse:
    tried = sum(bool(retry.retry_with_activities(contact)) for contact in chosen.select_related("organization"))
    if tried:
        messages.success(request, f"Trying again: {tried} of {how_many}.")
    else:
        messages.info(request, f"Nothing of {how_many} had failed, so nothing is tried again.")
    return redirect(list_address(request))


def _hand_over(request: PageRequest, chosen: ContactQuerySet, how_many: str) -> HttpResponse:
    to = User.objects.filter(pk=number(request.POST.get("to", "")) or 0, is_active=True).first()
    if to is None:
        messages.warning(request, "Choose the colleague who gets them, and press “Hand over” again.")
        return redirect(list_address(request))
    moved = book.hand_over(chosen, to)
    messages.success(request, f"{to.name} has {moved} of {how_many} now. In Pipedrive they keep their owner.")
    return redirect(list_address(request))


def _delete(request: PageRequest, chosen: ContactQuerySet, how_many: str) -> HttpResponse:
    if "sure" not in request.POST:
        shown = {"contacts": chosen.order_by("name_key"), "query": request.POST.get("query", "")}
        return render(request, "web/contacts/delete_selected.html", shown)
    book.delete_contacts(chosen)
    messages.success(request, f"{how_many.capitalize()} deleted.")
    return redirect(list_address(request))


def _export(_: PageRequest, chosen: ContactQuerySet, __: str) -> HttpResponseBase:
    return csv_of(chosen.select_related("owner", "organization").order_by("name_key", "pk").iterator())


DEEDS: dict[str, Callable[[PageRequest, ContactQuerySet, str], HttpResponseBase]] = {
    "warmness": _set_warmness,
    "retry": _try_again,
    "hand-over": _hand_over,
    "delete": _delete,
    "export": _export,
}
