"""A contact's activities, the latest first, a page at a time."""

from dataclasses import dataclass
from datetime import date

from django.core import signing
from django.db.models import Q
from django.utils import timezone

from warmline.crm.activities import Activity, ActivityType
from warmline.crm.models import Contact
from warmline.sync.policy import Policy
from warmline.sync.row_state import Sync, SyncState, describe, with_state
from warmline.sync.status.explanation import sentence
from warmline.web.forms.contact_book import TYPE_ICONS

PAGE_SIZE = 20
SALT = "timeline"  # a list's place is none of a timeline's


@dataclass(frozen=True)
class Entry:
    """An activity as it is shown.

    Attributes:
        row: With its state and its contact.
        icon: Its type's.
        sync: What is told of its way to Pipedrive.
        why: Why it is not there, or not in line; empty when there is nothing to explain.
    """

    row: Activity
    icon: str
    sync: Sync
    why: str

    @classmethod
    def of(cls, row: Activity) -> "Entry":
        """Return what is shown of an activity that was read with its state and contact."""
        sync = describe(row)
        explains = sync.error is not None or sync.state is SyncState.NOT_WANTED
        why = sentence(row, sync, Policy.current()) if explains else ""
        return cls(row, TYPE_ICONS[ActivityType(row.type)], sync, why)


@dataclass(frozen=True)
class Timeline:
    """A page of it.

    Attributes:
        entries: The activities.
        earlier: Where the next page begins, as text for its address; empty when there is none.
        is_first: Whether nothing is later.
    """

    entries: list[Entry]
    earlier: str
    is_first: bool


def timeline(contact: Contact, before: str) -> Timeline:
    """Return a page of a contact's activities.

    Args:
        contact: Whose.
        before: `earlier` of the page before; anything else begins anew.
    """
    rows = Activity.objects.filter(contact=contact)
    place = _place(before)
    if place is not None:
        day, row_id = place
        # The first condition is a range of the index; within it, the second leaves out what was shown.
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
