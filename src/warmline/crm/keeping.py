"""What is kept for a time only goes once a day: the files of imports and expired sessions here, what else elsewhere.

It goes in small transactions, so that nobody who saves waits for it. A clock that is set ahead makes nothing older.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.core.management import call_command
from django.db.models import QuerySet

from warmline.crm import imports
from warmline.crm.signals import day_passed

DAY = timedelta(days=1)
AT_ONCE = 500  # rows of one transaction


class Days:
    """Tells when a day has passed, for a process that keeps going.

    Args:
        monotonic: Tells seconds that go on evenly, whatever the clock is set to.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._began: tuple[datetime, float] | None = None
        self._swept_at = 0.0

    def sweep_if_over(self, now: datetime) -> None:
        """Delete what was kept for long enough: at first, and whenever a day has passed.

        Args:
            now: By the clock. Where that was set ahead since the first time, things are as old as they were before.
        """
        monotonic = self._monotonic()
        if self._began is None:
            self._began = now, monotonic
        elif monotonic - self._swept_at < DAY.total_seconds():
            return
        self._swept_at = monotonic
        began, began_at = self._began
        sweep(min(now, began + timedelta(seconds=monotonic - began_at)))


def sweep(now: datetime) -> None:
    """Delete what was kept for long enough, here and wherever somebody listens to `day_passed`.

    Args:
        now: Tells how old things are.
    """
    imports.forget_old(now)
    call_command("clearsessions")
    day_passed.send(None, now=now)


def forget(rows: "QuerySet[Any]") -> None:
    """Delete rows, some at a time, whatever else is written between."""
    while ids := list(rows.values_list("pk", flat=True)[:AT_ONCE]):
        rows.model._default_manager.filter(pk__in=ids).delete()  # noqa: SLF001 (documented as public)
