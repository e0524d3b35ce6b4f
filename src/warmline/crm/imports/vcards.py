"""vCards 2.1, 3.0 and 4.0: several in one file, as a table with a row for each; and contacts written as 3.0. Pure.

A property that is no field of ours becomes a column of its own, so that it is named as left out. Photos and the like
are counted, and not read.
"""

import quopri
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count

from warmline.crm.contact_details import split_tags
from warmline.crm.emails_phones import Label, Labelled
from warmline.crm.imports.cells import BETWEEN, as_one
from warmline.crm.imports.csv_files import decoded
from warmline.crm.imports.tables import MOST_COLUMNS, MOST_ROWS, FileError, Table, too_many_columns, too_many_rows
from warmline.crm.models import Organization

OURS = "-//Warmline//EN"
LINE = 75  # bytes
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
    **{f"X-WARMLINE-{name.upper()}": Organization.label(name) for name in Organization.DETAILS},
    "X-WARMLINE-WARMNESS": "Warmness",
    "X-WARMLINE-SOURCE": "Source",
}
LINKEDIN = "X-SOCIALPROFILE"
PROFILES = {LINKEDIN, "SOCIALPROFILE", "URL", "X-LINKEDIN"}  # in which people have the address of their profile
REACHES = ("EMAIL", "TEL")
TYPES = {"CELL": Label.MOBILE, "HOME": Label.HOME, "OTHER": Label.OTHER, "WORK": Label.WORK}  # the telling one first
FILES = {"PHOTO": "photo", "LOGO": "logo", "SOUND": "sound", "KEY": "key"}
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
_BEGIN = re.compile(rb"\A(?:\xef\xbb\xbf)?\s*BEGIN:VCARD\s", re.IGNORECASE)
_FOLD = re.compile(r"\r?\n[ \t]|\r[ \t](?!\n)")
_SOFT = re.compile(r"(?im)^([^:\r\n]*ENCODING=QUOTED-PRINTABLE[^:\r\n]*:(?:.*=\r?\n)+.*)$")
_PARAMETERS = re.compile(r';((?:[^";:]|"[^"]*")*)')
_PROPERTY = re.compile(r'(?:[\w-]+\.)?([\w-]+)((?:;(?:[^";:]|"[^"]*")*)*):(.*)', re.DOTALL)
_PART = re.compile(r"((?:[^\\;]|\\.)*)(?:;|\Z)", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def is_one(content: bytes) -> bool:
    """Tell whether a file holds vCards."""
    return bool(_BEGIN.match(content))


def read(content: bytes) -> Table:
    """Read the cards of a file.

    Args:
        content: All of it.

    Raises:
        FileError: When it is broken or too large.
    """
    text, encoding = decoded(content)
    text = _SOFT.sub(lambda found: re.sub(r"=\r?\n", "", found[0]), text)
    cards: list[dict[str, list[str]]] = []
    files: dict[str, int] = {}
    preferred: Counter[str] = Counter()  # of the present card, how many of a property were preferred
    is_ours = is_open = False
    for name, parameters, value in _properties(_FOLD.sub("", text)):
        if name == "BEGIN" and value.strip().upper() == "VCARD":
            if is_open:
                raise FileError(f"Card {len(cards)} of this file has no end. Export it again.")
            is_open = True
            cards.append({})
            preferred.clear()
        elif name == "END":
            is_open = False
        elif name in FILES:
            files[name] = files.get(name, 0) + 1
        elif is_open:
            is_ours |= name == "PRODID" and value == OURS
            _add(cards[-1], name, parameters, value, preferred=preferred)
        if len(cards) > MOST_ROWS:
            raise too_many_rows()
    if is_open:
        raise FileError("The last card of this file has no end. Export it again.")
    rows = _rows(cards)
    if not rows:
        raise FileError("This file is empty. Choose one with a card for each contact.")
    left_out = tuple(f"{number:,} {FILES[name]}{'s' if number > 1 else ''}" for name, number in files.items())
    return Table(rows, f"vCard, {encoding}", left_out=left_out, profile="Warmline" if is_ours else "")


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


def _properties(text: str) -> Iterator[tuple[str, str, str]]:
    for line in re.split(r"\r\n|\n|\r", text):
        if found := _PROPERTY.fullmatch(line):
            yield found[1].upper(), found[2], found[3]
        elif line.strip():
            yield "X-UNREADABLE", "", line


def _reached(name: str, parameters: str, value: str, preferred: Counter[str]) -> tuple[int, str]:
    """Return the place and the text of an e-mail or phone: first those that are preferred, each with its label."""
    said = parameters.upper()
    types = set(re.findall(r"[A-Z]+", said))
    is_preferred = "PREF" in types and not re.search(r"PREF=(?!\"?1\b)", said)
    label = next((label for kind, label in TYPES.items() if kind in types), Label.WORK)
    text = re.sub(r"^(?:tel|mailto):", "", _unescaped(value).strip(), flags=re.IGNORECASE)
    place = preferred[name] if is_preferred else MOST_COLUMNS
    preferred[name] += is_preferred
    return place, as_one([Labelled(text, label)])


def _add(card: dict[str, list[str]], name: str, parameters: str, value: str, *, preferred: Counter[str]) -> None:
    text = _decoded(parameters, value)
    if name in REACHES:
        place, reach = _reached(name, parameters, text, preferred)
        card.setdefault(NAMES[name], []).insert(place, reach)
    elif name in PROFILES and "linkedin" in f"{name}{parameters}{text}".lower():
        card.setdefault("LinkedIn", []).append(_unescaped(text).strip())
    elif name not in BESIDE:
        for column, part in _parts(name, text):
            if part.strip():
                card.setdefault(column, []).append(part.strip())


def _parts(name: str, value: str) -> Iterator[tuple[str, str]]:
    if name in PARTS:
        parts = [_unescaped(part) for part in _PART.findall(value)]
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
    try:
        text = quopri.decodestring(value.encode()).decode(charset[1] if charset else "utf-8", errors="replace")
    except LookupError:
        return value
    return text.replace("\0", "")  # no database holds it


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
