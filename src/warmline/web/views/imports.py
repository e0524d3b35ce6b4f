"""The import of contacts from a file: bring it, match its columns, look at what will happen, and go."""

from collections.abc import Sequence
from itertools import islice
from pathlib import PurePath
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRefresh

from warmline.crm import preferences
from warmline.crm.book import OrganizationDetails
from warmline.crm.imports import csv_files, decisions, headings, runs
from warmline.crm.imports.heading_words import Column
from warmline.crm.imports.runs import ImportRun, RowResult, Status
from warmline.crm.imports.tables import FileError
from warmline.crm.models import Contact, Organization
from warmline.web.forms.import_file import ColumnsForm, UploadForm
from warmline.web.list_query import number
from warmline.web.requests import PageRequest

PAGE_SIZE = 50
EXAMPLES = 3
SHOWN = 60  # rows, in which the examples are looked for
KEPT_BACK = (RowResult.INVALID, RowResult.DIFFERS, RowResult.LEFT_OUT)  # what can be corrected and brought again
LISTED = 10
OTHERS = (
    (RowResult.COMPLETES, "Complete a contact"),
    (RowResult.COMPLETED, "Completed"),
    (RowResult.DIFFERS, "Another phone"),
    (RowResult.LEFT_OUT, "Left out"),
    (RowResult.TAKEN_BACK, "Taken back"),
    (RowResult.KEPT, "Kept"),
)


@require_http_methods(["GET", "HEAD", "POST"])
def begin(request: PageRequest) -> HttpResponse:
    """Ask for the file, and keep it; below, the earlier imports."""
    form = UploadForm(request.POST, request.FILES) if request.method == "POST" else UploadForm()
    if form.is_valid():
        try:
            return redirect("web:import-run", runs.begin(request.user, *form.brought).pk)
        except FileError as error:
            form.add_error("file" if form.cleaned_data["file"] else "cells", str(error))
    earlier = ImportRun.of(request.user).order_by("-pk")[:LISTED]
    return render(request, "web/imports/begin.html", {"form": form, "earlier": earlier})


@require_safe
def run(request: PageRequest, run_id: int) -> HttpResponse:
    """Show where an import stands: its progress, what will happen to each row, or what did."""
    found = _own(request, run_id)
    if found.status == Status.MATCHING:
        return redirect("web:import-columns", run_id)
    if request.htmx and not found.is_at_work:
        return HttpResponseClientRefresh()
    context: dict[str, Any] = {"run": found, "counts": runs.counts(found)}
    if found.is_at_work:
        template = "web/imports/_progress.html" if request.htmx else "web/imports/progress.html"
        return render(request, template, context | _progress(found, context["counts"]))
    return render(request, "web/imports/rows.html", context | _rows(request, found, context["counts"]))


@require_http_methods(["GET", "HEAD", "POST"])
def match(request: PageRequest, run_id: int) -> HttpResponse:
    """Say what each column holds."""
    found = _own(request, run_id)
    if found.status in {Status.IMPORTING, Status.DONE, Status.TAKING_BACK}:
        return redirect("web:import-run", run_id)
    first = list(found.rows.order_by("number")[:SHOWN])
    if not first:  # the file was forgotten meanwhile
        raise Http404
    heading = next((row for row in first if row.is_heading), None)
    names = found.names(heading)
    form = ColumnsForm(
        request.POST or None,
        rows=[(row.number, row.cells) for row in first[: headings.WITHIN]],
        headings=names,
        present=found.columns,
        initial={"heading": heading.number if heading else ""},
    )
    if form.is_valid():
        pointed = form.cleaned_data["heading"]
        if pointed is not None and pointed != (heading and heading.number):
            decisions.point_at(found, pointed)
            return redirect("web:import-columns", run_id)
        decisions.choose(found, form.chosen, heading=pointed)
        return redirect("web:import-run", run_id)
    below = [row.cells for row in first if heading is None or row.number > heading.number]
    matched = [
        (name, form[f"column-{index}"], _examples(below, index), filled)
        for index, (name, filled) in enumerate(zip(names, found.filled, strict=False))
    ]
    return render(request, "web/imports/columns.html", {"run": found, "form": form, "matched": matched})


@require_POST
def start(request: PageRequest, run_id: int) -> HttpResponse:
    """Import the rows that are new, and complete known contacts if that is wished."""
    runs.start(_own(request, run_id), completes=bool(request.POST.get("completes")))
    return redirect("web:import-run", run_id)


@require_POST
def add_as_another(request: PageRequest, run_id: int) -> HttpResponse:
    """Have a row that is like a known contact added as somebody else; all such rows, if none is named."""
    decisions.add_as_another(_own(request, run_id), number(request.POST.get("row", "")))
    return redirect("web:import-run", run_id)


@require_POST
def take_back(request: PageRequest, run_id: int) -> HttpResponse:
    """Delete the contacts that an import added and nobody touched since."""
    runs.take_back(_own(request, run_id))
    return redirect("web:import-run", run_id)


@require_POST
def discard(request: PageRequest, run_id: int) -> HttpResponse:
    """Forget a file; the contacts that were imported stay."""
    found = _own(request, run_id)
    if runs.discard(found):
        messages.success(request, f"“{found.file_name}” removed. Contacts imported from it stay.")
    return redirect("web:import")


@require_safe
def rejected(request: PageRequest, run_id: int) -> HttpResponse:
    """Hand out the invalid rows as they came, with the reasons, to be corrected and brought again."""
    found = _own(request, run_id)
    heading = found.rows.filter(is_heading=True).first()
    names = heading.cells if heading else [str(dict(Column.choices)[column]) for column in found.columns]
    width = len(names)
    lines = [[*names, "Reason"]]
    kept_back = found.contacts.filter(result__in=KEPT_BACK, number__gt=heading.number if heading else 0)
    for row in kept_back.order_by("number").iterator():
        cells = [*row.cells, *[""] * width][: max(width, len(row.cells))]
        lines.append([*cells[:width], " ".join(row.reasons), *cells[width:]])
    text = "".join(csv_files.written(lines, found.delimiter or ","))
    response = HttpResponse(text, content_type="text/csv; charset=utf-8")
    name = f"{PurePath(found.file_name).stem}-not-imported.csv"
    response["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=name) or "attachment"
    return response


def _own(request: PageRequest, run_id: int) -> ImportRun:
    return get_object_or_404(ImportRun.of(request.user), pk=run_id)


def _examples(rows: Sequence[Sequence[str]], index: int) -> list[str]:
    """Return the first values of a column."""
    values = (cells[index].strip() for cells in rows if index < len(cells))
    return list(islice(filter(None, values), EXAMPLES))


def _left_out(found: ImportRun) -> list[tuple[str, int]]:
    """Return the columns that no field takes, and how many of their cells are filled."""
    names = found.names(found.rows.filter(is_heading=True).first())
    columns = zip(names, found.columns, found.filled, strict=False)
    return [(name, filled) for name, column, filled in columns if not column and filled]


def _progress(found: ImportRun, counts: dict[str, int]) -> dict[str, Any]:
    """Return how far the work is: of the rows to check, or of those to import."""
    if found.status == Status.CHECKING:
        return {"total": counts["all"], "done": counts["all"] - counts["unchecked"]}
    if found.status == Status.TAKING_BACK:
        done = counts["taken_back"] + counts["kept"]
        return {"total": done + counts["added"], "done": done}
    left = counts["new"] + (counts["completes"] if found.completes else 0)
    total = left + counts["added"] + counts["completed"]
    return {"total": total, "done": total - left}


def _rows(request: PageRequest, found: ImportRun, counts: dict[str, int]) -> dict[str, Any]:
    """Return a page of the rows, of one result if that is asked for."""
    shown = request.GET.get("show", "")
    if shown not in RowResult.values:
        raise Http404
    rows = found.contacts.filter(result=shown) if shown else found.contacts
    page = Paginator(rows.order_by("number"), PAGE_SIZE).get_page(request.GET.get("page"))
    for row in page:
        row.said = found.said(row.cells).arguments  # type: ignore[attr-defined]  # for the page
        row.emails = [row.said["email"], *(email for email, _ in row.said["more_emails"])]  # type: ignore[attr-defined]
        row.phones = [row.said["phone"], *(phone for phone, _ in row.said["more_phones"])]  # type: ignore[attr-defined]
        row.details = _details(row.said["organization"])  # type: ignore[attr-defined]
        row.about = [row.said[name] for name in Contact.DETAILS if row.said[name]]  # type: ignore[attr-defined]
    return {
        "page": page,
        "shown": shown,
        "threshold": preferences.current().threshold,
        "left_out": _left_out(found),
        "kept_back": sum(counts[result] for result in KEPT_BACK),
        "others": [(result.value, label, counts[result]) for result, label in OTHERS],
    }


def _details(organization: OrganizationDetails | None) -> list[str]:
    return [text for name in Organization.DETAILS if (text := getattr(organization, name, ""))]
