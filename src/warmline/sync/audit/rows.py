"""Reads what an audit needs of our side: the rows of some records, and whether something is just happening to them."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from warmline.crm.activities import Activity, Row
from warmline.crm.models import Contact, Organization
from warmline.sync.audit_models import AuditedLink
from warmline.sync.lease_keys import row_key, update_key
from warmline.sync.leases import in_progress
from warmline.sync.models import Intent
from warmline.sync.priorities import RowKind
from warmline.sync.reconcile.audit_baseline import kind_of

MODELS: Mapping[str, type[Row]] = {"contact": Contact, "organization": Organization, "activity": Activity}


def kind_of_model(model: type[Row]) -> str:
    """Return the kind of a model's rows."""
    return next(kind for kind, each in MODELS.items() if each is model)


def linked(kind: RowKind) -> QuerySet[Any]:
    """Return the rows of a kind that are linked, with what they are compared with."""
    model = MODELS[kind]
    if model is Activity:  # in the words of the index of their ids
        return Activity.objects.filter(replicated_to_pipedrive=True, pipedrive_activity_id__isnull=False)
    rows: QuerySet[Any] = model._default_manager.filter((f"{model.LINK}__isnull", False))  # noqa: SLF001 (documented)
    return rows.select_related("organization", "owner") if model is Contact else rows


def linked_to(kind: RowKind, record_ids: Iterable[int]) -> dict[int, list[Any]]:
    """Return the rows that are linked to some records, by the record's id."""
    link = MODELS[kind].LINK
    by_record = defaultdict(list)
    for row in linked(kind).filter((f"{link}__in", list(record_ids))).order_by("pk"):
        by_record[getattr(row, link)].append(row)
    return by_record


def known_links(kind: RowKind, row_ids: Iterable[int]) -> dict[int, AuditedLink]:
    """Return what is known of the links of some rows, by the row's id."""
    return {link.row_id: link for link in AuditedLink.objects.filter(kind=kind, row_id__in=list(row_ids))}


def restless(rows: Collection[Row], now: datetime) -> set[int]:
    """Return the ids of the rows to which something is happening, so that nothing can be said of them now.

    Args:
        rows: Rows of one kind.
        now: The present moment, aware; decides which leases are live.
    """
    keys = {key: row.pk for row in rows for key in (row_key(kind_of(row), row.pk), update_key(row))}
    begun = {keys[key] for key in Intent.objects.filter(key__in=list(keys)).values_list("key", flat=True)}
    held = {row_id for kind, row_id in in_progress(now) if row_key(kind, row_id) in keys}
    pending = {row.pk for row in rows if not row.is_linked or row.revision > row.pipedrive_revision}
    return begun | held | pending


def restless_records(by_record: Mapping[int, list[Any]], now: datetime) -> set[int]:
    """Return the ids of the records to one of whose rows something is happening: it may change them for all."""
    rows = [row for some in by_record.values() for row in some]
    ids = restless(rows, now) if rows else set()
    return {record_id for record_id, some in by_record.items() if any(row.pk in ids for row in some)}


def is_as_it_was(row: Row) -> bool:
    """Tell whether nobody has changed a row, or its link, since it was read; within a transaction."""
    model = type(row)
    same = {
        "pk": row.pk,
        "revision": row.revision,
        "pipedrive_revision": row.pipedrive_revision,
        model.LINK: getattr(row, model.LINK),
        "last_pipedrive_sync_attempt": row.last_pipedrive_sync_attempt,
    }
    return bool(model._default_manager.filter(**same).exists())  # noqa: SLF001 (documented)


def unseen(kind: RowKind, audit_id: int, since: datetime) -> QuerySet[Any]:
    """Return the ids of the linked rows whose records an audit has not seen, although nothing was sent since it began.

    Args:
        kind: The kind of row.
        audit_id: The audit.
        since: When it began.
    """
    known = AuditedLink.objects.filter(seen_in=audit_id, kind=kind)
    rows = linked(kind).exclude(pk__in=known.values("row_id")).exclude(last_pipedrive_sync_attempt__gt=since)
    return rows.order_by("pk").values_list("pk", flat=True)
