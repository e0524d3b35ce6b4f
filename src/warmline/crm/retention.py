"""Deletes what is kept for a limited time, once a day: import files, sessions and guesses here, the rest by a signal.

It deletes in small transactions, so that nobody who saves has to wait. Setting the clock ahead makes nothing older.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.contrib.sessions.models import Session
from django.db.models import QuerySet

from warmline import database_time
from warmline.crm import change_feed, guess_limits, idempotency, search_index, undo
from warmline.crm.chunks import in_pieces
from warmline.crm.imports import runs
from warmline.crm.signals import day_passed
from warmline.supervision import Loop

DAY = timedelta(days=1)
IDS_AT_ONCE = 5000  # ids that are read at once


class SteadyClock:
    """A clock that is not set ahead while the process goes on: things are no older than they were before.

    Args:
        monotonic: Tells seconds that go on evenly, whatever the machine's clock is set to.
        present: Tells the time.
    """

    def __init__(
        self, monotonic: Callable[[], float] = time.monotonic, present: Callable[[], datetime] = database_time.now
    ) -> None:
        self._monotonic, self._present = monotonic, present
        self._began, self._began_at = present(), monotonic()

    def now(self) -> datetime:
        """Return the moment: the machine's, but never later than the time that has passed since the first one."""
        return min(self._present(), self._began + timedelta(seconds=self._monotonic() - self._began_at))


@contextmanager
def running() -> Iterator[None]:
    """Sweep once a day, in a thread, while the block runs."""
    clock = SteadyClock()

    def tidy() -> None:
        sweep(clock.now())
        tidying.ends_within(DAY.total_seconds())

    with (tidying := Loop("retention", tidy)):  # bound before its thread starts
        yield


def sweep(now: datetime) -> None:
    """Delete what was kept for long enough, here and wherever somebody listens to `day_passed`.

    Args:
        now: Tells how old things are.
    """
    runs.forget_old(now)
    delete_in_pieces(Session.objects.filter(expire_date__lt=now).order_by("expire_date"))
    for rows in (*guess_limits.outdated(now), *idempotency.outdated(now), change_feed.outdated(now), undo.outdated()):
        delete_in_pieces(rows)
    search_index.forget_unused()
    day_passed.send(None, now=now)


def delete_in_pieces(rows: "QuerySet[Any]") -> None:
    """Delete rows, some at a time, whatever else is written between."""

    def delete(some: Sequence[Any]) -> None:
        rows.model._default_manager.filter(pk__in=some).delete()  # noqa: SLF001 (documented as public)

    while ids := list(rows.values_list("pk", flat=True)[:IDS_AT_ONCE]):
        in_pieces(ids, delete)
