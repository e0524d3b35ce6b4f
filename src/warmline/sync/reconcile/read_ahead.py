"""Keeps what a list has shown of many records that changed at once, so that each row's attempt saves a get of its own.

A record that is kept vouches only for the row as it was then, and for no longer than it would be looked at again: who
hears of a further change, edits the row, or shares the person reads it anew. It is used once.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel

from warmline.crm.activities import Activity, Row
from warmline.crm.models import Contact, Organization
from warmline.pipedrive import Activity as PipedriveActivity
from warmline.pipedrive import Organization as PipedriveOrganization
from warmline.pipedrive import Person
from warmline.sync.account_models import ReadAhead
from warmline.sync.reconcile.audit_baseline import kind_of

RECORDS: dict[type[Row], type[BaseModel]] = {
    Organization: PipedriveOrganization,
    Contact: Person,
    Activity: PipedriveActivity,
}
GOOD_FOR = timedelta(minutes=10)
SENT_BEFORE = timedelta(seconds=5)  # machines agree on the time to less


def keep(pairs: Sequence[tuple[Row, Any]], now: datetime) -> None:
    """Keep records for the next attempts of their rows; within the transaction in which these became pending.

    A row for which something was sent meanwhile, or just before, has to be read: its record may be older than that.

    Args:
        pairs: The rows that became pending, as read after their records, and these records.
        now: When the records began to be read, aware.
    """
    ReadAhead.objects.filter(at__lt=now - GOOD_FOR).delete()
    ReadAhead.objects.bulk_create(
        ReadAhead(
            kind=kind_of(row),
            row_id=row.pk,
            revision=row.revision + 1,
            record_id=record.id,
            record=record.model_dump(mode="json"),
            at=now,
        )
        for row, record in pairs
        if row.revision == row.pipedrive_revision
        and (row.last_pipedrive_sync_attempt is None or row.last_pipedrive_sync_attempt < now - SENT_BEFORE)
    )


def forget(model: type[Row], record_ids: Collection[int]) -> None:
    """Drop what is kept of records that changed again.

    Args:
        model: The class of their rows.
        record_ids: The records.
    """
    ReadAhead.objects.filter(kind=kind_of(model), record_id__in=record_ids).delete()


def take(row: Row, now: datetime) -> Any:
    """Return the record that is kept for a row's attempt, and keep it no longer; None if the record has to be read.

    Args:
        row: The row, as read under its lease.
        now: The present moment, aware.
    """
    if not row.pipedrive_in_bulk:
        return None
    kept = ReadAhead.objects.filter(kind=kind_of(row), row_id=row.pk).first()
    if kept is None:
        return None
    kept.delete()
    record_id = getattr(row, row.LINK)
    is_good = kept.revision == row.revision and kept.record_id == record_id and now - GOOD_FOR <= kept.at <= now
    # What another contact sends changes the same person.
    is_shared = isinstance(row, Contact) and Contact.objects.filter(pipedrive_person_id=record_id).count() > 1
    return RECORDS[type(row)].model_validate(kept.record) if is_good and not is_shared else None
