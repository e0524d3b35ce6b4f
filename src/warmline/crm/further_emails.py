"""The e-mails of contacts beyond the first one, by their keys, so that a contact is found by any of them.

They are read from the contact's own row (see emails_phones_columns.py), and kept in step with it by whoever stores
that. The first one has a column and an index of its own.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from django.db import models


class Emailed(Protocol):
    """A contact."""

    pk: Any
    further: Any

    @property
    def email_keys(self) -> tuple[str, ...]:
        """The keys of all e-mails, that of the primary one first."""


class FurtherEmail(models.Model):
    """An e-mail of a contact, not its first one."""

    pk = models.CompositePrimaryKey("contact_id", "key")
    contact = models.ForeignKey("crm.Contact", on_delete=models.CASCADE, related_name="further", db_index=False)
    key = models.TextField()

    class Meta:
        # crm.models: the contacts with an e-mail.
        indexes = [models.Index(fields=["key", "contact"], name="further_email")]

    def __str__(self) -> str:
        return self.key


def keep(row: Emailed) -> None:
    """Update what is stored of a contact after its e-mails have changed.

    Args:
        row: The contact, as it is stored now.
    """
    present, wanted = set(row.further.values_list("key", flat=True)), set(row.email_keys[1:])
    if gone := present - wanted:
        row.further.filter(key__in=gone).delete()
    _add((row, key) for key in wanted - present)


def fill(rows: Sequence[Emailed]) -> None:
    """Store the e-mails of new contacts.

    Args:
        rows: Contacts with ids.
    """
    _add((row, key) for row in rows for key in row.email_keys[1:])


def _add(found: Iterable[tuple[Emailed, str]]) -> None:
    made = [FurtherEmail(contact_id=row.pk, key=key) for row, key in found]
    if made:
        FurtherEmail.objects.bulk_create(made, ignore_conflicts=True)
