"""Cells: every address, phone and score in them, however it is written, and what is none is handed back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmline.crm.imports import cells


@pytest.mark.parametrize(
    ("text", "values", "beside"),
    [
        ("a@x.com", ["a@x.com"], []),
        ("", [], []),
        ("n/a", [], []),
        ("a@x.com; b@x.com", ["a@x.com", "b@x.com"], []),
        ("a@x.com ::: b@x.com", ["a@x.com", "b@x.com"], []),
        ("a@x.com, b@x.com,", ["a@x.com", "b@x.com"], []),
        ("a@x.com\nb@x.com", ["a@x.com", "b@x.com"], []),
        ("a@x.com b@x.com", ["a@x.com", "b@x.com"], []),
        ("a@x.com and b@x.com", ["a@x.com", "b@x.com"], []),
        ("a@x.com | b@x.com", ["a@x.com", "b@x.com"], []),
        ("a@x.com / b@x.com", ["a@x.com", "b@x.com"], []),
        ("a@x.com/b@x.com", ["a@x.com", "b@x.com"], []),
        ("a@x.com; a@x.com", ["a@x.com"], []),
        ("Ann <a@x.com>", ["a@x.com"], ["Ann"]),
        ('"Reis, Ann" <a@x.com>', ["a@x.com"], ["Reis", "Ann"]),
        ("Ann <mailto:a@x.com>; Bo <b@x.com>", ["a@x.com", "b@x.com"], ["Ann", "Bo"]),
        ("<a@x.com>", ["a@x.com"], []),
        ("a@x.com <a@x.com>", ["a@x.com"], []),
        ("Ann (a@x.com)", ["a@x.com"], ["Ann"]),
        ("mailto:a@x.com", ["a@x.com"], []),
        ("MAILTO:a@x.com?subject=Hi", ["a@x.com"], []),
        ("a@x.com,", ["a@x.com"], []),
        ("a@x.com.", ["a@x.com"], []),
        ("a@x.com;", ["a@x.com"], []),
        ("'a@x.com'", ["a@x.com"], []),
        ('"a@x.com"', ["a@x.com"], []),
        ("“a@x.com”", ["a@x.com"], []),
        ("'a@x.com", ["a@x.com"], []),
        ("work: a@x.com; home: b@x.com", ["a@x.com", "b@x.com"], []),
        ("a@x.com (work)", ["a@x.com"], []),
        ("Assistant: a@x.com", ["a@x.com"], ["Assistant"]),
        ("Kim: <a@x.com>", ["a@x.com"], ["Kim"]),
        ("E-mail: a@x.com", ["a@x.com"], []),
        ("SMTP:a@x.com", ["a@x.com"], []),
        ("a@x.com (Kim)", ["a@x.com"], ["Kim"]),
        ("o'brien@x.com", ["o'brien@x.com"], []),
        ("a\uff20x.com", ["a@x.com"], []),
        ("a@x.com; garbage", ["a@x.com"], ["garbage"]),
        ("a@; b@x.com", ["b@x.com"], ["a@"]),
        ("jordan", ["jordan"], []),
        ("jane doe@x.com", ["jane doe@x.com"], []),
        ("a@@x.com", ["a@@x.com"], []),
    ],
)
def test_emails(text: str, values: list[str], beside: list[str]) -> None:
    """Several are several; what cannot be read stays whole, to be refused."""
    found = cells.emails(text)
    assert (list(found.values), list(found.beside)) == (values, beside)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("+49 40 123456", ["+49 40 123456"]),
        ("", []),
        ("-", []),
        ("+1 555 0100 ::: +1 555 0101", ["+1 555 0100", "+1 555 0101"]),
        ("+1 555 0100; +1 555 0101", ["+1 555 0100", "+1 555 0101"]),
        ("+1 555 0100\n+1 555 0101", ["+1 555 0100", "+1 555 0101"]),
        ("+1 555 0100, +1 555 0101", ["+1 555 0100", "+1 555 0101"]),
        ("030 1234567 / 0171 2345678", ["030 1234567", "0171 2345678"]),
        ("555-123-4567 / 555-987-6543", ["555-123-4567", "555-987-6543"]),
        ("+1 555 0100 or +1 555 0101", ["+1 555 0100", "+1 555 0101"]),
        ("040/123456", ["040/123456"]),
        ("+49 (0) 171 / 1234567", ["+49 (0) 171 / 1234567"]),
        ("040 123456/57", ["040 123456/57"]),
        ("+49 40 123456,45", ["+49 40 123456,45"]),
        ("+1 555 0100 ext. 5", ["+1 555 0100 ext. 5"]),
        ("+1 555 0100 x5", ["+1 555 0100 x5"]),
        ("tel:+1-201-555-0123;ext=5", ["+1-201-555-0123 ext. 5"]),
        ("Tel.: 040 123456", ["040 123456"]),
        ("'+49 40 123456", ["+49 40 123456"]),
        ("'0171 123456", ["0171 123456"]),
        ("4940123456.0", ["4940123456"]),
        ("1", ["1"]),
        ("ask Ana", ["ask Ana"]),
        ("Mobil: 0171 123456", ["0171 123456"]),
    ],
)
def test_phones(text: str, values: list[str]) -> None:
    """Several are several, and a slash or an extension stays in one."""
    assert list(cells.phones(text).values) == values


def test_what_is_no_phone() -> None:
    """A spreadsheet's yes or no; other words may tell how somebody is reached."""
    assert cells.phones("FALSE") == cells.Values((), ("FALSE",))
    assert cells.phones("wahr; 040 1234567") == cells.Values(("040 1234567",), ("wahr",))


def test_a_phone_that_a_spreadsheet_has_shortened() -> None:
    """Its digits are lost, so it is none."""
    assert cells.phones("4.94012E+11") == cells.Values((), ("4.94012E+11",))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("+49 40 123456", "0049-40-123456", True),
        ("+49 40 123456", "040 123456", True),
        ("+49 40 123456", "(040) 123456", True),
        ("+49 40 123456", "+49 40 123457", False),
        ("1", "2", False),
        ("\uff11\uff12\uff13", "123", True),
        ("ask Ana", "ASK ana", True),
        ("ask Ana", "123", False),
    ],
)
def test_the_same_phone(one: str, other: str, expected: bool) -> None:  # noqa: FBT001 (a table)
    """With and without the country, and however it is written."""
    assert cells.is_same_phone(one, other) is cells.is_same_phone(other, one) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0),
        ("5", 5),
        ("5 ", 5),
        ("+5", 5),
        ("5.0", 5),
        ("5,00", 5),
        ("8/10", 8),
        ("8 of 10", 8),
        ("8 von 10", 8),
        ("'5", 5),
        ("\uff17", 7),
        ("\u0667", 7),
        ("\uff0b\uff17", 7),
        ("11", 11),
        ("-", 0),
        ("n/a", 0),
    ],
)
def test_scores(text: str, expected: int) -> None:
    """In any script's digits."""
    assert cells.score(text) == expected


@pytest.mark.parametrize("text", ["1_0", "5.5", "-5", "8/5", "hot", "80%", "5 5", "\u0665\u066b\u0665", "1e1"])
def test_what_is_no_score(text: str) -> None:
    """It is a text of which Python makes no number, and so it is refused."""
    found = cells.score(text)
    assert isinstance(found, str)
    assert text in found
    with pytest.raises(ValueError, match="invalid literal"):
        int(found)


@given(st.text(st.sampled_from("a@x.;,:|<>()'\" \n/1+-e_")) | st.text())
def test_nothing_of_a_cell_is_lost(text: str) -> None:
    """Each letter and digit of it is in a value or beside one, or it says what kind of value it is."""
    for found in (cells.emails(text), cells.phones(text)):
        assert all(each == each.strip() for each in found.values)
    assert cells.score(text) is not None
