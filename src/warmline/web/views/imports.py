"""The import of contacts from a CSV file: bring it, match its columns, look at what will happen, and go."""

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
from warmline.crm.imports import columns, csv_files, runs
from warmline.crm.imports.runs import ImportRun, RowResult, Status
from warmline.web.forms.import_file import ColumnsForm, UploadForm
from warmline.web.requests import PageRequest

PAGE_SIZE = 50
EXAMPLES = 3
LISTED = 10


@require_http_methods(["GET", "HEAD", "POST"])
def begin(request: PageRequest) -> HttpResponse:
    """Ask for the file, and keep it; below, the earlier imports."""
    form = UploadForm(request.POST, request.FILES) if request.method == "POST" else UploadForm()
    if form.is_valid():
        file = form.cleaned_data["file"]
        try:
            return redirect("web:import-run", runs.begin(request.user, file.name, file.read()).pk)
        except csv_files.CsvError as error:
            form.add_error("file", str(error))
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
    return render(request, "web/imports/rows.html", context | _rows(request, found))


@require_http_methods(["GET", "HEAD", "POST"])
def match(request: PageRequest, run_id: int) -> HttpResponse:
    """Say what each column holds."""
    found = _own(request, run_id)
    if found.status in {Status.IMPORTING, Status.DONE}:
        return redirect("web:import-run", run_id)
    first = list(found.rows.order_by("number")[: EXAMPLES + 1])
    if not first:  # the file was forgotten meanwhile
        raise Http404
    names = first[0].cells if found.has_headings else [""] * len(first[0].cells)
    headings = [name.strip() or f"Column {index}" for index, name in enumerate(names, start=1)]
    initial = {"has_headings": found.has_headings}
    form = ColumnsForm(request.POST or None, headings=headings, present=found.columns, initial=initial)
    if form.is_valid():
        runs.choose(found, form.chosen, has_headings=form.cleaned_data["has_headings"])
        return redirect("web:import-run", run_id)
    examples = [row.cells for row in first if not row.is_heading][:EXAMPLES]
    matched = [
        (heading, form[f"column-{index}"], [cells[index] for cells in examples if index < len(cells)])
        for index, heading in enumerate(headings)
    ]
    return render(request, "web/imports/columns.html", {"run": found, "form": form, "matched": matched})


@require_POST
def start(request: PageRequest, run_id: int) -> HttpResponse:
    """Import the rows that are new."""
    runs.start(_own(request, run_id))
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
    names = heading.cells if heading else [str(dict(columns.Column.choices)[column]) for column in found.columns]
    width = len(names)
    lines = [[*names, "Reason"]]
    for row in found.contacts.filter(result=RowResult.INVALID).order_by("number").iterator():
        cells = [*row.cells, *[""] * width][: max(width, len(row.cells))]
        lines.append([*cells[:width], " ".join(row.reasons), *cells[width:]])
    text = "".join(csv_files.written(lines, found.delimiter))
    response = HttpResponse(text, content_type="text/csv; charset=utf-8")
    name = f"{PurePath(found.file_name).stem}-not-imported.csv"
    response["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=name) or "attachment"
    return response


def _own(request: PageRequest, run_id: int) -> ImportRun:
    return get_object_or_404(ImportRun.of(request.user), pk=run_id)


def _progress(found: ImportRun, counts: dict[str, int]) -> dict[str, Any]:
    """Return how far the work is: of the rows to check, or of those to import."""
    left = counts["unchecked"] if found.status == Status.CHECKING else counts["new"]
    total = counts["all"] if found.status == Status.CHECKING else counts["new"] + counts["added"]
    return {"total": total, "done": total - left}


def _rows(request: PageRequest, found: ImportRun) -> dict[str, Any]:
    """Return a page of the rows, of one result if that is asked for."""
    shown = request.GET.get("show", "")
    if shown not in RowResult.values:
        raise Http404
    rows = found.contacts.filter(result=shown) if shown else found.contacts
    page = Paginator(rows.order_by("number"), PAGE_SIZE).get_page(request.GET.get("page"))
    for row in page:
        row.said = columns.arguments(row.cells, found.columns)  # type: ignore[attr-defined]  # for the page
    return {"page": page, "shown": shown, "threshold": preferences.current().threshold}
