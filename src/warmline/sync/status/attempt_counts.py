"""How many attempts there ever were, by kind of row and outcome, and how long rows had waited: totals that never fall.

Attempts are deleted after some time, so each is counted once, in the order in which they became visible, by whoever
asks next. How far that is stands beside the totals and changes with them.
"""

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.db.models import Count, F, Q, Sum

from warmline.crm.advisory_locks import hold_alone
from warmline.sync import cursor_order
from warmline.sync.models import Attempt
from warmline.sync.monitoring_models import AttemptCount, CountedUpTo
from warmline.sync.status.attempts_by_hour import SPANS


def counted() -> list[AttemptCount]:
    """Count what is new, and return all totals."""
    newest = cursor_order.newest_of(Attempt)
    with transaction.atomic():
        hold_alone("attempts are counted")
        up_to, _ = CountedUpTo.objects.get_or_create(pk=1)
        if newest > up_to.cursor:
            _add(up_to.cursor, newest)
            CountedUpTo.objects.filter(pk=1).update(cursor=newest)
    return list(AttemptCount.objects.order_by("kind", "ok"))


def _add(after: int, until: int) -> None:
    name = cursor_order.order()
    rows = Attempt.objects.filter((f"{name}__gt", after), (f"{name}__lte", until))
    within = {f"within_{span}": Count("pk", filter=Q(waited__lte=span)) for span in SPANS}
    groups = rows.order_by().values("kind", "ok")
    found: Iterable[dict[str, Any]] = groups.annotate(number=Count("pk"), seconds=Sum("waited"), **within)  # type: ignore[assignment]  # their names are made here
    for row in found:
        total, _ = AttemptCount.objects.get_or_create(kind=row["kind"], ok=row["ok"])
        spans = {str(span): total.within.get(str(span), 0) + row[f"within_{span}"] for span in SPANS}
        AttemptCount.objects.filter(pk=total.pk).update(
            attempts=F("attempts") + row["number"], waited=F("waited") + row["seconds"], within=spans
        )
