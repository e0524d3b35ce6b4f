"""Excel files (.xlsx): the first sheet that is not empty, as texts; and contacts written as one. Pure: no database.

A small file can unpack to a huge one, so what it says of its size is looked at before anything is unpacked; zipfile
unpacks no more than that.
"""

import io
import zipfile
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from typing import Any

from warmline.crm.fields import without_ends
from warmline.crm.imports.tables import MOST_COLUMNS, MOST_ROWS, FileError, Table, too_many_columns, too_many_rows

MOST_UNPACKED = 60_000_000  # bytes: a file of 5 MB with 20,000 rows has half of that
MOST_PARTS = 500
MOST_EMPTY = 100_000  # rows: empty ones between others cost time as well
CONTENTS = "[Content_Types].xml"
BROKEN = "This Excel file cannot be read. Save the table as CSV in your spreadsheet program and choose that file."


def is_one(content: bytes) -> bool:
    """Tell whether a file is an Excel file."""
    return content.startswith(b"PK") and CONTENTS.encode() in content and b"xl/" in content


def read(content: bytes) -> Table:
    """Read the first sheet that is not empty.

    Args:
        content: All of the file.

    Raises:
        FileError: When it is broken, empty, or too large.
    """
    from openpyxl import load_workbook  # noqa: PLC0415 (it takes memory that few processes need)

    try:
        _refuse_bombs(content)
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
        filled = [(sheet.title, rows) for sheet in book.worksheets if (rows := _rows(sheet))]
    except FileError:
        raise
    except Exception as error:  # openpyxl raises whatever a broken file leads to
        raise FileError(BROKEN) from error
    if not filled:
        raise FileError("This file is empty. Choose one with a row for each contact.")
    (_, rows), *others = filled
    left_out = tuple(f"the sheet “{title}” ({len(more):,} rows)" for title, more in others)
    return Table(tuple(rows), "Excel", left_out=left_out)


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


def _rows(sheet: Any) -> list[tuple[int, list[str]]]:
    """Return the rows of a sheet that are not empty, by number."""
    sheet.reset_dimensions()  # what a file says of them is often wrong
    found: list[tuple[int, list[str]]] = []
    for number, values in enumerate(sheet.iter_rows(max_col=MOST_COLUMNS + 1, values_only=True), start=1):
        cells = _trimmed([_text(value) for value in values])
        if any(map(without_ends, cells)):
            found.append((number, cells))
        if len(cells) > MOST_COLUMNS:
            raise too_many_columns()
        if len(found) > MOST_ROWS + 1 or number > MOST_EMPTY:
            raise too_many_rows()
    return found


def _trimmed(cells: list[str]) -> list[str]:
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _text(value: Any) -> str:
    """Return a cell's value as a spreadsheet shows it, more or less; a number keeps all of its digits."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return f"{value:.0f}"
    if isinstance(value, datetime) and value.time() == time():
        value = value.date()
    return value.isoformat() if isinstance(value, date | time) else str(value).replace("\0", "")
