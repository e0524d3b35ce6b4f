"""The sync status of a contact or an organization, with its reason and what one can do about it: part of its page.

The views are the same for both kinds; the address says which kind it is.
"""

from typing import Any
from zlib import crc32

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from warmline.crm.models import Contact, Organization
from warmline.sync import attempt_log
from warmline.sync.policy import Policy
from warmline.sync.priorities import RowKind
from warmline.sync.row_state import with_state
from warmline.sync.status import audit_findings
from warmline.sync.status import retry_and_choose as retrying
from warmline.sync.status.not_sent_list import visible
from warmline.sync.status.record_links import place
from warmline.sync.status.state_explanation import explain
from warmline.web.list_query import number
from warmline.web.requests import PageRequest

LATEST = 3  # attempts on the page itself
PAGE_SIZE = 50  # attempts on their own page

Shown = Contact | Organization


def seen(request: PageRequest, kind: RowKind, row_id: int) -> Any:
    """Return a row that the user may see, with its state.

    Args:
        request: The user's request.
        kind: "contact" or "organization".
        row_id: The row's id.

    Raises:
        Http404: If there is none.
    """
    rows = visible(kind, request.user).filter(pk=row_id)
    found = with_state(rows, threshold=Policy.current().threshold, now=timezone.now()).first()
    if found is None:
        raise Http404
    return found


def page_of(row: Shown) -> str:
    """Return the address of a row's page."""
    return reverse("web:contact" if isinstance(row, Contact) else "web:organization", args=[row.pk])


def in_pipedrive(row: Shown) -> dict[str, Any]:
    """Return what the part shows.

    Args:
        row: Read `with_state`.
    """
    why = explain(row, Policy.current())
    candidates = [{**each, "place": place(row, each["pipedrive_id"])} for each in why.sync.candidates]
    found = audit_findings.of_row(row)
    latest = list(attempt_log.attempts_of(row)[: LATEST + 1])
    return {
        "was": crc32(repr((why, found, latest and latest[0].pk)).encode()),
        "row": row,
        "address": page_of(row),
        "why": why,
        "found": found,
        "place": place(row),
        "candidates": candidates,
        "attempts": latest[:LATEST],
        "more_attempts": len(latest) > LATEST,
    }


@require_safe
def status(request: PageRequest, kind: RowKind, row_id: int) -> HttpResponse:
    """Show the part anew, unless the page shows just this already: what is open there stays open."""
    shown = in_pipedrive(seen(request, kind, row_id))
    if request.GET.get("was") == str(shown["was"]):
        return HttpResponse(status=204)
    return render(request, "web/parts/in_pipedrive.html", shown)


@require_safe
def attempts(request: PageRequest, kind: RowKind, row_id: int) -> HttpResponse:
    """Show a page of the attempts that were made, the latest first."""
    row = seen(request, kind, row_id)
    found = attempt_log.attempts_of(row)
    before = number(request.GET.get("before", ""))
    some = list((found.filter(pk__lt=before) if before else found)[: PAGE_SIZE + 1])
    earlier = some[PAGE_SIZE - 1].pk if len(some) > PAGE_SIZE else None
    shown = {
        "row": row,
        "address": page_of(row),
        "attempts": some[:PAGE_SIZE],
        "earlier": earlier,
        "is_first": not before,
    }
    return render(request, "web/parts/attempts.html", shown)


@require_POST
def retry(request: PageRequest, kind: RowKind, row_id: int) -> HttpResponse:
    """Give it, and what belongs to it, fresh attempts, and return to its page."""
    row = seen(request, kind, row_id)
    tried = retrying.retry_with_activities(row) if isinstance(row, Contact) else retrying.retry(row)
    if tried:
        messages.success(request, f"Trying again to send {row.name} to Pipedrive.")
    else:
        messages.info(request, f"Nothing has failed for {row.name}, so there is nothing to retry.")
    return redirect(page_of(row))


@require_POST
def link(request: PageRequest, kind: RowKind, row_id: int) -> HttpResponse:
    """Store which candidate was chosen, or that a new record is wanted, and return to the row's page."""
    row = seen(request, kind, row_id)
    chosen = number(request.POST.get("pipedrive_id", ""))
    if chosen is None and "create" not in request.POST:
        raise BadRequest
    try:
        retrying.choose(row, chosen)
    except retrying.LinkedAlreadyError:
        messages.info(request, f"{row.name} is already linked to Pipedrive, so there is nothing to choose.")
    except retrying.NoCandidateError:
        messages.warning(request, "That record is no longer a candidate. Choose from the current list.")
    else:
        done = "A new Pipedrive record will be created" if chosen is None else f"Linked to Pipedrive record {chosen}"
        messages.success(request, f"{done}; syncing.")
    return redirect(page_of(row))
