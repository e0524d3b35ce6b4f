"""The disk fills up in the middle of a burst, and is emptied: three times. Nothing acknowledged is lost or doubled."""

import os
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from pathlib import Path
from threading import Event

from siege.attack import Attack, NotRunError, Said
from siege.ground import Ground, Saves

SIZE = "48m"
TIMES = 3
TOLD_IN_TIME, ON_IN_TIME = 3.0, 5.0  # seconds
PATIENCE = 180.0
PAGES = (
    "/contacts",
    "/contacts?q=ames",
    "/organizations",
    "/sync",
    "/notifications",
    "/settings",
    "/profile",
    "/import",
)


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """Mount a small disk of its own while the block runs.

    Args:
        folder: Where it may be put.

    Raises:
        NotRunError: This machine does not let us.
    """
    place = folder / "disk"
    place.mkdir()
    mounted = (
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0700", "tmpfs", place],
            capture_output=True,
            text=True,
            check=False,
        )
        if os.geteuid() == 0
        else None
    )
    if mounted is None or mounted.returncode:
        raise NotRunError("a disk that fills up needs the right to mount one (root, with CAP_SYS_ADMIN)")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def fill(disk: Path) -> Path:
    """Fill a disk to its last byte; return the file that does."""
    filler = disk / "filler"
    with filler.open("ab", buffering=0) as out:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while True:
                    out.write(b"x" * size)
            except OSError:
                continue
    return filler


@dataclass
class _Burst:
    saves: Saves = field(default_factory=Saves)
    codes: "Counter[str]" = field(default_factory=Counter)


def _fills_up(place: Ground, seconds: float) -> Said:
    said, bursts = Said(f"full {TIMES} times in a burst"), _Burst()
    with place.browser() as browser:
        for time_ in range(TIMES):
            over = Event()
            with ThreadPoolExecutor(4) as people:
                for _ in range(4):
                    people.submit(_burst, place, bursts, over)
                time.sleep(min(1.0, seconds / 10))
                filler = fill(place.folder)
                try:
                    said.breaches += _while_full(place, browser.get, time_)
                finally:
                    filler.unlink()
                said.breaches += _afterwards(place, time_)
                over.set()
    allowed = {"201", "disk_full"}
    said.breaches += [
        f"a save was answered {code} ({n} times)" for code, n in bursts.codes.items() if code not in allowed
    ]
    said.load += f", {bursts.codes['201']} saved, {bursts.codes['disk_full']} refused"
    said.at_rest = partial(_compared, place, bursts.saves.ids)
    return said


def _burst(place: Ground, burst: _Burst, over: Event) -> None:
    while not over.wait(0.01):
        status, answer = place.ask("POST", "/api/contacts", place.lead())
        code = str(status) if status != HTTPStatus.SERVICE_UNAVAILABLE else answer["error"]["code"]
        burst.codes[code] += 1
        if status == HTTPStatus.CREATED:
            burst.saves.ids.append(answer["id"])
            status, answer = place.ask("POST", "/api/activities", {"contact_id": answer["id"], "type": "CALL"})
            burst.codes[str(status) if status != HTTPStatus.SERVICE_UNAVAILABLE else answer["error"]["code"]] += 1


def _while_full(place: Ground, get: Callable[..., object], time_: int) -> Iterator[str]:
    if not _until(lambda: _state(place) == "disk_full", place.within(TOLD_IN_TIME)):
        yield f"{time_}: the state is {_state(place)}"
    for path in PAGES:
        page = get(path)
        status, text = page.status_code, page.text  # type: ignore[attr-defined]  # httpx's
        if status != HTTPStatus.OK:
            yield f"{time_}: {path} answers {status}"
        elif "The disk is full" not in text:
            yield f"{time_}: {path} does not say that the disk is full"
    for path in ("/api/contacts", "/api/sync", "/api/notifications"):
        if (status := place.ask("GET", path)[0]) != HTTPStatus.OK:
            yield f"{time_}: {path} answers {status}"
    time.sleep(2.0)  # for the engine to meet it, too


def _afterwards(place: Ground, time_: int) -> Iterator[str]:
    began, before = time.monotonic(), len(place.world.persons)
    there = _until(
        lambda: place.ask("POST", "/api/contacts", place.lead())[0] == HTTPStatus.CREATED, place.within(ON_IN_TIME)
    )
    if not there or not _until(
        lambda: len(place.world.persons) > before, place.within(ON_IN_TIME) - (time.monotonic() - began)
    ):
        yield f"{time_}: nothing moved within {ON_IN_TIME} s"


def _compared(place: Ground, ids: list[int]) -> Iterator[str]:
    if not _until(lambda: _left(place, ids) == 0, PATIENCE):
        yield f"{_left(place, ids)} rows are not over after {PATIENCE} s: {_waiting(place)}"
    emails = Counter(email["value"] for person in place.world.persons.values() for email in person["emails"])
    doubled = [email for email, number in emails.items() if number > 1]
    if doubled:
        yield f"doubled: {', '.join(doubled)}"
    for row_id in ids:
        status, row = place.ask("GET", f"/api/contacts/{row_id}")
        if status != HTTPStatus.OK or row["pipedrive_person_id"] not in place.world.persons:
            yield f"lost: contact {row_id} ({status})"
    activities = Counter(record["person_id"] for record in place.world.activities.values())
    if any(number > 1 for number in activities.values()):
        yield "an activity is doubled"


def _left(place: Ground, ids: list[int]) -> int:
    """Return how many of these contacts and their activities are not in Pipedrive yet."""
    some = ", ".join(map(str, ids))
    with _database(place) as database:
        (contacts,) = database.execute(
            f"SELECT count(*) FROM crm_contact WHERE pipedrive_person_id IS NULL AND id IN ({some})"  # noqa: S608 (ids)
        ).fetchone()
        (activities,) = database.execute(
            f"SELECT count(*) FROM crm_activity WHERE pipedrive_activity_id IS NULL AND contact_id IN ({some})"  # noqa: S608
        ).fetchone()
    return int(contacts + activities)


@contextmanager
def _database(place: Ground) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(f"file:{place.folder / 'warmline.sqlite3'}?mode=ro", uri=True, timeout=30)) as opened:
        yield opened


def _waiting(place: Ground) -> str:
    """Return what the database says of a few rows that wait, and of the leases that are held."""
    ask = {
        "contacts": "SELECT id, pipedrive_sync_error_code, pipedrive_sync_attempts, next_pipedrive_sync_attempt "
        "FROM crm_contact WHERE pipedrive_person_id IS NULL AND warmness_score > 3 LIMIT 3",
        "activities": "SELECT id, pipedrive_sync_error_code, pipedrive_sync_attempts, next_pipedrive_sync_attempt "
        "FROM crm_activity WHERE pipedrive_activity_id IS NULL LIMIT 3",
        "leases": "SELECT key, expires_at FROM sync_lease LIMIT 5",
        "intents": "SELECT key, begun_at, uncertain_at, answered FROM sync_intent LIMIT 5",
        "connection": "SELECT state, message FROM sync_connection",
        "now": "SELECT datetime('now')",
    }
    with _database(place) as database:
        return "; ".join(f"{what}: {database.execute(sql).fetchall()}" for what, sql in ask.items())


def _state(place: Ground) -> str:
    return str(place.ask("GET", "/api/sync")[1]["connection"]["state"])


def _until(there: Callable[[], bool], within: float) -> bool:
    end = time.monotonic() + within
    while not there():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


ATTACKS = (Attack("a full disk", _fills_up, slower=20.0, refuses=True, disk=small_disk),)
