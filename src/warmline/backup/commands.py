"""What `warmline backup` and `warmline restore` do and say."""

from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from warmline.backup import compatibility, sqlite_file
from warmline.backup.archive import Contents, making, reading
from warmline.crm import preferences
from warmline.crm.activities import Activity
from warmline.crm.models import Contact, Organization
from warmline.sync import credentials

CHECKED_FIRST = (
    "Before anything is created or changed in Pipedrive, Warmline checks every link. The Sync page shows how far it is "
    "and what it found. What was saved here after the backup is gone here, but not in Pipedrive."
)
WITHOUT_KEY = "without it the Pipedrive token has to be entered again, and everyone has to sign in again."
OTHER_KEY = (
    "The present secret key is another one than the backup's, so the stored Pipedrive token cannot be read. Put the "
    "old key in its place, or enter the token again on the Settings page."
)


def back_up(file: Path) -> list[str]:
    """Write a backup, while everybody works on; return what was done and what to do beside, line by line.

    Raises:
        CannotBackUpError: There is none.
    """
    is_postgres = connection.vendor == "postgresql"
    migrations = sorted(MigrationRecorder(connection).applied_migrations())
    contents = Contents(connection.vendor, datetime.now(UTC).isoformat(timespec="seconds"), migrations, _tables())
    with making(file, contents) as archive:
        if is_postgres:
            from warmline.backup import postgres_tables  # noqa: PLC0415 (its driver comes with an extra)

            postgres_tables.write(archive, contents)
        else:
            sqlite_file.write(archive, file)
    return [f"{file} holds everything that the database held ({_size(file)}).", *_of_the_key()]


def restore(file: Path, *, replace: bool) -> list[str]:
    """Restore a backup; return what was done and what to do next, line by line.

    Args:
        file: The backup.
        replace: Whether data of a team may be replaced.

    Raises:
        CannotRestoreError: Nothing was changed.
    """
    with reading(file) as (archive, contents):
        compatibility.check(contents)
        if connection.vendor == "postgresql":
            from warmline.backup import postgres_tables  # noqa: PLC0415 (its driver comes with an extra)

            more = postgres_tables.read(archive, contents, replace=replace)
        else:
            more = sqlite_file.read(archive, replace=replace)
    return [
        f"Restored the backup of {contents.made_at}: {_counted()}.",
        *more,
        *_token_lines(),
        CHECKED_FIRST,
        "If the old installation still runs somewhere, stop it: both would send to the same company.",
    ]


def _tables() -> dict[str, list[str]]:
    if connection.vendor != "postgresql":
        return {}
    from warmline.backup import postgres_tables  # noqa: PLC0415 (its driver comes with an extra)

    return postgres_tables.tables()


def _counted() -> str:
    counts = (
        (Contact.objects.count(), "contacts"),
        (Organization.objects.count(), "organizations"),
        (Activity.objects.count(), "activities"),
    )
    return ", ".join(f"{number:,} {name}" for number, name in counts)


def _of_the_key() -> list[str]:
    if "WARMLINE_SECRET_KEY" in settings.FROM_ENVIRONMENT or "WARMLINE_SECRET_KEY_FILE" in settings.FROM_ENVIRONMENT:
        where = "WARMLINE_SECRET_KEY"
    else:
        where = str(Path(settings.DATA_DIR) / "secret-key")
    return [f"The secret key is not in it. Keep {where} in another safe place: {WITHOUT_KEY}"]


def _token_lines() -> list[str]:
    preferences.refresh()
    return [OTHER_KEY] if credentials.is_unreadable() else []


def _size(file: Path) -> str:
    size = file.stat().st_size
    return f"{size / 1_000_000:.1f} MB" if size >= 100_000 else f"{size / 1000:.1f} KB"  # noqa: PLR2004 (a tenth of one)
