"""The problems that the audit found: what is wrong, and what a person can do about each."""

from collections.abc import Callable

from django.contrib import messages
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from warmline.sync.audit_models import Finding, Problem
from warmline.sync.status import audit_choices
from warmline.sync.status.audit_findings import described
from warmline.sync.status.audit_result import findings, in_words, latest
from warmline.web.list_query import number
from warmline.web.requests import PageRequest

PAGE_SIZE = 50


@require_safe
def problems(request: PageRequest, problem: str) -> HttpResponse:
    """Show a page of the problems of a kind."""
    if problem not in Problem.values:
        raise Http404
    kind, after = Problem(problem), number(request.GET.get("after", "")) or 0
    found = list(findings(request.user, kind).filter(pk__gt=after)[: PAGE_SIZE + 1])
    result = latest(request.user)
    shown = {
        "problem": kind,
        "items": described(found[:PAGE_SIZE]),
        "heading": in_words(kind, result.problems[kind]) if result else "",
        "result": result,
        "more": found[PAGE_SIZE - 1].pk if len(found) > PAGE_SIZE else None,
        "is_first": not after,
    }
    return render(request, "web/sync/audit.html", shown)


@require_POST
def begin(request: PageRequest) -> HttpResponse:
    """Begin an audit."""
    if not request.user.is_admin:
        raise PermissionDenied
    if audit_choices.begin():
        messages.success(request, "Everything is being compared with Pipedrive.")
    else:
        messages.info(request, "An audit is already running.")
    return redirect("web:sync")


@require_POST
def decide(request: PageRequest, finding_id: int) -> HttpResponse:
    """Have a problem repaired, or accept it, as the form says."""
    decisions: dict[str, Callable[[Finding], str]] = {"repair": _repair, "accept": _accept}
    finding = get_object_or_404(findings(request.user), pk=finding_id)
    decision = decisions.get(request.POST.get("decision", ""))
    if decision is None:
        raise BadRequest
    messages.success(request, decision(finding))
    return redirect("web:audit", finding.problem)


def _repair(finding: Finding) -> str:
    if not audit_choices.repair(finding):
        return "Merge the two records in Pipedrive; the next audit then finds nothing."
    return "Repairing it now."


def _accept(finding: Finding) -> str:
    audit_choices.accept(finding)
    return "Accepted. It is shown again only if it changes."
