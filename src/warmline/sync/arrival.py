"""In which order rows became visible, for readers that go on behind the last row they have seen.

On PostgreSQL ids are not in that order: a transaction that took a lower id may commit later, and whoever has gone on by
then never sees its row. So each row gets a second number once it is visible, from whoever reads next, one reader at a
time: `settle` numbers what has come. A transaction that stays open for minutes holds nobody back, because its rows are
numbered when they come. On SQLite one writes at a time, and the ids themselves are in that order.
"""

from typing import Any, TypeVar

from django.db import connection, models, transaction

LOCK = 0x57_61_72_6D  # of who numbers; any number of our own
# Where nothing came out of order, a row's place is its id.
NUMBER = """
UPDATE {table} SET place = GREATEST(new.id, newest.place + new.rank)
FROM (SELECT id, row_number() OVER (ORDER BY id) AS rank FROM {table} WHERE place IS NULL) AS new,
     (SELECT COALESCE(MAX(place), 0) AS place FROM {table}) AS newest
WHERE {table}.id = new.id
"""


class Arriving(models.Model):
    """A row that readers go on behind.

    Attributes:
        place: On PostgreSQL its place in the order of arrival; None until somebody has looked, and on SQLite.
    """

    place = models.BigIntegerField(null=True, editable=False)

    class Meta:
        abstract = True

    @property
    def cursor(self) -> int:
        """What a reader who has seen this row goes on behind."""
        return self.pk if self.place is None else self.place


ArrivingType = TypeVar("ArrivingType", bound=Arriving)


def order() -> str:
    """Return the name of the field that rows are read in the order of."""
    return "place" if connection.vendor == "postgresql" else "pk"


def behind(cursor: int) -> dict[str, Any]:
    """Return the condition of the rows that came after the one with a cursor."""
    return {f"{order()}__gt": cursor}


def settle(model: type[Arriving]) -> None:
    """Number the rows that have become visible; to be called before a reader looks for what is new."""
    if connection.vendor != "postgresql":
        return
    rows = model._default_manager  # noqa: SLF001 (Django documents it as public)
    if not rows.filter(place=None).exists():
        return
    table = connection.ops.quote_name(model._meta.db_table)  # noqa: SLF001 (as above)
    with transaction.atomic(), connection.cursor() as cursor:
        # Held until the commit: whoever numbers next sees these numbers, and goes on behind them.
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        cursor.execute(NUMBER.format(table=table))


def since(model: type[ArrivingType], cursor: int, limit: int) -> list[ArrivingType]:
    """Return the rows of a table that came after the one with a cursor, in order, and at most so many."""
    settle(model)
    rows = model._default_manager.filter(**behind(cursor))  # noqa: SLF001 (as above)
    return list(rows.order_by(order())[:limit])


def newest_of(model: type[Arriving]) -> int:
    """Return the cursor of the newest row of a table; 0 if there is none."""
    settle(model)
    return newest(model._default_manager.all())  # noqa: SLF001 (as above)


def newest(rows: "models.QuerySet[Any]") -> int:
    """Return the cursor of the newest of some rows; 0 when there are none."""
    found: int | None = rows.aggregate(newest=models.Max(order()))["newest"]
    return found or 0
