"""Problems for an administrator to fix: files that others can read, a weak secret key, data of a newer version.

They are warnings, and nothing stops because of them. `serve` prints them at its start, and so does `warmline doctor`.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

OTHERS = 0o077
OURS = ("crm", "sync")


def warnings() -> Iterator[str]:
    """Yield the problems, each with what to do about it."""
    folder = Path(settings.DATA_DIR)
    names = ", ".join(sorted(file.name for file in _readable_by_others(folder)))
    if names:
        yield (
            f"Other users of this machine can read {names} in {folder}, and therefore all your data. "
            f"Run `chmod -R go= {folder}` to keep them out."
        )
    if len(settings.SECRET_KEY) < settings.SHORTEST_KEY:
        yield (
            f"WARMLINE_SECRET_KEY has {len(settings.SECRET_KEY)} characters and can be guessed. Set one of "
            f"{settings.SHORTEST_KEY} or more. Everyone then has to sign in again, and an admin has to enter "
            "Pipedrive's token again on the Settings page."
        )


def newer_data() -> str:
    """Return the newest migration applied to the data that this version does not know; empty if it knows all."""
    known = MigrationLoader(None, ignore_no_migrations=True).disk_migrations
    applied = MigrationRecorder(connection).applied_migrations()
    unknown = [f"{app}.{name}" for app, name in applied if app in OURS and (app, name) not in known]
    return max(unknown, default="")


def _readable_by_others(folder: Path) -> Iterator[Path]:
    if os.name != "posix" or not folder.is_dir() or not folder.stat().st_mode & OTHERS:
        return  # others cannot get into the folder at all
    for file in folder.iterdir():
        if file.is_file() and file.stat().st_mode & OTHERS:
            yield file
