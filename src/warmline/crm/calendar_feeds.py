"""The address at which a calendar program reads a user's planned activities.

A calendar program can neither sign in nor send a header, so its address is a secret. Only a digest is stored, as of
API tokens. The address is shown once; a new one ends the earlier one.
"""

import secrets
from datetime import date, timedelta
from typing import ClassVar, Self

from django.db import models
from django.utils import timezone

from warmline.crm.activities import Activity
from warmline.crm.tokens import digest
from warmline.crm.users import User

KEPT_FOR = timedelta(days=30)  # what is overdue for longer no longer stands in the calendar
MOST = 1000  # activities


class CalendarFeed(models.Model):
    """A user's feed; there is one at most.

    Attributes:
        digest: The digest of the secret in its address.
    """

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="calendar_feed")
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects: ClassVar[models.Manager[Self]] = models.Manager()

    def __str__(self) -> str:
        return f"calendar of {self.user}"


def begin(user: User) -> str:
    """Make a feed for a user, in place of an earlier one.

    Returns:
        The secret in its address, which is not stored and cannot be shown again.
    """
    secret = secrets.token_urlsafe(32)
    values = {"digest": digest(secret), "created_at": timezone.now()}
    CalendarFeed.objects.update_or_create(user=user, defaults=values)
    return secret


def end(user: User) -> bool:
    """End a user's feed.

    Returns:
        Whether there was one.
    """
    return bool(CalendarFeed.objects.filter(user=user).delete()[0])


def reader(secret: str) -> User | None:
    """Return whose feed has this secret; None if nobody's has."""
    feeds = CalendarFeed.objects.select_related("user").filter(user__is_active=True)
    feed = feeds.filter(digest=digest(secret)).first()
    return feed.user if feed else None


def planned(user: User, day: date) -> models.QuerySet[Activity]:
    """Return what stands in a user's calendar: activities with a date that are not done, the earliest first.

    Args:
        user: Whose it is.
        day: Today, in the user's time zone.
    """
    to_do = Activity.objects.filter(owner=user, done=False, due_date__isnull=False, day__gte=day - KEPT_FOR)
    return to_do.select_related("contact").order_by("day", "due_time", "pk")[:MOST]
