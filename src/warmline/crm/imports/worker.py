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

from django.db import InterfaceError, OperationalError
from django.db.models import Q

from warmline import database_time, storage
from warmline.crm import preferences
from warmline.crm.chunks import Pace, in_pieces
from warmline.crm.imports import bulk, columns
from warmline.crm.imports.runs import AT_WORK, ImportRow, ImportRun, RowResult, Status
from warmline.crm.signals import import_wanted
from warmline.supervision import Loop
from warmline.threads import Signal

log = logging.getLogger(__name__)

HOLD = timedelta(seconds=10)
SWEEP = 1.0  # seconds: how late a run of another process, or of one that died, can be
UNEXPECTED = "Something went wrong on our side with this row ({}). The error was logged. Tell your administrator."
SHARES = "“{}” already has this e-mail. If they are the same person, delete one of them."
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
        chunks = _check(run, hold) if run.status == Status.CHECKING else _import(run, hold)
        for _ in chunks:
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
        self._ours.update(status=status, ended_at=database_time.now(), holder="", held_until=None)

    def give_up(self) -> None:
        """Leave what is left to others."""
        self._ours.update(holder="", held_until=None)


def _check(run: ImportRun, hold: _Hold) -> Iterator[None]:
    """Find out what will become of each row, a chunk at a time."""
    # From the beginning, also after a restart: a later row may be known by an earlier one, and checking is quick.
    in_pieces(list(run.contacts.exclude(result=RowResult.UNKNOWN).values_list("pk", flat=True)), _uncheck)
    pace = Pace()
    seen = bulk.Seen()
    threshold = preferences.current().threshold

    def foresee(rows: Sequence[ImportRow]) -> None:
        nonlocal seen
        given = [columns.arguments(row.cells, run.columns) for row in rows]
        seen_by_now = seen.copy()
        outcomes = bulk.foresee(run.owner, given, seen_by_now)
        for row, values, outcome in zip(rows, given, outcomes, strict=True):
            _note(row, outcome, RowResult.NEW)
            row.is_warm = row.result == RowResult.NEW and values["warmness_score"] >= threshold
            if columns.is_too_long(row.cells, run.columns):
                row.result, row.is_warm, row.reasons = RowResult.INVALID, False, [columns.TOO_LONG]
        _store(rows)
        seen = seen_by_now

    while rows := list(run.contacts.filter(result=RowResult.UNKNOWN).order_by("number")[: pace.size]):
        if not _is_done(rows, foresee, hold, pace):
            return
        yield
    hold.end(Status.CHECKED)


def _import(run: ImportRun, hold: _Hold) -> Iterator[None]:
    """Add the rows that are new, a chunk at a time; each is added and noted in one transaction."""
    pace = Pace()

    def add(rows: Sequence[ImportRow]) -> None:
        given = [columns.arguments(row.cells, run.columns) for row in rows]
        for outcomes in bulk.import_contacts(run.owner, given, chunk=len(rows)):
            for row, outcome in zip(rows, outcomes, strict=True):
                _note(row, outcome, RowResult.ADDED)
        _store(rows)

    while rows := list(run.contacts.filter(result=RowResult.NEW).order_by("number")[: pace.size]):
        if not _is_done(rows, add, hold, pace):
            return
        yield
    hold.end(Status.DONE)


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


def _note(row: ImportRow, outcome: bulk.Outcome, when_added: RowResult) -> None:
    row.result = {
        bulk.Result.ADDED: when_added,
        bulk.Result.KNOWN: RowResult.KNOWN,
        bulk.Result.INVALID: RowResult.INVALID,
    }[outcome.result]
    row.reasons = columns.reasons(outcome.errors)
    if outcome.shares_with:
        row.reasons = [SHARES.format(outcome.shares_with)]
    row.contact_id = outcome.contact_id


def _store(rows: Sequence[ImportRow]) -> None:
    # An upsert of rows that are there is far quicker than an UPDATE with a CASE for each of them.
    ImportRow.objects.bulk_create(rows, update_conflicts=True, unique_fields=["id"], update_fields=WRITTEN)
