"""Excel files (.xlsx): the sheet that looks like contacts, as texts; and contacts written as one. Pure: no database.

A small file can unpack to a huge one, so what it says of its size is looked at before anything is unpacked; zipfile
unpacks no more than that.
"""

import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from typing import IO, Any

from warmline.crm.fields import without_ends
from warmline.crm.imports import headings
from warmline.crm.imports.tables import (
    MOST_COLUMNS,
    MOST_IN_CELL,
    MOST_ROWS,
    FileError,
    Table,
    too_long_cell,
    too_many_columns,
    too_many_rows,
)

MOST_UNPACKED = 60_000_000  # bytes: a file of 5 MB with 20,000 rows has half of that
MOST_PARTS = 500
MOST_EMPTY = 100_000  # rows that a file spells out: empty ones cost time as well
LAST_ROW = 1_048_576  # Excel's own; there may be something in it all the same, far below the others
# What a sheet holds beside the values of its cells, by the part of the file and the sign in it.
_SHEET = re.compile(r"xl/worksheets/[^/]+\.xml")
_BESIDE: dict[str, tuple[re.Pattern[str], re.Pattern[bytes] | None]] = {
    "links behind cells": (_SHEET, re.compile(rb"<hyperlink\s")),
    "formulas without a stored value": (
        _SHEET,
        re.compile(rb"<f\b[^<]*(?:</f>|(?<=/)>)\s*(?:<v\s*/>|<v>\s*</v>)?\s*</c>"),
    ),
    "comments on cells": (re.compile(r"xl/comments[^/]*\.xml|xl/comments/[^/]+\.xml"), re.compile(rb"<comment\s")),
    "pictures": (re.compile(r"xl/media/[^/]+"), None),
}
PIECE = 1_000_000  # bytes
_ZEROS = re.compile("0+")
CONTENTS = "[Content_Types].xml"
BROKEN = "This Excel file cannot be read. Save the table as CSV in your spreadsheet program and choose that file."


def is_one(content: bytes) -> bool:
    """Tell whether a file is an Excel file."""
    return content.startswith(b"PK") and CONTENTS.encode() in content and b"xl/" in content


def read(content: bytes) -> Table:
    """Read the sheet in whose first rows most headings are known, if possible a visible one; of several the first.

    Args:
        content: All of the file.

    Raises:
        FileError: When it is broken, empty, or too large.
    """
    from openpyxl import load_workbook  # noqa: PLC0415 (it takes memory that few processes need)

    try:
        _refuse_bombs(content)
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
        # Hidden ones hold lists to choose from, as a rule.
        sheets = sorted(book.worksheets, key=lambda sheet: sheet.sheet_state != "visible")
        filled = [(sheet, rows) for sheet in sheets if (rows := _rows(sheet))]
        beside = _beside(content)
    except FileError:
        raise
    except Exception as error:  # openpyxl raises whatever a broken file leads to
        raise FileError(BROKEN) from error
    if not filled:
        raise FileError("This file is empty. Choose one with a row for each contact.")
    chosen, rows = max(filled, key=lambda each: (each[0].sheet_state == "visible", _known(each[1])))
    left_out = [f"the sheet “{sheet.title}” ({len(more):,} rows)" for sheet, more in filled if sheet is not chosen]
    return Table(tuple(rows), "Excel", left_out=(*left_out, *beside))


def written(rows: Iterable[Sequence[str]]) -> bytes:
    """Return an Excel file, in which every cell is a text and none a formula.

    Args:
        rows: The cells of each.
    """
    from openpyxl import Workbook  # noqa: PLC0415 (as above)

    book = Workbook(write_only=True)
    sheet: Any = book.create_sheet("Contacts")
    for row in rows:
        sheet.append([_text_cell(sheet, text) for text in row])
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _text_cell(sheet: Any, text: str) -> Any:
    from openpyxl.cell import WriteOnlyCell  # noqa: PLC0415 (as above)

    cell = WriteOnlyCell(sheet, text)
    cell.data_type = "s"  # or "=1+1" would be a formula
    return cell


def _refuse_bombs(content: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        parts = packed.infolist()
        if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > MOST_UNPACKED:
            raise FileError("This Excel file unpacks to more than we read. Save the table as CSV and choose that file.")


def _beside(content: bytes) -> list[str]:
    """Return in words what a file holds beside the values of its cells."""
    counted: Counter[str] = Counter()
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        for name in packed.namelist():
            for what, (part, sign) in _BESIDE.items():
                if part.fullmatch(name):
                    with packed.open(name) as file:
                        counted[what] += _count(file, sign) if sign else 1
    return [f"{what} ({number:,})" for what, number in counted.items() if number]


def _count(file: IO[bytes], sign: re.Pattern[bytes]) -> int:
    """Return how often a sign is in a part, of which only a piece is held at a time."""
    found, rest = 0, b""
    while piece := file.read(PIECE):
        done, end, rest = (rest + piece).rpartition(b"</c>")
        found += len(sign.findall(done + end))
    return found + len(sign.findall(rest))


def _known(rows: Sequence[tuple[int, list[str]]]) -> int:
    return max(headings.known(cells) for _, cells in rows[: headings.WITHIN])


def _rows(sheet: Any) -> list[tuple[int, list[str]]]:
    """Return the rows of a sheet that are not empty, by number."""
    sheet.reset_dimensions()  # what a file says of them is often wrong
    found: list[tuple[int, list[str]]] = []
    spelt_out, gap = 0, None
    for number, row in enumerate(sheet.iter_rows(max_col=MOST_COLUMNS + 1), start=1):
        if number > LAST_ROW:
            raise FileError(BROKEN)
        if row is gap:  # openpyxl gives one and the same for all that a file leaves out
            continue
        gap, spelt_out = row, spelt_out + 1
        cells = _trimmed(row)
        if any(map(without_ends, cells)):
            found.append((number, cells))
        if len(cells) > MOST_COLUMNS:
            raise too_many_columns()
        if any(len(cell) > MOST_IN_CELL for cell in cells):
            raise too_long_cell(f"Row {number:,}")
        if len(found) > MOST_ROWS + 1 or spelt_out > MOST_EMPTY:
            raise too_many_rows()
    return found


def _trimmed(row: Sequence[Any]) -> list[str]:
    """Return the texts of a row's cells, without empty ones at its end."""
    end = len(row)
    while end and row[end - 1].value in {None, ""}:
        end -= 1
    return [_text(cell) for cell in row[:end]]


def _text(cell: Any) -> str:
    """Return a cell's value as a spreadsheet shows it, more or less; a number keeps all of its digits."""
    value = cell.value
    if isinstance(value, str):
        return value.replace("\0", "")
    if value is None:
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool) and float(value).is_integer():
        text = f"{value:.0f}"
        # A phone or a postal code with the zeros before it that only its form has.
        return text.zfill(len(cell.number_format)) if _ZEROS.fullmatch(cell.number_format) else text
    if isinstance(value, datetime) and value.time() == time():
        value = value.date()
    return value.isoformat() if isinstance(value, date | time) else str(value)
