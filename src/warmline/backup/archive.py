"""The file of a backup: a zip archive whose first member says what it is of.

It appears under its name only when it is whole, and never in place of another file.
"""

import json
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

CONTENTS = "warmline-backup.json"
FORMAT = 1
AT_ONCE = 1 << 20  # bytes that are copied at a time


class CannotBackUpError(Exception):
    """There is no backup; the message says why, and what to do."""


class CannotRestoreError(Exception):
    """Nothing was restored; the message says why, and what to do."""


@dataclass(frozen=True)
class Contents:
    """What a backup is of.

    Attributes:
        database: "sqlite" or "postgresql".
        made_at: When it was begun, as ISO 8601 has it.
        migrations: Those that its tables had, as app and name.
        tables: On PostgreSQL, the columns of each table.
        format: Of the archive.
    """

    database: str
    made_at: str
    migrations: list[tuple[str, str]]
    tables: dict[str, list[str]] = field(default_factory=dict)
    format: int = FORMAT

    @classmethod
    def of(cls, archive: zipfile.ZipFile) -> Self:
        """Return what an archive says.

        Raises:
            CannotRestoreError: It is none of ours, or of a later version.
        """
        try:
            read = json.loads(archive.read(CONTENTS))
            read["migrations"] = [(str(app), str(name)) for app, name in read["migrations"]]
            if read["format"] > FORMAT:
                raise CannotRestoreError("a newer Warmline made this backup. Install that version, and try again.")
            return cls(**read)
        except (KeyError, TypeError, ValueError) as error:
            raise CannotRestoreError("this is not a backup of Warmline's.") from error


@contextmanager
def making(file: Path, contents: Contents) -> Iterator[zipfile.ZipFile]:
    """Make a backup while the block writes its other members.

    Args:
        file: Its name; nothing may be there yet.
        contents: What it is of.

    Raises:
        CannotBackUpError: It could not be written; nothing is left of it then.
    """
    draft = file.with_name(f"{file.name}.{os.getpid()}.part")
    try:
        if file.exists():
            raise CannotBackUpError(f"{file} exists already. Choose another name.")
        with draft.open("xb") as out:
            with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
                archive.writestr(CONTENTS, json.dumps(asdict(contents)))
                yield archive
            out.flush()
            os.fsync(out.fileno())
        os.link(draft, file)  # unlike a rename, it replaces nothing that came meanwhile
    except OSError as error:
        raise CannotBackUpError(f"cannot write {file}: {error.strerror}.") from error
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


@contextmanager
def reading(file: Path) -> Iterator[tuple[zipfile.ZipFile, Contents]]:
    """Open a backup while the block runs.

    Args:
        file: Its name.

    Raises:
        CannotRestoreError: It cannot be read, or is damaged; also if that shows within the block.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            yield archive, Contents.of(archive)
    except OSError as error:
        raise CannotRestoreError(f"cannot use {error.filename or file}: {error.strerror}.") from error
    except (zipfile.BadZipFile, EOFError) as error:
        raise CannotRestoreError(f"{file} is no backup, or it is damaged ({error}).") from error


def member(archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo:
    """Return what a member of an archive is to be called while it is written; compressed, of any size."""
    info = zipfile.ZipInfo(name)
    info.compress_type = archive.compression
    return info
