"""Bulk actions: change, tag, retry, hand over, delete or export the contacts that were selected in the list.

Contacts that a colleague deletes or hands over in the meantime are skipped; the message says how many.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import BadRequest, ValidationError
from django.db import transaction
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from warmline.crm import book, contact_details
from warmline.crm.models import WARMEST, Contact, ContactQuerySet
from warmline.crm.undo import Keeper
from warmline.crm.users import User
from warmline.sync.status import retry_and_choose
from warmline.web.export import file_of
from warmline.web.list_query import list_address, number
from warmline.web.requests import PageRequest

Outcome = TypeVar("Outcome")

MOST_CONTACTS = 500  # contacts


@dataclass(frozen=True)
class Chosen:
    """The selected contacts.

    Attributes:
        ids: Their ids.
        rows: A query for those that still exist and that the user may see.
    """

    ids: list[int]
    rows: ContactQuerySet

    def each(self, do: Callable[[Contact], Outcome]) -> list[Outcome]:
        """Do something with each that still exists, in separate transactions, and return the results."""
        rows, results = self.rows.select_related("organization").select_for_update(of=("self",)), []
        for pk in self.ids:
            with transaction.atomic():
                if (contact := rows.filter(pk=pk).first()) is not None:
                    results.append(do(contact))
        return results

    def gone(self, there: int) -> str:
        """Return a sentence saying how many were gone, to append to a message; empty if none was."""
        gone = len(self.ids) - there
        were = "1 was" if gone == 1 else f"{gone} were"
        return f" {were} no longer there: deleted, or handed over to a colleague." if gone else ""


@require_POST
def selected(request: PageRequest) -> HttpResponseBase:
    """Do the action of the pressed button, and return to the list."""
    deed = DEEDS.get(request.POST.get("action", ""))
    if deed is None:
        raise BadRequest
    ids = dict.fromkeys(row_id for text in request.POST.getlist("ids")[:MOST_CONTACTS] if (row_id := number(text)))
    chosen = Chosen(list(ids), Contact.objects.seen_by(request.user).filter(pk__in=ids))
    if not chosen.rows.exists():
        what_to_do = chosen.gone(0) or " Select at least one contact first."
        messages.warning(request, f"No contacts selected.{what_to_do}")
        return redirect(list_address(request))
    return deed(request, chosen)


def _set_warmness(request: PageRequest, chosen: Chosen) -> HttpResponse:
    score = number(request.POST.get("score", ""))
    if score is None or score > WARMEST:
        messages.warning(request, "Choose a warmness from 0 to 10, then press “Set”.")
        return redirect(list_address(request))
    keeper, grace = Keeper(request.user), timedelta(seconds=settings.GRACE_SECONDS)
    before: dict[int, dict[str, int]] = {}

    def set_one(contact: Contact) -> None:
        if contact.warmness_score != score:
            before[contact.pk] = {"warmness_score": contact.warmness_score}
            book.change_contact(contact, {"warmness_score": score}, grace=grace)

    done = len(chosen.each(set_one))
    keeper.changed(Contact, before, {"warmness_score": score})
    text = f"Warmness set to {score} for {_contacts(done)}.{chosen.gone(done)}"
    messages.success(request, text, extra_tags=str(keeper.group or ""))
    return redirect(list_address(request))


def _add_tags(request: PageRequest, chosen: Chosen) -> HttpResponse:
    return _change_tags(request, chosen, contact_details.with_tags, done="added to")


def _remove_tags(request: PageRequest, chosen: Chosen) -> HttpResponse:
    return _change_tags(request, chosen, contact_details.without_tags, done="removed from")


def _change_tags(
    request: PageRequest, chosen: Chosen, changed: Callable[[str, str], str], *, done: str
) -> HttpResponse:
    """Give each contact the tags that `changed` makes of its own and the typed ones; `done` says so afterwards."""
    tags = contact_details.split_tags(request.POST.get("tags", ""))
    if not tags:
        messages.warning(request, "Type a tag, then press “Add tag” or “Remove tag”.")
        return redirect(list_address(request))
    typed, keeper, refused = contact_details.BETWEEN_TAGS.join(tags), Keeper(request.user), set[str]()
    before: defaultdict[str, dict[int, dict[str, str]]] = defaultdict(dict)  # by what became of their tags

    def change(contact: Contact) -> None:
        had, now = contact.tags, changed(contact.tags, typed)
        try:
            if now != had:
                book.change_contact(contact, {"tags": now})
                before[now][contact.pk] = {"tags": had}
        except ValidationError as error:
            refused.update(error.messages)

    there = len(chosen.each(change))
    for now, rows in before.items():
        keeper.changed(Contact, rows, {"tags": now})
    number = sum(map(len, before.values()))
    rest = f" {_contacts(there - number).capitalize()} stayed as before." if there > number else ""
    text = f"“{typed}” {done} {_contacts(number)}.{rest}{chosen.gone(there)}"
    messages.success(request, " ".join([text, *sorted(refused)]), extra_tags=str(keeper.group or ""))
    return redirect(list_address(request))


def _try_again(request: PageRequest, chosen: Chosen) -> HttpResponse:
    numbers = chosen.each(retry_and_choose.retry_with_activities)
    tried, how_many, gone = sum(map(bool, numbers)), _contacts(len(numbers)), chosen.gone(len(numbers))
    if tried:
        messages.success(request, f"Trying again: {tried} of {how_many}.{gone}")
    else:
        messages.info(request, f"None of the {how_many} had failed, so there is nothing to retry.{gone}")
    return redirect(list_address(request))


def _hand_over(request: PageRequest, chosen: Chosen) -> HttpResponse:
    try:
        to = User.objects.people().get(pk=number(request.POST.get("to", "")) or 0)
        theirs = chosen.rows.filter(owner=to).count()
        keeper = Keeper(request.user)
        moved = book.hand_over(chosen.rows, to, keeper.handed_over(to))
    except User.DoesNotExist:  # possibly deactivated at this moment
        messages.warning(request, "Choose a colleague, then press “Hand over”.")
        return redirect(list_address(request))
    before = f" {to.name} already had {_contacts(theirs)} of these." if theirs else ""
    gone = chosen.gone(theirs + moved)
    kept = " In Pipedrive, their owners stay the same."
    text = f"{_contacts(moved).capitalize()} handed over to {to.name}.{before}{kept}{gone}"
    messages.success(request, text, extra_tags=str(keeper.group or ""))
    return redirect(list_address(request))


def _delete(request: PageRequest, chosen: Chosen) -> HttpResponse:
    if "sure" not in request.POST:
        shown = {"contacts": chosen.rows.order_by("name_key"), "query": request.POST.get("query", "")}
        return render(request, "web/contacts/delete_selected.html", shown)
    keeper = Keeper(request.user)
    deleted = book.delete_contacts(chosen.rows, keeper.deleted)
    text = f"{_contacts(deleted).capitalize()} deleted.{chosen.gone(deleted)}"
    messages.success(request, text, extra_tags=str(keeper.group or ""))
    return redirect(list_address(request))


def _export(request: PageRequest, chosen: Chosen) -> HttpResponseBase:
    rows = chosen.rows.select_related("owner", "organization").order_by("name_key", "pk")
    return file_of(rows.iterator(), request.POST.get("form", ""))


def _contacts(number: int) -> str:
    return "1 contact" if number == 1 else f"{number} contacts"


DEEDS: dict[str, Callable[[PageRequest, Chosen], HttpResponseBase]] = {
    "warmness": _set_warmness,
    "add-tags": _add_tags,
    "remove-tags": _remove_tags,
    "retry": _try_again,
    "hand-over": _hand_over,
    "delete": _delete,
    "export": _export,
}
