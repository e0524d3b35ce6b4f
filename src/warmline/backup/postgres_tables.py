"""A backup of Warmline's tables on PostgreSQL, as they are at one moment, and back.

They are copied by COPY, in one transaction that sees none of what others write meanwhile, and restored in one as well.
Queues of jobs are left out: what is due gets new jobs.
"""

import time
import zipfile
from collections.abc import Iterable
from typing import Any
from uuid import uuid4

from django.apps import apps
from django.core.management import call_command
from django.core.management.color import no_style
from django.db import DatabaseError, connection, models, transaction
from django.db.migrations.recorder import MigrationRecorder
from psycopg import IsolationLevel, errors, sql

from warmline import postgres, schema
from warmline.backup.archive import AT_ONCE, CannotBackUpError, CannotRestoreError, Contents, member
from warmline.crm.commit_order import PositionField
from warmline.crm.users import User
from warmline.sync.remote import restore_detection

LEFT_OUT = ("contenttypes.contenttype", "auth.permission")  # made by migrating; no row of ours names one
QUEUES = "procrastinate"
OTHERS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name LIKE 'warmline%'
AND application_name <> current_setting('application_name')
"""
LEAVING = 5.0  # seconds for the connections of a program that has just ended
LOOK_EVERY = 0.1  # seconds between two looks meanwhile


def tables() -> dict[str, list[str]]:
    """Return the columns of each table that a backup has."""
    return {
        model._meta.db_table: [str(field.column) for field in model._meta.concrete_fields]  # noqa: SLF001 (documented)
        for model in _models()
    }


def write(archive: zipfile.ZipFile, contents: Contents) -> None:
    """Write all tables, as they are at this moment, into an archive.

    Args:
        archive: Which.
        contents: Names them.

    Raises:
        CannotBackUpError: They cannot be read.
    """
    try:
        with postgres.connect("backup") as own:
            own.autocommit = False
            own.isolation_level, own.read_only = IsolationLevel.REPEATABLE_READ, True
            for table, columns in contents.tables.items():
                with (
                    own.cursor().copy(_copy("COPY {} ({}) TO STDOUT", table, columns)) as copied,
                    archive.open(member(archive, table), "w", force_zip64=True) as out,
                ):
                    for piece in copied:
                        out.write(piece)
    except errors.Error as error:
        raise CannotBackUpError(f"cannot read the database: {error}") from error


def read(archive: zipfile.ZipFile, contents: Contents, *, replace: bool) -> list[str]:
    """Put the tables of an archive in the place of those that are there, all of them or none.

    Args:
        archive: Which.
        contents: Names them.
        replace: Whether tables with users may be replaced.

    Returns:
        What an administrator has to know beside, in sentences.

    Raises:
        CannotRestoreError: Nothing has changed.
    """
    is_new = _prepare(contents, replace=replace)
    try:
        with transaction.atomic():
            _fill(archive, contents)
            if is_new:
                schema.migrate()
            _follow_up()
            start = restore_detection.restored()
    except KeyError as error:
        raise CannotRestoreError(f"the backup lacks a table: {error}.") from None
    except DatabaseError as error:
        raise CannotRestoreError(f"PostgreSQL refused it: {error}") from error
    restore_detection.note(start)
    return ["Programs that follow changes have to begin anew, with `updated_since=0`."]


def _prepare(contents: Contents, *, replace: bool) -> bool:
    """Have empty tables of the version of the backup; return whether they were made just now.

    Raises:
        CannotRestoreError: They are of another version, in use, or not empty.
    """
    applied = set(MigrationRecorder(connection).applied_migrations())
    if not applied:
        last = dict(sorted(contents.migrations))  # of each app
        for app, name in last.items():
            call_command("migrate", app, name, verbosity=0, interactive=False)
        return True
    if {each for each in applied if each[0] in schema.OURS} != {
        each for each in contents.migrations if each[0] in schema.OURS
    }:
        raise CannotRestoreError(
            "the tables in the database are of another version than the backup. Name an empty database in DATABASE_URL."
        )
    if not _is_ours_alone():
        raise CannotRestoreError("the database is in use. Stop every server and worker, and try again.")
    if User.objects.exists() and not replace:
        raise CannotRestoreError("the database is in use by a team already. --replace puts the backup in its place.")
    return False


def _is_ours_alone() -> bool:
    """Tell whether no other program of Warmline's has a connection; this one's have a name of their own from now on."""
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # of PostgreSQL's backend
    connection.settings_dict["OPTIONS"]["application_name"] = f"warmline restore {uuid4().hex}"
    end = time.monotonic() + LEAVING
    while True:
        with connection.cursor() as cursor:
            cursor.execute(OTHERS)
            (others,) = cursor.fetchone()
        if not others or time.monotonic() >= end:
            return not others
        time.sleep(LOOK_EVERY)


def _fill(archive: zipfile.ZipFile, contents: Contents) -> None:
    with connection.cursor() as cursor:
        there = set(connection.introspection.table_names(cursor))
        cursor.execute(sql.SQL("TRUNCATE {} CASCADE").format(_listed(name for name in there if _is_kept(name))))
        for table, columns in contents.tables.items():
            if table not in there:
                raise CannotRestoreError(f"the backup has a table that this version does not know: {table}.")
            with (
                archive.open(table) as source,
                cursor.copy(_copy("COPY {} ({}) FROM STDIN", table, columns)) as copied,
            ):
                while piece := source.read(AT_ONCE):
                    copied.write(piece)


def _follow_up() -> None:
    """Let new ids follow the restored ones. Positions in the order of commits mean nothing in another database."""
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), _models()):
            cursor.execute(statement)
        for model in _models():
            for field in model._meta.concrete_fields:  # noqa: SLF001 (documented)
                if isinstance(field, PositionField):
                    table = sql.Identifier(model._meta.db_table)  # noqa: SLF001 (as above)
                    cursor.execute(sql.SQL("UPDATE {} SET {} = 0").format(table, sql.Identifier(str(field.column))))


def _models() -> list[type[models.Model]]:
    found = apps.get_models(include_auto_created=True)
    return [
        model
        for model in found
        if model._meta.managed  # noqa: SLF001 (documented)
        and model._meta.app_label != QUEUES  # noqa: SLF001 (as above)
        and model._meta.label_lower not in LEFT_OUT  # noqa: SLF001 (as above)
    ]


def _is_kept(table: str) -> bool:
    """Tell whether a table is emptied: all but those that tell of the tables themselves."""
    return table not in {"django_migrations", "django_content_type", "auth_permission", "procrastinate_version"}


def _copy(statement: str, table: str, columns: Iterable[str]) -> sql.Composed:
    return sql.SQL(statement).format(sql.Identifier(table), _listed(columns))


def _listed(names: Iterable[Any]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))
