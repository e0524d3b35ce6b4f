"""Settings and folders with which Warmline must not start, or must say what is unsafe: one sentence, no traceback."""

import stat
from pathlib import Path

from programs import warmline
from siege.attack import Attack, Said
from siege.ground import Ground

# What is set, and the variable or the words that must be named. The values hold secrets, which must not be repeated.
REFUSED: tuple[tuple[dict[str, str], str], ...] = (
    ({"WARMLINE_SECRET_KEY": "abcde"}, "WARMLINE_SECRET_KEY"),
    ({"DATABASE_URL": "sqlite://"}, "DATABASE_URL"),
    ({"DATABASE_URL": "sqlite:///:memory:"}, "DATABASE_URL"),
    ({"DATABASE_URL": "postgres://alice:se/cret@h:x/w"}, "DATABASE_URL"),
    ({"DATABASE_URL": "mysql://alice:secret@127.0.0.1/w"}, "DATABASE_URL"),
    ({"WARMLINE_DATA_DIR": "/proc/self/status"}, "WARMLINE_DATA_DIR"),
    ({"WARMLINE_PUBLIC_URL": "crm.example.com"}, "WARMLINE_PUBLIC_URL"),
    ({"WARMLINE_PROXIES": "everybody"}, "WARMLINE_PROXIES"),
)


def _start_badly(place: Ground, _seconds: float) -> Said:
    said = Said(f"{len(REFUSED) + 2} starts")
    for number, (more, named) in enumerate(REFUSED):
        env = {**place.env, "WARMLINE_DATA_DIR": str(place.folder.parent / f"new-{number}"), **more}
        done = warmline(env, "serve", "--port", "0")
        is_sentence = done.returncode == 1 and done.stderr.count("\n") == 1 and named in done.stderr
        if not is_sentence or "cret" in done.stderr.replace("SECRET", ""):
            said.breaches.append(f"{more}: {done.returncode} {done.stderr[-300:]}")
    said.breaches += _make_a_folder(place)
    said.breaches += _open_a_folder(place)
    return said


def _make_a_folder(place: Ground) -> list[str]:
    """A key of one's own and no folder: the folder is made, and is nobody else's."""
    folder = place.folder.parent / "made"
    env = {**place.env, "WARMLINE_DATA_DIR": str(folder), "WARMLINE_SECRET_KEY": "k" * 40}
    done = warmline(env, "sync", "status")
    if done.returncode:
        return [f"no folder: {done.stderr[-300:]}"]
    return [f"{file} can be read by others" for file in [folder, *folder.iterdir()] if _is_open(file)]


def _open_a_folder(place: Ground) -> list[str]:
    """A folder of an earlier version, with what others can read in it: `doctor` says so."""
    folder = place.folder.parent / "open"
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    (folder / "warmline.sqlite3").touch()
    (folder / "warmline.sqlite3").chmod(0o644)
    said = warmline({**place.env, "WARMLINE_DATA_DIR": str(folder)}, "doctor").stdout
    return [] if "Other users of this machine can read warmline.sqlite3" in said else ["an open file is not told"]


def _is_open(file: Path) -> bool:
    return bool(file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))


ATTACKS = (Attack("bad settings and folders", _start_badly, slower=8.0),)
