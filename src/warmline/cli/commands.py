"""What every command shares: its place in the program, how it gets ready, and how it fails.

Each command says in one line what went wrong and ends with 1; wrong usage ends with 2.
"""

import os
from typing import NoReturn

import typer

from warmline import loading

app = typer.Typer(
    help="A small team's contact book that stays in sync with Pipedrive.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # a traceback with local variables could show the token
    add_completion=False,
)
users = typer.Typer(help="Team members.", no_args_is_help=True)
sync = typer.Typer(help="Sync status and retries.", no_args_is_help=True)
explaining = typer.Typer(help="Explain the state of a record.", no_args_is_help=True)
app.add_typer(users, name="user")
app.add_typer(sync, name="sync")
app.add_typer(explaining, name="explain")


def fail(message: str) -> NoReturn:
    """End the command with status 1 and a message, one line."""
    typer.echo(message, err=True)
    raise typer.Exit(1)


def cannot_listen(host: str, port: int, error: OSError) -> NoReturn:
    """End the command because it cannot listen on an address."""
    reason, _, _ = str(error.strerror).partition(" (")  # asyncio's and socket's own additions say the address again
    fail(f"warmline: cannot listen on {host} port {port}: {reason}. Choose another with --host and --port.")


def set_up(*, migrates: bool = False, prepares: bool = True) -> None:
    """Make Django ready, and the database, too, unless told otherwise; every command that uses it begins with this."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "warmline.settings")
    with loading.undisturbed():
        _set_up(migrates=migrates, prepares=prepares)


def _set_up(*, migrates: bool, prepares: bool) -> None:
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
    """Tell which database DATABASE_URL names; call it after `set_up`."""
    from django.db import connection

    return connection.vendor == "postgresql"
