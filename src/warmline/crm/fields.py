"""What a person may type into a field, and how it is tidied: length, visible characters, nothing empty by accident.

The rules are Django validators on the models, and a row is tidied when it is checked, so that the API, the pages, an
import and Pipedrive's answers all meet the same, and are refused with the same words (see validation_messages.py).
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
PHONE_LENGTH = 64
NOTE_LENGTH = 50_000
# Far enough for any activity, and no time zone shifts them out of the calendar.
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2999, 12, 31)
SEEN_ONLY = frozenset({"email", "phone"})  # nothing in them has to be shaped


def tidy(row: models.Model, exclude: Collection[str] | None = None) -> None:
    """Tidy the texts that people gave of a row.

    Args:
        row: Not stored yet.
        exclude: The fields that nobody gave.
    """
    for field in row._meta.concrete_fields:  # noqa: SLF001 (documented as public)
        given = field.editable and field.name not in (exclude or ())
        if given and (isinstance(field, models.CharField) or field.name == "note"):
            setattr(row, field.name, tidied(field.name, getattr(row, field.name)))


def tidied(name: str, value: Any) -> Any:
    """Return the value of a field without what cannot be seen around it, or, in an e-mail or a phone, anywhere.

    An e-mail is written with plain signs, and without the dot that ends a domain or a sentence. A note, which browsers
    send otherwise, has plain line ends and is else left as it is.

    Args:
        name: Of the field.
        value: As it was given; what is no text stays.
    """
    if not isinstance(value, str):
        return value
    if name == "note":
        return normalize_newlines(value)
    text = without_ends(without_unseen(value) if name in SEEN_ONLY else value)
    return text.translate(WIDE).rstrip(".") if name == "email" else text


def without_ends(text: str) -> str:
    """Return a text without white space and what else cannot be seen at its ends."""
    start, end = 0, len(text)
    while start < end and (text[start].isspace() or is_unseen(text, start)):
        start += 1
    while start < end and (text[end - 1].isspace() or is_unseen(text[:end], end - 1)):
        end -= 1
    return text[start:end]


def no_control_characters(text: str) -> None:
    """Refuse control characters, line breaks included, and lone surrogates.

    Raises:
        ValidationError: When the text holds one.
    """
    if any(unicodedata.category(character) in {"Cc", "Cs"} or character in "\u2028\u2029" for character in text):
        raise ValidationError("Remove line breaks and other control characters.", code="control")


def no_control_characters_but_line_breaks(text: str) -> None:
    """Refuse control characters in text of several lines, where line breaks and tabs belong.

    Raises:
        ValidationError: When the text holds another one.
    """
    no_control_characters(text.translate({ord(character): None for character in "\r\n\t\u2028\u2029"}))


def visible(text: str) -> None:
    """Refuse text in which there is nothing to see: white space and format characters such as U+200B alone.

    Raises:
        ValidationError: When no visible character is in it.
    """
    if not key(text):
        raise ValidationError("Enter something that can be seen.", code="blank")
