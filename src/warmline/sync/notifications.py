"""Tells people what they would want to know now. The row is the message; pages and API show it."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from warmline.crm.models import Contact
from warmline.crm.retention import forget
from warmline.crm.users import User
from warmline.sync.models import Notification, NotificationKind, Seen

KEPT = timedelta(days=90)
# So many of these come that each would only be in the way; the row's badge tells it as well.
QUIET = {NotificationKind.ACTIVITY_SYNCED}
# Nobody has to do anything about these, so nobody hears them in place of one who left.
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
    """Write a notification; what one who left would have to see to, the admins are told.

    Args:
        kind: What it is about.
        text: What happened and what to do, in plain words.
        now: When.
        user: For whom; None for everyone.
        contact: The contact it is about, to lead there.
        row_id: Of a failure: the row that failed. Of an import: its run.
        once: A name under which this is told only once.
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
    """Return what is told to a user: their own notifications and those for everyone; an admin hears no more.

    Args:
        user: Who.
        after: Only what came after the notification of this id.
    """
    # The whole condition stands in both halves, so that each is a range of an index.
    return Notification.objects.filter(Q(user=user, pk__gt=after) | Q(user=None, pk__gt=after))


def loud(user: User, *, after: int) -> QuerySet[Notification]:
    """Return what of it a user is interrupted for.

    Args:
        user: Who.
        after: Only what came after the notification of this id.
    """
    some = {"pk__gt": after, "is_quiet": False}
    return Notification.objects.filter(Q(user=user, **some) | Q(user=None, **some))


def newest(user: User, *, before: int, limit: int) -> list[Notification]:
    """Return what is told to a user, newest first.

    Args:
        user: Who.
        before: Only what came before the notification of this id.
        limit: How many at the most.
    """
    rows = Notification.objects.filter(pk__lt=before).order_by("-pk")
    # The two halves are read in their index's order; together they would have to be sorted as a whole.
    halves = [*rows.filter(user=user)[:limit], *rows.filter(user=None)[:limit]]
    return sorted(halves, key=lambda row: row.pk, reverse=True)[:limit]


def contacts_of(user: User, rows: Iterable[Notification]) -> dict[int, Contact]:
    """Return the contacts that notifications lead to, by id: those that a user may see now, whoever's they were then.

    Args:
        user: Who.
        rows: What was told.
    """
    return Contact.objects.seen_by(user).in_bulk({row.contact_id for row in rows if row.contact_id})


def unseen(user: User, limit: int) -> int:
    """Count what a user is interrupted for and has not seen in the list yet.

    Args:
        user: Who.
        limit: Where to stop counting.
    """
    return loud(user, after=seen_up_to(user))[:limit].count()


def seen_up_to(user: User) -> int:
    """Return the id of the newest notification that a user has seen in the list; 0 for none."""
    return Seen.objects.filter(user=user).values_list("up_to", flat=True).first() or 0


def saw(user: User, up_to: int) -> None:
    """Remember that a user has seen the list.

    Args:
        user: Who.
        up_to: The id of its newest notification.
    """
    Seen.objects.get_or_create(user=user, defaults={"up_to": up_to})
    Seen.objects.filter(user=user, up_to__lt=up_to).update(up_to=up_to)  # a page that was opened before may come later


def forget_old(now: datetime) -> None:
    """Delete old notifications; what is told only once is not told again.

    Args:
        now: Tells how old they are.
    """
    forget(Notification.objects.filter(at__lt=now - KEPT, once=None).order_by("pk"))
