"""E-mails and phones of a contact, each with a label: how they are read, settled and checked. Pure.

Those beyond the first stand in the contact's own row, as JSON, so that they are changed, locked, merged and copied with
it. Of the first one, which is the primary, value and label have columns of their own.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator, MaxLengthValidator
from django.db.models import TextChoices

from warmline.crm.fields import EMAIL_LENGTH, PHONE_LENGTH, no_control_characters, tidied
from warmline.crm.keys import email_key
from warmline.crm.phone_numbers import phone_key

MOST = 50  # e-mails of a contact, and phones
TOO_MANY = f"A contact can have at most {MOST} of each. Remove some."
NO_LABEL = "Choose one of these labels: work, mobile, home, other."


class Label(TextChoices):
    """What an e-mail or a phone is for."""

    WORK = "work", "Work"
    MOBILE = "mobile", "Mobile"
    HOME = "home", "Home"
    OTHER = "other", "Other"


@dataclass(frozen=True)
class Labelled:
    """An e-mail or a phone.

    Attributes:
        value: As it was typed.
        label: One of Label.
    """

    value: str
    label: str = Label.WORK


KEYS: Mapping[str, Callable[[str], str]] = {"email": email_key, "phone": phone_key}
_TOO_LONG = "Shorten “{}…”: it can have at most {} characters."
# By kind, each with what to do about a value that it refuses.
_VALIDATORS: Mapping[str, tuple[tuple[Callable[[str], None], str], ...]] = {
    "email": (
        (MaxLengthValidator(EMAIL_LENGTH), _TOO_LONG.format("{}", EMAIL_LENGTH)),
        (EmailValidator(), "Enter an e-mail address such as kim@example.com in place of “{}”."),
    ),
    "phone": (
        (MaxLengthValidator(PHONE_LENGTH), _TOO_LONG.format("{}", PHONE_LENGTH)),
        (no_control_characters, "Remove line breaks and other control characters from “{}”."),
    ),
}
SHOWN = 60  # characters of a value that is refused


def read(stored: Iterable[Any]) -> tuple[Labelled, ...]:
    """Return values as they are given or stored: each a `Labelled`, or a pair of value and label.

    Args:
        stored: The values.
    """
    return tuple(each if isinstance(each, Labelled) else Labelled(*each) for each in stored)


def as_json(values: Iterable[Labelled]) -> list[list[str]]:
    """Return values as a row stores them."""
    return [[each.value, str(each.label)] for each in values]


def settled(kind: str, values: Iterable[Labelled]) -> list[Labelled]:
    """Return values tidied, without empty ones; of one that comes twice, the first.

    Args:
        kind: "email" or "phone".
        values: As given.
    """
    tidy = (Labelled(tidied(kind, each.value), each.label or Label.WORK) for each in values)
    found: dict[str, Labelled] = {}
    for each in tidy:
        if each.value:
            found.setdefault(KEYS[kind](each.value), each)
    return list(found.values())


def check(kind: str, values: Iterable[Labelled]) -> None:
    """Refuse values that are not valid.

    Args:
        kind: "email" or "phone".
        values: All that a contact has.

    Raises:
        ValidationError: With a message for each that is not.
    """
    values, refused = list(values), list[str]()
    if len(values) > MOST:
        refused.append(TOO_MANY)
    if any(each.label not in Label.values for each in values):
        refused.append(NO_LABEL)
    for each in values:
        for validate, text in _VALIDATORS[kind]:
            try:
                validate(each.value)
            except ValidationError:
                refused.append(text.format(each.value[:SHOWN]))
                break
    if refused:
        raise ValidationError(list(dict.fromkeys(refused)))


def label_of(text: str) -> str:
    """Return our label for another program's: the same, or “other” for one that we do not know; empty means work.

    Args:
        text: As it is called there.
    """
    known = text.strip().casefold() or Label.WORK
    return known if known in Label.values else Label.OTHER
