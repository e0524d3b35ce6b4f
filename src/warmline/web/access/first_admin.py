"""The one-time code that the first admin enters, so that no stranger can take over a new installation.

The serving process keeps it in memory and prints it at its start, as long as there is no user; only someone who can
read the server's output knows it. It is too long to be guessed, so the right code is always accepted: a stranger who
tries many codes cannot keep the first admin out.
"""

import secrets

LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # without characters that look alike


class FirstCode:
    """The code."""

    def __init__(self) -> None:
        self._code = ""

    def issue(self) -> str:
        """Create a new code and return it, in groups that are easy to type (59 bits)."""
        self._code = "".join(secrets.choice(LETTERS) for _ in range(12))
        return "-".join(self._code[start : start + 4] for start in range(0, len(self._code), 4))

    @property
    def is_issued(self) -> bool:
        """Whether this process has created a code; without one, nothing is accepted."""
        return bool(self._code)

    def accepts(self, text: str) -> bool:
        """Tell whether this is the code, ignoring case, spaces and dashes."""
        given = "".join(sign for sign in text.upper() if sign.isalnum())
        return self.is_issued and secrets.compare_digest(given.encode(), self._code.encode())


FIRST_CODE = FirstCode()
