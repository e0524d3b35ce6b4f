"""Notifications: what people would want to know now. Each is a row; pages and API show it."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from warmline.crm.models import Contact
from warmline.crm.retention import delete_in_pieces
from warmline.crm.users import User
from warmline.sync import arrival
from warmline.sync.models import Notification, NotificationKind, Seen

RETENTION = timedelta(days=90)
# There are so many of these that interrupting people for each would only annoy them; the row's badge shows it as well.
QUIET = {NotificationKind.ACTIVITY_SYNCED}
# Nobody has to do anything about these, so the admins do not get them when their user has left.
GOOD = {NotificationKind.CONTACT_SYNCED, NotificationKind.ACTIVITY_SYNCED, NotificationKind.IMPORT_DONE}


def tell(
    kind: NotificationKind,
    text: str,
    *,
    now: datetime,
    user: User | None = None,
    contact: Contact | None = None,
    row_id: int | None = None,
    once: str | None = None,
    is_quiet: bool = False,
) -> None:
    """Write a notification. If its user has left and something has to be done, the admins get it.

    Args:
        kind: What it is about.
        text: What happened and what to do, in plain words.
        now: The present moment, aware.
        user: The user it is for; None for everyone.
        contact: The contact that it is about, for a link.
        row_id: For a failure, the id of the row that failed; for an import, its run's.
        once: A name; a second notification with the same name is not written.
        is_quiet: Whether it only stands in the list, and nobody is interrupted for it.
    """
    if user is not None and not user.is_active:
        admins = () if kind in GOOD else User.objects.filter(is_admin=True, is_active=True)
        for admin in admins:
            tell(kind, text, now=now, user=admin, contact=contact, row_id=row_id, once=once and f"{once}:{admin.pk}")
        return
    quiet = is_quiet or kind in QUIET
    note = Notification(
        user=user, kind=kind, text=text, contact=contact, row_id=row_id, at=now, is_quiet=quiet, once=once
    )
    Notification.objects.bulk_create([note], ignore_conflicts=once is not None)


def told_to(user: User, *, after: int = 0) -> QuerySet[Notification]:
    """Return the notifications for a user: their own and those for everyone. Admins get no more than that.

    Args:
        user: The user.
        after: Only those that came after the notification with this cursor.
    """
    arrival.settle(Notification)
    # The whole condition stands in both halves, so that each is a range of an index.
    some = arrival.behind(after)
    return Notification.objects.filter(Q(user=user, **some) | Q(user=None, **some))


def loud(user: User, *, after: int) -> QuerySet[Notification]:
    """Return the notifications for which a user is interrupted.

    Args:
        user: The user.
        after: Only those that came after the notification with this cursor.
    """
    arrival.settle(Notification)
    some = {**arrival.behind(after), "is_quiet": False}
    return Notification.objects.filter(Q(user=user, **some) | Q(user=None, **some))


def newest(user: User, *, before: int, limit: int) -> list[Notification]:
    """Return the notifications for a user, newest first.

    Args:
        user: The user.
        before: Only those that came before the notification with this cursor.
        limit: How many at the most.
    """
    arrival.settle(Notification)
    rows = Notification.objects.filter((f"{arrival.order()}__lt", before)).order_by(f"-{arrival.order()}")
    # Each half is read in the order of its index; read together, all of them would have to be sorted.
    halves = [*rows.filter(user=user)[:limit], *rows.filter(user=None)[:limit]]
    return sorted(halves, key=lambda row: row.cursor, reverse=True)[:limit]


def contacts_of(user: User, rows: Iterable[Notification]) -> dict[int, Contact]:
    """Return the contacts that notifications link to, by id, as far as a user may see them now.

    Args:
        user: The user.
        rows: The notifications.
    """
    return Contact.objects.seen_by(user).in_bulk({row.contact_id for row in rows if row.contact_id})


def unseen(user: User, limit: int) -> int:
    """Count the interrupting notifications that a user has not seen in the list yet.

    Args:
        user: The user.
        limit: Where to stop counting.
    """
    return loud(user, after=seen_up_to(user))[:limit].count()


def seen_up_to(user: User) -> int:
    """Return the cursor of the newest notification that a user has seen in the list; 0 for none."""
    return Seen.objects.filter(user=user).values_list("up_to", flat=True).first() or 0


def saw(user: User, up_to: int) -> None:
    """Remember that a user has seen the list.

    Args:
        user: The user.
        up_to: The cursor of its newest notification.
    """
    Seen.objects.get_or_create(user=user, defaults={"up_to": up_to})
    Seen.objects.filter(user=user, up_to__lt=up_to).update(up_to=up_to)  # requests for older pages may arrive later


def delete_old(now: datetime) -> None:
    """Delete old notifications, except those that are written only once: they must not be written again.

    Args:
        now: The present moment, aware.
    """
    # The newest one stays, so that places only go up (see arrival.py).
    old = Notification.objects.filter(at__lt=now - RETENTION, once=None)
    newest_place = arrival.newest(Notification.objects.exclude(place=None))
    delete_in_pieces(old.exclude(place=newest_place).order_by("pk"))
