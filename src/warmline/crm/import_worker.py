"""Checks and imports files, beside the server and batch by batch; the browser that asked for it may be closed.

What is left to do stands in the rows (see imports.py), so a worker that dies leaves nothing but its hold, which ends
by itself, and the next one goes on. Between two batches it gives up what is no longer its own.
"""

import logging
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Event, Thread
from typing import Any

from django.db import close_old_connections, connections, transaction
from django.db.models import Q
from django.utils import timezone

from warmline.crm import bulk, columns, preferences
from warmline.crm.imports import AT_WORK, ImportRow, ImportRun, RowResult, Status
from warmline.crm.signals import import_wanted

log = logging.getLogger(__name__)

HOLD = timedelta(seconds=10)
SWEEP = 1.0  # seconds: how late a run of another process, or of one that died, can be
CHECKED_AT_ONCE, IMPORTED_AT_ONCE = 500, 200
WRITTEN = ["result", "reasons", "is_warm", "contact_id"]


@contextmanager
def running() -> Iterator[None]:
    """Work in a thread while the block runs."""
    stopping, signal = Event(), Event()

    def wanted(**_: Any) -> None:
        signal.set()

    def work() -> None:
        try:
            while not stopping.is_set():
                signal.clear()
                try:
                    while not stopping.is_set() and step(timezone.now(), stopping):
                        pass
                except Exception:
                    log.exception("import.failed")
                    close_old_connections()
                signal.wait(SWEEP)
        finally:
            connections.close_all()

    thread = Thread(target=work, name="imports", daemon=True)
    import_wanted.connect(wanted)
    thread.start()
    try:
        yield
    finally:
        import_wanted.disconnect(wanted)
        stopping.set()
        signal.set()
        thread.join()


def step(now: datetime, stopping: Event | None = None) -> bool:
    """Do what is to be done for one run.

    Args:
        now: Tells which holds have ended.
        stopping: Ends it after the present batch when it is set.

    Returns:
        Whether there was one.
    """
    free = Q(held_until=None) | Q(held_until__lte=now)
    run = ImportRun.objects.filter(free, status__in=AT_WORK).select_related("owner").order_by("id").first()
    if run is None:
        return False
    hold = _Hold(run)
    if hold.is_taken(now):
        batches = _check(run, hold) if run.status == Status.CHECKING else _import(run, hold)
        for _ in batches:
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
        return bool(self._ours.update(held_until=timezone.now() + HOLD))

    def end(self, status: Status) -> None:
        """Say that the work is done."""
        self._ours.update(status=status, ended_at=timezone.now(), holder="", held_until=None)

    def give_up(self) -> None:
        """Leave what is left to others."""
        self._ours.update(holder="", held_until=None)


def _check(run: ImportRun, hold: _Hold) -> Iterator[None]:
    """Find out what will become of each row, a batch at a time."""
    # From the beginning, also after a restart: a later row may be known by an earlier one, and checking is quick.
    run.contacts.exclude(result=RowResult.UNKNOWN).update(result=RowResult.UNKNOWN)
    seen: set[tuple[str, ...]] = set()
    threshold = preferences.current().threshold
    while rows := list(run.contacts.filter(result=RowResult.UNKNOWN).order_by("number")[:CHECKED_AT_ONCE]):
        given = [columns.arguments(row.cells, run.columns) for row in rows]
        outcomes = bulk.foresee(run.owner, given, seen)
        for row, values, outcome in zip(rows, given, outcomes, strict=True):
            _note(row, outcome, RowResult.NEW)
            row.is_warm = row.result == RowResult.NEW and values["warmness_score"] >= threshold
            if columns.is_too_long(row.cells, run.columns):
                row.result, row.is_warm, row.reasons = RowResult.INVALID, False, [columns.TOO_LONG]
        with transaction.atomic():
            if not hold.is_kept():
                return
            _store(rows)
        yield
    hold.end(Status.CHECKED)


def _import(run: ImportRun, hold: _Hold) -> Iterator[None]:
    """Add the rows that are new, a batch at a time. One that was added by a worker who died is known by now."""
    while rows := list(run.contacts.filter(result=RowResult.NEW).order_by("number")[:IMPORTED_AT_ONCE]):
        if not hold.is_kept():
            return
        given = [columns.arguments(row.cells, run.columns) for row in rows]
        for outcomes in bulk.import_contacts(run.owner, given, batch=IMPORTED_AT_ONCE):
            for row, outcome in zip(rows, outcomes, strict=True):
                _note(row, outcome, RowResult.ADDED)
            _store(rows)
        yield
    hold.end(Status.DONE)


def _note(row: ImportRow, outcome: bulk.Outcome, when_added: RowResult) -> None:
    by_result = {bulk.Result.ADDED: when_added, bulk.Result.KNOWN: RowResult.KNOWN}
    row.result = by_result.get(outcome.result, RowResult.INVALID)
    row.reasons = columns.reasons(outcome.errors)
    row.contact_id = outcome.contact_id


def _store(rows: Sequence[ImportRow]) -> None:
    # An upsert of rows that are there is far quicker than an UPDATE with a CASE for each of them.
    ImportRow.objects.bulk_create(rows, update_conflicts=True, unique_fields=["id"], update_fields=WRITTEN)
