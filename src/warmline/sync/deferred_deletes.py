"""What is to be deleted as soon as the disk can be written again: claims and intents that are over.

A claim that stays holds its row up for two minutes, an intent for half a minute, although all is well again. This is
kept in memory only: of a process that ends, others take the claims away (see leases.py).
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
        with _LOCK:
            _LEFT.append(rows.all())


def clear() -> None:
    """Delete what was left."""
    with _LOCK:
        rows, _LEFT[:] = list(_LEFT), []
    for each in rows:
        delete(each)
