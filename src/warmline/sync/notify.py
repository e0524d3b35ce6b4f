"""Tells people what they would want to know now. The row is the message; pages and API show it."""

from datetime import datetime

from warmline.crm.models import Contact, User
from warmline.sync.models import Notification, NotificationKind


def tell(
    kind: NotificationKind,
    text: str,
    *,
    now: datetime,
    user: User | None = None,
    contact: Contact | None = None,
    once: str | None = None,
) -> None:
    """Write a notification.

    Args:
        kind: What it is about.
        text: What happened and what to do, in plain words.
        now: When.
        user: For whom; None for everyone.
        contact: The contact it is about, to lead there.
        once: A name under which this is told only once.
    """
    note = Notification(user=user, kind=kind, text=text, contact=contact, at=now, once=once)
    Notification.objects.bulk_create([note], ignore_conflicts=once is not None)
