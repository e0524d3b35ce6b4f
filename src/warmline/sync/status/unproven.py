"""A user's rows of which nothing proves that they are in Pipedrive: not in line with it, or a problem to the audit."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from warmline.crm.activities import Activity
from warmline.crm.models import Contact
from warmline.crm.users import User
from warmline.sync.audit_models import Finding
from warmline.sync.policy import Policy
from warmline.sync.row_state import OPEN, conditions, describe, open_rows, with_state
from warmline.sync.status import deletions
from warmline.sync.status.state_explanation import pause, sentence
from warmline.sync.status.today import MOST, Part


@dataclass(frozen=True)
class Unproven:
    """What is not proven.

    Attributes:
        rows: What each of them is called, and where it stands, in words; the first ones.
        goes_on: Whether there are more.
        problems: How many problems of the user's rows the audit has found.
        pause: Why nothing is being sent at the moment; empty when the connection works, or when nothing waits.
    """

    rows: list[tuple[str, str]]
    goes_on: bool
    problems: int
    pause: str

    @property
    def is_empty(self) -> bool:
        """Whether everything is proven."""
        return not (self.rows or self.problems)


def of(user: User, now: datetime) -> Unproven:
    """Return what of a user's own rows is not proven to be in Pipedrive.

    Args:
        user: An admin's own rows, too, and not everyone's.
        now: The present moment, aware.
    """
    policy = Policy.current()
    contacts, activities = Contact.objects.filter(owner=user), Activity.objects.filter(owner=user)
    rows: list[Any] = [
        *_open(contacts, policy.threshold, now),
        *_open(activities.select_related("contact"), policy.threshold, now),
    ]
    part = Part.of(rows)
    mine = Q(kind="contact", row_id__in=contacts.values("pk")) | Q(kind="activity", row_id__in=activities.values("pk"))
    return Unproven(
        rows=[(str(_name(row)), sentence(row, describe(row), policy)) for row in part.rows] + deletions.failed_of(user),
        goes_on=part.goes_on,
        problems=Finding.objects.filter(mine).count(),
        pause=pause() if rows else "",
    )


def _open(rows: "QuerySet[Any]", threshold: int, now: datetime) -> "QuerySet[Any]":
    of_each = conditions(rows.model, threshold=threshold, now=now)
    is_open = Q()
    for state in OPEN:
        is_open |= of_each[state]
    found = rows.filter(is_open, pk__in=open_rows(rows.model, threshold))
    return with_state(found, threshold=threshold, now=now).order_by("pk")[: MOST + 1]


def _name(row: Contact | Activity) -> str:
    return f"{row.subject} ({row.contact.name})" if isinstance(row, Activity) else row.name
