"""CSV files: whatever people's programs wrote is read, what cannot be is refused in words, and nothing is a formula."""

import csv
import io
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmline.crm.imports import csv_files
from warmline.crm.imports.csv_files import read, written
from warmline.crm.imports.formula_guard import guarded
from warmline.crm.imports.tables import DELIMITERS, MOST_ROWS, FileError

UMLAUTS = "Name;Firma\r\nJörg Weiß;Müller & Söhne\r\n"


@pytest.mark.parametrize(
    ("content", "encoding", "delimiter"),
    [
        (UMLAUTS.encode(), "UTF-8", ";"),
        (UMLAUTS.encode("utf-8-sig"), "UTF-8", ";"),
        (UMLAUTS.encode("utf-16"), "UTF-16", ";"),
        (UMLAUTS.encode("cp1252"), "Windows-1252", ";"),
        (UMLAUTS.replace(";", ",").encode(), "UTF-8", ","),
        (UMLAUTS.replace(";", "\t").replace("\r\n", "\n").encode(), "UTF-8", "\t"),
        (UMLAUTS.replace(";", "|").replace("\r\n", "\r").encode(), "UTF-8", "|"),
        (UMLAUTS.replace(";", ",").replace("Söhne", '"').replace("Müller", '"Müller; Söhne').encode(), "UTF-8", ","),
    ],
)
def test_reading(content: bytes, encoding: str, delimiter: str) -> None:
    """Encoding and delimiter are found out; the cells are the same."""
    table = read(content)
    assert (table.encoding, table.delimiter) == (encoding, delimiter)
    assert [cells[0] for _, cells in table.rows] == ["Name", "Jörg Weiß"]
    assert [len(cells) for _, cells in table.rows] == [2, 2]


def test_below_a_title() -> None:
    """Neither the title nor what stands below the table tells how it is delimited."""
    title = "A title, with commas, and more\n\n"
    assert read(f"{title}Name;Land\nDana;DE\n\nTotal, of one\n".encode()).delimiter == ";"
    assert read(f"{title}Who;Where;Why\nDana;DE;x\nKim;FR;y\nLee;IT;z\n".encode()).delimiter == ";"
    assert read(b"Email\na@example.com; b@example.com\nc@example.com; d@example.com\n").rows[1][1] == [
        "a@example.com; b@example.com"
    ]


def test_what_excel_says_first() -> None:
    """Its line with the delimiter is no row, and counts as one of the spreadsheet's rows."""
    assert read(b"sep=;\r\nName;Land\r\nDana;DE\r\n").rows == ((2, ["Name", "Land"]), (3, ["Dana", "DE"]))


@pytest.mark.parametrize(
    ("content", "cells"),
    [
        (b'Name,Note\nDana,"says \\"hi, there\\" often"\n', ["Dana", 'says "hi, there" often']),
        (b'Name,Note\n"Dana \\"Di\\" Diaz","C:\\\\x"\n', ['Dana "Di" Diaz', "C:\\\\x"]),
        (b'Name,Note\nDana,"C:\\"\n', ["Dana", "C:\\"]),
        (b'Name,Note\nDana,"ends with ""C:\\"""\n', ["Dana", 'ends with "C:\\"']),
        (b"SEP=;\rName;Note\rDana;a,b\r", ["Dana", "a,b"]),
        (b"sep=;;;\r\nName;Note;Phone\r\nDana;a;1\r\n", ["Dana", "a", "1"]),
        (b'Name, Email, Note\nDana, d@example.com, "a, b"\n', ["Dana", "d@example.com", "a, b"]),
        (b"Name,Note\nDana\0,a\0b\n", ["Dana", "ab"]),
        (b"Name,Note\nDana,a\n" + bytes(4096), ["Dana", "a"]),
    ],
)
def test_what_some_programs_write(content: bytes, cells: list[str]) -> None:
    """Quotation marks behind a backslash, a delimiter that is said, spaces between cells, zero bytes."""
    assert csv_files.read(content).rows[-1][1] == cells


def test_empty_rows_are_left_out() -> None:
    """The others keep the numbers that a spreadsheet shows."""
    assert read(b"Name,Phone\n\n , \nDana,1\n").rows == ((1, ["Name", "Phone"]), (4, ["Dana", "1"]))


@pytest.mark.parametrize(
    ("text", "encoding", "said"),
    [
        ("Imię;Branża\nŁukasz;Żółć\n", "cp1250", "Windows-1250"),
        ("A;B\nŁukasz;Żółć\nPaweł;Sp. z o.o.\n", "cp1250", "Windows-1250"),
        ("Jméno;Příjmení;Společnost\nJiří;Dvořák;Pekařství\n", "cp1250", "Windows-1250"),
        ("Email;Имя\nivan@example.com;Иван\n", "cp1251", "Windows-1251"),
        ("Name;Firma\nJürgen Müller;Bäckerei Groß\n", "mac_roman", "Mac OS Roman"),
        ("Name;Firma\nJürgen Müller;Bäckerei Groß\n", "cp850", "MS-DOS"),
        ("Prénom;Nom\nHélène;Lefèvre\n", "cp1252", "Windows-1252"),
        ("Nombre;Notas\nAna Muñoz;¿Qué? 100 m³, 1.º y 2.ª, £5, ¥7\n", "cp1252", "Windows-1252"),
        ("Name;Note\nÅsa Øberg;“x” — 5°C · Æther…\n", "cp1252", "Windows-1252"),
        ("Name\tEmail\nJörg\tj@example.com\n", "utf-16-le", "UTF-16"),
        ("Name\tEmail\nJörg\tj@example.com\n", "utf-16-be", "UTF-16"),
    ],
)
def test_encodings(text: str, encoding: str, said: str) -> None:
    """The letters are those that were written, whatever the language of the program that wrote them."""
    assert csv_files.decoded(text.encode(encoding)) == (text, said)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "This file is empty"),
        (b"\n \n", "This file is empty"),
        (b"PK\x03\x04 rest", "This is a zip file"),
        (b"%PDF-1.7", "a PDF"),
        (b"PK\x03\x04" + b"\0" * 26 + b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet", "a LibreOffice file"),
        (b"\r\n<html><table><tr><td>Name</td></tr></table></html>", "a web page or XML"),
        (b"version: 1\n\ndn: cn=Dana\ncn: Dana\n", "an LDIF file"),
        (b'[{"name": "Dana"}]', "This is JSON"),
        (b"Name" + bytes(11) + b",Phone", "not a text file"),
        (b"Name\x81\x02", "not a text file"),
        (b'Name\n"' + b"x" * 200_000, "not valid CSV"),
        (b"," * 400 + b"x", "more than 300 columns"),
        (b"Name" + b",x" * 200_000 + b"\nDana" + b",y" * 200_000, "more than 300 columns"),
        (b'Name,Phone\nAna,"1\nKim,2\n', "A quotation mark in row 2 is never closed"),
        (b"Name\n" + b"x\n" * (MOST_ROWS + 1), "more than 20,000 rows"),
    ],
)
def test_what_cannot_be_read(content: bytes, says: str) -> None:
    """It is said in words, with what to do."""
    with pytest.raises(FileError, match=says):
        read(content)


def test_the_most_rows() -> None:
    """So many are taken, below the headings."""
    assert len(read(b"Name\n" + b"x\n" * MOST_ROWS).rows) == MOST_ROWS + 1


@pytest.mark.parametrize(
    ("cell", "safe"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("@SUM(1)", "'@SUM(1)"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("-2+3+cmd", "'-2+3+cmd"),
        ("+49 40 123-456", "+49 40 123-456"),
        ("-5", "-5"),
        ("Dana", "Dana"),
        ("'quoted'", "'quoted'"),
        ("x;=HYPERLINK(1)", "x;'=HYPERLINK(1)"),
        ("a,@b\t+c\n=d", "a,'@b\t'+c\n'=d"),
        ('x; "=1"', 'x;\' "=1"'),
        ("Tel.: 1; -2", "Tel.: 1;' -2"),
        ("a=b, c-d; e@example.com", "a=b, c-d; e@example.com"),
        ("'=1", "''=1"),
        ("\uff1d1+1", "'\uff1d1+1"),
        ("\uff20SUM(1)", "'\uff20SUM(1)"),
        ("\uff0b1+1", "'\uff0b1+1"),
        ("\uff0d1+1", "'\uff0d1+1"),
        ("\ufe66\ufe62\ufe63\ufe6b", "'\ufe66\ufe62\ufe63\ufe6b"),
        ("\u22121", "'\u22121"),
        ("\u3000=1", "'\u3000=1"),
        ("\ufeff=1", "'\ufeff=1"),
        ("x;\uff1d1", "x;'\uff1d1"),
        ("'\uff1d1", "''\uff1d1"),
    ],
)
def test_no_cell_is_a_formula(cell: str, safe: str) -> None:
    """It gets an apostrophe before it, also after what others split at; a number or phone number does not."""
    assert guarded(cell) == safe


ACTIVE = tuple(
    sign for sign in map(chr, range(0x10000)) if sign != "\0" and unicodedata.normalize("NFKC", sign) in {*"=+-@"}
)
TRICKY = st.lists(
    st.lists(st.text(st.sampled_from("=+-@'\" ,;\t\r\nx5(\uff1d\uff20\u3000\ufeff")), min_size=2, max_size=2),
    min_size=1,
)


@given(TRICKY)
def test_no_cell_is_a_formula_in_another_program(rows: list[list[str]]) -> None:
    """Whichever delimiter the file is written with, and whichever it is split at."""
    for ours in DELIMITERS:
        text = "".join(written(rows, ours)).removeprefix("\ufeff")
        for theirs in DELIMITERS:
            for row in csv.reader(io.StringIO(text, newline=""), delimiter=theirs):
                for cell in row:
                    begins = cell.lstrip(' "\u3000\ufeff').startswith(ACTIVE)
                    assert not begins or re.fullmatch("[-+5 (]+", cell)


@given(
    TRICKY | st.lists(st.lists(st.text(st.characters(exclude_categories=["C"])), min_size=2, max_size=2), min_size=1)
)
def test_what_is_written_is_read(rows: list[list[str]]) -> None:
    """Cell by cell, formulas and apostrophes included."""
    filled = [["x", *cells] for cells in rows]
    for delimiter in DELIMITERS:
        content = "".join(written([["a", "b", "c"], *filled], delimiter)).encode()
        assert [cells for _, cells in read(content).rows][1:] == filled
