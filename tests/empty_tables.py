"""Empties the database between tests, at a price that goes with the few rows that a test leaves.

Django truncates all tables instead. On PostgreSQL that makes the files of each table and of each of its indexes anew,
and afterwards it looks for the permissions of all models, which nobody here asks about.
"""

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

GROWN = 1_000_000  # bytes: deleted rows keep their place, and a table of so many is slow to read and to plan for
FROM_ONE = {
    "sqlite": "UPDATE sqlite_sequence SET seq = 0",
    "postgresql": "SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)"
    " FROM pg_sequences WHERE last_value IS NOT NULL",
}


def empty_tables(*further: str) -> None:
    """Leave no row in the tables of the models.

    Args:
        further: Tables that are not a model's own, and are emptied as well.
    """
    tables = [*connection.introspection.django_table_names(include_views=False), *further]
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql" and (grown := _grown(cursor, tables)):
            cursor.execute(f"TRUNCATE {', '.join(grown)} CASCADE")  # who refers to them goes as well
        for table in _filled(cursor, tables):
            cursor.execute(f"DELETE FROM {table}")  # noqa: S608 (our own names)


def count_from_one() -> None:
    """Have the next row of each table get the id 1, once the tables are empty."""
    with connection.cursor() as cursor:
        cursor.execute(FROM_ONE[connection.vendor])


def _filled(cursor: CursorWrapper, tables: list[str]) -> list[str]:
    looks = (f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM {table})" for table in tables)  # noqa: S608 (our own names)
    cursor.execute(" UNION ALL ".join(looks))
    return [table for (table,) in cursor.fetchall()]


def _grown(cursor: CursorWrapper, tables: list[str]) -> list[str]:
    cursor.execute(
        "SELECT relname FROM pg_class WHERE oid = ANY(%s::regclass[]) AND pg_relation_size(oid) > %s", [tables, GROWN]
    )
    return [table for (table,) in cursor.fetchall()]
