"""One at a time, across all processes: for what is looked at first and then done, where no row can be locked.

On SQLite one writes at a time in any case.
"""

from hashlib import sha256

from django.db import connection


def alone(what: str) -> None:
    """Wait until nobody else is at something, and keep them out until the transaction's end; within one.

    Args:
        what: What it is, in any words that all use who do it.
    """
    if connection.vendor != "postgresql":
        return
    number = int.from_bytes(sha256(what.encode()).digest()[:8], signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])
