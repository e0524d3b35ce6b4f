"""Notices what people change in Pipedrive: asks every few minutes for what changed since, and has those rows looked at.

A list only wakes: of each record that is not as the two sides agreed, the row becomes pending, and its next attempt
reads the record under the row's lease and decides (update.py). So a list that is outdated by the time it is read does
no harm. Our own writes are as agreed, and cost nothing more. Deleted and merged records are in no list of Pipedrive's;
so every fourth look also asks for a hundred linked records of each kind by their ids, and wakes what is missing.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F
from pydantic import BaseModel, ValidationError

from warmline.crm.activities import Activity, Row
from warmline.crm.models import Contact, Organization
from warmline.pipedrive import MOST_IDS, Clock, Page, Person, Pipedrive, Unreadable, with_ids
from warmline.pipedrive import Activity as PipedriveActivity
from warmline.pipedrive import Organization as PipedriveOrganization
from warmline.sync import wakeups
from warmline.sync.account_models import ChangeReport, ChangesSeen, ReportedMerge, ReportIntake
from warmline.sync.after_change import fresh_attempts
from warmline.sync.audit_models import Finding
from warmline.sync.company import storing
from warmline.sync.intents import LOOK_BACK, OVERLAP
from warmline.sync.leases import Leases
from warmline.sync.models import Remembered
from warmline.sync.reconcile import snapshots
from warmline.sync.reconcile.baseline import kind_of
from warmline.sync.reconcile.three_way_merge import differs
from warmline.sync.remote.references import References
from warmline.sync.reported_changes import notice_silence

log = logging.getLogger(__name__)

LOOKING = "changes"  # the key of the lease of whoever asks
SPARING = 2.0  # seconds between two questions to the database whether it is time
AFTER_A_FAILURE = 60.0  # seconds after which a list that could not be read is asked for again
AT_ONCE = 500
MERGES_KEPT = timedelta(days=7)  # a row that waits for something else follows later
LOOKS_TO_A_CHECK = 4  # looks of which one also asks whether linked records are still there
CHECKED = MOST_IDS  # records of a kind for which it asks: the most that one list takes
A_FEW = 20  # rows of one look that go before batch work; a bulk edit of many does not keep people waiting
KINDS: dict[str, type[Row]] = {"organization": Organization, "person": Contact, "activity": Activity}
RECORDS: dict[type[Row], type[BaseModel]] = {
    Organization: PipedriveOrganization,
    Contact: Person,
    Activity: PipedriveActivity,
}
Records = Sequence[Any]


class RemoteChanges:
    """Asks for changes. Shared by the threads of an engine.

    Args:
        clock: On which all machines agree.
        every: How often; None for never.
    """

    def __init__(self, clock: Clock, every: timedelta | None) -> None:
        self._clock = clock
        self._every = every
        self._not_before = float("-inf")  # monotonic seconds

    def is_time(self) -> bool:
        """Tell whether any kind of record that is linked here was not asked for lately."""
        now = self._clock.monotonic()
        if not self._every or now < self._not_before:
            return False
        notice_silence(self._clock.now())
        is_time = bool(self._due())
        self._not_before = now if is_time else now + SPARING
        return is_time

    def look(self, pipedrive: Pipedrive, references: References) -> int:
        """Ask for what changed, a list for each kind (10 tokens a page), and wake the rows.

        Args:
            pipedrive: The client, for background work.
            references: Knows in which field a sector is.

        Returns:
            How many rows were woken.

        Raises:
            BusyError: When another worker is asking.
            PipedriveError: When a list could not be read; it is asked for again.
        """
        woken, began = 0, self._clock.now()
        self._not_before = self._clock.monotonic() + AFTER_A_FAILURE
        with Leases(self._clock).hold(LOOKING):
            for kind in self._due():
                woken += self._look_at(kind, pipedrive, references)
            gaps = ReportIntake.objects.filter(gap_since__isnull=False, gap_since__lte=began)
            if gaps.update(last_gap_from=F("gap_since"), last_gap_until=began, gap_since=None):
                log.info("reports.gap_closed")
        self._not_before = self._clock.monotonic()
        if woken:
            wakeups.now()
        return woken

    def has_reports(self) -> bool:
        """Tell whether Pipedrive has reported something that nobody has looked at yet."""
        return ChangeReport.objects.exists()

    def heed(self) -> int:
        """Wake the rows that are reported to have changed; return how many. Makes no call to Pipedrive.

        A report that shows a record as both sides agreed is our own write, or nothing new, and wakes nobody.
        """
        now, woken = self._clock.now(), 0
        reports = list(ChangeReport.objects.order_by("pk")[:AT_ONCE])
        with storing():
            for kind, model in KINDS.items():
                news = [row for report in reports if report.kind == kind for row in _reported(model, report)]
                woken += wake(list({row.pk: row for row in news}.values()), now)
            if any(report.kind == "user" for report in reports):
                Remembered.objects.filter(name="users").delete()  # asked for anew by whoever needs them
            _keep_merges(reports, now)
            ChangeReport.objects.filter(pk__in=[report.pk for report in reports]).delete()
        if woken:
            wakeups.now()
        return woken

    def _due(self) -> list[str]:
        now = self._clock.now()
        every = self._every or timedelta(0)
        if ReportIntake.objects.filter(gap_since__isnull=False).exists():
            every = timedelta(0)  # reports were lost: whatever they were about is asked for now
        # A moment in the future comes from a clock that was wrong.
        fresh = set(
            ChangesSeen.objects.filter(looked_at__gt=now - every, looked_at__lte=now).values_list("kind", flat=True)
        )
        return [kind for kind, model in KINDS.items() if kind not in fresh and _linked(model).exists()]

    def _look_at(self, kind: str, pipedrive: Pipedrive, references: References) -> int:
        now, present = self._clock.now(), pipedrive.server_time()
        seen = ChangesSeen.objects.filter(kind=kind).first()
        records: Records = ()
        if seen is not None:
            # If Pipedrive's clock was set back, recent changes may have earlier times.
            since = seen.since if seen.since <= present else present - LOOK_BACK
            unreadable: list[Unreadable] = []
            ask: dict[str, Callable[..., Records]] = {
                "person": pipedrive.persons,
                "organization": pipedrive.organizations,
                "activity": pipedrive.activities,
            }
            records = ask[kind](updated_since=since - OVERLAP, unreadable=unreadable)
        looks = 1 if seen is None else seen.looks + 1
        checked = [] if seen is None or looks < LOOKS_TO_A_CHECK else _next_linked(KINDS[kind], seen.checked_to)
        missing = _missing(kind, checked, pipedrive) if checked else []
        # Before the transaction: where a sector is may have to be asked for.
        rows = [row for row, record in _with_rows(kind, records) if _is_news(row, record, references)]
        with storing():
            woken = wake(rows, now) + wake(missing, now)
            values = {"since": present, "looked_at": now, "looks": 0 if checked else looks}
            if checked:
                values["checked_to"] = checked[-1] if len(checked) == CHECKED else 0
            ChangesSeen.objects.update_or_create(kind=kind, defaults=values)
        return woken


def wake(rows: Sequence[Row], now: datetime) -> int:
    """Make linked rows pending, so that their records are looked at; those that are pending already stay as they are.

    Args:
        rows: As read; of one table.
        now: The present moment, aware.

    Returns:
        How many became pending.
    """
    woken = 0
    # What a person wishes to be sent is not taken over before that; the row is looked at then.
    wished = set(Finding.objects.filter(wish=True).values_list("kind", "row_id"))
    for row in rows:
        if (kind_of(row), row.pk) in wished:
            continue
        in_line = type(row)._default_manager.filter(pk=row.pk, revision=F("pipedrive_revision"))  # noqa: SLF001 (documented)
        woken += in_line.exclude(**{row.LINK: None}).update(
            revision=F("revision") + 1, pipedrive_in_bulk=len(rows) > A_FEW, **fresh_attempts(now)
        )
    return woken


def _linked(model: type[Row]) -> Any:
    return model._default_manager.exclude(**{model.LINK: None})  # noqa: SLF001 (documented)


def _keep_merges(reports: Iterable[ChangeReport], now: datetime) -> None:
    """Keep which records are said to have gone where, for the rows that find theirs gone (see update.py)."""
    ReportedMerge.objects.filter(at__lt=now - MERGES_KEPT).delete()
    for report in reports:
        if report.is_deleted and report.merged_to is not None:
            values = {"merged_to": report.merged_to, "at": now}
            ReportedMerge.objects.update_or_create(kind=report.kind, record_id=report.record_id, defaults=values)


def _reported(model: type[Row], report: ChangeReport) -> list[Row]:
    """Return the rows for which a report is news."""
    rows = list(_linked(model).filter(**{model.LINK: report.record_id}))
    if report.is_deleted or not rows:
        return rows
    try:
        record = RECORDS[model].model_validate(report.data)
    except ValidationError:
        return rows  # it says nothing that can be compared, so the record is looked at
    return [row for row in rows if _is_news(row, record, None)]


def _next_linked(model: type[Row], after: int) -> list[int]:
    """Return the ids of the next records that are linked, in their order."""
    ids = _linked(model).filter(**{f"{model.LINK}__gt": after}).order_by(model.LINK)
    return list(ids.values_list(model.LINK, flat=True).distinct()[:CHECKED])


def _missing(kind: str, ids: Sequence[int], pipedrive: Pipedrive) -> list[Row]:
    """Return the rows whose records are not there any more, as far as a list shows."""
    ask: dict[str, Callable[..., Page[Any]]] = {
        "person": pipedrive.persons_page,
        "organization": pipedrive.organizations_page,
        "activity": pipedrive.activities_page,
    }
    page = ask[kind](None, with_ids(ids))
    there = {record.id for record in page.records if not record.is_deleted}
    gone = set(ids) - there - {each.id for each in page.unreadable}
    model = KINDS[kind]
    return list(model._default_manager.filter(**{f"{model.LINK}__in": gone})) if gone else []  # noqa: SLF001 (documented)


def _with_rows(kind: str, records: Records) -> Iterable[tuple[Row, Any]]:
    """Yield each linked row of these records, with its record."""
    model = KINDS[kind]
    for start in range(0, len(records), AT_ONCE):
        by_id = {record.id: record for record in records[start : start + AT_ONCE]}
        rows = model._default_manager.filter(**{f"{model.LINK}__in": list(by_id)})  # noqa: SLF001 (documented)
        for row in rows:
            yield row, by_id[getattr(row, model.LINK)]


def _is_news(row: Row, record: Any, references: References | None) -> bool:
    """Tell whether a record is not as the two sides agreed; a row that never agreed on anything is left alone.

    Without references, as for a report, which has no custom fields, the sector is taken to be as it was.
    """
    match row:
        case Contact():
            theirs = snapshots.of_person(record, row)
        case Organization():
            then = row.pipedrive_agreed.get("theirs", {})
            sector = then.get("sector", "") if references is None else references.sector_of(record)
            theirs = snapshots.of_their_organization(record, sector)
        case Activity():
            theirs = snapshots.of_their_activity(record)
    return differs(theirs, row.pipedrive_agreed)
