"""Damaged exports: every value is in its field, named as left out, or in a row that is kept back."""

import csv
import io
import re
import unicodedata
from typing import Literal

import pytest
from crm.export_samples import EXPORTS
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from settings_for_tests import IS_POSTGRES

from warmline.crm.imports import cells, runs, worker
from warmline.crm.imports.runs import ImportRow, ImportRun, RowResult, Status
from warmline.crm.imports.tables import FileError
from warmline.crm.models import Contact
from warmline.crm.users import User

pytestmark = pytest.mark.django_db
Rows = list[list[str]]
SAID_NOT_KEPT = {"mailto", "tel", "n", "a", "and"}  # how something is written, and no value
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "cp1252"]
MORE = ["; b@example.net", " ::: c@example.net", ", d@example.net", " / 0171 9876543", "\nsecond line", " x", " 'y'"]


def tables() -> dict[str, Rows]:
    """Return the rows of each export, also of those above its headings."""
    found = {}
    for name, export in EXPORTS.items():
        first = max(export.text.splitlines()[:5], key=len)
        delimiter = max(",;|", key=first.count)
        found[name] = list(csv.reader(io.StringIO(export.text), delimiter=delimiter))
    return found


TABLES = tables()


@st.composite
def damaged(draw: st.DrawFn) -> bytes:  # noqa: C901 (a table of damages)
    """Return a file in the shape of an export, with damages."""
    rows = [list(row) for row in TABLES[draw(st.sampled_from(sorted(TABLES)))]]
    width = max(map(len, rows))
    column = st.integers(0, width - 1)
    for damage in draw(
        st.lists(st.sampled_from(["drop", "double", "empty", "several", "footer", "case", "cut"]), max_size=5)
    ):
        at, which = draw(column), draw(st.integers(0, len(rows) - 1))
        wide = [row for row in rows if len(row) > 1]
        match damage:
            case "drop":
                for row in wide:
                    del row[at : at + 1]
            case "double":
                for row in wide:
                    row.insert(at, row[min(at, len(row) - 1)])
            case "empty":
                for row in wide:
                    row.insert(at, "")
            case "several" if rows[which]:
                place = min(at, len(rows[which]) - 1)
                rows[which][place] += draw(st.sampled_from(MORE))
            case "footer":
                rows += [[], [draw(st.sampled_from(["Total", "Total: 3", "Exported by Alice", "2 contacts"]))]]
            case "case":
                change = draw(st.sampled_from([str.upper, str.lower, lambda text: text.replace(" ", "_")]))
                heading = max(range(min(len(rows), 6)), key=lambda index: len(rows[index]))
                rows[heading] = [change(cell) for cell in rows[heading]]
            case "cut":
                del rows[which][at:]
    text = io.StringIO()
    delimiter = draw(st.sampled_from(",;\t|"))
    quoting: Literal[0, 1] = draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=end).writerows(rows)
    written = text.getvalue()
    if draw(st.booleans()) and draw(st.booleans()):
        place = draw(st.integers(0, len(written)))
        written = written[:place] + '"' + written[place:]
    return written.encode(draw(st.sampled_from(ENCODINGS)), errors="replace")


def said(text: str) -> set[str]:
    """Return the words and numbers of a text, as they can be found again."""
    return set(re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold())) - SAID_NOT_KEPT


def unaccounted(run: ImportRun, row: ImportRow) -> set[str]:
    """Return what a row said that is neither in its contact nor named."""
    contact = Contact.objects.select_related("organization").get(pk=row.contact_id or 0)
    organization = contact.organization
    kept = [contact.name, *row.reasons, str(contact.warmness_score)]
    kept += [f"{each.label} {each.value}" for each in (*contact.emails, *contact.phones)]
    kept += [text for _, text in contact.details]
    kept += [organization.name, organization.sector, organization.country] if organization else []
    found = said(" ".join(kept))
    lost: set[str] = set()
    for column, cell, filled in zip(run.columns, row.cells, run.filled, strict=False):
        if not column:
            assert filled or not cell.strip()  # the page names it
        elif column == "warmness_score":
            lost |= set() if cells.score(cell) == contact.warmness_score or said(cell) <= found else said(cell)
        else:
            lost |= said(cell) - found
    return lost


# The files are read alike beside each database, so most of them are read beside the faster one.
@settings(
    max_examples=50 if IS_POSTGRES else 500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=damaged())
def test_nothing_is_lost_without_a_word(alice: User, content: bytes) -> None:
    """A file is refused in words, or waits for its columns, or each of its rows is accounted for, and twice is once."""
    with transaction.atomic():
        try:
            run = runs.begin(alice, "people.csv", content)
        except FileError:
            return
        for _ in range(2):
            while worker.step(timezone.now()):
                pass
            runs.start(run)
        run.refresh_from_db()
        if run.status == Status.MATCHING:
            assert not Contact.objects.exists()
        else:
            assert run.status == Status.DONE
            for row in run.contacts:
                assert row.result not in {RowResult.UNKNOWN, RowResult.NEW}
                assert row.reasons or row.result in {RowResult.ADDED, RowResult.KNOWN}
                if row.result in {RowResult.ADDED, RowResult.KNOWN} and row.contact_id:
                    assert unaccounted(run, row) == set()
            before = Contact.objects.count()
            again = runs.begin(alice, "people.csv", content)
            while worker.step(timezone.now()):
                pass
            assert not again.contacts.filter(result__in=[RowResult.NEW]).exists()
            assert Contact.objects.count() == before
        transaction.set_rollback(True)
