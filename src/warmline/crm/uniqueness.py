"""What another one took at the same moment: a unique value, told by its constraint and in words, at its field.

Validation looks first, and the database has the last word. What was lost there by a moment is told as validation would
tell it. Any other broken constraint is a fault of ours: it stays Django's `IntegrityError`, a 500, and is logged.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import ValidationError
from django.db import IntegrityError

ORGANIZATION = {"name": "An organization with this name already exists. Use another name."}
USER = {"email": "A user with this e-mail already exists. Use another e-mail."}
# By table and column. PostgreSQL's names of constraints begin so, and go on with its own endings.
RACES = {"crm_organization_name_key": ORGANIZATION, "crm_user_email": USER, "crm_user_email_key": USER}
# SQLite's words, and PostgreSQL's in English.
_SAID = re.compile(r'UNIQUE constraint failed: (\w+)\.(\w+)$|unique constraint "(\w+)"')


class TakenError(ValidationError):
    """A value that must be unique was taken between validation and the write; nothing was written."""


@contextmanager
def told_if_taken() -> Iterator[None]:
    """Say in words that a value was taken, when that is why the block's transaction failed.

    Raises:
        TakenError: When a race for one of RACES was lost.
        IntegrityError: When anything else was broken.
    """
    try:
        yield
    except IntegrityError as error:
        texts = _said_of(_constraint(error))
        if texts is None:
            raise
        raise TakenError({field: [text] for field, text in texts.items()}) from error


def _constraint(error: IntegrityError) -> str:
    """Return which unique constraint was broken, as table and column or by its name; empty when none was."""
    # psycopg names it in a field of its own; its message may be in any language.
    name = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None)
    found = _SAID.search(str(error))
    return name or ("_".join(filter(None, found.groups())) if found else "")


def _said_of(constraint: str) -> dict[str, str] | None:
    return next(
        (texts for name, texts in RACES.items() if constraint == name or constraint.startswith(f"{name}_")), None
    )
