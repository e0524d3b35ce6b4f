"""What a row of a file says of a contact, and what of it no field takes. Pure: no database.

What each column holds is matched by its heading (see headings.py), and a person can change the match. Several columns
can hold the same, and a cell several values. E-mails and phones are all taken, the first one as the primary. Of
anything else the first that is filled counts, and what else there is is named as left out, so that nothing of a file
is lost without a word.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from warmline.crm.book import OrganizationDetails
from warmline.crm.contact_details import BETWEEN_TAGS
from warmline.crm.emails_phones import Label, Labelled, as_json, settled
from warmline.crm.fields import without_ends
from warmline.crm.imports import cells as in_cells
from warmline.crm.imports import full_names, headings
from warmline.crm.imports.heading_words import Column
from warmline.crm.imports.profiles import words
from warmline.crm.keys import key
from warmline.crm.models import Contact, Organization

TOO_LONG = (
    "This row has more cells than the row of the column names. Put cells that contain the delimiter in quotation marks."
)
SWALLOWED = "A cell of this row contains whole rows. Check whether a quotation mark is missing or too many."
NAMED_BY: set[str] = {Column.NAME, Column.FIRST_NAME, Column.LAST_NAME}
NAMES = {*NAMED_BY, Column.MIDDLE_NAME, Column.SUFFIX}
NO_ORGANIZATION = "Left out: {} “{}”, because this row names no organization."
FOOTERS = 10  # rows: a longer block at the end is none

_TOTAL = re.compile(
    r"(?:grand |sub-?)?total(?:s|e|es|en)?(?:(?: \w+){0,3}\s*(?:[:=]\s*[\d.,]*|[\d.,]+))?"
    r"|(?:zwischen|gesamt)?summe\W*[\d.,]*"
    r"|(?:gesamt(?:zahl)?|insgesamt|anzahl(?: \w+)?|suma|soma|somme|totaal|count|sum|average"
    r"|durchschnitt)\s*[:=]?\s*[\d.,]*"
    r"|(?:number|anzahl|nombre|número|numero) (?:of|der|de) \w+\s*[:=]?\s*[\d.,]*"
    r"|[^\d@:=]{2,40}[:=]\s*[\d.,%]+|\W+\s*end(?: of \w+)?\s*\W+"
    r"|\(?\d[\d.,]* (?:contacts?|records?|rows?|entries|people|persons?|leads?|kontakte?|personen|datensätze|einträge"
    r"|zeilen"
    r"|contactos?|contatos?|registros?|contatti)(?: .*)?\)?"
    r"|(?:report |data |list )?(?:generated|exported|created|printed|downloaded)(?: (?:by|on|at|from)\b.*|.*\d{4}.*)"
    r"|(?:(?:data )?as of|notes?|report|filter|source|quelle|stand)\s*:.*|(?:data )?as of .*\d.*"
    r"|(?:erstellt|exportiert|gedruckt|generiert) (?:von|am|um|aus)\b.*"
    r"|(?:généré|exporté|gerado|exportado|generado) (?:le|par|em|por|el)\b.*"
    r"|confidential\b.*|vertraulich\b.*|copyright\b.*|(?:\(c\)|©).*|(?:page|seite|página) \d+.*"
    r"|all rights reserved.*|(?:end of|ende (?:der|des)) \w+\W*|[\W_]+",
    re.IGNORECASE,
)
_BETWEEN_TAGS = re.compile(r"\s*:::\s*|[,;|\r\n]+")
_EVERYBODY = frozenset({"mycontacts", "my contacts"})  # the group of all contacts at Google
_AMOUNT = re.compile(r"[\d\s.,:%/€$£()+-]+")


@dataclass(frozen=True)
class ReadRow:
    """What a row says.

    Attributes:
        arguments: Of `book.add_contact`.
        left_out: What of it no field takes, in words.
    """

    arguments: dict[str, Any]
    left_out: list[str] = field(default_factory=list)


def problem(columns: Sequence[str]) -> str:
    """Return why rows cannot be read so, and what to do; empty when they can."""
    if not NAMED_BY & set(columns):
        return "Choose which column contains the name, or the first and last name. Every contact needs a name."
    return ""


def fault(cells: Sequence[str], columns: Sequence[str], delimiter: str) -> str:
    """Return why the cells of a row may be in wrong places; empty when they are in theirs.

    Args:
        cells: Of the row.
        columns: What each column holds.
        delimiter: Of the file.
    """
    if any(cell.strip() for cell in cells[len(columns) :]):
        return TOO_LONG
    lines = (line for cell in cells if "\n" in cell for line in cell.splitlines())
    width = len(columns) if delimiter else 0
    # A note may have as many commas as a row by chance, but hardly an address beside them, or as many as a wide table.
    if width > 1 and any(line.count(delimiter) == width - 1 and ("@" in line or width > FOOTERS) for line in lines):
        return SWALLOWED
    return ""


def no_contact(cells: Sequence[str], headings: Sequence[str]) -> str:
    """Return why a row is no contact: it repeats the headings, or sums up the rows above; empty when it may be one.

    Args:
        cells: Of the row.
        headings: The cells of the row that names the columns; empty when none does.
    """
    filled = [without_ends(cell) for cell in cells if without_ends(cell)]
    if headings and _repeats(cells, headings):
        return "Not a contact: it repeats the column names."
    # Most rows name somebody and more, which is no amount: so the costly look at the first comes last.
    is_total = filled and all(map(_AMOUNT.fullmatch, filled[1:])) and _TOTAL.fullmatch(filled[0])
    return "Not a contact: it looks like a total or a note below the contacts." if is_total else ""


def footers(rows: Sequence[tuple[int, Sequence[str]]]) -> set[int]:
    """Return the numbers of the last rows that stand apart, below an empty row, and fill only their first cell.

    Args:
        rows: The last ones of a file, by number, with their cells.
    """
    block: list[int] = []
    for (number, cells), (before, above) in zip(reversed(rows), list(reversed(rows))[1:], strict=False):
        if not _is_alone(cells) or len(block) == FOOTERS:
            return set()
        block.append(number)
        if not _is_alone(above):
            return set(block) if number > before + 1 else set()
    return set()


def read(
    cells: Sequence[str],
    columns: Sequence[str],
    *,
    is_ours: bool = False,
    labels: Sequence[str] = (),
    names: Sequence[str] = (),
) -> ReadRow:
    """Read a row.

    Args:
        cells: Of the row.
        columns: What each of them holds.
        is_ours: Whether Warmline wrote the file; then a cell is one value, but for e-mails and phones.
        labels: What the e-mails or phones of each column are for; empty where that is not known.
        names: What the columns are called, which goes before what is put into the note.
    """
    said, beside = _by_column(cells if is_ours else _plain(cells, columns), columns, labels, names)
    if is_ours:
        return _as_it_is({column: values[0] for column, values in said.items()})
    left_out: list[str] = []
    emails, called = _emails(said.get(Column.EMAIL, []), beside.get(Column.EMAIL, []), left_out)
    name = full_names.of(said, called, left_out)
    phones = _phones(said.get(Column.PHONE, []), beside.get(Column.PHONE, []), left_out)
    left_out += _unused(said.get(Column.LABEL, []), (*emails, *phones))
    single = {
        column: in_cells.first(_label(column), said.get(column, []), left_out)
        for column in (Column.ORGANIZATION, *Organization.DETAILS)
    }
    organization = in_cells.unquoted(single.pop(Column.ORGANIZATION))
    if not organization:
        left_out += [NO_ORGANIZATION.format(_label(column), text) for column, text in single.items() if text]
    scores = said.get(Column.WARMNESS, [])
    in_cells.first(_label(Column.WARMNESS), scores, left_out)
    details = {str(column): text for column, text in single.items()}
    arguments = {
        "name": name,
        **_columns_of("email", emails),
        **_columns_of("phone", phones),
        "organization": OrganizationDetails(organization, **details) if organization else None,
        "warmness_score": in_cells.score(scores[0] if scores else ""),
        **_details(said, left_out),
    }
    return ReadRow(arguments, left_out)


def _unused(labels: Sequence[str], values: Sequence[Labelled]) -> list[str]:
    """Return in words the labels of cells of their own that no e-mail or phone has got."""
    used = {each.label for each in values}
    rest = (text for text in labels if headings.own_label(text) not in used)
    return [in_cells.LEFT_OUT.format("label", text.strip("* ")) for text in rest]


def _by_column(
    cells: Sequence[str], columns: Sequence[str], labels: Sequence[str], names: Sequence[str]
) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Return the texts of a row by what they are, and the labels of their columns; see `read` for the arguments."""
    said: dict[str, list[str]] = {}
    beside: dict[str, list[str]] = {}
    own = ""  # the label that a cell of its own gives to the next e-mail or phone
    for column, cell, label, name in zip_longest(columns, cells[: len(columns)], labels, names, fillvalue=""):
        if column and (text := without_ends(cell)):
            said.setdefault(column, []).append(_with_heading(column, name, text))
            beside.setdefault(column, []).append(own or label)
        own = headings.own_label(cell) if column == Column.LABEL else ""
    return said, beside


def _plain(cells: Sequence[str], columns: Sequence[str]) -> list[str]:
    """Return cells as a person would have written them."""
    some = zip_longest(columns, cells[: len(columns)], fillvalue="")
    return ["" if _is_nothing(column, cell) else in_cells.readable(cell) for column, cell in some]


def _is_nothing(column: str, cell: str) -> bool:
    is_name = column in NAMES
    # In a column of countries this is Namibia.
    return in_cells.is_nothing(cell, is_name=is_name) and (column, cell.strip()) != (Column.COUNTRY, "NA")


def _with_heading(column: str, heading: str, text: str) -> str:
    """Return a text with what it is called, where it would not tell by itself."""
    if column == Column.NOTE and heading and headings.kind(heading) != column:
        return f"{heading}: {text}"
    is_connection = column == Column.SOURCE and words(heading) == ["connected", "on"]
    return f"LinkedIn, {text}" if is_connection else text


def _details(said: Mapping[str, Sequence[str]], left_out: list[str]) -> dict[str, str]:
    """Return what a row says of the contact beside its name and how it is reached."""
    found = {
        name: " ".join(in_cells.first(_label(name), said.get(name, []), left_out).split())
        for name in Contact.DETAILS
        if name not in {Column.NOTE, Column.TAGS}
    }
    tags = [tag.strip(' *"') for text in said.get(Column.TAGS, []) for tag in _BETWEEN_TAGS.split(text)]
    left_out += [in_cells.LEFT_OUT.format("the group", tag) for tag in dict.fromkeys(tags) if key(tag) in _EVERYBODY]
    found[Column.TAGS.value] = BETWEEN_TAGS.join(tag for tag in tags if key(tag) not in _EVERYBODY)
    found[Column.NOTE.value] = "\n".join(dict.fromkeys(said.get(Column.NOTE, [])))
    return found


def _as_it_is(said: Mapping[str, str]) -> ReadRow:
    """Return a row of a file that Warmline wrote."""
    organization = said.get(Column.ORGANIZATION, "")
    details = {name: said.get(name, "") for name in Organization.DETAILS}
    arguments: dict[str, Any] = {"name": said.get(Column.NAME, "")}
    for kind in (Column.EMAIL, Column.PHONE):
        arguments |= _columns_of(kind, in_cells.of_ours(said.get(kind, "")))
    company = OrganizationDetails(organization, **details) if organization else None
    score = in_cells.score(said.get(Column.WARMNESS, ""))
    more = {name: said.get(name, "") for name in Contact.DETAILS}
    return ReadRow({**arguments, "organization": company, "warmness_score": score, **more})


def reasons(errors: Mapping[str, list[str]]) -> list[str]:
    """Return in words why a row is invalid.

    Args:
        errors: The messages by field, as a bulk import tells them.
    """
    return [message for messages in errors.values() for message in messages]


def _repeats(cells: Sequence[str], headings: Sequence[str]) -> bool:
    pairs = list(zip_longest(cells, headings, fillvalue=""))
    # Nearly every row differs in its first cell.
    return all(words(cell) == words(heading) for cell, heading in pairs) and any(words(cell) for cell in cells)


def _columns_of(kind: str, values: Sequence[Labelled]) -> dict[str, Any]:
    """Return e-mails or phones as arguments: the primary one with its label, and the others.

    Args:
        kind: "email" or "phone".
        values: The primary one first.
    """
    first, *others = values or [Labelled("")]
    return {kind: first.value, f"{kind}_label": first.label, f"more_{kind}s": as_json(others)}


def _emails(texts: Sequence[str], labels: Sequence[str], left_out: list[str]) -> tuple[list[Labelled], list[str]]:
    """Return the e-mails of some cells, and what else stands in them: people's names, as a rule."""
    found = [in_cells.emails(text) for text in texts]
    values = [
        Labelled(address, cell.labels.get(address) or label or Label.WORK)
        for cell, label in zip(found, labels, strict=True)
        for address in cell.values
    ]
    # One that is refused keeps the row back, but only if there is no other.
    valid = [each for each in values if in_cells.is_address(each.value)] or values[:1]
    left_out += [in_cells.LEFT_OUT.format("another e-mail", each.value) for each in values if each not in valid]
    return settled("email", valid), [text for cell in found for text in cell.beside]


def _phones(texts: Sequence[str], labels: Sequence[str], left_out: list[str]) -> list[Labelled]:
    found = [in_cells.phones(text) for text in texts]
    phones: list[Labelled] = []
    for cell, label in zip(found, labels, strict=True):
        for phone in cell.values:
            # With and without its country it is one number.
            if not any(in_cells.is_same_phone(phone, each.value) for each in phones):
                phones.append(Labelled(phone, cell.labels.get(phone) or label or Label.WORK))
    for each in (text for cell in found for text in cell.beside):
        why = " A spreadsheet has shortened it." if in_cells.is_shortened(each) else ""
        left_out.append(f"{in_cells.LEFT_OUT.format('phone', each)}{why}")
    return phones


def _is_alone(cells: Sequence[str]) -> bool:
    """Tell whether only the first of several cells is filled."""
    first, *others = cells or [""]
    return bool(first.strip()) and "@" not in first and not any(map(str.strip, others))


def _label(column: str) -> str:
    return str(Column(column).label).lower()
