"""The normal form of each field, in which the value that was sent is compared with the value that is found. Pure.

What servers do to a value is no change: trimming and folding spaces, lower-casing an e-mail, reformatting a phone
number, cleaning the HTML of a note, returning null for an empty text. Whatever else differs is a change, such as the
case of a name.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

from django.utils.text import normalize_newlines

from warmline.crm.contact_details import split_tags
from warmline.crm.emails_phones import label_of
from warmline.crm.fields import tidied
from warmline.crm.keys import email_key, key, without_unseen
from warmline.crm.phone_numbers import phone_key
from warmline.sync.note_html import to_text
from warmline.sync.synced_fields import Form, column_of, first_of, form_of

BREAKS = dict.fromkeys(map(ord, "\t\n\x0b\x0c\r\x85\u2028\u2029"), " ")  # our one-line texts must not have these


def ours(field: str, value: Any) -> Any:
    """Return one of our values in the form in which it is compared with its earlier value.

    Args:
        field: Its name, as in synced_fields.py.
        value: It may have been stored by a version that did not tidy values yet.
    """
    if one := first_of(field):
        return [[tidied(one, each), label] for each, label in value]
    return tidied(column_of(field), value)


def theirs(field: str, value: Any) -> Any:
    """Return one of Pipedrive's values in the form in which it is compared, whatever a server does to it.

    Args:
        field: Its name, as in synced_fields.py.
        value: As it was sent or found; it may be from a snapshot that an earlier version stored.
    """
    value = in_our_words(field, value)
    match form := form_of(field):
        case Form.EMAIL | Form.PHONE:
            return email_key(value) if form == Form.EMAIL else phone_key(value)
        case Form.EMAILS | Form.PHONES:
            return sorted([theirs(first_of(field), each), label] for each, label in value)
        case Form.LISTED:
            return key(value)
        case Form.TAGS:
            return sorted(map(key, split_tags(value)))
        case Form.NOTE:
            lines = (_spaced(line) for line in value.splitlines())
            return "\n".join(line for line in lines if line)
    return _spaced(value) if isinstance(value, str) else value


def in_our_words(field: str, value: Any) -> Any:
    """Return one of Pipedrive's values as we would store it: null is an empty text, and a note is plain text.

    Args:
        field: Its name, as in synced_fields.py.
        value: As Pipedrive returned it.
    """
    form = form_of(field)
    if form == Form.EXACT:
        return value
    if one := first_of(field):
        return [[in_our_words(one, each), label and label_of(label)] for each, label in value or ()]
    text = "" if value is None else value
    if form == Form.NOTE:
        return to_text(text)
    if form == Form.LINES:
        return normalize_newlines(text)
    return text.translate(BREAKS) if isinstance(text, str) else text


def in_words(values: Iterable[Sequence[Any]]) -> str:
    """Return several values with their labels as people read them; one whose label is None is not there."""
    return ", ".join(f"no {value}" if label is None else f"{value} ({label})" for value, label in values)


def _spaced(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", without_unseen(text)).split())
