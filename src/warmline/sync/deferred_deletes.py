"""What is to be deleted as soon as the disk can be written again: leases and intents that are over.

A lease that stays holds its row up for two minutes, an intent for half a minute, although all is well again. This is
kept in memory only: of a process that ends, others take the leases away (see leases.py).
"""

from threading import Lock
from typing import Any

from django.db import DatabaseError
from django.db.models import QuerySet

from warmline import storage

_LOCK = Lock()
_LEFT: list[QuerySet[Any]] = []


def delete(rows: "QuerySet[Any]") -> None:
    """Delete rows now, or else once the disk can be written.

    Args:
        rows: Named so that nobody else's are meant later.
    """
    try:
        rows.delete()
    except DatabaseError as error:
        if storage.noticed(error) is None:
            raise
        delete_later(rows)


def delete_later(rows: "QuerySet[Any]") -> None:
    """Delete rows once the disk can be written, if they are there: a write that failed may have been done all the same.

    Args:
        rows: As in `delete`.
    """
    with _LOCK:
        _LEFT.append(rows.all())


def clear() -> None:
    """Delete what was left, as far as the disk can be written again."""
    while True:
        with _LOCK:
            if not _LEFT:
                return
            rows = _LEFT[0]
        try:
            rows.delete()
        except DatabaseError as error:
            if storage.noticed(error) is None:
                raise
            return  # what fails stays, and what is behind it as well
        with _LOCK:
            _LEFT[:] = [each for each in _LEFT if each is not rows]
