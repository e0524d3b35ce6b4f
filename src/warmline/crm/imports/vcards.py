"""vCards 2.1, 3.0 and 4.0: several in one file, as a table with a row for each; and contacts written as 3.0. Pure.

A property that is no field of ours becomes a column of its own, so that it is named as left out. Photos and the like
are counted, and not read.
"""

import codecs
import quopri
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from warmline.crm.contact_details import split_tags
from warmline.crm.emails_phones import Label, Labelled
from warmline.crm.imports import headings
from warmline.crm.imports.cells import BETWEEN, as_one
from warmline.crm.imports.csv_files import decoded
from warmline.crm.imports.tables import (
    MOST_COLUMNS,
    MOST_IN_CELL,
    MOST_ROWS,
    FileError,
    Table,
    too_long_cell,
    too_many_columns,
    too_many_rows,
)
from warmline.crm.models import Organization

OURS = "-//Warmline//EN"
LINE = 75  # bytes
MOST_PROPERTIES = 1000  # of a card
# The columns that a property's parts become; empty for what has no use.
PARTS = {
    "N": ("Last name", "First name", "Middle name", "Name prefix", "Name suffix"),
    "ORG": ("Organization", "Department"),
    "ADR": ("Post box", "Address", "Street", "City", "State", "Postal code", "Country"),
}
NAMES = {
    "FN": "Full name",
    "EMAIL": "E-mail",
    "TEL": "Phone",
    "TITLE": "Job title",
    "NOTE": "Note",
    "CATEGORIES": "Tags",
    # Of the card, not of the person.
    "NAME": "Name of the card",
    "SOURCE": "Address of the card",
    **{f"X-WARMLINE-{name.upper()}": Organization.label(name) for name in Organization.DETAILS},
    "X-WARMLINE-WARMNESS": "Warmness",
    "X-WARMLINE-SOURCE": "Source",
}
LINKEDIN = "X-SOCIALPROFILE"
PROFILES = {LINKEDIN, "SOCIALPROFILE", "URL", "X-LINKEDIN"}  # in which people have the address of their profile
REACHES = ("EMAIL", "TEL")
TYPES = {"CELL": Label.MOBILE, "HOME": Label.HOME, "OTHER": Label.OTHER, "WORK": Label.WORK}  # the telling one first
FILES = {"PHOTO": "photo", "X-MS-CARDPICTURE": "photo", "LOGO": "logo", "SOUND": "sound", "KEY": "key"}
NO_PHONES = {"FAX": "Fax", "PAGER": "Pager"}  # columns of what is dialled otherwise
UNREADABLE = "X-UNREADABLE"  # a line that is no property
KINDS = {"KIND", "X-ADDRESSBOOKSERVER-KIND"}
GROUP = "group"  # a list of contacts, and none itself
BESIDE = {
    "VERSION",
    "PRODID",
    "UID",
    "REV",
    "BEGIN",
    "END",
    "SORT-STRING",
    "X-ABUID",
    "X-ABSHOWAS",
    "X-ABLABEL",
    "X-ABADR",
}  # of the card itself
_BEGIN = re.compile(r"\A\ufeff?\s*BEGIN:VCARD\s", re.IGNORECASE)
# Lines are folded by bytes, so that a letter may be cut in two.
_FOLD = re.compile(rb"\r?\n[ \t]|\r[ \t](?!\n)")
_SOFT = re.compile(rb"(?im)^([^:\r\n]*ENCODING=QUOTED-PRINTABLE[^:\r\n]*:(?:.*=\r?\n)+.*)$")
_CHARSET = re.compile(rb'(?i);CHARSET="?([\w-]+)[^:]*:[^\r\n]*[\x80-\xff]')
_CHARSETS = re.compile(
    r"utf-?8|us-ascii|iso-?8859-?\d+|(?:windows-?|cp)\d+|koi8-[ru]|mac\w*|shift_jis|euc-\w+|gb\w+|big5", re.IGNORECASE
)
_PROPERTY = re.compile(r'(?:([\w-]+)\.)?([\w-]+)((?:;(?:[^";:]|"[^"]*")*)*):(.*)', re.DOTALL)
_PART = re.compile(r"((?:[^\\;]|\\.)*)(?:;|\Z)", re.DOTALL)
_COMMA = re.compile(r"(?<!\\),\s*")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True)
class _Property:
    """A line of a card, with the group that it shares with others."""

    group: str
    name: str
    parameters: str
    value: str


def is_one(content: bytes) -> bool:
    """Tell whether a file holds vCards."""
    beginning = content[:200]
    is_wide = beginning.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return bool(_BEGIN.match(beginning.decode("utf-16" if is_wide else "utf-8", errors="replace")))


def read(content: bytes) -> Table:
    """Read the cards of a file.

    Args:
        content: All of it.

    Raises:
        FileError: When it is broken or too large.
    """
    text, encoding = _text(content)
    left_out: Counter[str] = Counter()
    cards: list[dict[str, list[str]]] = []
    is_ours = False
    for properties in _cards(text, left_out):
        is_ours |= any(each.name == "PRODID" and each.value == OURS for each in properties)
        if any(each.name in KINDS and each.value.strip().lower() == GROUP for each in properties):
            left_out[GROUP] += 1
        else:
            cards.append(_columns(properties))
        if len(cards) > MOST_ROWS:
            raise too_many_rows()
    rows = _rows(cards)
    if not rows:
        raise FileError("This file is empty. Choose one with a card for each contact.")
    said = tuple(f"{number:,} {what}{'s' if number > 1 else ''}" for what, number in left_out.items())
    return Table(rows, f"vCard, {encoding}", left_out=said, profile="Warmline" if is_ours else "")


def _cards(text: str, left_out: Counter[str]) -> Iterator[list[_Property]]:
    """Yield the lines of each card, and count what is no text."""
    number = 0
    present: list[_Property] | None = None
    before = ""
    for each in _without_agents(_properties(text), left_out):
        if each.name == "BEGIN" and each.value.strip().upper() == "VCARD":
            number += 1
            if present is not None:
                raise FileError(f"Card {number - 1} of this file has no end. Export it again.")
            present = []
        elif each.name == "END" and present is not None:
            yield present
            present = None
        elif each.name in FILES:
            left_out[FILES[each.name]] += 1
        elif each.name == UNREADABLE and before in FILES:
            continue  # more lines of the file
        elif present is not None:
            present.append(each)
            _refuse_bombs(number, present)
        before = each.name
    if present is not None:
        raise FileError("The last card of this file has no end. Export it again.")


def _refuse_bombs(number: int, properties: Sequence[_Property]) -> None:
    if len(properties) > MOST_PROPERTIES:
        raise FileError(f"Card {number} has more than {MOST_PROPERTIES:,} lines. Remove some and try again.")
    if len(properties[-1].value) > MOST_IN_CELL:
        raise too_long_cell(f"Card {number}")


def _without_agents(properties: Iterable[_Property], left_out: Counter[str]) -> Iterator[_Property]:
    """Yield properties but for the cards within cards, which 2.1 has for people's agents; these are counted."""
    is_agent = is_within = False
    for each in properties:
        begins = f"{each.name}:{each.value.strip()}".upper()
        if is_within:
            is_within = begins != "END:VCARD"
        elif begins == "AGENT:BEGIN:VCARD" or (is_agent and begins == "BEGIN:VCARD"):
            is_within, is_agent = True, False
            left_out["agent"] += 1
        elif is_agent := begins == "AGENT:":
            continue
        else:
            yield each


def _text(content: bytes) -> tuple[str, str]:
    """Return the text of a file with its lines unfolded, and how it was written."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return decoded(_unfolded(decoded(content)[0].encode()))[0], "UTF-16"
    unfolded = _unfolded(content)
    text, encoding = decoded(unfolded)
    said = _CHARSET.search(unfolded) if encoding != "UTF-8" else None
    as_said = _decoded_as(unfolded, said[1].decode()) if said else None
    return (as_said, said[1].decode()[:13].capitalize()) if said and as_said is not None else (text, encoding)


def _decoded_as(content: bytes, charset: str) -> str | None:
    """Return the text of bytes; None where that is not what they are, or nothing that a card is written in."""
    if not _CHARSETS.fullmatch(charset):  # some of Python's take forever
        return None
    try:
        return content.decode(charset)
    except (LookupError, UnicodeError):
        return None


def _unfolded(content: bytes) -> bytes:
    return _FOLD.sub(b"", _SOFT.sub(lambda found: re.sub(rb"=\r?\n", b"", found[0]), content))


def written(contacts: Iterable[tuple[Mapping[str, str], Sequence[Labelled], Sequence[Labelled]]]) -> Iterator[str]:
    """Yield cards.

    Args:
        contacts: Of each, by column: Name, Organization, Warmness, and the details of both; then its e-mails and its
            phones.
    """
    for contact, emails, phones in contacts:
        name = _escaped(contact["Name"])
        lines = ["BEGIN:VCARD", "VERSION:3.0", f"PRODID:{OURS}", f"FN:{name}", f"N:{name};;;;"]
        lines += [_reach("EMAIL", place, each) for place, each in enumerate(emails)]
        lines += [_reach("TEL", place, each) for place, each in enumerate(phones)]
        by_property = {
            "ORG": "Organization",
            "TITLE": "Job title",
            "NOTE": "Note",
            f"{LINKEDIN};TYPE=linkedin": "LinkedIn",
        }
        by_property |= {name: column for name, column in NAMES.items() if name.startswith("X-")}
        lines += [f"{name}:{_escaped(contact[column])}" for name, column in by_property.items() if contact.get(column)]
        tags = ",".join(map(_escaped, split_tags(contact.get("Tags", ""))))
        lines += [f"CATEGORIES:{tags}"] if tags else []
        yield "".join(f"{_folded(line)}\r\n" for line in [*lines, "END:VCARD"])


def _reach(name: str, place: int, value: Labelled) -> str:
    types = [*(kind for kind, label in TYPES.items() if label == value.label), *(["PREF"] if not place else [])]
    return f"{name};TYPE={','.join(types)}:{_escaped(value.value)}"


def _properties(text: str) -> Iterator[_Property]:
    for line in re.split(r"\r\n|\n|\r", text):
        if found := _PROPERTY.fullmatch(line):
            yield _Property((found[1] or "").upper(), found[2].upper(), found[3], found[4])
        elif line.strip():
            yield _Property("", UNREADABLE, "", line)


def _columns(properties: Sequence[_Property]) -> dict[str, list[str]]:
    """Return the texts of a card by column."""
    card: dict[str, list[str]] = {}
    called = {each.group: _unescaped(each.value) for each in properties if each.name == "X-ABLABEL"}
    preferred: Counter[str] = Counter()  # how many of a property were preferred
    for each in properties:
        text = _decoded(each.parameters, each.value)
        said = each.parameters.upper()
        types = set(re.findall(r"[A-Z]+", said))
        other = next((column for kind, column in NO_PHONES.items() if kind in types and "VOICE" not in types), "")
        if each.name == "TEL" and other:
            card.setdefault(other, []).append(_unescaped(text).strip())
        elif each.name in REACHES:
            is_preferred = "PREF" in types and not re.search(r"PREF=(?!\"?1\b)", said)
            place = preferred[each.name] if is_preferred else MOST_COLUMNS  # first those that are preferred
            preferred[each.name] += is_preferred
            label = next((label for kind, label in TYPES.items() if kind in types), "")
            label = label or headings.label(called.get(each.group, "") if each.group else "") or Label.WORK
            value = re.sub(r"^(?:tel|mailto):", "", _unescaped(text).strip(), flags=re.IGNORECASE)
            card.setdefault(NAMES[each.name], []).insert(place, as_one([Labelled(value, label)]))
        elif each.name in PROFILES and "linkedin" in f"{each.name}{each.parameters}{text}".lower():
            card.setdefault("LinkedIn", []).append(_unescaped(text).strip())
        elif each.name not in BESIDE:
            for column, part in _parts(each.name, text):
                if part.strip():
                    card.setdefault(column, []).append(part.strip())
    return card


def _parts(name: str, value: str) -> Iterator[tuple[str, str]]:
    if name in PARTS:
        # Several names are separated by commas within one part.
        parts = [_unescaped(_COMMA.sub(" ", part) if name == "N" else part) for part in _PART.findall(value)]
        columns = PARTS[name]
        for index, part in enumerate(parts):
            yield columns[min(index, len(columns) - 1)], part
    else:
        yield NAMES.get(name, name.removeprefix("X-").capitalize()), _unescaped(value)


def _decoded(parameters: str, value: str) -> str:
    said = parameters.upper()
    if "QUOTED-PRINTABLE" not in said:
        return value
    charset = re.search(r"CHARSET=\"?([\w-]+)", said)
    content = quopri.decodestring(value.encode()).replace(b"\0", b"")  # no database holds it
    tried = (_decoded_as(content, each) for each in (charset[1] if charset else "utf-8", "utf-8", "cp1252"))
    return next((text for text in tried if text is not None), content.decode("latin-1"))


def _rows(cards: list[dict[str, list[str]]]) -> tuple[tuple[int, list[str]], ...]:
    columns = dict.fromkeys(column for card in cards for column in card)
    if len(columns) > MOST_COLUMNS:
        raise too_many_columns()
    numbers = count(1)
    rows = [list(columns), *([BETWEEN.join(dict.fromkeys(card.get(each, []))) for each in columns] for card in cards)]
    return tuple((number, cells) for number, cells in zip(numbers, rows, strict=False) if any(cells))


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda found: "\n" if found[1] in "nN" else found[1], text)


def _escaped(text: str) -> str:
    return re.sub(r"([\\,;])", r"\\\1", text).replace("\n", "\\n")


def _folded(line: str) -> str:
    """Return a line in pieces of as many bytes as a line may have, none of which cuts a character."""
    found: list[str] = []
    present = b""
    for character in line:
        if len(present) + len(character.encode()) > LINE - bool(found):
            found.append(present.decode())
            present = b""
        present += character.encode()
    return "\r\n ".join([*found, present.decode()])
