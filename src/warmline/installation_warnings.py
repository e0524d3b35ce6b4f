"""Problems for an administrator to fix: files that others can read, and a weak secret key.

They are warnings, and nothing stops because of them. `serve` prints them at its start, and so does `warmline doctor`.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

OTHERS = 0o077


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


def _readable_by_others(folder: Path) -> Iterator[Path]:
    if os.name != "posix" or not folder.is_dir() or not folder.stat().st_mode & OTHERS:
        return  # others cannot get into the folder at all
    for file in folder.iterdir():
        if file.is_file() and file.stat().st_mode & OTHERS:
            yield file
