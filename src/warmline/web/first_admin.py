"""The one-time code with which the first admin makes themselves known, so that no stranger can take an installation.

It lives in the memory of the process that serves and is printed at its start, as long as there is no user; only who
reads what the server prints can know it. After too many wrong ones it is void, and a new start prints a new one.
"""

import secrets
from threading import Lock

WRONG_CODES = 10
LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # none that is mistaken for another


class FirstCode:
    """The code, and how often it may be guessed."""

    def __init__(self) -> None:
        self._code = ""
        self._tries_left = 0
        self._lock = Lock()

    def issue(self) -> str:
        """Make a new code and return it, in groups that are easy to copy (60 bits)."""
        code = "".join(secrets.choice(LETTERS) for _ in range(12))
        with self._lock:
            self._code, self._tries_left = code, WRONG_CODES
        return "-".join(code[start : start + 4] for start in range(0, len(code), 4))

    @property
    def is_void(self) -> bool:
        """Whether no code is accepted: none was issued by this process, or too many wrong ones were given."""
        return self._tries_left == 0

    def accepts(self, text: str) -> bool:
        """Tell whether this is the code, whatever its case, spaces and dashes; each wrong one counts."""
        given = "".join(sign for sign in text.upper() if sign.isalnum())
        with self._lock:
            if not self._tries_left:
                return False
            if secrets.compare_digest(given.encode(), self._code.encode()):
                return True
            self._tries_left -= 1
            return False


FIRST_CODE = FirstCode()
