"""Moves everything from the data folder's SQLite file to an empty PostgreSQL, all of it or nothing.

The file is locked meanwhile, so nobody else can have it open, and is not changed: it stays as a backup. Rows keep their
ids and all their values, and are compared with the file's before the transaction ends.
"""

# ruff: noqa: SLF001 -- Django documents `_meta` and `_base_manager`.

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management.color import no_style
from django.db import DataError, OperationalError, connection, connections, models, transaction
from django.db.models import CharField

from warmline.crm import preferences
from warmline.crm.commit_order import keep_position
from warmline.sync import credentials
from warmline.sync.cursor_order import Arriving

SOURCE = "source"  # the name of the file's connection
AT_ONCE = 1000  # rows
MADE_BY_MIGRATE = (
    "contenttypes.contenttype",
    "auth.permission",
)  # the target has its own, and no row of ours names one
NOT_MOVED = ("django_migrations", "django_content_type", "auth_permission", "sqlite_sequence")
MOST_NAMED = 10  # values that cannot be taken, of each table
Model = type[models.Model]
Values = dict[str, Any]


class CannotMoveError(Exception):
    """Nothing was moved; the message says why, and what to do."""


def move() -> list[str]:
    """Move everything, and return what was done and what to do next, line by line.

    Raises:
        CannotMoveError: Nothing was moved, and the target is as empty as before.
    """
    file = Path(settings.DATA_DIR) / "warmline.sqlite3"
    if not file.exists():
        raise CannotMoveError(f"there is no {file}. Set WARMLINE_DATA_DIR to the folder that Warmline has used so far.")
    with _opened(file):
        _check_version()
        tables = _tables()
        if held := [model._meta.db_table for model in tables if _all(model, "default").exists()]:
            raise CannotMoveError(
                f"the target is not empty: there are rows in {', '.join(held)}. "
                "Set DATABASE_URL to a database on which only `warmline migrate` was run."
            )
        with transaction.atomic():
            refused = [text for model in tables for text in _copy(model)]
            if refused:
                raise CannotMoveError(
                    "\n".join(["PostgreSQL cannot take some values. Change them, and try again:", *refused])
                )
            _set_sequences(tables)
            rows = sum(_compared(model) for model in tables)
    return [f"Moved and compared {rows:,} rows in {len(tables)} tables of {file}.", *_next_steps(file)]


@contextmanager
def _opened(file: Path) -> Iterator[None]:
    """Have the file's connection while the block runs, and the file alone.

    Raises:
        CannotMoveError: Somebody else has it open.
    """
    connections.databases[SOURCE] = {
        **connections.databases["default"],
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(file),
        "OPTIONS": {
            "transaction_mode": "EXCLUSIVE",
            "timeout": 1,  # second
            "init_command": "PRAGMA locking_mode=EXCLUSIVE;",  # refused as long as anybody has the file open
        },
    }
    try:
        try:
            with transaction.atomic(using=SOURCE):
                pass
        except OperationalError as error:
            raise CannotMoveError(
                f"{file} is in use ({error}). Stop the server and every other command that uses it, and try again."
            ) from error
        with transaction.atomic(using=SOURCE):
            yield
    finally:
        connections[SOURCE].close()
        del connections[SOURCE]
        del connections.databases[SOURCE]


def _check_version() -> None:
    applied = {}
    for alias in (SOURCE, "default"):
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT app, name FROM django_migrations WHERE app IN ('crm', 'sync')")
            applied[alias] = set(cursor.fetchall())
    if applied[SOURCE] != applied["default"]:
        raise CannotMoveError(
            "the file is not of this version. Run `warmline migrate` once without DATABASE_URL, and try again."
        )


def _tables() -> list[Model]:
    """Return the models of all tables of the file that are moved.

    Raises:
        CannotMoveError: There is a table in it that is nobody's.
    """
    there = set(connections[SOURCE].introspection.table_names())
    found = [model for model in apps.get_models(include_auto_created=True) if model._meta.db_table in there]
    moved = [model for model in found if model._meta.label_lower not in MADE_BY_MIGRATE]
    if unknown := there - {model._meta.db_table for model in moved} - set(NOT_MOVED):
        raise CannotMoveError(f"the file has tables that are not Warmline's: {', '.join(sorted(unknown))}.")
    return moved


def _all(model: Model, alias: str) -> "models.QuerySet[Any]":
    return model._base_manager.using(alias).order_by("pk")


def _copy(model: Model) -> Iterator[str]:
    """Copy a table, and yield the values that PostgreSQL cannot take; nothing more is written once there is one."""
    refused: list[str] = []
    for rows in _pieces(model):
        refused += [text for row in rows for text in _refused(row)]
        if refused:
            continue
        for row in rows:
            if isinstance(row, Arriving):  # on SQLite ids are in the order of arrival, and readers go on behind them
                row.place = row.pk
            keep_position(row)
        set_by_django = _set_by_django(model)
        values = [{name: getattr(row, name) for name in set_by_django} for row in rows]
        try:
            with transaction.atomic():
                model._base_manager.using("default").bulk_create(rows)
                for row, before in zip(rows, values, strict=True):
                    vars(row).update(before)
                if set_by_django:
                    model._base_manager.using("default").bulk_update(rows, set_by_django)
        except DataError as error:
            refused.append(f"  {model._meta.db_table}: {str(error).splitlines()[0]}")
    yield from refused[:MOST_NAMED]
    if len(refused) > MOST_NAMED:
        yield f"  and {len(refused) - MOST_NAMED:,} more in {model._meta.db_table}"


def _set_by_django(model: Model) -> list[str]:
    """Return the names of the fields that Django sets itself to the present moment whenever a row is added."""
    return [field.attname for field in model._meta.concrete_fields if getattr(field, "auto_now", False)]


def _pieces(model: Model) -> "Iterator[list[Any]]":
    """Return the file's rows of a table, some at a time."""
    rows = _all(model, SOURCE).iterator(chunk_size=AT_ONCE)
    return iter(lambda: list(islice(rows, AT_ONCE)), [])


def _refused(row: models.Model) -> Iterator[str]:
    for field in row._meta.concrete_fields:
        value = field.value_from_object(row)
        where = f"  {row._meta.db_table} {row.pk}, {field.column}:"
        if _has_nul(value):
            yield f"{where} has a NUL character"
        elif isinstance(field, CharField) and isinstance(value, str) and len(value) > (field.max_length or len(value)):
            yield f"{where} has {len(value)} characters, and {field.max_length} are possible"


def _has_nul(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_has_nul(each) for pair in value.items() for each in pair)
    if isinstance(value, list):
        return any(_has_nul(each) for each in value)
    return isinstance(value, str) and "\0" in value


def _set_sequences(tables: list[Model]) -> None:
    """Let the ids of new rows follow those that were moved."""
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), tables):
            cursor.execute(statement)


def _compared(model: Model) -> int:
    """Compare a table's rows with the file's, value by value, and return how many there are.

    Raises:
        CannotMoveError: They are not the same.
    """
    number = 0
    for rows in _pieces(model):
        moved = _all(model, "default").in_bulk([row.pk for row in rows])
        for row in rows:
            if row.pk not in moved or _values(row) != _values(moved[row.pk]):
                raise CannotMoveError(f"{model._meta.db_table} {row.pk} is another row in the target.")
        number += len(rows)
    if number != _all(model, "default").count():
        raise CannotMoveError(f"{model._meta.db_table} has another number of rows in the target.")
    return number


def _values(row: models.Model) -> Values:
    """Return all values of a row but its place in the order of arrival, which SQLite does not have."""
    place = {"place"} if isinstance(row, Arriving) else set()
    fields = [field for field in row._meta.concrete_fields if field.attname not in place]
    return {field.attname: field.value_from_object(row) for field in fields}


def _next_steps(file: Path) -> Iterator[str]:
    yield "Set this from now on, for every process on every machine:"
    yield "  DATABASE_URL         as for this command"
    yield "  WARMLINE_SECRET_KEY  the key that Warmline has used so far: it encrypts the stored Pipedrive token, and"
    yield f"                       signs sessions. If you never set one, it is in {file.parent / 'secret-key'}."
    preferences.refresh()
    if credentials.is_unreadable():
        yield "The present WARMLINE_SECRET_KEY is another one: it cannot decrypt the stored Pipedrive token."
    yield f"Keep {file.name} as a backup. Start nothing without DATABASE_URL any more: it would work with the old data."
