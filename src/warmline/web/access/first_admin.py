"""The one-time code that the first admin enters, so that no stranger can take over a new installation.

The serving process keeps it in memory and prints it at its start, as long as there is no user; only someone who can
read the server's output knows it. On PostgreSQL, where several processes may serve, all of them have the same code,
derived from the secret key that they share. It is too long to be guessed, so the right code is always accepted: a
stranger who tries many codes cannot keep the first admin out.
"""

import secrets

from django.db import connection
from django.utils.crypto import salted_hmac

LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # without characters that look alike
LENGTH = 12


class FirstCode:
    """The code."""

    def __init__(self) -> None:
        self._code = ""

    def issue(self) -> str:
        """Create a new code and return it, in groups that are easy to type (59 bits)."""
        self._code = _shared() or "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
        return "-".join(self._code[start : start + 4] for start in range(0, len(self._code), 4))

    @property
    def is_issued(self) -> bool:
        """Whether this process has created a code, or shares one; without one, nothing is accepted."""
        return bool(self._code or _shared())

    def accepts(self, text: str) -> bool:
        """Tell whether this is the code, ignoring case, spaces and dashes."""
        given = "".join(sign for sign in text.upper() if sign.isalnum())
        return self.is_issued and secrets.compare_digest(given.encode(), (self._code or _shared()).encode())


def _shared() -> str:
    """Return the code of all processes that share a database; empty on SQLite, where one process serves alone."""
    if connection.vendor != "postgresql":
        return ""
    digest = salted_hmac("warmline.web.access.first_admin", "code", algorithm="sha256").digest()
    return "".join(LETTERS[byte % len(LETTERS)] for byte in digest[:LENGTH])


FIRST_CODE = FirstCode()
