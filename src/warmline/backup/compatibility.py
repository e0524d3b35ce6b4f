"""Whether a backup can be restored here: it must be of the same kind of database, and not of a later version."""

from django.db import connection
from django.db.migrations.loader import MigrationLoader

from warmline import schema
from warmline.backup.archive import CannotRestoreError, Contents

NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


def check(contents: Contents) -> None:
    """Return if a backup can be restored here.

    Args:
        contents: What it is of.

    Raises:
        CannotRestoreError: It is of another database, or of a later version.
    """
    if contents.database != connection.vendor:
        raise CannotRestoreError(
            f"the backup is of {NAMES.get(contents.database, contents.database)}, and DATABASE_URL means "
            f"{NAMES[connection.vendor]}. Restore it where it belongs; `warmline move-to-postgres` moves from SQLite."
        )
    known = set(MigrationLoader(None, ignore_no_migrations=True).disk_migrations)
    newer = [f"{app}.{name}" for app, name in contents.migrations if app in schema.OURS and (app, name) not in known]
    if newer:
        raise CannotRestoreError(
            f"a newer Warmline made this backup ({newer[-1]}). Install that version, and try again."
        )
