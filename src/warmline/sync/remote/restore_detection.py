"""Counts the starts of `serve` and of workers, in the database and outside of it, to notice an old copy of it.

The count outside is a file in the data folder. A database that does not know the start in it is older than that start,
or another one: it was restored or copied, and all links are checked first (see reconcile_first.py). On PostgreSQL,
machines and their folders come and go, so there the database's own word counts as well: whoever restores a dump makes
the tables anew, and recovery begins a new timeline, neither of which the rows can bring along.
"""

import json
import logging
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection, transaction

from warmline import database_time
from warmline.crm import marks
from warmline.crm.advisory_locks import hold_alone
from warmline.crm.models import Contact, Organization
from warmline.sync.installation_models import Start
from warmline.sync.remote import reconcile_first

log = logging.getLogger(__name__)

FILE = "last-start"
OLDER = "The database does not know the last start from its data folder: it was restored or copied."
ELSEWHERE = "The database was in use elsewhere before: it was copied into this data folder."
MADE_ANEW = "The tables of the database were made anew, or the database was recovered: it was restored or copied."
# A database's id and that of a table change with each restored dump; the timeline, with each recovery.
TABLES_NOW = (
    "SELECT oid::text || '/' || 'sync_start'::regclass::oid FROM pg_database WHERE datname = current_database()"
)
TIMELINE = "SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)"


@dataclass(frozen=True)
class Noted:
    """The last start that is noted in the data folder."""

    number: int
    token: str


def suspicion(noted: Noted | None, last: Start | None, *, knows_noted: bool, place: str) -> str:
    """Return why a database is not the one that was in use last; empty if nothing speaks for it.

    Args:
        noted: The last start that the data folder knows; None if it knows of none.
        last: The last start that the database knows; likewise.
        knows_noted: Whether the database knows the folder's.
        place: On PostgreSQL, which tables these are; empty on SQLite.
    """
    if noted is not None and not knows_noted:
        return OLDER
    if last is None:
        return ""  # a new database, or one of a version that did not count
    if not place:
        return ELSEWHERE if noted is None else ""
    return MADE_ANEW if last.place not in {"", place} else ""  # (empty: moved here from SQLite)


def begin() -> str:
    """Count a start, have marks tell it, and have all links checked first if the database is an old copy.

    Returns:
        Why they are; empty if they are not.
    """
    noted, place = _noted(), _place()
    with transaction.atomic():
        hold_alone("starts")
        last = Start.objects.order_by("-number").first()
        knows_noted = noted is not None and Start.objects.filter(number=noted.number, token=noted.token).exists()
        found = suspicion(noted, last, knows_noted=knows_noted, place=place)
        start = _add(max(last.number if last else 0, noted.number if noted else 0) + 1, place)
        if found and (Contact.objects.exists() or Organization.objects.exists()):
            log.warning("sync.reconcile_first reason=%r", found)
            reconcile_first.begin(found)
        else:
            found = ""
    note(start)
    marks.use(start.token)
    return found


def restored() -> Start:
    """Have all links of a restored database checked first, and return a start; `note` it once all is in its place."""
    noted, last = _noted(), Start.objects.order_by("-number").first()
    with transaction.atomic():
        reconcile_first.begin(reconcile_first.RESTORED)
        return _add(max(last.number if last else 0, noted.number if noted else 0) + 1, _place())


def follow() -> None:
    """Have the marks of this process tell the last start, which another process has begun.

    A process must be able to start without the database; its marks then say nothing until the next count.
    """
    try:
        marks.use(Start.objects.order_by("-number").values_list("token", flat=True).first() or "")
    except DatabaseError as error:
        log.warning("sync.start_unknown error=%s", error)


def count_on() -> None:
    """Count one more, without a look: of a server that runs for weeks, an older copy is noticed as well."""
    with transaction.atomic():
        hold_alone("starts")
        last = Start.objects.order_by("-number").first()
        if last is None:
            return  # nobody has started yet: this is a command
        start = _add(last.number + 1, last.place)
    note(start)
    marks.use(start.token)


def _add(number: int, place: str) -> Start:
    return Start.objects.create(number=number, token=marks.new_token(), at=database_time.now(), place=place)


def _file() -> Path:
    return Path(settings.DATA_DIR) / FILE


def _noted() -> Noted | None:
    try:
        read = json.loads(_file().read_text(encoding="ascii"))
        return Noted(int(read["number"]), str(read["token"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def note(start: Start) -> None:
    """Note a start in the data folder, whole or not at all. It is after the commit: the folder never knows of more."""
    draft = _file().with_name(f"{FILE}.{os.getpid()}")
    try:
        draft.write_text(json.dumps({"number": start.number, "token": start.token}), encoding="ascii")
        draft.replace(_file())
    except OSError:
        log.exception("sync.start_not_noted")
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def _place() -> str:
    if connection.vendor != "postgresql":
        return ""
    with connection.cursor() as cursor:
        cursor.execute(TABLES_NOW)
        (tables,) = cursor.fetchone()
    try:
        with connection.cursor() as cursor:
            cursor.execute(TIMELINE)
            (timeline,) = cursor.fetchone()
    except DatabaseError:  # some services that offer PostgreSQL have none
        timeline = "-"
    return f"{tables}/{timeline}"
