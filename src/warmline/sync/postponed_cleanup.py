"""Deletes leases and intents that are over, if need be later, when the disk can be written again.

A lease that stays holds its row up for two minutes, an intent for half a minute, although everything works again. What
is to be deleted is kept in memory only: if the process ends, others release its leases (see leases.py).
"""

from threading import Lock
from typing import Any

from django.db import DatabaseError
from django.db.models import QuerySet

from warmline import storage

_LOCK = Lock()
_LEFT: list[QuerySet[Any]] = []


def delete(rows: "QuerySet[Any]") -> None:
    """Delete rows now, or later if the disk cannot be written.

    Args:
        rows: A queryset that does not match other workers' rows later.
    """
    try:
        rows.delete()
    except DatabaseError as error:
        if storage.noticed(error) is None:
            raise
        delete_later(rows)


def delete_later(rows: "QuerySet[Any]") -> None:
    """Delete rows when the disk can be written, if they exist: a write that failed may have been done all the same.

    Args:
        rows: As in `delete`.
    """
    with _LOCK:
        _LEFT.append(rows.all())


def clear() -> None:
    """Delete what could not be deleted before, as far as the disk can be written again."""
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
            return  # this one stays, and so do those after it
        with _LOCK:
            _LEFT[:] = [each for each in _LEFT if each is not rows]
