"""The name that a row of a file gives: in parts, as a whole, or with the last name first. Pure: no database."""

import re
from collections.abc import Mapping, Sequence

from warmline.crm.imports import cells as in_cells
from warmline.crm.imports.heading_words import Column
from warmline.crm.keys import key
from warmline.crm.name_agreement import FORM

_QUOTED = re.compile(r"['\"\u2018\u201c]([^'\"]+)['\"\u2019\u201d]")  # a whole name, as Outlook displays some
_LAST_FIRST = re.compile(r"([^,()\d&/]+),\s*([^,()\d&/]+?)(?:,\s*([^,()\d&/]+))?")
_ADDITION = re.compile(  # what stands behind a comma and is no first name
    r"(?:jr|sr|i{1,3}|iv|dr|prof|ph\.?\s?d|m\.?d|mba|msc|bsc|m\.?a|b\.?a|ll\.?m|cpa|esq|cfa|dipl\.?-?\s?\w+|mag|ing)\.?",
    re.IGNORECASE,
)
_SEVERAL = re.compile(r"\s(?:and|und|et|y|e)\s", re.IGNORECASE)


def of(said: Mapping[str, Sequence[str]], called: Sequence[str], left_out: list[str]) -> str:
    """Return the name that a row gives: the parts of it, or all of it in one cell.

    Args:
        said: The texts by what they are.
        called: Who is named beside the e-mail.
        left_out: Takes what becomes no part of the name.
    """
    first, middle, suffix = (
        in_cells.first(column.label.lower(), said.get(column, []), left_out)
        for column in (Column.FIRST_NAME, Column.MIDDLE_NAME, Column.SUFFIX)
    )
    # Of several columns all, as in Spanish, and of several values in one cell the first.
    cells = said.get(Column.LAST_NAME, [])
    last = " ".join(dict.fromkeys(in_cells.first("last name", [cell], left_out) for cell in cells))
    parts = [part for part in (first, middle, last, suffix) if part]
    # "Name" beside "Vorname" may be all of the name all the same: "Ana Reis" beside "Ana".
    whole = next((part for part in (last, first) if " " in part and _tells_more(part, _without(parts, part))), "")
    name = whole or " ".join(parts)
    for text in [_in_order(each) for cell in said.get(Column.NAME, []) for each in in_cells.SEVERAL.split(cell)]:
        if not name or _tells_more(text, parts):
            name, parts = text, [text]  # another one has to tell more than this
        elif not _is_within(text, name):
            left_out.append(in_cells.LEFT_OUT.format("name", text))
    for text in called:
        if not name and not any(map(str.isdigit, text)):
            name = text
        elif not _is_within(text, name):
            left_out.append(in_cells.LEFT_OUT.format("beside the e-mail", text))
    found = _QUOTED.fullmatch(name)
    return found[1] if found else name


def _tells_more(whole: str, parts: Sequence[str]) -> bool:
    """Tell whether a text contains all words of some parts of a name, and others beside them."""
    within = [word for part in parts for word in _said(part)]
    return bool(within) and len(_said(whole)) > len(within) and set(within) <= set(_said(whole))


def _without(parts: Sequence[str], part: str) -> list[str]:
    return [each for each in parts if each != part]


def _is_within(text: str, name: str) -> bool:
    return set(_said(text)) <= set(_said(name))


def _said(text: str) -> list[str]:
    return re.findall(r"\w+", key(text))


def _in_order(name: str) -> str:
    """Return a whole name with the first name first: `Diaz, Dana` is Dana Diaz; what a comma else means stays."""
    found = _LAST_FIRST.fullmatch(name)
    if not found or FORM.search(key(name)) or _SEVERAL.search(name):
        return name
    last, first, addition = (part.strip() if part else "" for part in found.groups())
    if not first or _ADDITION.fullmatch(first) or (addition and not _ADDITION.fullmatch(addition)):
        return name
    return " ".join(filter(None, (first, last, addition)))
