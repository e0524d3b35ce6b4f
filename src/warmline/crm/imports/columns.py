"""Which column of a file is what, and what a row of it says of a contact. Pure: no database.

Columns are matched by their headings, English and German, as contact programs and spreadsheets name them; a person can
change the match.
"""

import re
from collections.abc import Sequence
from typing import Any

from django.db.models import TextChoices

from warmline.crm.book import OrganizationDetails
from warmline.crm.fields import without_ends
from warmline.crm.keys import key
from warmline.crm.models import Organization


class Column(TextChoices):
    """What a column holds."""

    IGNORED = "", "Leave out"
    NAME = "name", "Name"
    FIRST_NAME = "first_name", "First name"
    LAST_NAME = "last_name", "Last name"
    EMAIL = "email", "E-mail"
    PHONE = "phone", "Phone"
    ORGANIZATION = "organization", "Organization"
    SECTOR = "sector", "Sector"
    COUNTRY = "country", "Country"
    WARMNESS = "warmness_score", "Warmness (0 to 10)"


HEADINGS = {
    Column.NAME: "name, full name, display name, contact, contact name, person, ansprechpartner, ansprechpartnerin,"
    " kontakt, kontaktname, vollständiger name, anzeigename",
    Column.FIRST_NAME: "first name, firstname, given name, forename, vorname",
    Column.LAST_NAME: "last name, lastname, surname, family name, nachname, familienname, zuname",
    Column.EMAIL: "email, e mail, mail, email address, e mail address, primary email, work email, email 1 value,"
    " e mail 1 value, emailadresse, e mail adresse, mailadresse, e mail geschäftlich",
    Column.PHONE: "phone, telephone, tel, phone number, mobile, mobile phone, cell, work phone, business phone,"
    " phone 1 value, telefon, telefonnummer, rufnummer, handy, mobil, mobiltelefon, telefon geschäftlich",
    Column.ORGANIZATION: "organization, organisation, company, company name, account, account name, employer,"
    " organization name, firma, firmenname, unternehmen, arbeitgeber, kunde",
    Column.SECTOR: "sector, industry, branche, industrie, sektor",
    Column.COUNTRY: "country, country region, land, business country, land region",
    Column.WARMNESS: "warmness, warmness score, warmth, score, wärme, wärmegrad, punkte",
}
_BY_HEADING = {key(heading): column for column, headings in HEADINGS.items() for heading in headings.split(",")}

TOO_LONG = "This row has more cells than the first row. Put cells that contain the delimiter in quotation marks."


def matched(headings: Sequence[str]) -> list[str]:
    """Return what each column holds, as far as its heading tells; each thing once, and a whole name before its parts.

    Args:
        headings: The cells of the first row.
    """
    found: list[str] = []
    for heading in headings:
        column = _BY_HEADING.get(" ".join(re.findall(r"\w+", key(heading))), Column.IGNORED)
        found.append("" if column in found else str(column))
    parts = {Column.FIRST_NAME, Column.LAST_NAME}
    if Column.NAME in found and parts <= set(found):
        # "Name" beside "Vorname" and "Nachname" is one of them again, or both.
        return ["" if column == Column.NAME else column for column in found]
    if Column.NAME in found and Column.FIRST_NAME in found:
        # In German files "Name" beside "Vorname" is the last name.
        return [str(Column.LAST_NAME) if column == Column.NAME else column for column in found]
    return found


def are_headings(cells: Sequence[str]) -> bool:
    """Tell whether a first row names the columns and is no contact itself."""
    return any(matched(cells)) or not any("@" in cell for cell in cells)


def problem(columns: Sequence[str]) -> str:
    """Return why rows cannot be read so, and what to do; empty when they can."""
    chosen = [column for column in columns if column]
    twice = next((Column(column) for column in chosen if chosen.count(column) > 1), None)
    if twice is not None:
        return f"“{twice.label}” is chosen for two columns. Leave out one of them."
    if not {Column.NAME, Column.FIRST_NAME, Column.LAST_NAME} & set(chosen):
        return "Choose which column contains the name, or the first and last name. Every contact needs a name."
    return ""


def is_too_long(cells: Sequence[str], columns: Sequence[str]) -> bool:
    """Tell whether a row has something in cells beyond the last column, so that the others may be in wrong places."""
    return any(cell.strip() for cell in cells[len(columns) :])


def arguments(cells: Sequence[str], columns: Sequence[str]) -> dict[str, Any]:
    """Return what a row says of a contact, as the arguments of `book.add_contact`.

    Args:
        cells: Of the row.
        columns: What each of them holds.
    """
    said = {column: without_ends(cell) for column, cell in zip(columns, cells, strict=False) if column}
    name = said.get(Column.NAME) or f"{said.get(Column.FIRST_NAME, '')} {said.get(Column.LAST_NAME, '')}".strip()
    found = {field: said[field] for field in (Column.EMAIL, Column.PHONE) if field in said}
    organization = said.get(Column.ORGANIZATION)
    details = OrganizationDetails(organization or "", **{name: said.get(name, "") for name in Organization.DETAILS})
    return {
        "name": name,
        **{str(field): text for field, text in found.items()},
        "organization": details if organization else None,
        "warmness_score": _score(said.get(Column.WARMNESS, "")),
    }


def _score(text: str) -> int | str:
    """Return the number that a cell means; what is none is left for the validation to refuse."""
    if not text:
        return 0
    return int(text.partition(".")[0].partition(",")[0]) if re.fullmatch(r"[0-9]{1,4}([.,]0+)?", text) else text


def reasons(errors: dict[str, list[str]]) -> list[str]:
    """Return in words why a row is invalid.

    Args:
        errors: The messages by field, as a bulk import tells them.
    """
    return [message for messages in errors.values() for message in messages]
