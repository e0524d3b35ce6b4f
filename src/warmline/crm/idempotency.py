"""A form that is sent twice is saved once: each form has a key, under which the row that it made is remembered.

Someone who presses a button twice, or again because no answer came, gets the row that the first request made.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

from django.db import models, transaction
from django.utils import timezone

from warmline.crm.activities import Activity
from warmline.crm.models import Contact
from warmline.crm.users import User

SavedRow = TypeVar("SavedRow", Activity, Contact)

REMEMBERED_FOR = timedelta(days=1)


class Saved(models.Model):
    """The row that a form has made.

    Attributes:
        key: The form's idempotency key.
        row_id: The id of the row.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", db_index=False)
    key = models.UUIDField()
    row_id = models.BigIntegerField(default=0)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="saved_once")]

    def __str__(self) -> str:
        return str(self.key)


def save_once(model: type[SavedRow], user: User, key: UUID | None, make: Callable[[], SavedRow]) -> SavedRow | None:
    """Make a row, unless the same form has already made it.

    Args:
        model: The model of the row.
        user: The user who sent the form.
        key: The form's idempotency key; without one (None), the row is always made.
        make: Makes and stores the row; if it raises, the key can be used again.

    Returns:
        The row; None if it was made before and has been deleted since.
    """
    if key is None:
        return make()
    with transaction.atomic():
        # Not this one: the clock may have been set ahead between two presses.
        Saved.objects.filter(user=user, at__lt=timezone.now() - REMEMBERED_FOR).exclude(key=key).delete()
        # A second request with the same key waits here until the first is done.
        saved, is_first = Saved.objects.get_or_create(user=user, key=key)
        if not is_first:
            return model._default_manager.filter(pk=saved.row_id).first()  # noqa: SLF001 (documented as public)
        row = make()
        Saved.objects.filter(pk=saved.pk).update(row_id=row.pk)
    return row
