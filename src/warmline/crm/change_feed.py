"""What has changed since: for programs that keep a copy of what a user may see, and go on where they stopped.

Rows that are no longer a user's, because they were deleted or handed over, leave a `GoneRow` behind for 90 days.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.db.models import QuerySet

from warmline.crm.activities import Activity, Row
from warmline.crm.commit_order import PositionedQuerySet, PositionField
from warmline.crm.models import Contact, Organization
from warmline.crm.users import User

KEPT = timedelta(days=90)


@dataclass(frozen=True)
class Since:
    """From where on somebody follows.

    Attributes:
        position: See `commit_order`; None to begin at a moment.
        at: That moment, aware.
    """

    position: int | None = None
    at: datetime | None = None

    @property
    def condition(self) -> models.Q:
        """What holds of a row that has changed since, or at that very moment."""
        if self.position is not None:
            return models.Q(changed_in__gte=self.position)
        return models.Q(changed_at__gte=self.at)


class GoneRow(models.Model):
    """A row that a user may no longer see.

    Attributes:
        kind, row_id: "contact" or "activity", and its id.
        user: Whose it was.
        is_deleted: Whether nobody has it; else a colleague does.
    """

    kind = models.CharField(max_length=20)
    row_id = models.BigIntegerField()
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    is_deleted = models.BooleanField()
    changed_in = PositionField()
    changed_at = models.DateTimeField(auto_now=True)

    objects = PositionedQuerySet.as_manager()

    class Meta:
        indexes = [
            # Which of a user's are theirs again; and who follows goes on by the rows' ids.
            models.Index(fields=["kind", "row_id"], name="gone_row_id"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.row_id}"


def gone(kind: str, rows: Mapping[int, int], *, is_deleted: bool) -> None:
    """Note that rows are no longer their users'; within the transaction that makes it so.

    Args:
        kind: "contact" or "activity".
        rows: Whose each was, by the row's id.
        is_deleted: Whether nobody has it now.
    """
    made = [GoneRow(kind=kind, row_id=pk, user_id=user, is_deleted=is_deleted) for pk, user in rows.items()]
    GoneRow.objects.bulk_create(made)


def back(kind: str, ids: Iterable[int], user: User) -> None:
    """Note that rows are a user's, who may have had them before.

    Args:
        kind: "contact" or "activity".
        ids: Which rows.
        user: Whose they are now.
    """
    GoneRow.objects.filter(kind=kind, row_id__in=list(ids), user=user).delete()


def changed(model: type[Row], since: Since) -> QuerySet[Any]:
    """Return the ids of the rows of which something may have changed that the API tells.

    That is more than their own fields: a contact is told with its organization and its owner, and whether an
    organization or an activity is wanted may depend on contacts.

    Args:
        model: Contact, Organization or Activity.
        since: From where on.
    """
    own = model._default_manager.filter(since.condition).values("pk")  # noqa: SLF001 (documented as public)
    contacts = Contact.objects.filter(since.condition)
    if model is Contact:
        organizations = Organization.objects.filter(since.condition).values("pk")
        owners = User.objects.filter(since.condition).values("pk")
        return own.union(
            Contact.objects.filter(organization__in=organizations).values("pk"),
            Contact.objects.filter(owner__in=owners).values("pk"),
        )
    if model is Organization:
        waiting = contacts.filter(organization__pipedrive_org_id=None, organization__isnull=False)
        return own.union(waiting.values("organization"))
    undecided = Activity.objects.filter(replicate=None, contact__in=contacts.values("pk"))
    return own.union(undecided.values("pk"))


def gone_since(kind: str, user: User, since: Since) -> QuerySet[GoneRow]:
    """Return the rows that a user may no longer see.

    Args:
        kind: "contact", "organization" or "activity".
        user: Who follows. To one who sees all, only what was deleted is gone.
        since: From where on.
    """
    rows = GoneRow.objects.filter(since.condition, kind=kind)
    return rows.filter(is_deleted=True) if user.sees_all else rows.filter(user=user)


def outdated(now: datetime) -> QuerySet[GoneRow]:
    """Return what was kept for long enough.

    Args:
        now: Tells how old it is.
    """
    # The newest one stays: its position may be the newest of all (see PositionField).
    newest = GoneRow.objects.aggregate(newest=models.Max("changed_in"))["newest"] or 0
    return GoneRow.objects.filter(changed_at__lt=now - KEPT, changed_in__lt=newest).order_by("pk")
