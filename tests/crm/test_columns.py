"""Columns: matched by their headings, refused where no contact can be read, and read."""

import pytest

from warmline.crm.book import OrganizationDetails
from warmline.crm.imports import columns


@pytest.mark.parametrize(
    ("chosen", "says"),
    [
        (["name", "email"], ""),
        (["last_name"], ""),
        (["email", "phone"], "Choose which column contains the name"),
        (["name", "", "email", "email"], ""),
        (["middle_name", "suffix"], "Choose which column contains the name"),
    ],
)
def test_a_choice(chosen: list[str], says: str) -> None:
    """Every contact needs a name; several columns can hold the same."""
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
    found = columns.read(cells, chosen).arguments
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("cells", "chosen", "name", "left_out"),
    [
        ("Ana Reis|Ana", "name|first_name", "Ana Reis", []),
        ("Ana|Ana Reis", "first_name|last_name", "Ana Reis", []),
        ("Ana Reis|Reis", "first_name|last_name", "Ana Reis", []),
        ("Ana Reis|Ana|Reis", "name|first_name|last_name", "Ana Reis", []),
        ("Reis, Ana|Ana|Reis", "name|first_name|last_name", "Ana Reis", []),
        ("Dr. Ana Reis|Ana|Reis", "name|first_name|last_name", "Dr. Ana Reis", []),
        ("Larkspur|Ana|Reis", "name|first_name|last_name", "Ana Reis", ["Left out: name “Larkspur”."]),
        ("Ana Reis||", "name|first_name|last_name", "Ana Reis", []),
        ("|Ana|Reis", "name|first_name|last_name", "Ana Reis", []),
        ("Ana|Maria|Reis|Jr.", "first_name|middle_name|last_name|suffix", "Ana Maria Reis Jr.", []),
        ("Ana|Reis|Costa", "first_name|last_name|last_name", "Ana Reis Costa", []),
        ("Ana Reis|A. Reis", "name|name", "Ana Reis", ["Left out: name “A. Reis”."]),
        ("Ana|Ana Reis|Ana Moss", "first_name|name|name", "Ana Reis", ["Left out: name “Ana Moss”."]),
        ("|Ann Reis <a@example.com>", "name|email", "Ann Reis", []),
        ("Ana Reis|Ann <a@example.com>", "name|email", "Ana Reis", ["Left out: beside the e-mail “Ann”."]),
        ("Thomas|Thomas", "first_name|last_name", "Thomas Thomas", []),
        ("'Ana Reis'", "name", "Ana Reis", []),
        ("'t Hooft", "name", "'t Hooft", []),
        ("|", "first_name|last_name", "", []),
    ],
)
def test_names(cells: str, chosen: str, name: str, left_out: list[str]) -> None:
    """The parts of a name, or all of it in one cell; never twice, and nothing of it lost."""
    found = columns.read(cells.split("|"), chosen.split("|"))
    assert (found.arguments["name"], found.left_out) == (name, left_out)


@pytest.mark.parametrize(
    ("cells", "chosen", "expected", "left_out"),
    [
        ("|b@x.com|c@x.com", "email|email|email", {"email": "b@x.com", "more_emails": [["c@x.com", "work"]]}, []),
        ("a@x.com|nowhere", "email|email", {"email": "a@x.com", "more_emails": []}, ["another e-mail “nowhere”"]),
        (
            "a@x.com; home: b@x.com, c@x.com",
            "email",
            {"email": "a@x.com", "more_emails": [["b@x.com", "home"], ["c@x.com", "work"]]},
            [],
        ),
        (
            "+49 171 1234567|Home: 040 123456; +49 40 123456",
            "phone|phone",
            {"phone": "+49 171 1234567", "more_phones": [["040 123456", "home"]]},
            [],
        ),
        ("a@x.com|A@X.com", "email|email", {"email": "a@x.com"}, []),
        ("|+49 40 123456|040 123456", "phone|phone|phone", {"phone": "+49 40 123456"}, []),
        ("+1 555 0100 ::: +1 555 0101", "phone", {"more_phones": [["+1 555 0101", "work"]]}, []),
        ("A Inc ::: B Inc", "organization", {"organization": OrganizationDetails("A Inc")}, ["organization “B Inc”"]),
        ("|B Inc|b inc", "organization|organization|organization", {"organization": OrganizationDetails("B Inc")}, []),
        (
            "|DE",
            "organization|country",
            {"organization": None},
            ["country “DE”, because this row names no organization"],
        ),
        ("5|7", "warmness_score|warmness_score", {"warmness_score": 5}, ["warmness (0 to 10) “7”"]),
        ("4.9E+11", "phone", {"phone": ""}, ["phone “4.9E+11”. A spreadsheet has shortened it"]),
    ],
)
def test_several_values(cells: str, chosen: str, expected: dict[str, object], left_out: list[str]) -> None:
    """The first that is filled counts; other e-mails and phones stand behind it, and what else there is is named."""
    found = columns.read(cells.split("|"), chosen.split("|"))
    assert {name: found.arguments[name] for name in expected} == expected
    assert found.left_out == [f"Left out: {said}." for said in left_out]


def test_headings_and_cells_say_what_they_are_for() -> None:
    """What stands in the cell counts more than the heading."""
    found = columns.read(
        ["+1 555 0100", "home: +1 555 0101 ::: +1 555 0102"], ["phone", "phone"], labels=["mobile", "other"]
    )
    assert (found.arguments["phone_label"], found.arguments["more_phones"]) == (
        "mobile",
        [["+1 555 0101", "home"], ["+1 555 0102", "other"]],
    )


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ("Name|E-mail", True),
        ("NAME|e mail", True),
        ("Total|2", True),
        ("Total: 2|", True),
        ("Grand total|12|3.50", True),
        ("|Summe|2", True),
        ("2 contacts|", True),
        ("Generated by Ana on 12 Nov|", True),
        ("Copyright (c) 2026 Larkspur|", True),
        ("Confidential - Do Not Distribute|", True),
        ("-----|", True),
        ("Average warmness: 4.5|", True),
        ("(3 rows)|", True),
        ("Report generated 12 Nov 2026|", True),
        ("*** END OF LIST ***|", True),
        ("Source: a fair|", True),
        ("Total|total@example.com", False),
        ("Total Recall|", False),
        ("Count Basie|", False),
        ("Summer Vale|", False),
        ("Ana|", False),
        ("Total|Ana", False),
    ],
)
def test_what_is_no_contact(cells: str, expected: bool) -> None:  # noqa: FBT001 (a table)
    """Totals, notes and repeated headings; never a row with somebody in it."""
    assert bool(columns.no_contact(cells.split("|"), ["Name", "E-mail"])) is expected


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([(1, ["Name", "Phone"]), (2, ["Ana", "1"]), (4, ["Larkspur", ""]), (5, ["Report"])], {4, 5}),
        ([(1, ["Name", "Phone"]), (2, ["Ana", "1"]), (3, ["Kim", ""])], set()),
        ([(1, ["Name", "Phone"]), (2, ["Ana", "1"]), (4, ["Kim", "2"])], set()),
        ([(1, ["Name"]), (2, ["Ana"]), (4, ["Kim"])], set()),
        ([(1, ["Name", "E-mail"]), (2, ["Ana", ""]), (4, ["kim@example.com", ""])], set()),
    ],
)
def test_footers(rows: list[tuple[int, list[str]]], expected: set[int]) -> None:
    """What stands apart at the end of a table is none of its rows."""
    assert columns.footers(rows) == expected


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        (["Ana", "a@example.com", "1"], ""),
        (["Ana", "a@example.com", "1", ""], ""),
        (["Ana", "a@example.com", "1", "x"], "more cells"),
        (["Ana", "a@x.com,1\nKim,kim@x.com,2\nEli", "3"], "contains whole rows"),
        (["Ana", "one,two\nthree, four", "3"], ""),
    ],
)
def test_cells_in_wrong_places(cells: list[str], says: str) -> None:
    """A row that was cut or run together is kept back."""
    found = columns.fault(cells, ["name", "email", "phone"], ",")
    assert says in found
    assert bool(found) is bool(says)
