"""What is stored of activities that were deleted here and are to be deleted in Pipedrive too, if the team wants that.

It is decided when the activity is deleted, and carried out once that cannot be undone any more (see
engine/send_deletions.py). Only the record that Warmline created for the activity is ever deleted. Undoing takes it
back; once it was begun, what is restored is created anew.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet

from warmline import database_time
from warmline.crm import preferences, undo
from warmline.crm.activities import Activity
from warmline.sync import notifications
from warmline.sync.company import storing
from warmline.sync.deletion_models import ActivityDeletion
from warmline.sync.lease_keys import row_key, update_key
from warmline.sync.models import Intent, Lease, NotificationKind
from warmline.sync.policy import Policy
from warmline.sync.reconcile.outcome import Brought

# How an activity comes back whose record is gone, or may be any moment: its next attempt creates another one.
TO_BE_CREATED: dict[str, Any] = {
    "pipedrive_activity_id": None,
    "replicated_to_pipedrive": False,
    "pipedrive_adopted": False,
    "pipedrive_agreed": {},
    "replicate": True,
    "pipedrive_sync_attempts": 0,
    "pipedrive_sync_failed": False,
    "pipedrive_sync_error_code": "",
    "pipedrive_sync_error_message": "",
    "pipedrive_sync_error_field": "",
}


def want(activity: Activity, grace: timedelta, **_: Any) -> None:
    """Store that an activity is to be deleted in Pipedrive too. Receives `activity_deleting`, in its transaction.

    Args:
        activity: About to be deleted here, with its contact.
        grace: How long that can be undone.
    """
    if not preferences.current().delete_there:
        return
    # First: this waits for a create that is just beginning, so that its intent is seen below.
    Lease.objects.filter(key=row_key("activity", activity.pk)).delete()
    is_begun = Intent.objects.filter(key=row_key("activity", activity.pk)).exists()
    if not activity.is_linked and not is_begun:
        return
    if activity.pipedrive_adopted:
        text = f"{named(activity)} was deleted here, and stays in Pipedrive: Warmline did not create it there."
        _tell(activity.contact.owner, f"{text} It is activity {activity.pipedrive_activity_id}.", database_time.now())
        return
    said = [[each.ours, each.body] for each in Intent.objects.filter(key=update_key(activity))]
    now = database_time.now()
    ActivityDeletion.objects.create(
        row_id=activity.pk,
        record_id=activity.pipedrive_activity_id,
        owner=activity.contact.owner,
        named=named(activity),
        agreed=activity.pipedrive_agreed,
        said=said,
        deleted_at=now,
        due_at=now + grace,
    )


def take_back(rows: Iterable[Any], **_: Any) -> None:
    """Forget what was to be deleted and was not begun, because it is there again. Receives `rows_restored`."""
    ids = [row.pk for row in rows if isinstance(row, Activity)]
    ActivityDeletion.objects.filter(row_id__in=ids, begun_at=None).delete()


def is_wanted(row_id: int) -> bool:
    """Tell whether the record of an activity that was deleted here is to be deleted."""
    return ActivityDeletion.objects.filter(row_id=row_id).exists()


def was_made(activity: Activity, brought: Brought) -> bool:
    """Store which record was made of an activity that was deleted here meanwhile, if it is to be deleted.

    Returns:
        Whether it is.
    """
    of_it = ActivityDeletion.objects.filter(row_id=activity.pk, record_id=None)
    return bool(of_it.update(record_id=brought.record_id, agreed=brought.agreed))


def due(now: datetime, policy: Policy) -> "QuerySet[ActivityDeletion]":
    """Return what is due, the oldest first. A moment that is too far away comes from a clock that was wrong.

    Args:
        now: The present moment, aware.
        policy: The waits.
    """
    longest = max(undo.GOOD_FOR, policy.failed_retry, policy.person_needed)
    return ActivityDeletion.objects.filter(Q(due_at__lte=now) | Q(due_at__gt=now + longest)).order_by("due_at", "pk")


def begin(deletion: ActivityDeletion, now: datetime) -> bool:
    """Store that a deletion is begun: who restores the activity from now on gets a new record.

    Args:
        deletion: As read.
        now: The present moment, aware.

    Returns:
        Whether it is to be carried out; not if the activity was restored meanwhile.
    """
    with storing():
        of_it = ActivityDeletion.objects.filter(pk=deletion.pk)
        # First: this waits for whoever restores the activity at this moment.
        is_there_again = undo.note_made_since(Activity(pk=deletion.row_id), TO_BE_CREATED)
        if is_there_again and deletion.begun_at is None:
            of_it.delete()
        return bool(of_it.update(begun_at=deletion.begun_at or now))


def leave(deletion: ActivityDeletion, why: str, now: datetime) -> None:
    """Leave a record in Pipedrive, and tell its owner why.

    Args:
        deletion: As read.
        why: In plain words.
        now: The present moment, aware.
    """
    with storing():
        if ActivityDeletion.objects.filter(pk=deletion.pk).delete()[0]:
            text = f"{deletion.named} was deleted here, and stays in Pipedrive: {why}"
            _tell(deletion.owner, f"{text} It is activity {deletion.record_id}.", now)


def tell_of_failure(deletion: ActivityDeletion, reason: str, now: datetime) -> None:
    """Tell whose activity it was that it could not be deleted in Pipedrive; within the transaction that stores this.

    Args:
        deletion: As read.
        reason: In plain words.
        now: The present moment, aware.
    """
    text = f"{deletion.named} was deleted here, and could not be deleted in Pipedrive yet. {reason}"
    notifications.tell(NotificationKind.LEFT_THERE, f"{text} It is tried again.", now=now, user=deletion.owner)


def _tell(owner: Any, text: str, now: datetime) -> None:
    text = f"{text} Delete it there too, or keep it."
    notifications.tell(NotificationKind.LEFT_THERE, text, now=now, user=owner)


def named(activity: Activity) -> str:
    """Return what people call an activity."""
    return f"“{activity.subject}” with {activity.contact.name}"
