"""Notices what people change in Pipedrive: asks every few minutes for what changed since, and has those rows looked at.

A list only wakes: of each record that is not as the two sides agreed, the row becomes pending, and its next attempt
reads the record under the row's lease and decides (update.py). So a list that is outdated by the time it is read does
no harm. Our own writes are as agreed, and cost nothing more. Deleted and merged records are in no list of Pipedrive's;
so every fourth look also asks for a hundred linked records of each kind by their ids, and wakes what is missing.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from django.db.models import Count, F, Max, Min

from warmline import database_time
from warmline.crm.activities import Activity, Row
from warmline.crm.models import Contact, Organization
from warmline.pipedrive import MOST_IDS, Clock, Page, Pipedrive, Unreadable, with_ids
from warmline.prepared_queries import PreparedExistence
from warmline.sync import trusted_reports, wakeups
from warmline.sync.account_models import ChangeReport, ChangesSeen, ReportedMerge, ReportIntake
from warmline.sync.after_change import fresh_attempts
from warmline.sync.audit_models import Finding
from warmline.sync.company import storing
from warmline.sync.intents import LOOK_BACK, OVERLAP
from warmline.sync.leases import Leases
from warmline.sync.models import Remembered
from warmline.sync.reconcile import read_ahead
from warmline.sync.reconcile.audit_baseline import kind_of
from warmline.sync.reconcile.merged_or_deleted_there import NOT_SHOWN, NOT_SHOWN_TEXT
from warmline.sync.reconcile.relevant_changes import Judge, linked, nothing_more, of_list, of_reports
from warmline.sync.remote.labels_owners_fields import References
from warmline.sync.reported_changes import heard, notice_silence

log = logging.getLogger(__name__)

LOOKING = "changes"  # the key of the lease of whoever asks
SPARING = 2.0  # seconds between two questions to the database whether it is time
AFTER_A_FAILURE = 60.0  # seconds after which a list that could not be read is asked for again
AT_ONCE = 2_000  # reports
QUIET = timedelta(seconds=2)  # without a further report: then many that came together are looked at
LONGEST_FLOOD = timedelta(seconds=20)  # after which they are looked at although more come
NEVER = datetime(2000, 1, 1, tzinfo=UTC)
MERGES_KEPT = timedelta(days=7)  # a row that waits for something else follows later
LOOKS_TO_A_CHECK = 4  # looks of which one also asks whether linked records are still there
CHECKED = MOST_IDS  # records of a kind for which it asks: the most that one list takes
A_FEW = 20  # rows of one look that go before batch work; a bulk edit of many does not keep people waiting
KINDS: dict[str, type[Row]] = {"organization": Organization, "person": Contact, "activity": Activity}
Records = Sequence[Any]
_LINKED = PreparedExistence({kind: partial(linked, model) for kind, model in KINDS.items()})


class RemoteChanges:
    """Asks for changes. Shared by the threads of an engine.

    Args:
        clock: On which all machines agree.
        every: How often; None for never.
        judge: What else is news than what the two sides agreed on.
    """

    def __init__(self, clock: Clock, every: timedelta | None, judge: Judge = nothing_more) -> None:
        self._clock = clock
        self._judge = judge
        self._every = every
        self._not_before = float("-inf")  # monotonic seconds
        self._reported: dict[str, tuple[float, list[Row]]] = {}  # many, which the next list is to show, and since when

    def is_time(self) -> bool:
        """Tell whether any kind of record that is linked here was not asked for lately."""
        now = self._clock.monotonic()
        if not self._every or now < self._not_before:
            return False
        notice_silence(self._clock.now())
        if trusted_reports.are_wanted():
            trusted_reports.notice_overdue(self._clock.now())
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
        gap = ReportIntake.objects.filter(pk=1).values_list("gap_since", flat=True).first()
        self._not_before = self._clock.monotonic() + AFTER_A_FAILURE
        with Leases(self._clock).hold(LOOKING):
            for kind in self._due():
                woken += self._look_at(kind, pipedrive, references)
            # The one that was there before, whatever clock it is by; one that was noted meanwhile stays open.
            closed = {"last_gap_from": gap and min(gap, began), "last_gap_until": began, "gap_since": None}
            if gap is not None and ReportIntake.objects.filter(gap_since=gap).update(**closed):
                log.info("reports.gap_closed")
        self._not_before = self._clock.monotonic()
        if woken:
            wakeups.now()
        return woken

    def has_reports(self) -> bool:
        """Tell whether Pipedrive has reported something that is to be looked at now.

        While many reports come, they wait until no more do: a list then shows at once what they are about.
        """
        there = ChangeReport.objects.aggregate(count=Count("pk"), first=Min("at"), last=Max("at"))
        if not there["count"]:
            return False
        now = self._clock.now()
        are_few = there["count"] <= A_FEW and not ChangeReport.objects.filter(is_bulk=True).exists()
        # A moment in the future comes from a clock that was wrong.
        return are_few or not now - QUIET < there["last"] <= now or there["first"] < now - LONGEST_FLOOD

    def heed(self, hear: Callable[[Sequence[ChangeReport]], None] = lambda _: None) -> int:
        """Wake the rows that are reported to have changed; return how many. Makes no call to Pipedrive by itself.

        A report that shows a record as both sides agreed is our own write, or nothing new, and wakes nobody.

        Args:
            hear: Is told of all reports first; they stay where they are if it raises.
        """
        woken = 0
        reports = list(ChangeReport.objects.order_by("pk")[:AT_ONCE])
        hear(reports)
        now = self._clock.now()
        news = {
            kind: of_reports(model, [each for each in reports if each.kind == kind], self._judge)
            for kind, model in KINDS.items()
        }
        gone = {(each.kind, each.record_id) for each in reports if each.is_deleted}  # no list shows these
        edited = {
            kind: [row for row in rows if (kind, getattr(row, row.LINK)) not in gone] for kind, rows in news.items()
        }
        many = [kind for kind, rows in edited.items() if self._every and len(rows) > A_FEW]
        seen = set(ChangesSeen.objects.filter(kind__in=many).values_list("kind", flat=True))
        for kind in seen:
            self._reported[kind] = (self._clock.monotonic(), edited[kind])
        with storing():
            for kind, model in KINDS.items():
                read_ahead.forget(model, [report.record_id for report in reports if report.kind == kind])
                woken += len(wake([] if kind in seen else edited[kind], now))
                woken += len(wake([row for row in news[kind] if row not in edited[kind]], now, are_gone=True))
            ChangesSeen.objects.filter(kind__in=seen).update(looked_at=NEVER)  # one list instead of many gets
            if any(report.kind == "user" for report in reports):
                Remembered.objects.filter(name="users").delete()  # asked for anew by whoever needs them
            _keep_merges(reports, now)
            if reports:
                heard(now)
            ChangeReport.objects.filter(pk__in=[report.pk for report in reports]).delete()
        if seen:
            self._not_before = self._clock.monotonic()
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
        linked = _LINKED.found()
        return [kind for kind in KINDS if kind not in fresh and kind in linked]

    def _look_at(self, kind: str, pipedrive: Pipedrive, references: References) -> int:
        now, at, present = self._clock.now(), self._clock.monotonic(), pipedrive.server_time()
        seen = ChangesSeen.objects.filter(kind=kind).first()
        since = present - _longest_unread(KINDS[kind], now) if seen is None else seen.since
        records = _changed_since(kind, since, present, pipedrive)
        looks = 1 if seen is None else seen.looks + 1
        checked = [] if seen is None or looks < LOOKS_TO_A_CHECK else _next_linked(KINDS[kind], seen.checked_to)
        missing = _missing(kind, checked, pipedrive) if checked else []
        # Before the transaction: where a sector is may have to be asked for.
        news = of_list(KINDS[kind], records, references, self._judge)
        (told_at, reported), listed = self._reported.pop(kind, (at, [])), {record.id for record in records}
        unlisted = [row for row in reported if getattr(row, row.LINK) not in listed]
        if at - told_at >= AFTER_A_FAILURE:  # another process has looked
            unlisted = []
        jumped = abs((self._clock.now() - now).total_seconds() - (self._clock.monotonic() - at)) > 1
        with storing():
            read_ahead.forget(KINDS[kind], listed)
            woken = wake([row for row, _ in news], now)
            count = len(woken) + len(wake(unlisted, now)) + len(wake(missing, now, are_gone=True))
            if len(news) > A_FEW and not jumped:
                read_ahead.keep([(row, record) for row, record in news if row.pk in woken], now)
            values = {"since": present, "looked_at": now, "looks": 0 if checked else looks}
            if checked:
                values["checked_to"] = checked[-1] if len(checked) == CHECKED else 0
            ChangesSeen.objects.update_or_create(kind=kind, defaults=values)
        return count


def wake(rows: Sequence[Row], now: datetime, *, are_gone: bool = False) -> set[int]:
    """Make linked rows pending, so that their records are looked at; those that are pending already stay as they are.

    Args:
        rows: As read; of one table.
        now: The present moment, aware.
        are_gone: Whether their records are said to be gone already, so that one look settles that.

    Returns:
        The ids of those that became pending.
    """
    woken: set[int] = set()
    if not rows:
        return woken
    # What a person wishes to be sent is not taken over before that; the row is looked at then.
    wished = set(Finding.objects.filter(wish=True).values_list("kind", "row_id"))
    for row in rows:
        if (kind_of(row), row.pk) in wished:
            continue
        in_line = type(row)._default_manager.filter(pk=row.pk, revision=F("pipedrive_revision"))  # noqa: SLF001 (documented)
        values = {"revision": F("revision") + 1, "pipedrive_in_bulk": len(rows) > A_FEW, **fresh_attempts(now)}
        if are_gone:
            values |= {"pipedrive_sync_error_code": NOT_SHOWN, "pipedrive_sync_error_message": NOT_SHOWN_TEXT}
        if in_line.exclude(**{row.LINK: None}).update(**values):
            woken.add(row.pk)
    return woken


def read_restored(rows: Iterable[Any], **_: Any) -> None:
    """Wake restored rows: what changed there while they were gone was shown to nobody. Receives `rows_restored`."""
    restored, now = list(rows), database_time.now()
    for model in KINDS.values():
        wake([row for row in restored if isinstance(row, model)], now)


def _keep_merges(reports: Iterable[ChangeReport], now: datetime) -> None:
    """Keep which records are said to have gone where, for the rows that find theirs gone (see update.py)."""
    ReportedMerge.objects.filter(at__lt=now - MERGES_KEPT).delete()
    for report in reports:
        if report.is_deleted and report.merged_to is not None:
            values = {"merged_to": report.merged_to, "at": now}
            ReportedMerge.objects.update_or_create(kind=report.kind, record_id=report.record_id, defaults=values)


def _changed_since(kind: str, since: datetime, present: datetime, pipedrive: Pipedrive) -> Records:
    """Return what changed since a moment, by Pipedrive's clock; where that was set back, recent changes seem older."""
    ask: dict[str, Callable[..., Records]] = {
        "person": pipedrive.persons,
        "organization": pipedrive.organizations,
        "activity": pipedrive.activities,
    }
    unreadable: list[Unreadable] = []
    return ask[kind](
        updated_since=(since if since <= present else present - LOOK_BACK) - OVERLAP, unreadable=unreadable
    )


def _longest_unread(model: type[Row], now: datetime) -> timedelta:
    """Return how long ago the linked record was read that was not read for longest, at least a day.

    Before the first look, that is what it has to look back: whoever created the records may have died at once, and a
    clock that was set back since makes it seem less.
    """
    oldest = linked(model).aggregate(oldest=Min("last_pipedrive_sync_attempt"))["oldest"]
    return max(LOOK_BACK, now - (oldest or now))


def _next_linked(model: type[Row], after: int) -> list[int]:
    """Return the ids of the next records that are linked, in their order."""
    ids = linked(model).filter(**{f"{model.LINK}__gt": after}).order_by(model.LINK)
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
