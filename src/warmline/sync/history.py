"""Every attempt that was made to bring a row to Pipedrive: written with its outcome, in the same transaction."""

from datetime import datetime

from django.db.models import QuerySet

from warmline.crm.models import Activity, Contact, Organization
from warmline.sync.models import Attempt

Row = Contact | Organization | Activity


def note(row: Row, text: str, *, ok: bool, now: datetime) -> None:
    """Write down an attempt.

    Args:
        row: Whose.
        text: What came of it, in plain words.
        ok: Whether it came to its end.
        now: When.
    """
    Attempt.objects.create(kind=_kind(row), row_id=row.pk, at=now, ok=ok, text=text)


def attempts_of(row: Row) -> QuerySet[Attempt]:
    """Return a row's attempts, the latest first."""
    return Attempt.objects.filter(kind=_kind(row), row_id=row.pk).order_by("-id")


def _kind(row: Row) -> str:
    return str(row._meta.model_name)  # noqa: SLF001 (Django documents _meta as public)
