"""Checks and imports files, beside the server and chunk by chunk; the browser that asked for it may be closed.

What is left to do stands in the rows (see runs.py), so a worker that dies leaves nothing but its hold, which ends
by itself, and the next one goes on. Between two chunks it gives up what is no longer its own.
"""

import logging
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Event
from typing import Any

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.text import Truncator

from warmline import database_time, storage
from warmline.crm import book, preferences
from warmline.crm.chunks import Pace, in_pieces
from warmline.crm.imports import bulk, columns
from warmline.crm.imports.known_people import Seen
from warmline.crm.imports.runs import AT_WORK, ImportRow, ImportRun, RowResult, Status
from warmline.crm.models import Contact, Organization
from warmline.crm.signals import import_done, import_wanted
from warmline.supervision import Loop
from warmline.threads import Signal

log = logging.getLogger(__name__)

HOLD = timedelta(seconds=10)
SWEEP = 1.0  # seconds: how late a run of another process, or of one that died, can be
UNEXPECTED = "Something went wrong on our side with this row ({}). The error was logged. Tell your administrator."
ABOVE = "Not a contact: it stands above the column names."
APART = "Not a contact: it stands apart at the end of the file, with only its first cell filled."
SHARES = "“{}” already has this e-mail. If they are the same person, delete one of them."
NAMESAKE = "“{}” has the same name, with another phone. If they are the same person, delete one of them."
KNOWN_AS = "Known as “{}”."
COMPLETES = "Adds the {} “{}” to the contact."
DIFFERS = "Not taken over: {} “{}”. There it is “{}”."
CALLED = {
    "email": "e-mail",
    **{name: name for name in ("phone", "organization", "warmness", *Organization.DETAILS)},
    **{name: Contact.called(name) for name in Contact.DETAILS},
}
SHOWN = 200  # characters of a value that is told
WRITTEN = ["result", "reasons", "is_warm", "contact_id"]


@contextmanager
def running() -> Iterator[None]:
    """Work in a thread while the block runs."""
    signal = Event()

    def wanted(**_: Any) -> None:
        signal.set()

    def work() -> None:
        signal.clear()
        while not imports.ending.is_set() and step(database_time.now(), imports.ending):
            pass
        signal.wait(SWEEP)

    import_wanted.connect(wanted)
    try:
        with (imports := Loop("imports", work, wake=signal.set)):  # bound before its thread starts
            yield
    finally:
        import_wanted.disconnect(wanted)


def is_wanted(now: datetime) -> bool:
    """Tell whether `step` would find something to do.

    Args:
        now: Tells which holds have ended.
    """
    return ImportRun.objects.filter(status__in=AT_WORK).exclude(held_until__gt=now, held_until__lte=now + HOLD).exists()


def step(now: datetime, stopping: Signal | None = None) -> bool:
    """Do what is to be done for one run.

    Args:
        now: Tells which holds have ended.
        stopping: Ends it after the present chunk when it is set.

    Returns:
        Whether there was one.
    """
    free = Q(held_until=None) | Q(held_until__lte=now)
    runs = ImportRun.objects.filter(status__in=AT_WORK)
    run = runs.filter(free).select_related("owner").order_by("id").first()
    if run is None:
        # Who died before the clock was set back holds what is left no longer than anyone else.
        too_long = runs.filter(held_until__gt=now + HOLD)
        if too_long.exists():
            too_long.update(held_until=now + HOLD)
        return False
    hold = _Hold(run)
    if hold.is_taken(now):
        importing = _import if run.status == Status.IMPORTING else _take_back
        work = _check if run.status == Status.CHECKING else importing
        for _ in work(run, hold):
            if stopping is not None and stopping.is_set():
                break
        hold.give_up()
    return True


class _Hold:
    """The right to work on a run, as long as its status is the same and nobody set it to work anew."""

    def __init__(self, run: ImportRun) -> None:
        self._run = run
        self._name = secrets.token_hex(16)
        self._ours = ImportRun.objects.filter(pk=run.pk, status=run.status, holder=self._name)

    def is_taken(self, now: datetime) -> bool:
        """Take it, if it is still free."""
        free = ImportRun.objects.filter(pk=self._run.pk, status=self._run.status, holder=self._run.holder)
        free = free.filter(Q(held_until=None) | Q(held_until__lte=now))
        return bool(free.update(holder=self._name, held_until=now + HOLD))

    def is_kept(self) -> bool:
        """Keep it for another while; False when it was lost."""
        return bool(self._ours.update(held_until=database_time.now() + HOLD))

    def end(self, status: Status) -> None:
        """Say that the work is done."""
        ended = {"status": status, "ended_at": database_time.now(), "holder": "", "held_until": None}
        with transaction.atomic():
            if self._ours.update(**ended) and self._run.status == Status.IMPORTING:
                import_done.send(ImportRun, run=self._run)

    def give_up(self) -> None:
        """Leave what is left to others."""
        self._ours.update(holder="", held_until=None)


def _check(run: ImportRun, hold: _Hold) -> Iterator[None]:
    """Find out what will become of each row, a chunk at a time."""
    # From the beginning, also after a restart: a later row may be known by an earlier one, and checking is quick.
    in_pieces(list(run.contacts.exclude(result=RowResult.UNKNOWN).values_list("pk", flat=True)), _uncheck)
    pace = Pace()
    seen = Seen()
    threshold = preferences.current().threshold
    others = _Others(run)

    def foresee(rows: Sequence[ImportRow]) -> None:
        for row in rows:
            row.result, row.reasons = others.said_of(row)
            row.is_warm, row.contact_id = False, None
        read = [(row, run.said(row.cells)) for row in rows if not row.result]
        with seen.undone_if_broken():
            outcomes = bulk.foresee(
                run.owner, [said.arguments | {"is_another": row.is_another} for row, said in read], seen
            )
            for (row, said), outcome in zip(read, outcomes, strict=True):
                _note(row, outcome)
                row.reasons += said.left_out
                row.is_warm = row.result == RowResult.NEW and said.arguments["warmness_score"] >= threshold
            _store(rows)

    while rows := list(run.contacts.filter(result=RowResult.UNKNOWN).order_by("number")[: pace.size]):
        if not _is_done(rows, foresee, hold, pace):
            return
        yield
    hold.end(Status.CHECKED)


class _Others:
    """Which rows of a run are no contacts, or cannot be read."""

    def __init__(self, run: ImportRun) -> None:
        self._run = run
        self._heading = run.rows.filter(is_heading=True).first()
        last = run.rows.order_by("-number").values_list("number", "cells")[: columns.FOOTERS + 2]
        self._footers = columns.footers(list(reversed(last)))

    def said_of(self, row: ImportRow) -> tuple[str, list[str]]:
        """Return the result of such a row and why; an unknown one of any other."""
        if self._heading and row.number < self._heading.number:
            return RowResult.LEFT_OUT, [ABOVE]
        fault = columns.fault(row.cells, self._run.columns, self._run.delimiter)
        if self._run.is_ours:
            return (RowResult.INVALID, [fault]) if fault else (RowResult.UNKNOWN, [])
        if reason := columns.no_contact(row.cells, self._heading.cells if self._heading else []):
            return RowResult.LEFT_OUT, [reason]
        if row.number in self._footers:
            return RowResult.LEFT_OUT, [APART]
        return (RowResult.INVALID, [fault]) if fault else (RowResult.UNKNOWN, [])


def _import(run: ImportRun, hold: _Hold) -> Iterator[None]:
    """Add the rows that are new, and complete whom others are, a chunk at a time, each noted in one transaction."""
    pace, origin = Pace(), _origin(run)

    def add(rows: Sequence[ImportRow]) -> None:
        read = [run.said(row.cells) for row in rows]
        given = [
            said.arguments | {"is_another": row.is_another, "origin": origin}
            for row, said in zip(rows, read, strict=True)
        ]
        for outcomes in bulk.import_contacts(run.owner, given, chunk=len(rows)):
            for row, said, outcome in zip(rows, read, outcomes, strict=True):
                if outcome.result == bulk.Result.ADDED:  # what there is to say was said when it was checked
                    row.result, row.contact_id = RowResult.ADDED, outcome.contact_id
                else:
                    _note(row, outcome)
                    row.reasons += said.left_out
        _store(rows)

    def complete(rows: Sequence[ImportRow]) -> None:
        for row in rows:
            row.contact_id = bulk.complete(run.owner, run.said(row.cells).arguments)
            # Whom it would have completed is gone: it is somebody new.
            row.result = RowResult.COMPLETED if row.contact_id else RowResult.NEW
        _store(rows)

    def left(result: RowResult) -> list[ImportRow]:
        return list(run.contacts.filter(result=result).order_by("number")[: pace.size])

    works = [(RowResult.NEW, add), *([(RowResult.COMPLETES, complete)] if run.completes else [])]
    # What was to be completed may have become new.
    while found := next(((work, rows) for result, work in works if (rows := left(result))), None):
        work, rows = found
        if not _is_done(rows, work, hold, pace):
            return
        yield
    hold.end(Status.DONE)


def _take_back(run: ImportRun, hold: _Hold) -> Iterator[None]:
    """Delete the contacts that were added and nobody touched since, a chunk at a time."""
    pace, origin = Pace(), _origin(run)

    def delete(rows: Sequence[ImportRow]) -> None:
        read = {row.contact_id: run.said(row.cells).arguments for row in rows if row.contact_id is not None}
        given = {pk: arguments | {"origin": origin} for pk, arguments in read.items()}
        gone = bulk.untouched(run.owner, given)
        book.delete_contacts(Contact.objects.filter(pk__in=gone))
        for row in rows:
            row.result = RowResult.TAKEN_BACK if row.contact_id in gone else RowResult.KEPT
        _store(rows)

    while rows := list(run.contacts.filter(result=RowResult.ADDED).order_by("number")[: pace.size]):
        if not _is_done(rows, delete, hold, pace):
            return
        yield
    hold.end(Status.DONE)


def _origin(run: ImportRun) -> str:
    """Return where those come from whom a run adds: the program and the day; nothing in a file of ours."""
    day = date_format(timezone.localdate(run.created_at, run.owner.zone), "j M Y")
    name = run.profile or _short("".join(filter(str.isprintable, run.file_name)))
    return "" if run.is_ours else f"{name}, {day}"


def _is_done(rows: Sequence[ImportRow], work: Callable[[Sequence[ImportRow]], None], hold: _Hold, pace: Pace) -> bool:
    """Do the work for some rows, as long as the hold is kept; False when it was lost.

    Where that breaks, each row is tried alone, and one that breaks alone is set aside, so that the others go on.
    """
    try:
        with pace.piece():
            if not hold.is_kept():  # within it: who takes the run away does so before, or after all of it
                return False
            work(rows)
    except Exception as error:
        if isinstance(error, OperationalError | InterfaceError) and not storage.is_unstorable(error):
            raise  # the database is at fault, and no row: all of it is tried again
        if len(rows) > 1:
            return all(_is_done([row], work, hold, pace) for row in rows)
        log.exception("import.row_failed row=%s", rows[0].pk)
        _set_aside(rows[0], error)
    return True


def _uncheck(ids: Sequence[int]) -> None:
    ImportRow.objects.filter(pk__in=ids).update(result=RowResult.UNKNOWN)


def _set_aside(row: ImportRow, error: Exception) -> None:
    reasons = [UNEXPECTED.format(type(error).__name__)]
    rows = ImportRow.objects.filter(pk=row.pk)
    rows.update(result=RowResult.INVALID, reasons=reasons, is_warm=False, contact_id=None)


def _note(row: ImportRow, outcome: bulk.Outcome) -> None:
    """Note what would become of a row."""
    row.contact_id = outcome.contact_id
    row.reasons = columns.reasons(outcome.errors)
    comparison = outcome.comparison
    match outcome.result:
        case bulk.Result.ADDED:
            row.result = RowResult.NEW
        case bulk.Result.INVALID:
            row.result = RowResult.INVALID
        case bulk.Result.KNOWN if "phone" in comparison.differs:
            row.result = RowResult.DIFFERS
        case bulk.Result.KNOWN:
            row.result = RowResult.COMPLETES if comparison.completes else RowResult.KNOWN
    for text, said in ((SHARES, outcome.shares_with), (NAMESAKE, outcome.namesake), (KNOWN_AS, outcome.known_as)):
        row.reasons += [text.format(said)] if said else []
    row.reasons += [COMPLETES.format(CALLED[name], _short(text)) for name, text in comparison.completes.items()]
    row.reasons += [DIFFERS.format(CALLED[name], *map(_short, both)) for name, both in comparison.differs.items()]


def _short(text: str) -> str:
    return Truncator(text).chars(SHOWN)


def _store(rows: Sequence[ImportRow]) -> None:
    # An upsert of rows that are there is far quicker than an UPDATE with a CASE for each of them.
    ImportRow.objects.bulk_create(rows, update_conflicts=True, unique_fields=["id"], update_fields=WRITTEN)
