"""Validation messages in the product's own words: what is wrong and what to do, for pages, API, imports and CLI.

Django and our validators raise errors with codes. The sentence for each code is here, so a field has the same name and
the same messages everywhere. Messages that were written for one special case are left alone.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.functional import Promise

NAMES = {
    "email": "E-mail",
    "warmness_score": "Warmness",
}  # others are named as in code
OWN_NAMES = {("Organization", "name"): "Organization name", ("User", "pipedrive_user_id"): "User in Pipedrive"}
# By the field's name in code, for any error.
FOR_FIELD = {"warmness_score": "Warmness must be a whole number from 0 to 10."}
# By the field's class or a base class: the form that a value should have.
FORMS = {
    "EmailField": "Enter an e-mail address such as kim@example.com.",
    "DateField": "Enter the {name} as YYYY-MM-DD.",
    "TimeField": "Enter the {name} as HH:MM.",
    "IntegerField": "{Name} must be a whole number.",
    "BooleanField": "{Name} must be yes or no.",
    "FileField": "Choose a file.",
}
# By code. {name} and {Name} are the field's, the others are the error's parameters.
SENTENCES = {
    "required": "Enter the {name}.",
    "blank": "Enter the {name}.",
    "null": "Enter the {name}.",
    "missing": "Choose a file.",
    "max_length": "{Name} can have at most {limit_value} characters; this has {show_value}. Shorten it.",
    "min_value": "{Name} must be {limit_value} or more.",
    "max_value": "{Name} must be {limit_value} or less.",
    "invalid_choice": "Choose one of the listed options for “{Name}”.",
    "unique": "This {name} is already in use. Enter another one.",
    "control": "{Name} must not contain line breaks or other control characters. Remove them.",
    "null_characters_not_allowed": "{Name} must not contain null characters. Remove them.",
    "zone": "This is not a time zone. Enter one such as Europe/Berlin.",
    "password_mismatch": "The two passwords differ. Enter the same password twice.",
    "password_incorrect": "The old password is wrong. Enter it again.",
    "password_too_short": "The password is too short. Use at least {min_length} characters.",
    "password_too_common": "This password is too common. Choose another one.",
}
DAYS = {"min_value": "{Name} must be {limit_value} or later.", "max_value": "{Name} must be {limit_value} or earlier."}
OURS = {
    "blank",
    "control",
    "zone",
}  # codes of our own validators whose messages are replaced, too
Naming = Callable[[str], tuple[str, Any]]  # by a field's name in code: its name for people, and the field


def _unknown(name: str) -> tuple[str, Any]:
    return name, None


@contextmanager
def in_our_words(row: models.Model) -> Iterator[None]:
    """Replace the messages of validation errors that the block raises about a row.

    Args:
        row: The row being validated.

    Raises:
        ValidationError: If the block raises one; with our messages.
    """
    try:
        yield
    except ValidationError as error:
        raise reworded(error, lambda name: _of_model(row, name)) from None


def reworded(error: ValidationError, naming: Naming = _unknown, field: str | None = None) -> ValidationError:
    """Return an error with our messages and its own codes.

    Args:
        error: An error of one field or of several.
        naming: Returns the name of a field for people, and the field itself.
        field: The field's name in code, if the error is about a single field.
    """
    if hasattr(error, "error_dict"):
        by_field: Mapping[str, list[ValidationError]] = error.error_dict
        return ValidationError({name: [_one(each, naming, name) for each in by_field[name]] for name in by_field})
    return ValidationError([_one(each, naming, field) for each in error.error_list])


def _of_model(row: models.Model, name: str) -> tuple[str, Any]:
    spelled = OWN_NAMES.get((type(row).__name__, name)) or NAMES.get(name) or name.replace("_", " ").capitalize()
    fields = {field.name: field for field in row._meta.concrete_fields}  # noqa: SLF001 (documented as public)
    return spelled, fields.get(name)


def _one(error: ValidationError, naming: Naming, field: str | None) -> ValidationError:
    code = str(error.code or "")
    # Django's own messages are translated lazily, or have a code of their own.
    is_stock = isinstance(error.message, Promise) or code in OURS or code.startswith("password_")
    name, kind = naming(field) if field else ("value", None)
    sentence = FOR_FIELD.get(field or "") or (_sentence(code, error.params or {}, kind) if is_stock else None)
    if sentence is None:
        return error
    within = name if name[1:2].isupper() else f"{name[:1].lower()}{name[1:]}"
    text = sentence.format(**{**(error.params or {}), "name": within, "Name": name})
    return ValidationError(text, code=error.code)


def _sentence(code: str, params: Mapping[str, Any], field: Any) -> str | None:
    kinds = [kind.__name__ for kind in type(field).__mro__]
    if code == "invalid":
        return next((FORMS[kind] for kind in kinds if kind in FORMS), None)
    if code == "required" and "FileField" in kinds:
        return FORMS["FileField"]
    if code == "required" and "ChoiceField" in kinds:
        return SENTENCES["invalid_choice"]
    if code in DAYS and isinstance(params.get("limit_value"), date):
        return DAYS[code]
    return SENTENCES.get(code)
