"""Every attempt that was made to bring a row to Pipedrive: written with its outcome, in the same transaction.

With each stands how long the row had been wanted by then, because nothing tells that afterwards.
"""

from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, QuerySet

from warmline.crm.activities import Row
from warmline.crm.models import Organization
from warmline.crm.retention import delete_in_pieces
from warmline.sync.models import Attempt

RETENTION = timedelta(days=90)


def note(row: Row, text: str, *, ok: bool, now: datetime) -> None:
    """Write down an attempt.

    Args:
        row: Whose; as it was read, before the outcome is stored.
        text: What came of it, in plain words.
        ok: Whether it came to its end.
        now: When.
    """
    owner_id = None if isinstance(row, Organization) else row.owner_id
    waited = _waited(row, now)
    Attempt.objects.create(kind=_kind(row), row_id=row.pk, owner_id=owner_id, at=now, ok=ok, waited=waited, text=text)


def attempts_of(row: Row) -> QuerySet[Attempt]:
    """Return a row's attempts, the latest first."""
    return Attempt.objects.filter(kind=_kind(row), row_id=row.pk).order_by("-id")


def delete_old(now: datetime) -> None:
    """Delete old attempts, but for each row's latest, which tells how the row stands.

    Args:
        now: Tells how old they are.
    """
    later = Attempt.objects.filter(kind=OuterRef("kind"), row_id=OuterRef("row_id"), pk__gt=OuterRef("pk"))
    delete_in_pieces(Attempt.objects.filter(Exists(later), at__lt=now - RETENTION).order_by("at"))


def _waited(row: Row, now: datetime) -> float:
    """Return for how many seconds a row has been wanted, through all attempts since it last started again."""
    before = attempts_of(row).first() if row.pipedrive_sync_attempts else None
    if before is not None and not before.ok:
        return before.waited + max(0.0, (now - before.at).total_seconds())
    # Untried, it is due since it is wanted.
    return max(0.0, (now - row.next_pipedrive_sync_attempt).total_seconds())


def _kind(row: Row) -> str:
    return str(row._meta.model_name)  # noqa: SLF001 (Django documents _meta as public)
