"""What a person may type into a field: length, visible characters, nothing empty by accident.

The rules are Django validators on the models, so that the API, the pages and an import all refuse the same things
with the same words.
"""

import unicodedata
from datetime import date

from django.core.exceptions import ValidationError

NAME_LENGTH = 255
PHONE_LENGTH = 64
NOTE_LENGTH = 50_000
# Far enough for any activity, and no time zone shifts them out of the calendar.
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2999, 12, 31)


def no_control_characters(text: str) -> None:
    """Refuse control characters, line breaks included, and lone surrogates.

    Raises:
        ValidationError: When the text holds one.
    """
    if any(unicodedata.category(character) in {"Cc", "Cs"} or character in "\u2028\u2029" for character in text):
        raise ValidationError("Control characters and line breaks are not allowed here; take them out.", code="control")


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
    if all(character.isspace() or unicodedata.category(character) == "Cf" for character in text):
        raise ValidationError("This must not be empty; give a name.", code="blank")
