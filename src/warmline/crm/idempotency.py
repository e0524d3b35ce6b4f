"""A form that is sent twice is saved once: each form has a key, under which the row that it made is remembered.

Whoever presses twice, or again because no answer came, is led to the row that the first time made.
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
    """What a form has made.

    Attributes:
        key: The form's own.
        row_id: Of the row that it made.
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
    """Make a row, unless the same form has made it already.

    Args:
        model: What is made.
        user: Whose form it is.
        key: The form's; None for one without, which is always done.
        make: Makes and stores the row; what it raises is raised, and the key is free again.

    Returns:
        The row; None when it was made before and has been deleted since.
    """
    if key is None:
        return make()
    with transaction.atomic():
        # Never this one: the clock may have been set ahead between two presses.
        Saved.objects.filter(user=user, at__lt=timezone.now() - REMEMBERED_FOR).exclude(key=key).delete()
        # A second one that comes meanwhile waits here for the first one's end.
        saved, is_first = Saved.objects.get_or_create(user=user, key=key)
        if not is_first:
            return model._default_manager.filter(pk=saved.row_id).first()  # noqa: SLF001 (documented as public)
        row = make()
        Saved.objects.filter(pk=saved.pk).update(row_id=row.pk)
    return row
