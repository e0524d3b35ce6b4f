"""How an activity is deleted here, by the API and the pages alike."""

from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet

from warmline.crm import change_feed
from warmline.crm.activities import Activity
from warmline.crm.book import Keep
from warmline.crm.row_changes import hold_contact, keep_last_contacted
from warmline.crm.signals import AT_ONCE, activity_deleting, rows_deleted


def delete_activity(
    activity: Activity, keep: Keep[QuerySet[Activity]] = lambda _some: None, *, grace: timedelta = AT_ONCE
) -> None:
    """Delete an activity here; if the team wants that, its record in Pipedrive follows.

    Args:
        activity: The row, as read.
        keep: See `delete_contacts`.
        grace: How long this can be undone; its record in Pipedrive stays for so long.

    Raises:
        DoesNotExist: When it was deleted meanwhile.
    """
    with transaction.atomic():
        hold_contact(activity)
        some = Activity.objects.filter(pk=activity.pk)
        stored = some.select_for_update(of=("self",)).select_related("contact__owner").get()
        keep(some)
        activity_deleting.send(Activity, activity=stored, grace=grace)
        rows_deleted.send(Activity, rows=[stored])
        change_feed.gone("activity", {stored.pk: stored.owner_id}, is_deleted=True)
        some.delete()
        keep_last_contacted(stored)
