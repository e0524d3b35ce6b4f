"""Phone numbers: when two are the same, however they are written, and how they are searched for. Pure.

They are stored, shown and sent as they were typed. Compared they are in the form of E.164, for which a number without a
country needs one: that is a setting. What is no number of any country, such as an extension alone, is compared by its
digits and letters.
"""

import re
import unicodedata
from functools import cache, lru_cache
from importlib.resources import files
from types import ModuleType
from typing import TYPE_CHECKING

from django.conf import settings

from warmline.crm.keys import key, without_unseen

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

BESIDE_DIGITS = "+#*;,"  # what matters in a phone number besides digits and letters
SHORTEST = 3  # digits that are looked for
REMEMBERED = 2_000  # numbers
_WRITTEN = re.compile(r"[+\uff0b]?[\d\s().\-\u2010-\u2015/]+(?:(?:;?\s*ext[.=]?|x|#)\s*\d+)?", re.IGNORECASE)
_SEARCHED = re.compile(r"\s*[+\uff0b]?[\d\s().\-\u2010-\u2015/]*\d[\d\s().\-\u2010-\u2015/]*")
_TRUNK = re.compile(r"\(0\)")  # the zero that one dials only within the country
_ABROAD = re.compile(r"\+|00(?=[1-9])")  # before a country's code


def phone_key(text: str) -> str:
    """Return the form in which two spellings of one phone are equal.

    Args:
        text: A phone as a person or a server wrote it.
    """
    number = _number(text, settings.PHONE_COUNTRY)
    if number is not None:
        extension = f";ext={number.extension}" if number.extension else ""
        return f"{_plans().format_number(number, _plans().PhoneNumberFormat.E164)}{extension}"
    known = unicodedata.normalize("NFKC", without_unseen(text))
    kept = "".join(each for each in known if each.isalnum() or each in BESIDE_DIGITS).casefold()
    return kept or " ".join(known.split())


def texts_of(phone: str) -> list[str]:
    """Return the texts by which a phone is found: its parts as typed, and its digits with the country and without.

    Args:
        phone: As it was typed.
    """
    number = _number(phone, settings.PHONE_COUNTRY)
    national = _plans().national_significant_number(number) if number else ""
    whole = f"{number.country_code}{national}" if number else ""
    parts = (part for part in key(phone).split() if sum(map(str.isdecimal, part)) >= SHORTEST or not number)
    return [each for each in dict.fromkeys((*parts, _within(phone), national, whole)) if each]


def term_of(text: str) -> str:
    """Return the term of a search for a phone, which begins one of `texts_of`; empty when the text is no phone.

    Args:
        text: The search as typed.
    """
    if not _SEARCHED.fullmatch(text):
        return ""
    number = _number(text.strip(), settings.PHONE_COUNTRY)
    term = _plans().national_significant_number(number) if number else _within(text)
    return term if len(term) >= SHORTEST else ""


def country_of(zone: str) -> str:
    """Return the country of a time zone, by its two letters; empty for a zone of none, such as UTC.

    Args:
        zone: Its name.
    """
    table = (files("tzdata.zoneinfo") / "zone.tab").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in table.splitlines() if not line.startswith("#"))
    return next((country for country, _, name, *_ in rows if name == zone), "")


@cache
def _plans() -> ModuleType:
    """Return the numbering plans of all countries: 5 MB, which a process that compares no phone need not hold."""
    import phonenumbers  # noqa: PLC0415

    return phonenumbers


@lru_cache(REMEMBERED)
def _number(text: str, country: str) -> "PhoneNumber | None":
    """Return the number that a text is; None for one that no country has."""
    plain = without_unseen(text).strip()
    if not _WRITTEN.fullmatch(plain):
        return None
    plans = _plans()
    try:
        number: PhoneNumber = plans.parse(plain, country or None)
    except plans.NumberParseException:
        return None
    return number if plans.is_valid_number(number) else None


def _within(text: str) -> str:
    """Return the digits of a phone as one dials them within the country, without the zeros before; of a part, too."""
    plain = _TRUNK.sub("", unicodedata.normalize("NFKC", without_unseen(text)).strip())
    digits = "".join(filter(str.isdecimal, plain))
    if _ABROAD.match(plain):
        digits = digits.lstrip("0")
        codes = (digits[:length] for length in (1, 2, 3))
        code = next((each for each in codes if each and int(each) in _plans().COUNTRY_CODE_TO_REGION_CODE), "")
        return digits[len(code) :]
    return digits.lstrip("0")
