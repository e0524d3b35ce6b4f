"""CSV files as people's programs write them: read whatever they chose, and written so that every one of them reads it.

Pure: no database. Encoding and delimiter are found out and told, never asked for.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice

from warmline.crm.fields import without_ends
from warmline.crm.imports import headings, text_encodings
from warmline.crm.imports.formula_guard import guarded, unguarded
from warmline.crm.imports.tables import (
    DELIMITERS,
    MOST_COLUMNS,
    MOST_ROWS,
    FileError,
    Table,
    too_many_columns,
    too_many_rows,
)

SAMPLE = 50  # rows in which the delimiter shows itself
# How Excel says its delimiter; saved again, each cell of that row has one behind it.
_SAID = re.compile(r"\A\"?sep=(.)\"?[,;\t|]*(?:\r\n|\r|\n)", re.IGNORECASE)
# How some programs write a quotation mark within quotation marks: in no other file does a letter stand behind that.
_BACKSLASHED = re.compile(r"\\\"(?=[^\W_])")
_ESCAPED_QUOTE = re.compile(r"(?<!\\)((?:\\\\)*)\\\"")
_END = "\x1f\x1eend"  # a line of its own behind the file's last one, unless a quotation mark is still open there
_FOREIGN = {
    b"PK": "This is a zip file. Take the file out of it, and choose that.",
    b"\xd0\xcf\x11\xe0": "This is an Excel file. Save it as CSV in your spreadsheet program and choose that file.",
    b"%PDF": "This is a PDF. Save the table as CSV and choose that file.",
}
_OTHER_TEXTS = {
    r"<(?:!doctype|html|table|\?xml|meta|div)\b": "This is a web page or XML, even if its name ends in .xls. Open it in"
    " your spreadsheet program, save it as .xlsx or CSV, and choose that file.",
    r"(?:version: ?\d+\s+)?dn::? ": "This is an LDIF file. Export the contacts as CSV or vCard, and choose that file.",
    r"(?:\{\s*\"|\[\s*\{)": "This is JSON. Export the contacts as CSV, or send them to the API.",
}


def read(content: bytes) -> Table:
    """Read a file.

    Args:
        content: All of it.

    Raises:
        FileError: When it is too large, empty, or no CSV file.
    """
    text, encoding = decoded(content)
    text = text.lstrip("\ufeff")  # some programs write the mark twice
    for beginning, message in _OTHER_TEXTS.items():
        if re.match(beginning, text.lstrip(), re.IGNORECASE):
            raise FileError(message)
    said = _SAID.match(text)
    text = text[said.end() :] if said else text
    text = _ESCAPED_QUOTE.sub(r'\1""', text) if _BACKSLASHED.search(text) else text
    delimiter = said.group(1) if said else _delimiter(text)
    rows = []
    try:
        number, is_closed = 0, False
        for number, cells in enumerate(_parsed(text, delimiter, end=_END), start=2 if said else 1):
            is_closed = cells == [_END]
            if any(map(without_ends, cells)) and not is_closed:
                rows.append((number, [unguarded(cell) for cell in cells]))
            if len(rows) > MOST_ROWS + 1:
                raise too_many_rows()
    except csv.Error as error:
        raise FileError(f"The file is not valid CSV: {error}. Check whether a quotation mark is missing.") from None
    if not is_closed:
        raise FileError(f"A quotation mark in row {number} is never closed. Close it in the file and try again.")
    if not rows:
        raise FileError("This file is empty. Choose one with a row for each contact.")
    if max(len(cells) for _, cells in rows) > MOST_COLUMNS:
        raise too_many_columns()
    return Table(tuple(rows), encoding, delimiter)


def written(rows: Iterable[Sequence[str]], delimiter: str = ",") -> Iterator[str]:
    """Yield the lines of a file, for UTF-8; the first begins with a mark by which Excel knows it.

    Args:
        rows: The cells of each.
        delimiter: What stands between them.
    """
    mark = "\ufeff"
    for row in rows:
        line = io.StringIO()
        # What begins a line goes on with the next cells, for who does not split where we do.
        cells = [guarded(cell, begins_line=index == 0) for index, cell in enumerate(row)]
        csv.writer(line, delimiter=delimiter).writerow(cells)
        yield mark + line.getvalue()
        mark = ""


def decoded(content: bytes) -> tuple[str, str]:
    """Return the text of a file, and how it was written.

    Args:
        content: All of it.

    Raises:
        FileError: When it is no text.
    """
    if content.startswith(b"PK") and b"mimetypeapplication/vnd.oasis" in content[:200]:
        raise FileError("This is a LibreOffice file. Save it as .xlsx or CSV, and choose that file.")
    for beginning, message in _FOREIGN.items():
        if content.startswith(beginning):
            raise FileError(message)
    found = text_encodings.decoded(content)
    if found is None:
        raise FileError("This is not a text file. Save the table as CSV (UTF-8) and choose that file.")
    return found


def _parsed(text: str, delimiter: str, *, end: str = "") -> Iterator[list[str]]:
    lines = io.StringIO(text, newline="")
    # Some programs write a space before a cell in quotation marks, which would make these part of it.
    is_spaced = re.search(f'[{re.escape(delimiter)}] +"(?![{re.escape(delimiter)}"\r\n]|\\Z)', text) is not None
    return csv.reader(chain(lines, [end]) if end else lines, delimiter=delimiter, skipinitialspace=is_spaced)


def _delimiter(text: str) -> str:
    """Return the delimiter between headings that are known, else the one that gives most rows as many cells."""

    def fit(delimiter: str) -> tuple[int, float, int]:
        rows: list[list[str]] = []
        try:
            rows += (row for row in islice(_parsed(text, delimiter), SAMPLE) if row)
        except csv.Error:
            return 0, 0, 0
        known = max((headings.known(row) for row in rows[: headings.WITHIN] if len(row) > 1), default=0)
        if not known and any(headings.known(row) for row in rows[:1]):
            return 0, 0, 0  # one column: what separates the values in its cells
        widths = Counter(len(row) for row in rows)
        width = max(widths, key=lambda each: (each > 1, widths[each], each), default=0)
        return known, widths[width] / len(rows) if width > 1 else 0, width

    return max(DELIMITERS, key=fit)
