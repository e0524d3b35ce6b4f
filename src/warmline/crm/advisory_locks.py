"""Locks across all processes for code that checks first and then acts, where there is no row to lock.

On SQLite there is one writer at a time in any case.
"""

from hashlib import sha256

from django.db import connection


def hold_alone(what: str) -> None:
    """Wait until no other transaction holds a name, and hold it until this transaction ends. Call it within one.

    Args:
        what: The name of what is done, in the words that everybody who does it uses.
    """
    if connection.vendor != "postgresql":
        return
    number = int.from_bytes(sha256(what.encode()).digest()[:8], signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])
