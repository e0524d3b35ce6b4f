"""Where a change stands in the order of commits, so that who reads "what is new since" misses nothing.

Neither ids nor clocks are in that order: a transaction that began earlier may commit later. A position is. Each row
that is followed carries that of its last change, in a `PositionField`. `horizon` is a position that every later commit
reaches: whoever reads it first and the rows afterwards, and next time asks for rows from there on, has missed none,
and sees a few twice.

On PostgreSQL a position is made of the transaction's id, and the horizon of the oldest transaction that still runs. On
SQLite, where one writes at a time, it counts the changes. All of PostgreSQL's are larger, so that a position of SQLite
still holds after a move to PostgreSQL.
"""

from collections.abc import Iterable
from functools import cache
from typing import Any, TypeVar

from django.apps import apps
from django.db import connection, models, transaction

BEYOND_SQLITE = 1 << 40
WRITTEN_IN = f"({BEYOND_SQLITE} + pg_current_xact_id()::text::bigint)"
KNOWN = "known_position"  # of a row in memory that is about to be stored with others
OLDEST_RUNNING = f"({BEYOND_SQLITE} + pg_snapshot_xmin(pg_current_snapshot())::text::bigint)"

RowType = TypeVar("RowType", bound=models.Model)


class Position(models.Func):
    """The position of a change that is being made, within the statement that makes it."""

    arity = 0

    def __init__(self) -> None:
        super().__init__(output_field=models.BigIntegerField())

    def as_sqlite(self, *_: Any, **__: Any) -> Any:
        """Return SQLite's expression: one more than any position there is, each found at the end of an index."""
        return _one_more(), []

    def as_postgresql(self, *_: Any, **__: Any) -> Any:
        """Return PostgreSQL's expression."""
        return WRITTEN_IN, []


class PositionField(models.BigIntegerField):  # type: ignore[type-arg]  # which Django does not take at run time
    """The position of a row's last change, which is stored with each save. In an `update`, set it to `Position()`.

    What is deleted must leave a row with a position behind: on SQLite, the newest position must never go away.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"default": 0, "editable": False, "db_index": True, **kwargs})

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:  # noqa: ARG002, FBT001 (Django's signature)
        """Return what is stored; the row in memory keeps what it had."""
        known: int | None = model_instance.__dict__.pop(KNOWN, None)
        return Position() if known is None else known


class PositionedQuerySet(models.QuerySet[RowType]):
    """Rows with a position, many of which are made at once."""

    def bulk_create(self, objs: Iterable[Any], *args: Any, **kwargs: Any) -> list[Any]:
        """Make rows as Django does, all with one position: in a statement of its own, or it would be asked for each."""
        rows = list(objs)
        with transaction.atomic(savepoint=False):
            position = _asked(WRITTEN_IN if connection.vendor == "postgresql" else _one_more())
            for row in rows:
                row.__dict__[KNOWN] = position
            return super().bulk_create(rows, *args, **kwargs)


def keep_position(row: models.Model) -> None:
    """Have a row that is about to be added keep the position that it has, for copies of rows.

    Args:
        row: A row in memory, of a table with a `PositionField` or without one.
    """
    for field in row._meta.concrete_fields:  # noqa: SLF001 (documented as public)
        if isinstance(field, PositionField):
            row.__dict__[KNOWN] = getattr(row, field.attname)


def horizon() -> int:
    """Return a position that all changes reach that are committed after this call."""
    return _asked(OLDEST_RUNNING if connection.vendor == "postgresql" else _one_more())


def _asked(expression: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {expression}")
        found: int = cursor.fetchone()[0]
    return found


@cache
def _one_more() -> str:
    newest = [
        f'SELECT MAX("{field.column}") AS newest FROM "{model._meta.db_table}"'  # noqa: S608, SLF001 (our own tables; documented)
        for model in apps.get_models()
        for field in model._meta.concrete_fields  # noqa: SLF001 (documented as public)
        if isinstance(field, PositionField)
    ]
    return f"(SELECT 1 + MAX(newest) FROM ({' UNION ALL '.join(newest)} UNION ALL SELECT 0))"  # noqa: S608 (as above)
