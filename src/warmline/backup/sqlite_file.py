"""A backup of the SQLite file, while others write to it, and back.

SQLite itself copies it, as it is at one moment. A restored file gets its place when it is whole, of this version and
marked to be checked first; the one that was there is kept beside it.
"""

import fcntl
import os
import shutil
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.db import connection

from warmline import schema
from warmline.backup.archive import AT_ONCE, CannotBackUpError, CannotRestoreError, member
from warmline.sync.installation_models import Start
from warmline.sync.remote import restore_detection

MEMBER = "warmline.sqlite3"
UNWRITTEN = ("-wal", "-shm", "-journal")  # beside a damaged file, what is not in it yet
COMPANIONS = (*UNWRITTEN, "-turn")
IN_USE = "is in use. Stop the server and every other command that uses it, and try again."
HAS_USERS = "SELECT EXISTS (SELECT 1 FROM crm_user)"


def database() -> Path:
    """Return the database's file."""
    return Path(settings.DATABASES["default"]["NAME"])


def write(archive: zipfile.ZipFile, beside: Path) -> None:
    """Write the database, as it is at this moment, into an archive.

    Args:
        archive: Which.
        beside: The file of the archive; there is room for a copy of the database beside it meanwhile.

    Raises:
        CannotBackUpError: It cannot be copied.
    """
    copy = beside.with_name(f"{beside.name}.{os.getpid()}.copy")
    try:
        with closing(sqlite3.connect(database(), timeout=20)) as source:
            source.execute("VACUUM INTO ?", [str(copy)])
        with copy.open("rb") as read, archive.open(member(archive, MEMBER), "w", force_zip64=True) as out:
            shutil.copyfileobj(read, out, AT_ONCE)
    except sqlite3.Error as error:
        raise CannotBackUpError(f"cannot copy {database()}: {error}.") from error
    finally:
        copy.unlink(missing_ok=True)


def read(archive: zipfile.ZipFile, *, replace: bool) -> list[str]:
    """Put the database of an archive in the place of the one that is there.

    Args:
        archive: Which.
        replace: Whether one with users may be replaced.

    Returns:
        What became of that one, in a sentence; nothing if there was none.

    Raises:
        CannotRestoreError: Nothing has changed.
    """
    target = database()
    draft = target.with_name(f"{target.name}.restoring")
    with _alone(target.parent), _held(target, replace=replace) as is_there:
        try:
            _remove(draft)
            with archive.open(MEMBER) as source, draft.open("xb") as out:
                shutil.copyfileobj(source, out, AT_ONCE)
                os.fsync(out.fileno())
            _check(draft)
            start = _prepare(draft)
            kept = _set_aside(target) if is_there else None
            draft.replace(target)
            restore_detection.note(start)
        except KeyError:
            raise CannotRestoreError("the backup has no database in it.") from None
        finally:
            _remove(draft)
    return [f"The database that was there is now {kept}."] if kept else []


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Have no other backup restored into a folder while the block runs.

    Raises:
        CannotRestoreError: One is being restored.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise CannotRestoreError(f"another backup is being restored into {folder}. Wait for it to end.") from None
    finally:
        os.close(handle)


@contextmanager
def _held(file: Path, *, replace: bool) -> Iterator[bool]:
    """Have the present database alone while the block runs; yield whether there is one.

    Raises:
        CannotRestoreError: Somebody uses it, or it has users and is not to be replaced.
    """
    if not file.exists():
        yield False
        return
    with closing(sqlite3.connect(file, timeout=1, isolation_level=None)) as held:
        try:
            held.execute("PRAGMA locking_mode = EXCLUSIVE")
            held.execute("BEGIN EXCLUSIVE")
            held.execute("COMMIT")
            held.execute("PRAGMA journal_mode = DELETE")  # all of it is in the file then, and can be set aside with it
            has_users = bool(held.execute(HAS_USERS).fetchone()[0])
        except sqlite3.OperationalError as error:
            if "no such table" not in str(error):
                raise CannotRestoreError(f"{file} {IN_USE}") from error
            has_users = False
        except sqlite3.DatabaseError:  # it is damaged, which is why a backup is restored
            has_users = True
        if has_users and not replace:
            raise CannotRestoreError(f"{file} is in use by a team already. --replace puts the backup in its place.")
        yield True


def _check(draft: Path) -> None:
    with closing(sqlite3.connect(draft)) as database:
        try:
            found = database.execute("PRAGMA quick_check").fetchone()[0]
        except sqlite3.DatabaseError as error:
            found = str(error)
    if found != "ok":
        raise CannotRestoreError(f"the database in the backup is damaged: {found}.")


def _prepare(draft: Path) -> Start:
    """Bring a restored file to this version, have all its links checked first, and count a start."""
    before = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = str(draft)
    try:
        schema.migrate()
        start = restore_detection.restored()
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return start
    finally:
        connection.close()
        connection.settings_dict["NAME"] = before
        _remove(draft, but_itself=True)


def _set_aside(file: Path) -> Path:
    kept = file.with_name(f"{file.name}.replaced-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
    file.replace(kept)
    for name in UNWRITTEN:
        with suppress(FileNotFoundError):
            file.with_name(file.name + name).replace(kept.with_name(kept.name + name))
    return kept


def _remove(file: Path, *, but_itself: bool = False) -> None:
    for name in ("", *COMPANIONS)[but_itself:]:
        file.with_name(file.name + name).unlink(missing_ok=True)
