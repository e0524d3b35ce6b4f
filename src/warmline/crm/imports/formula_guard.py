"""Keeps cells of a CSV file from being taken for formulas: an apostrophe is written before, and reading takes it off.

Also within a cell, because a spreadsheet may split the file at another delimiter than ours. Pure.
"""

import re

from warmline.crm.imports.tables import DELIMITERS

# What begins a formula: also in other forms of the same signs, such as the full-width ones that Asian keyboards type.
_SIGNS = (
    r"=\u207c\u208c\ufe66\uff1d" r"+\u207a\u208a\ufb29\ufe62\uff0b" r"\-\u207b\u208b\u2212\ufe63\uff0d" r"@\ufe6b\uff20"
)
_PASSED_OVER = " '\"\u00a0\u200b\u3000\ufeff"
# Where a cell may begin, in whatever program, and what is a formula there, after what some of them pass over. An
# apostrophe counts as such, so that one that was there before comes back, too.
_FORMULA = rf"(?:\A|(?<=[{DELIMITERS}\r\n])){{}}(?=[{_PASSED_OVER}]*[{_SIGNS}])"
_OPEN, _GUARDED = re.compile(_FORMULA.format("")), re.compile(_FORMULA.format("'"))
_AS_TEXT = re.compile(r'="([^"=]*)"')  # how programs keep a spreadsheet from reading a number
_NUMBER = re.compile(r"[+-]?[\d ()./-]*")  # or a phone number


def guarded(cell: str, *, begins_line: bool = False) -> str:
    """Return a cell of which no spreadsheet takes anything for a formula.

    Args:
        cell: Any; a number or a phone number stays as it is.
        begins_line: Whether it is its row's first; then a number is guarded, too.
    """
    return cell if _NUMBER.fullmatch(cell) and not begins_line else _OPEN.sub("'", cell)


def unguarded(cell: str) -> str:
    """Return a cell as it was before it was guarded, here or by another program.

    Args:
        cell: As a file has it.
    """
    return as_text[1] if (as_text := _AS_TEXT.fullmatch(cell)) else _GUARDED.sub("", cell)
