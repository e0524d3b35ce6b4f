"""Columns: matched by their headings, refused where no contact can be read, and read."""

import pytest

from warmline.crm.book import OrganizationDetails
from warmline.crm.imports import columns


@pytest.mark.parametrize(
    ("headings", "found"),
    [
        (["Name", "E-mail", "Phone"], ["name", "email", "phone"]),
        (["First Name", "Last Name", "Email Address"], ["first_name", "last_name", "email"]),
        (["Vorname", "Nachname", "E-Mail-Adresse", "Firma"], ["first_name", "last_name", "email", "organization"]),
        (["Vorname", "Name", "Firma", "Branche"], ["first_name", "last_name", "organization", "sector"]),
        (["Name", "Vorname", "Nachname"], ["", "first_name", "last_name"]),
        (["Telefon", "Mobil"], ["phone", ""]),
        (["COMPANY", "country/region", "Industry"], ["organization", "country", "sector"]),
        (["Warmness score", "Wärme"], ["warmness_score", ""]),
        (["Notes", "", "Reason"], ["", "", ""]),
    ],
)
def test_matching(headings: list[str], found: list[str]) -> None:
    """English and German, each thing once."""
    assert columns.matched(headings) == found


@pytest.mark.parametrize(
    ("cells", "expected"),
    [(["Name", "Notes"], "headings"), (["Dana", "dana@example.com"], "a contact"), (["Alpha", "Beta"], "headings")],
)
def test_headings(cells: list[str], expected: str) -> None:
    """A first row with an e-mail and no known heading is a contact."""
    assert ("headings" if columns.are_headings(cells) else "a contact") == expected


@pytest.mark.parametrize(
    ("chosen", "says"),
    [
        (["name", "email"], ""),
        (["last_name"], ""),
        (["email", "phone"], "Choose which column contains the name"),
        (["name", "", "email", "email"], "“E-mail” is chosen for two columns"),
    ],
)
def test_a_choice(chosen: list[str], says: str) -> None:
    """Every contact needs a name, and each thing one column."""
    assert columns.problem(chosen).startswith(says)
    assert bool(columns.problem(chosen)) is bool(says)


@pytest.mark.parametrize(
    ("cells", "chosen", "expected"),
    [
        (["Dana", "Diaz"], ["first_name", "last_name"], {"name": "Dana Diaz"}),
        (["", "Diaz"], ["first_name", "last_name"], {"name": "Diaz"}),
        ([" Dana ", "7"], ["name", "warmness_score"], {"name": "Dana", "warmness_score": 7}),
        (["Dana", "7,0"], ["name", "warmness_score"], {"name": "Dana", "warmness_score": 7}),
        (["Dana", "hot"], ["name", "warmness_score"], {"name": "Dana", "warmness_score": "hot"}),
        (["Dana", "a@example.com", "1"], ["name", "email", "phone"], {"email": "a@example.com", "phone": "1"}),
        (["Dana", "", "DE"], ["name", "organization", "country"], {"organization": None}),
        (
            ["Dana", "Larkspur", "DE"],
            ["name", "organization", "country"],
            {"organization": OrganizationDetails("Larkspur", country="DE")},
        ),
        (["Dana"], ["name", "email"], {"name": "Dana"}),
    ],
)
def test_reading_a_row(cells: list[str], chosen: list[str], expected: dict[str, object]) -> None:
    """Its cells become the arguments of a new contact."""
    found = columns.arguments(cells, chosen)
    assert {name: found[name] for name in expected} == expected
