"""What is kept for a time only goes once a day: the files of imports and expired sessions here, what else elsewhere.

It goes in small transactions, so that nobody who saves waits for it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.contrib.sessions.models import Session
from django.db.models import QuerySet

from warmline.crm import imports
from warmline.crm.pieces import in_pieces
from warmline.crm.signals import day_passed

DAY = timedelta(days=1)
AT_ONCE = 5000  # ids that are read at once


def sweep(now: datetime) -> None:
    """Delete what was kept for long enough, here and wherever somebody listens to `day_passed`.

    Args:
        now: Tells how old things are.
    """
    imports.forget_old(now)
    forget(Session.objects.filter(expire_date__lt=now).order_by("expire_date"))
    day_passed.send(None, now=now)


def forget(rows: "QuerySet[Any]") -> None:
    """Delete rows, some at a time, whatever else is written between."""

    def delete(some: Sequence[Any]) -> None:
        rows.model._default_manager.filter(pk__in=some).delete()  # noqa: SLF001 (documented as public)

    while ids := list(rows.values_list("pk", flat=True)[:AT_ONCE]):
        in_pieces(ids, delete)
