"""Tells which changes that a list or a report shows of records are news for our rows. Makes no call to Pipedrive.

A record is news if it is not as the two sides agreed, so our own writes are none when they come back. What the two
sides do not agree on, such as a record's owner, somebody else has to judge: that is passed in.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from pydantic import ValidationError

from warmline.crm.activities import Activity, Row
from warmline.crm.models import Contact, Organization
from warmline.pipedrive import Person
from warmline.sync.account_models import ChangeReport
from warmline.sync.reconcile import snapshots
from warmline.sync.reconcile.read_ahead import RECORDS
from warmline.sync.reconcile.three_way_merge import differs
from warmline.sync.remote.labels_owners_fields import References
from warmline.sync.synced_fields import NONE_CHOSEN, Chosen

ROWS_AT_ONCE = 500
LABELS = "label_ids"
Pairs = Sequence[tuple[Row, Any]]
Judge = Callable[[Pairs], Collection[int]]  # returns the ids of the rows whose records are news for another reason


def nothing_more(_: Pairs) -> Collection[int]:
    """Return no rows: nothing but what the two sides agreed on is compared."""
    return ()


def linked(model: type[Row]) -> Any:
    """Return the rows of a table that are linked, with what their records are compared with."""
    rows: Any = model._default_manager.exclude(**{model.LINK: None})  # noqa: SLF001 (documented)
    return rows.select_related("organization", "owner") if model is Contact else rows


def of_list(model: type[Row], records: Sequence[Any], references: References, judge: Judge) -> list[tuple[Row, Any]]:
    """Return the rows for which listed records are news, with these records.

    Args:
        model: The class of the rows.
        records: As they were read.
        references: Knows in which field a sector is.
        judge: What else is news.
    """
    pairs = list(_with_rows(model, {record.id: record for record in records}))
    more = judge(pairs)
    chosen = references.details() if model is Contact else NONE_CHOSEN
    return [(row, record) for row, record in pairs if row.pk in more or _is_news(row, record, references, chosen)]


def of_reports(model: type[Row], reports: Sequence[ChangeReport], judge: Judge) -> list[Row]:
    """Return the rows for which some reports are news, each once.

    Args:
        model: The class of the rows.
        reports: About records of their kind.
        judge: What else is news.
    """
    by_record: dict[int, list[ChangeReport]] = {}
    for report in reports:
        by_record.setdefault(report.record_id, []).append(report)
    found: dict[int, Row] = {}
    told: list[tuple[Row, Any]] = []
    for row, about in _with_rows(model, by_record):
        for record in map(_record, [model] * len(about), about):
            if record is None or _is_news(row, record, None):
                found[row.pk] = row
            elif not isinstance(record, Person) or LABELS in record.model_fields_set:
                told.append((row, record))
    more = judge(told)
    return [*found.values(), *{row.pk: row for row, _ in told if row.pk in more and row.pk not in found}.values()]


def _with_rows(model: type[Row], by_record: dict[int, Any]) -> Iterable[tuple[Row, Any]]:
    """Yield each linked row of some records, with what there is for its record."""
    ids = list(by_record)
    for start in range(0, len(ids), ROWS_AT_ONCE):
        for row in linked(model).filter(**{f"{model.LINK}__in": ids[start : start + ROWS_AT_ONCE]}):
            yield row, by_record[getattr(row, model.LINK)]


def _record(model: type[Row], report: ChangeReport) -> Any:
    """Return what a report says of a record; None if it says nothing that can be compared."""
    if report.is_deleted:
        return None
    try:
        return RECORDS[model].model_validate(report.data)
    except ValidationError:
        return None


def _is_news(row: Row, record: Any, references: References | None, chosen: Chosen = NONE_CHOSEN) -> bool:
    """Tell whether a record is not as the two sides agreed; a row that never agreed on anything is left alone.

    Without references, as for a report, which has no custom fields, sector and details are taken to be as they were.
    """
    match row:
        case Contact():
            theirs = snapshots.of_person(record, row, chosen=chosen)
        case Organization():
            then = row.pipedrive_agreed.get("theirs", {})
            sector = then.get("sector", "") if references is None else references.sector_of(record)
            theirs = snapshots.of_their_organization(record, sector)
        case Activity():
            theirs = snapshots.of_their_activity(record)
    return differs(theirs, row.pipedrive_agreed)
