"""A contact's activities, newest first, one page at a time."""

from dataclasses import dataclass
from datetime import date

from django.core import signing
from django.db.models import Q
from django.utils import timezone

from warmline.crm.activities import Activity, ActivityType
from warmline.crm.models import Contact
from warmline.sync.policy import Policy
from warmline.sync.row_state import Sync, SyncState, describe, with_state
from warmline.sync.status.state_explanation import sentence
from warmline.web.forms.contact_book import TYPE_ICONS

PAGE_SIZE = 20
SALT = "timeline"  # so that a place in a list is not accepted as one in a timeline


@dataclass(frozen=True)
class Entry:
    """An activity as it is shown.

    Attributes:
        row: The activity, with its state and contact.
        icon: The name of its type's icon.
        sync: Its sync status.
        why: Why it is not in Pipedrive, or not up to date there; empty if there is nothing to explain.
    """

    row: Activity
    icon: str
    sync: Sync
    why: str

    @classmethod
    def of(cls, row: Activity) -> "Entry":
        """Return the entry of an activity that was read with its state and contact."""
        sync = describe(row)
        explains = sync.error is not None or sync.state is SyncState.NOT_WANTED
        why = sentence(row, sync, Policy.current()) if explains else ""
        return cls(row, TYPE_ICONS[ActivityType(row.type)], sync, why)


@dataclass(frozen=True)
class Timeline:
    """One page of the timeline.

    Attributes:
        entries: The activities.
        earlier: Where the next page starts, as text for its address; empty on the last page.
        is_first: Whether this is the first page.
    """

    entries: list[Entry]
    earlier: str
    is_first: bool


def timeline(contact: Contact, before: str) -> Timeline:
    """Return a page of a contact's activities.

    Args:
        contact: The contact.
        before: `earlier` of the previous page; anything else returns the first page.
    """
    rows = Activity.objects.filter(contact=contact)
    place = _place(before)
    if place is not None:
        day, row_id = place
        # The second condition is a range of the index; within it, the first leaves out what was already shown.
        rows = rows.filter(Q(day__lt=day) | Q(pk__lt=row_id), day__lte=day)
    stated = with_state(rows, threshold=Policy.current().threshold, now=timezone.now())
    found = list(stated.order_by("-day", "-pk")[: PAGE_SIZE + 1])
    for row in found:
        row.contact = contact
    last = found[PAGE_SIZE - 1] if len(found) > PAGE_SIZE else None
    earlier = signing.dumps([last.day.isoformat(), last.pk], salt=SALT) if last else ""
    return Timeline([Entry.of(row) for row in found[:PAGE_SIZE]], earlier, is_first=place is None)


def _place(before: str) -> tuple[date, int] | None:
    try:
        day, row_id = signing.loads(before, salt=SALT)
    except signing.BadSignature:
        return None
    return date.fromisoformat(day), row_id
