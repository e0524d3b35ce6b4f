"""vCards: every property is in its column, several values are several, and what is no text is counted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmline.crm.emails_phones import Label, Labelled
from warmline.crm.fields import tidied
from warmline.crm.imports import vcards
from warmline.crm.imports.cells import of_ours
from warmline.crm.imports.tables import MOST_IN_CELL, FileError

APPLE = """BEGIN:VCARD
VERSION:3.0
PRODID:-//Apple Inc.//macOS 14.0//EN
N:Diaz;Dana;Maria;Dr.;Jr.
FN:Dana Diaz
ORG:Larkspur\\, Mills;Buying
TITLE:Buyer
EMAIL;type=INTERNET;type=WORK;type=pref:dana@example.com
item1.EMAIL;type=INTERNET:dana@example.net
item1.X-ABLabel:_$!<Other>!$_
TEL;type=CELL;type=VOICE:+49 171 1234567
ADR;type=WORK:;;Street 1;Hamburg;;20095;Germany
NOTE:Likes tea\\, a lo
 t\\nand cake
PHOTO;ENCODING=b;TYPE=JPEG:/9j/4AAQ
 SkZJRg==
END:VCARD
BEGIN:VCARD
VERSION:4.0
FN:Kim Lee
EMAIL:kim@example.com
TEL;VALUE=uri;TYPE="voice,home":tel:+49-40-123456
END:VCARD
"""


def table(text: str) -> list[dict[str, str]]:
    """Return the cards of a text by their columns, without what is empty."""
    (_, columns), *rows = vcards.read(text.encode()).rows
    return [{name: cell for name, cell in zip(columns, cells, strict=True) if cell} for _, cells in rows]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_several_cards(end: str) -> None:
    """Of several versions, with folded lines, groups and parameters."""
    first, second = table(APPLE.replace("\n", end))
    assert first == {
        "Last name": "Diaz",
        "First name": "Dana",
        "Middle name": "Maria",
        "Name prefix": "Dr.",
        "Name suffix": "Jr.",
        "Full name": "Dana Diaz",
        "Organization": "Larkspur, Mills",
        "Department": "Buying",
        "Job title": "Buyer",
        "E-mail": "dana@example.com ::: other: dana@example.net",
        "Phone": "mobile: +49 171 1234567",
        "Street": "Street 1",
        "City": "Hamburg",
        "Postal code": "20095",
        "Country": "Germany",
        "Note": "Likes tea, a lot\nand cake",
    }
    assert second == {"Full name": "Kim Lee", "E-mail": "kim@example.com", "Phone": "home: +49-40-123456"}
    assert vcards.read(APPLE.encode()).left_out == ("1 photo",)


def test_an_old_phone() -> None:
    """Version 2.1 writes letters in codes, and breaks lines softly."""
    card = (
        "BEGIN:VCARD\r\nVERSION:2.1\r\n"
        "N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=57=00=65=69=C3=9F;J=C3=B6=\r\n=72g;;;\r\n"
        "TEL;CELL:0171 1234567\r\nEND:VCARD\r\n"
    )
    assert table(card) == [{"Last name": "Weiß", "First name": "Jörg", "Phone": "mobile: 0171 1234567"}]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("BEGIN:VCARD\nFN:Dana\n", "The last card"),
        ("BEGIN:VCARD\nFN:Dana\nBEGIN:VCARD\nFN:Kim\nEND:VCARD\n", "Card 1 "),
        ("BEGIN:VCARD\nEND:VCARD\n", "This file is empty"),
        ("BEGIN:VCARD\nEND:VCARD\n" * 20_001, "more than 20,000"),
        ("BEGIN:VCARD\n" + "".join(f"X-A{n}:1\n" for n in range(301)) + "END:VCARD\n", "more than 300"),
    ],
)
def test_what_cannot_be_read(text: str, says: str) -> None:
    """It is said in words."""
    with pytest.raises(FileError, match=says):
        vcards.read(text.encode())


def test_a_line_that_is_none() -> None:
    """It is a column of its own, so that it is named."""
    assert table("BEGIN:VCARD\nFN:Dana\nwhat is this\nEND:VCARD\n") == [
        {"Full name": "Dana", "Unreadable": "what is this"}
    ]


def card(*lines: str) -> bytes:
    """Return a card with these lines."""
    return "".join(f"{line}\r\n" for line in ("BEGIN:VCARD", *lines, "END:VCARD")).encode()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            card(
                "FN:Dana",
                "item1.EMAIL:a@example.com",
                "item1.X-ABLabel:_$!<Home>!$_",
                "item2.TEL:1",
                "item2.X-ABLABEL:Handy",
            ),
            {"E-mail": "home: a@example.com", "Phone": "mobile: 1"},
        ),
        (
            card("FN:Dana", "TEL;TYPE=WORK,FAX:1", "TEL;PAGER:2", "TEL;VOICE;FAX:3"),
            {"Fax": "1", "Pager": "2", "Phone": "3"},
        ),
        (
            card("FN:Dana", "N:Diaz;Dana;Ann,Maria"),
            {"Middle name": "Ann Maria", "Last name": "Diaz", "First name": "Dana"},
        ),
        (
            card("FN:Dana", "SOURCE:https://example.com/d.vcf", "NAME:A card"),
            {"Address of the card": "https://example.com/d.vcf", "Name of the card": "A card"},
        ),
        (card("FN;ENCODING=QUOTED-PRINTABLE:J=F6rg Wei=DF"), {"Full name": "Jörg Weiß"}),
        (card("FN;CHARSET=what;ENCODING=QUOTED-PRINTABLE:J=C3=B6rg"), {"Full name": "Jörg"}),
        (card("FN:Jörg", "NOTE:x").replace("ö".encode(), b"\xc3\r\n \xb6"), {"Full name": "Jörg", "Note": "x"}),
        (card("FN;CHARSET=Windows-1250:x").replace(b"x", "Łukasz".encode("cp1250")), {"Full name": "Łukasz"}),
        (card("FN;CHARSET=punycode:x").replace(b"x", "Jörg".encode("cp1252")), {"Full name": "Jörg"}),
        (card("FN:x").replace(b"x", "Jörg".encode("cp1252")), {"Full name": "Jörg"}),
        (card("FN:Jörg").decode().encode("utf-16"), {"Full name": "Jörg"}),
        (b"\xef\xbb\xbf\r\n" + card("FN:Jörg"), {"Full name": "Jörg"}),
    ],
)
def test_what_programs_write(content: bytes, expected: dict[str, str]) -> None:
    """Labels that people gave, numbers that nobody calls, letters that were cut in two, and every encoding."""
    assert vcards.is_one(content)
    (_, columns), (_, cells) = vcards.read(content).rows
    assert {"Full name": "Dana"} | expected == dict(zip(columns, cells, strict=True))


@pytest.mark.parametrize("agent", ["AGENT:\nBEGIN:VCARD", "AGENT:BEGIN:VCARD"])
def test_a_card_within_a_card(agent: str) -> None:
    """Of somebody's agent: it is no part of theirs, and is counted."""
    text = f"BEGIN:VCARD\nVERSION:2.1\nFN:Dana Diaz\n{agent}\nFN:Kim\nTEL:1\nEND:VCARD\nTEL;CELL:2\nEND:VCARD\n"
    found = vcards.read(text.encode())
    assert [cells for _, cells in found.rows] == [["Full name", "Phone"], ["Dana Diaz", "mobile: 2"]]
    assert found.left_out == ("1 agent",)


def test_a_photo_of_which_the_lines_are_not_folded() -> None:
    """None of them is taken for a line that cannot be read."""
    text = "BEGIN:VCARD\nFN:Dana\nPHOTO;JPEG;ENCODING=BASE64:\n/9j/4AAQ\nAQEBAQ==\n\nTEL;WORK:2\nEND:VCARD\n"
    found = vcards.read(text.encode())
    assert [cells for _, cells in found.rows] == [["Full name", "Phone"], ["Dana", "2"]]
    assert found.left_out == ("1 photo",)


def test_a_list_of_contacts() -> None:
    """It is no contact, and said to be left out; so is a picture by another name."""
    contact = card("FN:Dana", "X-MS-CARDPICTURE;ENCODING=BASE64:", " AAAA")
    table = vcards.read(contact + card("KIND:group", "FN:Team") + card("X-ADDRESSBOOKSERVER-KIND:group", "FN:Friends"))
    assert [cells for _, cells in table.rows] == [["Full name"], ["Dana"]]
    assert table.left_out == ("1 photo", "2 groups")


TEXT = st.text(
    st.characters(exclude_categories=["C", "Z"]) | st.sampled_from(' ;,\\:="n'), min_size=1, max_size=90
).filter(str.strip)


REACH = st.builds(Labelled, TEXT.map(str.strip), st.sampled_from(Label.values))
VALUES = st.lists(REACH, max_size=4, unique_by=lambda each: each.value)


@given(name=TEXT, other=TEXT, emails=VALUES, phones=VALUES)
def test_what_is_written_is_read(name: str, other: str, emails: list[Labelled], phones: list[Labelled]) -> None:
    """Whatever the letters, and no line is too long; of e-mails and phones each with its label, in their order."""
    columns = ("Organization", "Sector", "Country", "Warmness")
    contact = {"Name": name, **dict.fromkeys(columns, other)}
    text = "".join(vcards.written([(contact, emails, phones)]))
    assert max(len(line.encode()) for line in text.split("\r\n")) <= vcards.LINE
    (found,) = table(text)
    assert found["Full name"] == name.strip()
    assert {found[column] for column in columns} <= {other.strip()}
    for column, values in (("E-mail", emails), ("Phone", phones)):
        read = [Labelled(tidied("phone", each.value), each.label) for each in of_ours(found.get(column, ""))]
        assert read == [Labelled(tidied("phone", each.value), each.label) for each in values]
    assert vcards.read(text.encode()).profile == "Warmline"


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["TEL:1"] * vcards.MOST_PROPERTIES, "Card 1 has more than 1,000 lines"),
        ([f"NOTE:{'x' * (MOST_IN_CELL + 1)}"], "Card 1 has a text of more than"),
    ],
    ids=["many lines", "a long text"],
)
def test_a_card_that_nobody_writes(lines: list[str], says: str) -> None:
    """It is refused, in words; a long photo is none."""
    card = ["BEGIN:VCARD", "VERSION:3.0", "FN:Dana", "PHOTO:" + "x" * (MOST_IN_CELL + 1)]
    assert vcards.read("\n".join([*card, "END:VCARD"]).encode()).left_out == ("1 photo",)
    with pytest.raises(FileError, match=says):
        vcards.read("\n".join([*card, *lines, "END:VCARD"]).encode())
