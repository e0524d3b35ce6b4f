"""The part of a page that says where its contact or organization stands in Pipedrive, why, and what one can do."""

from typing import Any
from zlib import crc32

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpResponse
from django.shortcuts import redirect, render

from warmline.crm.models import Contact, Organization
from warmline.sync import history, retry
from warmline.sync.places import place
from warmline.sync.policy import Policy
from warmline.sync.reasons import reasons
from warmline.web.asked import number
from warmline.web.requests import PageRequest

LATEST = 3  # attempts on the page itself
PAGE = 50  # attempts on their own page


def in_pipedrive(row: Contact | Organization, address: str) -> dict[str, Any]:
    """Return what the part shows.

    Args:
        row: Read `with_state`.
        address: Of its page.
    """
    why = reasons(row, Policy.current())
    candidates = [{**each, "place": place(row, each["pipedrive_id"])} for each in why.sync.candidates]
    latest = list(history.attempts_of(row)[: LATEST + 1])
    return {
        "was": crc32(repr((why, latest and latest[0].pk)).encode()),
        "row": row,
        "address": address,
        "why": why,
        "place": place(row),
        "candidates": candidates,
        "attempts": latest[:LATEST],
        "more_attempts": len(latest) > LATEST,
    }


def anew(request: PageRequest, row: Contact | Organization, address: str) -> HttpResponse:
    """Show the part anew, unless the page shows just this already: what is open there stays open."""
    shown = in_pipedrive(row, address)
    if request.GET.get("was") == str(shown["was"]):
        return HttpResponse(status=204)
    return render(request, "web/parts/in_pipedrive.html", shown)


def try_again(request: PageRequest, row: Contact | Organization, address: str) -> HttpResponse:
    """Give it, and what belongs to it, fresh attempts, and return to its page."""
    tried = retry.retry_with_activities(row) if isinstance(row, Contact) else retry.retry(row)
    if tried:
        messages.success(request, f"Trying again to bring {row.name} to Pipedrive.")
    else:
        messages.info(request, f"Nothing of {row.name} has failed any more.")
    return redirect(address)


def choose(request: PageRequest, row: Contact | Organization, address: str) -> HttpResponse:
    """Remember which of the candidates it is, or that it is a new one, and return to its page."""
    chosen = number(request.POST.get("pipedrive_id", ""))
    if chosen is None and "create" not in request.POST:
        raise BadRequest
    try:
        if chosen is not None and chosen not in {each["pipedrive_id"] for each in row.pipedrive_candidates}:
            messages.warning(
                request, "This is no candidate any more. Look at those that there are now, and choose again."
            )
        else:
            retry.choose(row, chosen)
            what = "a new record" if chosen is None else f"record {chosen}"
            messages.success(request, f"{row.name} is {what} in Pipedrive: it goes over now.")
    except retry.LinkedAlreadyError:
        messages.info(request, f"{row.name} is in Pipedrive already; there is nothing left to choose.")
    return redirect(address)


def all_attempts(request: PageRequest, row: Contact | Organization, address: str) -> HttpResponse:
    """Show a page of the attempts that were made, the latest first."""
    found = history.attempts_of(row)
    before = number(request.GET.get("before", ""))
    some = list((found.filter(pk__lt=before) if before else found)[: PAGE + 1])
    earlier = some[PAGE - 1].pk if len(some) > PAGE else None
    shown = {"row": row, "address": address, "attempts": some[:PAGE], "earlier": earlier, "is_first": not before}
    return render(request, "web/parts/attempts.html", shown)
