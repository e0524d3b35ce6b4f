"""The attempts of the last 24 hours, by the hour: how many succeeded and failed, and how long rows had waited.

The database counts them in one query, from an index alone, because a day may have tens of thousands.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Case, Count, IntegerField, Q, QuerySet, Value, When

from warmline.crm.users import User
from warmline.sync.models import Attempt

HOURS = 24
SPANS = (1, 2, 3, 5, 10, 30, 60, 300, 900, 3600)  # seconds: the classes in which waiting times are counted


@dataclass(frozen=True)
class Hour:
    """The attempts of an hour, or of several.

    Attributes:
        begins: When it begins, in the user's time zone.
        arrived: How many attempts succeeded: rows or changes that were sent.
        in_vain: How many attempts failed.
        within: For each of SPANS, how many of those that arrived had waited no longer.
    """

    begins: datetime
    arrived: int
    in_vain: int
    within: tuple[int, ...]

    def span(self, percent: int) -> int | None:
        """Return within how many seconds a share of those that arrived did; None if none did, or if it is beyond SPANS.

        Args:
            percent: The share, 0 to 100.
        """
        enough = -(-self.arrived * percent // 100)
        return next((span for span, some in zip(SPANS, self.within, strict=True) if some >= enough > 0), None)


def lately(user: User, now: datetime) -> list[Hour]:
    """Return the last 24 hours, the present one last.

    Args:
        user: A member's hours count their own rows and organizations, an admin's count everything. The hours begin as
            they do in the user's time zone.
        now: The present moment, aware.
    """
    local = now.astimezone(user.zone)
    # Counted back in UTC, because local hours can be missing or come twice.
    last = local.replace(minute=0, second=0, microsecond=0).astimezone(UTC)
    begins = [last - timedelta(hours=back) for back in reversed(range(HOURS))]
    numbered = [When(at__gte=moment, then=Value(number)) for number, moment in enumerate(begins)]
    within = {f"within_{span}": Count("pk", filter=Q(waited__lte=span)) for span in SPANS}
    hour = Case(*reversed(numbered), output_field=IntegerField())
    counted = _since(user, begins[0]).annotate(hour=hour).order_by().values("hour", "ok")
    rows: Iterable[dict[str, Any]] = counted.annotate(number=Count("pk"), **within)  # type: ignore[assignment]  # their names are made here
    found = {(row["hour"], row["ok"]): row for row in rows}
    nothing = {"number": 0, **dict.fromkeys(within, 0)}
    hours = []
    for number, moment in enumerate(begins):
        good, bad = found.get((number, True), nothing), found.get((number, False), nothing)
        spans = tuple(good[name] for name in within)
        hours.append(Hour(moment.astimezone(user.zone), good["number"], bad["number"], spans))
    return hours


def together(hours: list[Hour]) -> Hour:
    """Return several hours as one."""
    within = tuple(map(sum, zip(*(hour.within for hour in hours), strict=True)))
    return Hour(hours[0].begins, sum(hour.arrived for hour in hours), sum(hour.in_vain for hour in hours), within)


def _since(user: User, moment: datetime) -> QuerySet[Attempt]:
    if user.sees_all:
        return Attempt.objects.filter(at__gte=moment)
    # The moment is in both halves, so that each is a range of the index.
    return Attempt.objects.filter(Q(owner=user, at__gte=moment) | Q(owner=None, at__gte=moment))
