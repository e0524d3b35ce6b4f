"""Which text a field accepts, and how it is cleaned: lengths, visible characters, invisible characters removed.

The rules are Django validators on the models, and a row is cleaned when it is validated. So the API, the pages, imports
and values from Pipedrive all follow the same rules and get the same messages (see validation_messages.py).
"""

import unicodedata
from collections.abc import Collection
from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.text import normalize_newlines

from warmline.crm.keys import WIDE, is_unseen, key, without_unseen

NAME_LENGTH = 255
EMAIL_LENGTH = 254
PHONE_LENGTH = 64
NOTE_LENGTH = 50_000
CONTACT_NOTE_LENGTH = 30_000  # so that it fits into a cell of Excel
# Wide enough for any activity, and no time zone shifts them out of Python's calendar.
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2999, 12, 31)
SEEN_ONLY = frozenset({"email", "phone"})  # here invisible characters are removed everywhere


def tidy(row: models.Model, exclude: Collection[str] | None = None) -> None:
    """Clean the texts of a row that people entered.

    Args:
        row: The row, before it is stored; changed in place.
        exclude: Fields to leave alone.
    """
    for field in row._meta.concrete_fields:  # noqa: SLF001 (documented as public)
        given = field.editable and field.name not in (exclude or ())
        if given and (isinstance(field, models.CharField) or field.name == "note"):
            setattr(row, field.name, tidied(field.name, getattr(row, field.name)))


def tidied(name: str, value: Any) -> Any:
    """Return a field's value without invisible characters at its ends, or anywhere in an e-mail or phone number.

    In an e-mail, full-width signs become ASCII and a trailing dot goes. In a note, only line ends are normalized.

    Args:
        name: The field's name.
        value: The value as entered; anything but text is returned unchanged.
    """
    if not isinstance(value, str):
        return value
    if name == "note":
        return normalize_newlines(value)
    text = without_ends(without_unseen(value) if name in SEEN_ONLY else value)
    return text.translate(WIDE).rstrip(".") if name == "email" else text


def without_ends(text: str) -> str:
    """Return a text without white space and other invisible characters at its ends."""
    start, end = 0, len(text)
    while start < end and (text[start].isspace() or is_unseen(text, start)):
        start += 1
    while start < end and (text[end - 1].isspace() or is_unseen(text[:end], end - 1)):
        end -= 1
    return text[start:end]


def no_control_characters(text: str) -> None:
    """Refuse control characters, line breaks included, and lone surrogates.

    Raises:
        ValidationError: If the text contains one.
    """
    if any(unicodedata.category(character) in {"Cc", "Cs"} or character in "\u2028\u2029" for character in text):
        raise ValidationError("Remove line breaks and other control characters.", code="control")


def no_control_characters_but_line_breaks(text: str) -> None:
    """Refuse control characters other than line breaks and tabs, for multi-line text.

    Raises:
        ValidationError: If the text contains another one.
    """
    no_control_characters(text.translate({ord(character): None for character in "\r\n\t\u2028\u2029"}))


def visible(text: str) -> None:
    """Refuse text without visible characters: only white space or format characters such as U+200B.

    Raises:
        ValidationError: If the text has no visible character.
    """
    if not key(text):
        raise ValidationError("Enter something that can be seen.", code="blank")
