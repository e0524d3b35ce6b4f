"""What an administrator should see to: files that others can read, and a key that can be guessed.

Nothing here stops what works. `serve` says it when it starts, and `warmline doctor` whenever it is asked.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

OTHERS = 0o077


def warnings() -> Iterator[str]:
    """Yield what should be seen to, each with what to do."""
    folder = Path(settings.DATA_DIR)
    names = ", ".join(sorted(file.name for file in _readable_by_others(folder)))
    if names:
        yield (
            f"Other users of this machine can read {names} in {folder}, and so all your data. "
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
        return  # nobody else comes as far as the files
    for file in folder.iterdir():
        if file.is_file() and file.stat().st_mode & OTHERS:
            yield file
