"""Turns a lost race for a unique value into the same error as validation, at the same field.

Validation checks first, but the database decides. If another request took the value in between, the error is worded as
validation would word it. Any other violated constraint is a bug: it remains Django's `IntegrityError`, a logged 500.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import ValidationError
from django.db import IntegrityError

ORGANIZATION = {"name": "An organization with this name already exists. Use another name."}
USER = {"email": "A user with this e-mail already exists. Use another e-mail."}
# By table and column. PostgreSQL's constraint names start like this and have suffixes.
RACES = {"crm_organization_name_key": ORGANIZATION, "crm_user_email": USER, "crm_user_email_key": USER}
# The messages of SQLite, and of PostgreSQL in English.
_SAID = re.compile(r'UNIQUE constraint failed: (\w+)\.(\w+)$|unique constraint "(\w+)"')


class TakenError(ValidationError):
    """A unique value was taken between validation and the write; nothing was written."""


@contextmanager
def told_if_taken() -> Iterator[None]:
    """Raise TakenError if the block's transaction failed because a value was taken.

    Raises:
        TakenError: If a race for one of RACES was lost.
        IntegrityError: If any other constraint was violated.
    """
    try:
        yield
    except IntegrityError as error:
        texts = _said_of(_constraint(error))
        if texts is None:
            raise
        raise TakenError({field: [text] for field, text in texts.items()}) from error


def _constraint(error: IntegrityError) -> str:
    """Return the violated unique constraint, as table and column or by its name; empty if it was another kind."""
    # psycopg has the name in a separate field; its message may be in any language.
    name = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None)
    found = _SAID.search(str(error))
    return name or ("_".join(filter(None, found.groups())) if found else "")


def _said_of(constraint: str) -> dict[str, str] | None:
    return next(
        (texts for name, texts in RACES.items() if constraint == name or constraint.startswith(f"{name}_")), None
    )
