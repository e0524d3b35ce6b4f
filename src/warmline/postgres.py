"""Connections to PostgreSQL beside Django's pool, for what must not depend on it nor on anybody's open transaction.

Only what knows that the database is PostgreSQL may import this: the driver comes with the extra `warmline[postgres]`.
"""

from typing import Any

import psycopg
from django.db import connection

CONNECTION = {  # so that a network that swallows everything is noticed in seconds and not in minutes
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # milliseconds
}


def connect(purpose: str) -> "psycopg.Connection[tuple[Any, ...]]":
    """Return a new connection to the database that Django uses; each statement is a transaction of its own.

    Args:
        purpose: What it is for, as PostgreSQL's own lists of connections show it.

    Raises:
        psycopg.Error: The database cannot be reached.
    """
    return psycopg.connect(**parameters(purpose), autocommit=True)


def parameters(purpose: str) -> dict[str, Any]:
    """Return the parameters of such a connection.

    Args:
        purpose: As of `connect`.
    """
    given = connection.get_connection_params()
    for of_django in ("context", "cursor_factory", "prepare_threshold"):
        given.pop(of_django, None)
    return {**CONNECTION, **given, "application_name": f"warmline {purpose}"}
