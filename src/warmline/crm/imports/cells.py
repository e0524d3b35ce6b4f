"""What a cell says: the addresses, phones and scores in it, however a program or a person wrote them. Pure.

A cell may hold several values. What of its text is no value is handed back, so that it can be named and nothing is lost
without a word. A cell that cannot be read stays as it is: the validation refuses it, and its row is kept back.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from html import unescape

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from warmline.crm.emails_phones import Label, Labelled
from warmline.crm.fields import tidied, without_ends
from warmline.crm.imports import headings
from warmline.crm.imports.heading_words import Column
from warmline.crm.keys import WIDE, key

SEVERAL = re.compile(r"\s*:::\s*")  # how Google writes several values into one cell
LEFT_OUT = "Left out: {} “{}”."
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[\da-f]{1,6}|[a-z]{2,31}\d{0,2});", re.IGNORECASE)
_PAGE = re.compile(r"\s*\(https://(?:www\.)?notion\.so/[^()\s]*\)(,\s*)?")
_QUOTED = re.compile(r'"([^"]+)"')
BETWEEN = " ::: "  # the same, as we write it
# How programs and people say that there is no value: in any column, and where nobody is called so.
_BLANK = frozenset(
    {"-", "--", "---", "\u2013", "\u2014", "n/a", "#n/a", "(null)", "(none)"}
    | {"#ref!", "#value!", "#name?", "#div/0!", "#num!", "#null!", "#nv", "#bezug!", "#wert!", "#spill!", "#calc!"}
)
_TRUTHS = frozenset({"true", "false", "wahr", "falsch", "vrai", "faux", "verdadero", "falso", "verdadeiro"})
_NOTHING = _BLANK | {"na", "null", "none", "nan", "k.a."}
_LONGEST_NOTHING = 20  # characters, with white space around it
_PLAIN_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", re.ASCII)  # most are, and they are looked at no further
_PLAIN_PHONE = re.compile(r"\+?\d[\d -]*\d", re.ASCII)
_BETWEEN_ADDRESSES = re.compile(r"\s*:::\s*|[;,|\r\n\t]+")
_IN_BRACKETS = re.compile(r"[<(\[]\s*(?:mailto:)?([^<>()\[\]\s]+@[^<>()\[\]\s]+?)\s*[>)\]]", re.IGNORECASE)
_BEFORE = re.compile(r"^(?:[^\s@:]+\s*:\s*)+")  # "mailto:", "work:"
_SCHEMES = frozenset({"mailto", "smtp", "internet"})
_BEHIND = re.compile(r"\s*[(\[]([^()\[\]@]*)[)\]]\s*$")  # "(work)"
_QUOTES = " '\"`*‘’“”„«»‚‹›.,;/"  # noqa: RUF001 (as they are typed)
_CONNECTORS = frozenset({"and", "or", "und", "oder", "et", "ou", "y", "o", "e", "&", "/", "+"})
_BETWEEN_PHONES = re.compile(r"\s*:::\s*|\s*[;|\r\n]+\s*")
_LABEL = re.compile(r"\s*([^\W\d_][^\d:+]*?)\s*:\s*(?=[+(]?\d)")  # "mobile:" before a phone
_OUR_LABEL = re.compile(rf"({'|'.join(Label.values)}): ")
_OR = re.compile(r"\s*(,|/|\s(?:or|and|oder|und|ou|et|o|y|e|&)\s)\s*", re.IGNORECASE)
_SCHEME = re.compile(r"^'?\s*(?:(?:tel|phone|telephone|telefon|fon|callto|t)\.?\s*:|\u260e)\s*(?://)?", re.IGNORECASE)
_EXTENSION = re.compile(r";\s*ext=", re.IGNORECASE)
_SHORTENED = re.compile(r"\d[.,]\d+E\+?\d+", re.IGNORECASE)  # what a spreadsheet makes of a long number
_FLOAT = re.compile(r"(?<=\d{6})[.,]0$")
_DIGITS = re.compile(r"\D+")
WHOLE, LONG = 6, 10  # digits: of a phone number, and of one with its area
_SCORE = re.compile(
    r"'?\+?\s*(\d{1,9})(?:[.,\u066b](\d*))?(?:\s*(?:/|of|out of|von|sur|de|su)\s*(\d+))?", re.IGNORECASE
)
OUT_OF = 10


@dataclass(frozen=True)
class Values:
    """The values in a cell.

    Attributes:
        values: In their order.
        beside: What else stands in it, each as it is written.
        labels: By value, what it is for, where that stands before it: `home: a@x`.
    """

    values: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict, compare=False)


def readable(text: str) -> str:
    """Return a text as people read it.

    Args:
        text: The cell. Some exports have entities of HTML in it, `M&uuml;ller &amp; Co`; and Notion has the address of
            its page behind each name, `Larkspur (https://www.notion.so/Larkspur-1a), Birch (https://…)`.
    """
    text = _ENTITY.sub(lambda found: unescape(found[0]), text) if "&" in text else text
    return _PAGE.sub(lambda found: BETWEEN if found[1] else "", text) if "notion.so/" in text else text


def unquoted(text: str) -> str:
    """Return a text without the quotation marks around it, as Airtable writes a name with a comma in it."""
    found = _QUOTED.fullmatch(text)
    return found[1] if found else text


def first(called: str, texts: Iterable[str], left_out: list[str]) -> str:
    """Return the first value of the cells of a kind that have one value.

    Args:
        called: What the kind is called.
        texts: The cells.
        left_out: Takes the other values, in words.
    """
    several = [each for text in texts for each in SEVERAL.split(text) if without_ends(each)]
    one, *others = several or [""]
    left_out += [LEFT_OUT.format(called, each) for each in dict.fromkeys(others) if key(each) != key(one)]
    return one


def is_shortened(text: str) -> bool:
    """Tell whether a text is what a spreadsheet makes of a long number."""
    return _SHORTENED.fullmatch(text) is not None


def is_nothing(text: str, *, is_name: bool = False) -> bool:
    """Tell whether a text says that there is no value, such as `n/a` or `#REF!`.

    Args:
        text: The cell.
        is_name: Whether it is somebody's name, who may be called Null.
    """
    return len(text) <= _LONGEST_NOTHING and without_ends(text).casefold() in (_BLANK if is_name else _NOTHING)


def emails(text: str) -> Values:
    """Return the addresses in a cell: `a@x; b@x`, `Ann <a@x>`, `mailto:a@x`.

    Args:
        text: The cell.

    Returns:
        Valid addresses first to last. Where none is valid, the text itself is the only value, to be refused.
    """
    text = without_ends(text).translate(WIDE)
    if _PLAIN_ADDRESS.fullmatch(text):
        return Values((text,))
    if not text or is_nothing(text):
        return Values()
    found: list[str] = []
    beside: list[str] = []
    labels: dict[str, str] = {}
    for piece in _BETWEEN_ADDRESSES.split(text):
        addresses, rest = _addresses(piece)
        if said := headings.label(piece.partition(":")[0]) if ":" in piece else "":
            labels |= {each: labels.get(each, said) for each in addresses}
        found += [address for address in addresses if is_address(address)]
        beside += [address for address in addresses if not is_address(address)]
        beside += [rest] if rest.strip(_QUOTES) else []
    if not found:
        return Values((text,))
    return Values(tuple(dict.fromkeys(found)), tuple(each.strip(_QUOTES) for each in beside), labels)


def phones(text: str) -> Values:
    """Return the phones in a cell, as they are written there, without `tel:` before them.

    Args:
        text: The cell.

    Returns:
        Beside them stand `FALSE` and the like, and numbers that a spreadsheet has shortened.
    """
    if _PLAIN_PHONE.fullmatch(text):
        return Values((text,))
    found: list[str] = []
    beside: list[str] = []
    labels: dict[str, str] = {}
    for piece in _BETWEEN_PHONES.split(_EXTENSION.sub(" ext. ", without_ends(text))):
        for part in _divided(piece):
            before = _LABEL.match(part)
            said = headings.label(before[1]) if before else ""
            written = part[before.end() :] if before and said else part
            phone = _FLOAT.sub("", without_ends(_SCHEME.sub("", written)).strip("'‘’,;")).strip()  # noqa: RUF001
            if phone and not is_nothing(phone):
                is_other = is_shortened(phone) or phone.casefold() in _TRUTHS
                (beside if is_other else found).append(phone)
                labels.setdefault(phone, said)
    return Values(tuple(dict.fromkeys(found)), tuple(beside), labels)


def as_one(values: Iterable[Labelled]) -> str:
    """Return e-mails or phones as one cell of a file of ours, which `of_ours` reads."""
    return BETWEEN.join(_written(each) for each in values)


def of_ours(cell: str) -> list[Labelled]:
    """Return the e-mails or phones in a cell that Warmline wrote."""
    found = []
    for piece in cell.split(BETWEEN) if cell else ():
        before = _OUR_LABEL.match(piece)
        found.append(Labelled(piece[before.end() :], before[1]) if before else Labelled(piece))
    return found


def _written(value: Labelled) -> str:
    # What only looks like a separator is taken apart by a sign that nobody sees, and that is dropped when it is read.
    text = value.value.replace(":::", ":\u200b::")
    needs_label = value.label != Label.WORK or _OUR_LABEL.match(text)
    return f"{value.label}: {text}" if needs_label else text


def is_same_phone(one: str, other: str) -> bool:
    """Tell whether two phones can be one number, with and without its country, or with another sign between digits."""
    some, others = (_DIGITS.sub("", unicodedata.normalize("NFKC", text)).lstrip("0") for text in (one, other))
    if not some or not others:
        return one.casefold() == other.casefold()
    shorter, longer = sorted((some, others), key=len)
    return shorter == longer or (len(shorter) >= WHOLE and longer.endswith(shorter))


def score(text: str) -> int | str:
    """Return the number that a cell means: `5`, `+5`, `5.0`, `8/10`, in any script's digits.

    Args:
        text: The cell.

    Returns:
        0 for an empty cell. What is no score comes back as a text that no number can be made of, to be refused.
    """
    plain = unicodedata.normalize("NFKC", text).strip()
    if not plain or is_nothing(plain):
        return 0
    found = _SCORE.fullmatch(plain)
    if found and not int(found[2] or 0) and int(found[3] or OUT_OF) == OUT_OF:
        return int(found[1])
    try:
        int(text)
    except ValueError:
        return text
    return f"“{text}”"  # Python reads `1_0` as ten


def _addresses(piece: str) -> tuple[list[str], str]:
    """Return the addresses of a piece of a cell, and what else stands in it."""
    if bracketed := _IN_BRACKETS.findall(piece):
        rest = " ".join(filter(None, _called(without_ends(_IN_BRACKETS.sub(" ", piece)))))
        return [_bare(each) for each in bracketed], "" if rest.casefold() in map(str.casefold, bracketed) else rest
    called, rest = _called(without_ends(piece).strip("'\"‘’“”"))  # noqa: RUF001
    behind = _BEHIND.search(rest)
    alone = rest[: behind.start()] if behind else rest
    if behind and not headings.label(behind[1]):
        called = " ".join(filter(None, (called, behind[1].strip())))
    parts = [part for part in alone.split() if part.casefold() not in _CONNECTORS]
    if not parts or not all("@" in part for part in parts):
        return [], piece
    return [_bare(each) for part in parts for each in _slashed(part)], called


def _called(text: str) -> tuple[str, str]:
    """Return what stands before a colon, and the rest; what an address is for, or only that it is one, is neither."""
    before = _BEFORE.match(text)
    said = before[0].split(":") if before else []
    known = (
        headings.label(each) or headings.kind(each) == Column.EMAIL or each.strip().lower() in _SCHEMES for each in said
    )
    called = [each.strip() for each, is_known in zip(said, known, strict=True) if not is_known]
    return " ".join(filter(None, called)), text[before.end() :] if before else text


def _slashed(part: str) -> list[str]:
    some = part.split("/")
    return some if len(some) > 1 and all(each.count("@") == 1 for each in some) else [part]


def _bare(address: str) -> str:
    return address.removeprefix("mailto:").partition("?")[0].strip(_QUOTES)


def is_address(text: str) -> bool:
    """Tell whether a text is an e-mail address."""
    try:
        validate_email(tidied("email", text))
    except ValidationError:
        return False
    return True


def _divided(piece: str) -> list[str]:
    """Return the phones between slashes, commas and the like; most slashes stand within one, as in `040/123456`."""
    found, start = [], 0
    for sign in _OR.finditer(piece):
        before, after = piece[start : sign.start()], piece[sign.end() :]
        left, right = (len(_DIGITS.sub("", each)) for each in (before, _OR.split(after, maxsplit=1)[0]))
        is_whole = left >= WHOLE and right >= WHOLE and (sign[1] != "/" or after.lstrip(" (").startswith(("+", "0")))
        if is_whole or min(left, right) >= LONG:
            found.append(before)
            start = sign.end()
    return [*found, piece[start:]]
