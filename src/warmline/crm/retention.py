"""What is kept for a time only goes once a day: files of imports, sessions and guesses here, the rest elsewhere.

It goes in small transactions, so that nobody who saves waits for it. A clock that is set ahead makes nothing older.
"""

import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.contrib.sessions.models import Session
from django.db.models import QuerySet
from django.utils import timezone

from warmline.crm import following, idempotency, imports, throttling
from warmline.crm.chunks import in_pieces
from warmline.crm.signals import day_passed

DAY = timedelta(days=1)
AT_ONCE = 5000  # ids that are read at once


class SteadyClock:
    """A clock that is not set ahead while the process goes on: things are no older than they were before.

    Args:
        monotonic: Tells seconds that go on evenly, whatever the machine's clock is set to.
        present: Tells the machine's time.
    """

    def __init__(
        self, monotonic: Callable[[], float] = time.monotonic, present: Callable[[], datetime] = timezone.now
    ) -> None:
        self._monotonic, self._present = monotonic, present
        self._began, self._began_at = present(), monotonic()

    def now(self) -> datetime:
        """Return the moment: the machine's, but never later than the time that has passed since the first one."""
        return min(self._present(), self._began + timedelta(seconds=self._monotonic() - self._began_at))


def sweep(now: datetime) -> None:
    """Delete what was kept for long enough, here and wherever somebody listens to `day_passed`.

    Args:
        now: Tells how old things are.
    """
    imports.forget_old(now)
    forget(Session.objects.filter(expire_date__lt=now).order_by("expire_date"))
    for rows in (*throttling.outdated(now), idempotency.outdated(now), following.outdated(now)):
        forget(rows)
    day_passed.send(None, now=now)


def forget(rows: "QuerySet[Any]") -> None:
    """Delete rows, some at a time, whatever else is written between."""

    def delete(some: Sequence[Any]) -> None:
        rows.model._default_manager.filter(pk__in=some).delete()  # noqa: SLF001 (documented as public)

    while ids := list(rows.values_list("pk", flat=True)[:AT_ONCE]):
        in_pieces(ids, delete)
