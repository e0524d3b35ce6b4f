"""The log of attempts to bring a row to Pipedrive, each written in the same transaction as its outcome.

Each says how long the row had been pending by then, because that cannot be found out afterwards.
"""

from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, QuerySet

from warmline.crm.activities import Row
from warmline.crm.models import Organization
from warmline.crm.retention import delete_in_pieces
from warmline.sync.models import Attempt

RETENTION = timedelta(days=90)


def note(row: Row, text: str, *, ok: bool, now: datetime) -> None:
    """Log an attempt.

    Args:
        row: The row, as read before the outcome is stored.
        text: The outcome, in plain words.
        ok: Whether it succeeded.
        now: The present moment, aware.
    """
    owner_id = None if isinstance(row, Organization) else row.owner_id
    waited = _waited(row, now)
    Attempt.objects.create(kind=_kind(row), row_id=row.pk, owner_id=owner_id, at=now, ok=ok, waited=waited, text=text)


def attempts_of(row: Row) -> QuerySet[Attempt]:
    """Return a row's attempts, the latest first."""
    return Attempt.objects.filter(kind=_kind(row), row_id=row.pk).order_by("-id")


def delete_old(now: datetime) -> None:
    """Delete old attempts, except each row's latest, which says where the row stands.

    Args:
        now: The present moment, aware.
    """
    later = Attempt.objects.filter(kind=OuterRef("kind"), row_id=OuterRef("row_id"), pk__gt=OuterRef("pk"))
    delete_in_pieces(Attempt.objects.filter(Exists(later), at__lt=now - RETENTION).order_by("at"))


def _waited(row: Row, now: datetime) -> float:
    """Return for how many seconds a row has been pending, over all attempts since its last fresh start."""
    before = attempts_of(row).first() if row.pipedrive_sync_attempts else None
    if before is not None and not before.ok:
        return before.waited + max(0.0, (now - before.at).total_seconds())
    # It has not been tried since, so it became due when it became pending.
    return max(0.0, (now - row.next_pipedrive_sync_attempt).total_seconds())


def _kind(row: Row) -> str:
    return str(row._meta.model_name)  # noqa: SLF001 (Django documents _meta as public)
