"""The one-time code with which the first admin makes themselves known, so that no stranger can take an installation.

It lives in the memory of the process that serves and is printed at its start, as long as there is no user; only who
reads what the server prints can know it. On PostgreSQL, where several processes may serve, each has the same one, made
of the secret key that they share. It is too long to be guessed, so the right one is always taken: a stranger who tries
many cannot keep the first admin out.
"""

import secrets

from django.db import connection
from django.utils.crypto import salted_hmac

LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # none that is mistaken for another
LENGTH = 12


class FirstCode:
    """The code."""

    def __init__(self) -> None:
        self._code = ""

    def issue(self) -> str:
        """Make a new code and return it, in groups that are easy to copy (59 bits)."""
        self._code = _shared() or "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
        return "-".join(self._code[start : start + 4] for start in range(0, len(self._code), 4))

    @property
    def is_issued(self) -> bool:
        """Whether this process has made a code, or shares one; else none is accepted."""
        return bool(self._code or _shared())

    def accepts(self, text: str) -> bool:
        """Tell whether this is the code, whatever its case, spaces and dashes."""
        given = "".join(sign for sign in text.upper() if sign.isalnum())
        return self.is_issued and secrets.compare_digest(given.encode(), (self._code or _shared()).encode())


def _shared() -> str:
    """Return the code of all processes that share a database; empty where one serves alone."""
    if connection.vendor != "postgresql":
        return ""
    digest = salted_hmac("warmline.web.first_admin", "code", algorithm="sha256").digest()
    return "".join(LETTERS[byte % len(LETTERS)] for byte in digest[:LENGTH])


FIRST_CODE = FirstCode()
