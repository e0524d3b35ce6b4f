"""One id for what follows from one click or call: it is in each line of the log, from the request to the last call.

A request has one, what it saves keeps it in the row, and whoever brings that row to Pipedrive goes on under it, in
whatever process.
"""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

LENGTH = 64
_USABLE = re.compile(r"[A-Za-z0-9._-]{8,64}")
_PRESENT: ContextVar[str | None] = ContextVar("trace", default=None)


def present() -> str | None:
    """Return the id of what this thread does; None if it follows from no request."""
    return _PRESENT.get()


def usable(text: str) -> str:
    """Return an id that somebody has sent, if it can be one; else a new one."""
    return text if _USABLE.fullmatch(text) else secrets.token_hex(8)


@contextmanager
def following(trace: str | None) -> Iterator[None]:
    """Do what follows from something in the block.

    Args:
        trace: Its id; None for none.
    """
    before = _PRESENT.set(trace)
    try:
        yield
    finally:
        _PRESENT.reset(before)


def go_on(trace: str | None) -> None:
    """Go on under another id until the block of `following` ends.

    Args:
        trace: The id; a new one if there is none.
    """
    _PRESENT.set(trace or secrets.token_hex(8))
