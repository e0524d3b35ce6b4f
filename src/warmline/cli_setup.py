"""What every command begins with: Django and the database made ready, or a line that says what is in the way.

Nothing of Warmline is imported before a command needs it, so that `--help` needs no database.
"""

import os
from typing import NoReturn

import typer


def fail(message: str) -> NoReturn:
    """Say what went wrong, and end with 1."""
    typer.echo(message, err=True)
    raise typer.Exit(1)


def set_up(*, migrates: bool = False, prepares: bool = True) -> None:
    """Make Django ready, and the database, too, unless told otherwise; every command that uses it begins with this."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "warmline.settings")
    import django
    from django.core.exceptions import ImproperlyConfigured
    from django.db.utils import DatabaseError

    try:
        django.setup()
        if prepares:
            _prepare_database(migrates=migrates)
    except ImproperlyConfigured as error:
        fail(f"warmline: {error}")
    except OSError as error:
        fail(f"warmline: cannot use {error.filename}: {error.strerror}. Set WARMLINE_DATA_DIR to your own folder.")
    except DatabaseError as error:
        fail(f"warmline: cannot use the database: {error}. See WARMLINE_DATA_DIR and DATABASE_URL.")


def _prepare_database(*, migrates: bool) -> None:
    from django.conf import settings
    from django.db import connection

    from warmline import schema
    from warmline.sync import engine_health

    if not os.access(settings.DATA_DIR, os.W_OK | os.X_OK):
        fail(f"warmline: cannot write into {settings.DATA_DIR}. Set WARMLINE_DATA_DIR to a folder of your own.")
    try:
        if migrates or connection.vendor == "sqlite":
            schema.migrate()
        else:
            schema.wait()
            engine_health.look_for_workers()
    except schema.NotReadyError as error:
        fail(f"warmline: {error}")


def is_postgres() -> bool:
    """Tell whether the database is PostgreSQL."""
    from django.db import connection

    return connection.vendor == "postgresql"
