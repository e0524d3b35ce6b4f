"""Connections to PostgreSQL beside Django's pool, for what must not depend on it nor on anybody's open transaction.

Only what knows that the database is PostgreSQL may import this: the driver comes with the extra `warmline[postgres]`.
"""

from typing import Any

import psycopg
from django.db import connection


def connect(purpose: str) -> "psycopg.Connection[tuple[Any, ...]]":
    """Return a new connection to the database that Django uses; each statement is a transaction of its own.

    Args:
        purpose: What it is for, as PostgreSQL's own lists of connections show it.

    Raises:
        psycopg.Error: The database cannot be reached.
    """
    parameters = connection.get_connection_params()
    for of_django in ("context", "cursor_factory", "prepare_threshold"):
        parameters.pop(of_django, None)
    return psycopg.connect(**{**parameters, "application_name": f"warmline {purpose}"}, autocommit=True)
