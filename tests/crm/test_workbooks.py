"""Excel files: their first sheet as texts, with all digits; bombs and broken ones are refused in words."""

import io
import re
import zipfile
from datetime import date, datetime, time
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.comments import Comment

from warmline.crm.imports import files, workbooks
from warmline.crm.imports.tables import MOST_IN_CELL, MOST_ROWS, FileError


def book(*sheets: list[list[Any]]) -> bytes:
    """Return a file with these sheets."""
    made = Workbook()
    made.remove(made.worksheets[0])
    for number, rows in enumerate(sheets, start=1):
        sheet = made.create_sheet(f"Sheet {number}")
        for row in rows:
            sheet.append(row)
    return saved(made)


def saved(made: Workbook) -> bytes:
    """Return a workbook as a file."""
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
        (3, ["Dana", "491711234567", "5", date(2026, 11, 12).isoformat(), "09:30:00", "TRUE"]),
    )
    assert (table.encoding, table.delimiter) == ("Excel", "")


def test_other_sheets_are_named() -> None:
    """The first that is not empty is read."""
    table = files.read(book([], [["Name"], ["Dana"]], [["More"], ["x"], ["y"]]))
    assert [cells for _, cells in table.rows] == [["Name"], ["Dana"]]
    assert table.left_out == ("the sheet “Sheet 3” (3 rows)",)


@pytest.mark.parametrize("hidden", [1, 2])
def test_the_sheet_of_the_contacts(hidden: int) -> None:
    """It is the visible one in which most headings are known."""
    made = load_workbook(io.BytesIO(book([["Read me"]], [["Name", "Email"], ["Kim", ""]], [["Name"], ["Dana"]])))
    made.worksheets[hidden].sheet_state = "hidden"
    table = files.read(saved(made))
    assert table.rows[1][1] == (["Dana"] if hidden == 1 else ["Kim"])
    assert len(table.left_out) == len(made.worksheets) - 1


def test_what_stands_beside_the_cells() -> None:
    """It is counted and said."""
    made = Workbook()
    sheet: Any = made.active
    for row in (["Name", "Email"], ["Dana", "write"], ['="K"&"im"', "#REF!"]):
        sheet.append(row)
    sheet["B2"].hyperlink = "mailto:dana@example.com"
    sheet["A2"].comment = Comment("Call on Monday", "Alice")
    table = files.read(saved(made))
    assert set(table.left_out) == {
        "links behind cells (1)",
        "comments on cells (1)",
        "formulas without a stored value (1)",
    }


def test_zeros_that_only_the_form_has() -> None:
    """They belong to the number."""
    made = Workbook()
    sheet: Any = made.active
    for row, form in (([401234567], "0000000000"), ([1067], "00000"), ([5], "0"), ([1234], "#,##0")):
        sheet.append(row)
        sheet.cell(sheet.max_row, 1).number_format = form
    assert [cells for _, cells in files.read(saved(made)).rows] == [["0401234567"], ["01067"], ["5"], ["1234"]]


@pytest.mark.parametrize(
    ("value", "form", "shown"),
    [
        (401234567, '0000" "0000000', "0040 1234567"),
        (401234567, '"+49 "0', "+49 401234567"),
        (2125551234, "000\\-000\\-0000", "212-555-1234"),
        (491711234567, "0.00E+00", "491711234567"),
        (7, '0" points"', "7"),
        (1234567, "#,##0", "1234567"),
        (4.91711234567e20, "General", "4.91711234567E+20"),
        (True, "General", "TRUE"),
        ("#N/A", "General", "#N/A"),
    ],
)
def test_numbers_as_their_form_shows_them(value: Any, form: str, shown: str) -> None:
    """With the signs of a phone, and without digits that the file does not have."""
    made = Workbook()
    cell = made.worksheets[0]["C4"]
    cell.value, cell.number_format = value, form
    assert files.read(saved(made)).rows == ((4, ["", "", shown]),)


def test_merged_cells() -> None:
    """Each row of a block has what people see beside it."""
    made = load_workbook(
        io.BytesIO(book([["Company", "Name"], ["Larkspur", "Dana"], ["", "Kim"], [], ["", "Lee"], ["", "Max"]]))
    )
    made.worksheets[0].merge_cells("A2:A5")
    assert files.read(saved(made)).rows == (
        (1, ["Company", "Name"]),
        (2, ["Larkspur", "Dana"]),
        (3, ["Larkspur", "Kim"]),
        (5, ["Larkspur", "Lee"]),
        (6, ["", "Max"]),
    )


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


def sheet_of(rows: str) -> bytes:
    """Return a file whose only sheet has these rows, as they are written in its XML."""
    content = book([["Name"]])
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.namelist():
            text = old.read(part)
            if part.startswith("xl/worksheets/"):
                text = re.sub(rb"<sheetData>.*</sheetData>", f"<sheetData>{rows}</sheetData>".encode(), text)
            new.writestr(part, text)
    return file.getvalue()


def cell(place: str, text: str) -> str:
    """Return a row with one cell."""
    return f'<row r="{place[1:]}"><c r="{place}" t="inlineStr"><is><t>{text}</t></is></c></row>'


def test_a_cell_far_below() -> None:
    """Something in the last row that Excel has is read as the row that it is, whatever lies between."""
    table = files.read(sheet_of(cell("A1", "Name") + cell("A2", "Dana") + cell("A1048576", "Kim")))
    assert table.rows == ((1, ["Name"]), (2, ["Dana"]), (1_048_576, ["Kim"]))


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (cell("A1", "Name") + cell("A999999999999", "Kim"), "cannot be read"),
        (cell("A1", "Name") + cell("A2", "x" * (MOST_IN_CELL + 1)), "Row 2 has a text of more than"),
        ("".join(f'<row r="{number}"/>' for number in range(1, workbooks.MOST_EMPTY + 2)), "more than 20,000 rows"),
    ],
    ids=["a row that no sheet has", "a long cell", "empty rows"],
)
def test_a_small_file_that_would_cost_much(rows: str, says: str) -> None:
    """It is refused, in words."""
    with pytest.raises(FileError, match=says):
        files.read(sheet_of(rows))
