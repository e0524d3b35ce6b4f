"""What the heading of a column means. Pure: no database.

A heading is taken apart into its words, so that separators, case, accents and order do not matter. It is known when
all of its words are, and one of them names the thing itself: "E-mail 2 Address", "email_address" and "Work E-mail" are
e-mails, and "E-mail Type" is none. The words are those of the exports that people have (see heading_words.py).
"""

import re
from collections.abc import Sequence

from warmline.crm.imports import profiles
from warmline.crm.imports.heading_words import EITHER, FILLERS, LABELS, VOCABULARIES, WHOLE, WHOSE, Column
from warmline.crm.imports.profiles import words
from warmline.crm.imports.tables import MOST_COLUMNS

WITHIN = 20  # rows: further down no column is named
# Headings that tell only beside the others of a program.
_IN_PROFILES = {
    "LinkedIn": {"url": Column.LINKEDIN, "connected on": Column.SOURCE},
}
_OF_NEXT = re.compile(  # at Google
    r"(?:e-?mail|phone|tel[eé]?[fl]\w+)[\s_]*\d+[\s_]*[-\u2013][\s_]*(?:label|type|typ|tipo|étiquette|etiqueta)",
    re.IGNORECASE,
)
_COMPANYS = "lead name"  # beside that of the contact
_TITLES = frozenset({"title", "titre", "unvan"})  # of a job, unless that has a column of its own
_ADDRESS = re.compile(r"\S@\S")


def kind(heading: str) -> Column:
    """Return what a column with a heading holds; IGNORED when the heading does not tell.

    Args:
        heading: As it stands in the file.
    """
    if _OF_NEXT.fullmatch(heading.strip()):
        return Column.LABEL
    found = [word for word in words(heading) if word not in FILLERS] or words(heading)
    if whole := _BY_WHOLE.get("".join(found)):
        return whole
    for column, vocabulary in VOCABULARIES.items():
        if vocabulary.has(found):
            return column
    rest = [word for word in found if word not in WHOSE]
    return _BY_WHOLE.get("".join(rest), Column.IGNORED) if len(rest) < len(found) else Column.IGNORED


def label(heading: str) -> str:
    """Return what the e-mails or phones below a heading are for; empty when it does not tell.

    Args:
        heading: As it stands in the file, or before a value in a cell.
    """
    said = set(words(heading))
    return next((kind.value for kind, known in LABELS.items() if said & known), "")


def own_label(cell: str) -> str:
    """Return what the next e-mail or phone is for; empty unless the cell says just that.

    Args:
        cell: Of a column of its own for that.
    """
    said = set(words(cell))
    found = (kind.value for kind, known in LABELS.items() if said and said <= known)
    return "" if any(map(str.isdigit, cell)) else next(found, "")


def kinds(headings: Sequence[str]) -> list[Column]:
    """Return what each column holds, as far as the headings tell; several columns can hold the same.

    Args:
        headings: The cells of the row that names the columns.
    """
    own = _IN_PROFILES.get(profiles.of(headings), {})
    found = [own.get(" ".join(words(heading))) or kind(heading) for heading in headings]
    titles = [place for place, heading in enumerate(headings) if " ".join(words(heading)) in _TITLES]
    if titles and Column.JOB_TITLE not in found:
        found[titles[-1]] = Column.JOB_TITLE  # Outlook in French has the one of a letter's address before it
    names = [" ".join(words(heading)) for heading in headings]
    if _COMPANYS in names and "contact name" in names:
        found[names.index(_COMPANYS)] = Column.ORGANIZATION
    first, last = Column.FIRST_NAME in found, Column.LAST_NAME in found
    if first == last:  # a name beside both is all of it, or one of them again: each row tells
        return found
    missing = Column.LAST_NAME if first else Column.FIRST_NAME
    # In German files "Name" beside "Vorname" is the last name, in Spanish ones "Nombre" beside "Apellidos" the first.
    return [
        missing if column == Column.NAME and _is_either(heading) else column
        for column, heading in zip(found, headings, strict=True)
    ]


def find(rows: Sequence[Sequence[str]]) -> int | None:
    """Return which of the first rows names the columns: the one in which most headings are known.

    Args:
        rows: The cells of the first rows that have any.

    Returns:
        Its index; None when there is no such row, because the first one is a contact already.
    """
    some = [[cell for cell in row if cell.strip()] for row in rows[:WITHIN]]
    scores = [0 if _has_address(cells) else len(set(map(kind, cells)) - {Column.IGNORED}) for cells in some]
    best = max(range(len(some)), key=lambda index: (scores[index], -index), default=0)
    above = some[:best]
    is_title = all(len(cells) == 1 for cells in above)
    if scores and scores[best] and (is_title or (scores[best] > 1 and not any(map(_has_address, above)))):
        return best
    # Nothing is known of it. A title is one cell wide, and a contact has an address.
    wide = next((index for index, cells in enumerate(some) if len(cells) > 1), 0)
    return None if not some or any(map(_has_address, some[: wide + 1])) else wide


def known(headings: Sequence[str]) -> int:
    """Return how many different things the headings are known to name, of as many as a file may have."""
    return len(set(map(kind, headings[:MOST_COLUMNS])) - {Column.IGNORED})


def _has_address(cells: Sequence[str]) -> bool:
    return any(_ADDRESS.search(cell) for cell in cells)


def _is_either(heading: str) -> bool:
    return EITHER.issuperset(words(heading))


def _joined(heading: str) -> str:
    return "".join(word for word in words(heading) if word not in FILLERS)


_BY_WHOLE = {_joined(heading): column for column, said in WHOLE.items() for heading in said.split(",")} | dict.fromkeys(
    EITHER, Column.NAME
)
