"""The form of each field in which what was sent and what is found are compared. Pure.

What a server may do to a value does not count: trim and fold spaces, write an e-mail small, put spaces into a phone,
clean the HTML of a note, say null for nothing. What people change, such as the case of a name, does.
"""

import unicodedata
from typing import Any

from warmline.crm.fields import tidied
from warmline.crm.keys import email_key, key, without_unseen
from warmline.sync.note_html import to_text
from warmline.sync.synced_fields import Form, form_of

BESIDE_DIGITS = "+#*;,"  # what tells in a phone number, beside digits and letters
BREAKS = dict.fromkeys(map(ord, "\t\n\x0b\x0c\r\x85\u2028\u2029"), " ")  # our texts of one line hold none


def ours(field: str, value: Any) -> Any:
    """Return one of our values, in our words, as it is compared with what it was before.

    Args:
        field: Its name, as in synced_fields.py.
        value: It may come from a time when values were not tidied yet.
    """
    return tidied(field, value)


def theirs(field: str, value: Any) -> Any:
    """Return a value, in Pipedrive's words, in the form that survives a server's cleaning.

    Args:
        field: Its name, as in synced_fields.py.
        value: As it was sent, or found; also in a snapshot that an earlier version stored.
    """
    value = in_our_words(field, value)
    match form_of(field):
        case Form.EMAIL:
            return email_key(value)
        case Form.PHONE:
            return _phone(value)
        case Form.LISTED:
            return key(value)
        case Form.NOTE:
            lines = (_spaced(line) for line in value.splitlines())
            return "\n".join(line for line in lines if line)
    return _spaced(value) if isinstance(value, str) else value


def in_our_words(field: str, value: Any) -> Any:
    """Return a value of Pipedrive's as one of ours: nothing is an empty text, and a note is text.

    Args:
        field: Its name, as in synced_fields.py.
        value: As it was found.
    """
    form = form_of(field)
    if form == Form.EXACT:
        return value
    text = "" if value is None else value
    if form == Form.NOTE:
        return to_text(text)
    return text.translate(BREAKS) if isinstance(text, str) else text


def _spaced(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", without_unseen(text)).split())


def _phone(text: str) -> str:
    known = unicodedata.normalize("NFKC", text)
    return "".join(each for each in known if each.isalnum() or each in BESIDE_DIGITS).casefold() or _spaced(text)
