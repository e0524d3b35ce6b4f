"""The one-time code with which the first admin makes themselves known, so that no stranger can take an installation.

It lives in the memory of the process that serves and is printed at its start, as long as there is no user; only who
reads what the server prints can know it. It is too long to be guessed, so the right one is always taken: a stranger who
tries many cannot keep the first admin out.
"""

import secrets

LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # none that is mistaken for another


class FirstCode:
    """The code."""

    def __init__(self) -> None:
        self._code = ""

    def issue(self) -> str:
        """Make a new code and return it, in groups that are easy to copy (59 bits)."""
        self._code = "".join(secrets.choice(LETTERS) for _ in range(12))
        return "-".join(self._code[start : start + 4] for start in range(0, len(self._code), 4))

    def adopt(self, code: str) -> None:
        """Accept a code that another process of this server has made; none when it is empty."""
        self._code = code.replace("-", "")

    @property
    def is_issued(self) -> bool:
        """Whether this process has made a code; else none is accepted."""
        return bool(self._code)

    def accepts(self, text: str) -> bool:
        """Tell whether this is the code, whatever its case, spaces and dashes."""
        given = "".join(sign for sign in text.upper() if sign.isalnum())
        return self.is_issued and secrets.compare_digest(given.encode(), self._code.encode())


FIRST_CODE = FirstCode()
