"""How much of the account's limits is used, and how much of what it holds is indexed. Asks nobody."""

from datetime import datetime

from warmline.pipedrive import SystemClock, Unavailable, Usage
from warmline.sync import credentials
from warmline.sync.remote import known_by_reports
from warmline.sync.remote.configured_client import directory_allowance, usage
from warmline.sync.remote.directory import Directory, Progress

__all__ = ["Progress", "indexed", "looks", "used"]


def used() -> Usage | None:
    """Return what all processes of this machine use of the token's limits; None without a token or their file."""
    token = credentials.token()
    try:
        return usage(token) if token else None
    except (OSError, Unavailable):  # the file of the limits cannot be used; the connection's state says what follows
        return None


def indexed() -> list[Progress]:
    """Return how far the index of what Pipedrive holds is, for persons and for organizations."""
    return Directory(SystemClock(), directory_allowance()).progress()


def looks(now: datetime) -> str:
    """Return, for people, whether leads are looked for at this moment; empty if that is not in question."""
    return known_by_reports.in_words(now)
