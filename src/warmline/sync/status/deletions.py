"""What was deleted here and is still in Pipedrive, until it is deleted there too. Calls nothing."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q, QuerySet

from warmline.crm.users import User
from warmline.sync.deletion_models import ActivityDeletion

MOST = 5  # failed ones that are named


@dataclass(frozen=True)
class StillThere:
    """What is still there.

    Attributes:
        waiting: How many wait for their moment, or for the next try.
        failed: How many failed, and are tried again by batch processing.
        examples: Those of them that failed first.
    """

    waiting: int
    failed: int
    examples: list[ActivityDeletion]

    def __bool__(self) -> bool:
        return bool(self.waiting or self.failed)


def still_there(user: User) -> StillThere:
    """Return what is still there of what a user may see: of an admin's everyone's.

    Args:
        user: The user who looks.
    """
    theirs = _seen_by(user)
    number = _counted(theirs)
    failed = theirs.filter(failed=True).select_related("owner").order_by("pk")
    return StillThere(number["wanted"], number["failed"], list(failed[:MOST]) if number["failed"] else [])


def failed_of(user: User) -> list[tuple[str, str]]:
    """Return what each of a user's own is called that failed, and why; the first ones."""
    failed = ActivityDeletion.objects.filter(owner=user, failed=True).order_by("pk")
    return [(each.named, f"Deleted here, still in Pipedrive. {each.message}") for each in failed[:MOST]]


def is_to_go(row_id: int) -> bool:
    """Tell whether the record of an activity that was just deleted here is to be deleted in Pipedrive too."""
    return ActivityDeletion.objects.filter(row_id=row_id, begun_at=None).exists()


def counts() -> dict[str, int]:
    """Return how many there are, everyone's, by the words for the states of rows."""
    return _counted(ActivityDeletion.objects.all())


def oldest_due(now: datetime) -> datetime | None:
    """Return since when the oldest is due that has not failed; None when nothing is.

    Args:
        now: The present moment, aware.
    """
    is_due = Q(failed=False, due_at__lte=now)
    return ActivityDeletion.objects.filter(is_due).order_by("due_at").values_list("due_at", flat=True).first()


def start_again(user: User | None, now: datetime) -> int:
    """Give fresh attempts, due now, to what failed.

    Args:
        user: Whose; None, or an admin, for everyone's.
        now: The present moment, aware.

    Returns:
        How many had failed.
    """
    failed = ActivityDeletion.objects.filter(failed=True) if user is None else _seen_by(user).filter(failed=True)
    return failed.update(failed=False, attempts=0, message="", due_at=now)


def _counted(some: "QuerySet[ActivityDeletion]") -> dict[str, int]:
    return some.aggregate(wanted=Count("pk", filter=Q(failed=False)), failed=Count("pk", filter=Q(failed=True)))


def _seen_by(user: User) -> "QuerySet[ActivityDeletion]":
    everything = ActivityDeletion.objects.all()
    return everything if user.sees_all else everything.filter(owner=user)
