"""What a person may want to do today: activities that are due, contacts who go cold or are nearly warm, and decisions.

Each part is read from an index of its own, and no part is longer than a screen or two, however large the contact book.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import chain
from typing import Any

from django.db.models import QuerySet
from django.db.models.functions import Abs
from django.utils import timezone

from warmline.crm.activities import Activity
from warmline.crm.models import NOT_CONTACTED, WARMEST, Contact, Organization
from warmline.crm.preferences import Preferences
from warmline.crm.sync_columns import DELETED_THERE
from warmline.crm.users import User
from warmline.sync.retries import AMBIGUOUS

MOST = 25  # rows of each part
A_WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Part:
    """A part of the page.

    Attributes:
        rows: The first ones, in order.
        goes_on: Whether there are more.
    """

    rows: list[Any]
    goes_on: bool

    @classmethod
    def of(cls, rows: Iterable[Any]) -> "Part":
        """Return a part of up to MOST rows."""
        found = list(rows)
        return cls(found[:MOST], len(found) > MOST)


@dataclass(frozen=True)
class Today:
    """What there is to do.

    Attributes:
        overdue, due_today, this_week, someday: Activities that are not done, by when they are due.
        cold: Warm contacts whom nobody has contacted for too long, the longest first.
        nearly: Contacts one step below the threshold, those contacted last first.
        decisions: Contacts and organizations that wait for a choice.
    """

    overdue: Part
    due_today: Part
    this_week: Part
    someday: Part
    cold: Part
    nearly: Part
    decisions: Part

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        parts = (self.overdue, self.due_today, self.this_week, self.someday, self.cold, self.nearly, self.decisions)
        return not any(part.rows for part in parts)


def of(user: User, rules: Preferences, now: datetime) -> Today:
    """Return what a user may want to do; an admin, too, sees only their own contacts here.

    Args:
        user: Who asks, and in whose time zone days begin.
        rules: The threshold, and after how many days contacts go cold.
        now: The present moment, aware.
    """
    day = now.astimezone(user.zone).date()
    to_do = Activity.objects.filter(owner=user, done=False).select_related("contact__organization")
    due = to_do.filter(due_date__isnull=False).order_by("day", "due_time", "pk")
    mine = Contact.objects.filter(owner=user)
    return Today(
        overdue=Part.of(due.filter(day__lt=day)[: MOST + 1]),
        due_today=Part.of(due.filter(day=day)[: MOST + 1]),
        this_week=Part.of(due.filter(day__gt=day, day__lt=day + A_WEEK)[: MOST + 1]),
        someday=Part.of(to_do.filter(due_date=None).order_by("day", "pk")[: MOST + 1]),
        cold=Part.of(_cold(mine, rules, day)),
        nearly=Part.of(_nearly(mine, rules.threshold)),
        decisions=Part.of(_decisions(mine)),
    )


def _cold(mine: QuerySet[Contact], rules: Preferences, day: date) -> list[Contact]:
    found: list[tuple[timedelta, Contact]] = []
    for score in range(rules.threshold, WARMEST + 1):
        days = rules.cold_after[max(least for least in rules.cold_after if least <= score)]
        if not days:
            continue
        limit = timedelta(days=days)
        those = _of_score(mine, score)
        contacted = those.filter(last_contacted_on__lte=day - limit, last_contacted_on__gt=NOT_CONTACTED)
        contacted = contacted.order_by("last_contacted_on", "pk")[: MOST + 1]
        # Of those who were never contacted, the oldest have the lowest ids, mostly.
        never = those.filter(last_contacted_on=NOT_CONTACTED).order_by("pk")[: MOST + 1]
        for row in chain(contacted, never):
            since = row.last_contacted or timezone.localdate(row.created_at)
            if day - since >= limit:
                found.append((limit - (day - since), row))
    return [row for _, row in sorted(found, key=lambda pair: (pair[0], pair[1].pk))]


def _nearly(mine: QuerySet[Contact], threshold: int) -> QuerySet[Contact] | list[Contact]:
    if threshold == 0:
        return []
    return _of_score(mine, threshold - 1).order_by("-last_contacted_on", "-pk")[: MOST + 1]


def _of_score(mine: QuerySet[Contact], score: int) -> QuerySet[Contact]:
    # (Abs as in the index, see crm/models.py.)
    return mine.alias(score=Abs("warmness_score")).filter(score=score).select_related("organization")


def _decisions(mine: QuerySet[Contact]) -> list[Contact | Organization]:
    found: list[Contact | Organization] = []
    for code in (AMBIGUOUS, DELETED_THERE):  # one by one, so that each is read along its index
        waits: dict[str, Any] = {"pipedrive_sync_failed": True, "pipedrive_sync_error_code": code}
        found += mine.filter(**waits).order_by("pk")[: MOST + 1]
        found += Organization.objects.filter(**waits)[: MOST + 1]
    return found
