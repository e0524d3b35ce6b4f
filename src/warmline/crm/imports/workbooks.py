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
_MERGED = re.compile(rb'<mergeCell ref="([A-Z]+)(\d+):[A-Z]+(\d+)"')
MOST_MERGED = 5_000_000  # cells that are merged with those above; more than a sheet of 20,000 rows can have
_LONGEST = 15  # digits of a number that a spreadsheet keeps
# A form of numbers that adds signs and zeros before them, as phones have it, and nothing else.
_OF_PHONES = re.compile(r'(?:[0#]|"[\d +()/-]*"|\\[ +()/-]|[ +()/-])+')
_IN_FORM = re.compile(r'"([^"]*)"|\\?(.)')
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
        filled = [(sheet, _spread(rows, _merged(content, sheet))) for sheet in sheets if (rows := _rows(sheet))]
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


def _merged(content: bytes, sheet: Any) -> set[tuple[int, int, int]]:
    """Return the column of each block of merged cells of a sheet, from 0, and its first and last row."""
    from openpyxl.utils import column_index_from_string  # noqa: PLC0415 (as above)

    found: set[tuple[bytes, ...]] = set()
    rest = b""
    with zipfile.ZipFile(io.BytesIO(content)) as packed, packed.open(sheet._worksheet_path) as file:  # noqa: SLF001 (no other way)
        while piece := file.read(PIECE):
            found |= set(_MERGED.findall(rest + piece))
            rest = piece[-len('<mergeCell ref="AAA1000000:AAA1000000"') :]
    return {(column_index_from_string(column.decode()) - 1, int(first), int(last)) for column, first, last in found}


def _spread(rows: list[tuple[int, list[str]]], merged: set[tuple[int, int, int]]) -> list[tuple[int, list[str]]]:
    """Return rows in which each one of a block of merged cells has what the first one has, as people see it."""
    by_number = dict(rows)
    below = {block: range(block[1] + 1, min(block[2], LAST_ROW) + 1) for block in merged}
    if sum(map(len, below.values())) > MOST_MERGED:
        raise FileError(BROKEN)
    for (column, first, _), numbers in below.items():
        above = by_number.get(first, [])
        for number in numbers if column < len(above) else ():
            if cells := by_number.get(number):
                cells += [""] * (column + 1 - len(cells))
                cells[column] = above[column]
    return rows


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
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int | float) and abs(value) >= 10**_LONGEST:
        return f"{value:.{_LONGEST}G}"  # the digits behind that are lost
    if isinstance(value, int | float) and float(value).is_integer():
        return _in_form(f"{value:.0f}", cell.number_format)
    if isinstance(value, datetime) and value.time() == time():
        value = value.date()
    return value.isoformat() if isinstance(value, date | time) else str(value)


def _in_form(digits: str, form: str) -> str:
    """Return a whole number as its form shows it, such as a phone with `+49` or with a zero before it.

    Args:
        digits: The number, without zeros before it.
        form: The cell's; one that adds more than that is not heeded.
    """
    if not (digits.isdecimal() and _OF_PHONES.fullmatch(form)):
        return digits
    signs = [(literal, sign) for literal, sign in _IN_FORM.findall(form)]
    places = [index for index, (_, sign) in enumerate(signs) if sign in {"0", "#"}]
    if not places:
        return digits
    left = digits.zfill(sum(sign == "0" for _, sign in signs)).rjust(len(places))
    first, *others = left[: len(left) - len(places) + 1], *left[len(left) - len(places) + 1 :]
    shown = dict(zip(places, [first, *others], strict=True))
    written = (shown.get(index, literal or sign) for index, (literal, sign) in enumerate(signs))
    return " ".join("".join(written).split())
