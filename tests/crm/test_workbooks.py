"""Excel files: their first sheet as texts, with all digits; bombs and broken ones are refused in words."""

import io
import zipfile
from datetime import date, datetime, time
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook

from warmline.crm.imports import files, workbooks
from warmline.crm.imports.tables import MOST_ROWS, FileError


def book(*sheets: list[list[Any]]) -> bytes:
    """Return a file with these sheets."""
    made = Workbook()
    made.remove(made.worksheets[0])
    for number, rows in enumerate(sheets, start=1):
        sheet = made.create_sheet(f"Sheet {number}")
        for row in rows:
            sheet.append(row)
    file = io.BytesIO()
    made.save(file)
    return file.getvalue()


def test_reading() -> None:
    """Numbers keep their digits, days are days, and empty rows keep their numbers."""
    at = datetime(2026, 11, 12)  # noqa: DTZ001 (a spreadsheet knows no zones)
    content = book(
        [["Name", "Phone", "Score", "When", "At", "Yes"], [], ["Dana", 491711234567, 5.0, at, time(9, 30), True]]
    )
    table = files.read(content)
    assert table.rows == (
        (1, ["Name", "Phone", "Score", "When", "At", "Yes"]),
        (3, ["Dana", "491711234567", "5", date(2026, 11, 12).isoformat(), "09:30:00", "True"]),
    )
    assert (table.encoding, table.delimiter) == ("Excel", "")


def test_other_sheets_are_named() -> None:
    """The first that is not empty is read."""
    table = files.read(book([], [["Name"], ["Dana"]], [["More"], ["x"], ["y"]]))
    assert [cells for _, cells in table.rows] == [["Name"], ["Dana"]]
    assert table.left_out == ("the sheet “Sheet 3” (3 rows)",)


def bomb(size: int, *, parts: int = 1) -> bytes:
    """Return a small file that says that it unpacks to a large one."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("[Content_Types].xml", "<Types/>")
        for number in range(parts):
            packed.writestr(f"xl/{number}.xml", b"0" * size)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (bomb(workbooks.MOST_UNPACKED), "unpacks to more than we read"),
        (bomb(1, parts=workbooks.MOST_PARTS), "unpacks to more than we read"),
        (bomb(1), "cannot be read"),
        (book([["Name"], ["Dana"]])[:-60], "cannot be read"),
        (book([]), "This file is empty"),
        (book([["x"] * 301]), "more than 300 columns"),
        (b"PK\x03\x04 something else", "This is a zip file"),
    ],
)
def test_what_cannot_be_read(content: bytes, says: str) -> None:
    """It is said in words, and quickly."""
    with pytest.raises(FileError, match=says):
        files.read(content)


def test_too_many_rows() -> None:
    """Also where most of them are empty."""
    many = workbooks.written([["Name"], *[["x"]] * (MOST_ROWS + 1)])
    with pytest.raises(FileError, match="more than 20,000 rows"):
        files.read(many)


def test_no_cell_is_a_formula() -> None:
    """What looks like one is a text, and comes back as it was."""
    rows = [["Name", "Phone"], ["=1+1", "+49 40 1"], ["@SUM(1)", "-1"]]
    content = workbooks.written(rows)
    sheet: Any = load_workbook(io.BytesIO(content)).active
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} == {"s"}
    assert [cells for _, cells in files.read(content).rows] == rows
