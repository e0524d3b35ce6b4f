"""Says whether Pipedrive's reports are proven to come, by what we create there ourselves. Used only if trust is wanted.

Each create is awaited as a report. One that comes proves that reports come, and shows how long they take; one that does
not come within a minute is a gap, which ends the proof, as any gap does. After a gap a look at changes closes it, a new
create proves anew, and one more look is made; only then looks are skipped again (see remote/known_by_reports.py).
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import DatabaseError
from django.db.models import Exists, OuterRef, QuerySet

from warmline import database_time
from warmline.sync.account_models import AwaitedReport, ChangeReport, ReportIntake
from warmline.sync.reported_changes import LONGEST_DELAY, note_gap, open_gap

log = logging.getLogger(__name__)

SLACK = timedelta(seconds=1)  # added to the delay that was measured
LONGEST_WAIT = timedelta(seconds=10)  # for reports; slower ones are not worth waiting for, and looks are made
EASING = 0.8  # by which the delay sinks with each report that took less


def are_wanted() -> bool:
    """Tell whether looks are to be skipped while reports are proven to come."""
    return bool(settings.TRUST_EVENTS)


def proven_from() -> datetime | None:
    """Return since when reports are proven to come; None while they are not."""
    if not are_wanted():
        return None
    return ReportIntake.objects.filter(pk=1, gap_since=None).values_list("proven_from", flat=True).first()


def wait() -> timedelta:
    """Return how long a lead waits before it goes over, so that reports of what was there when it was saved have come.

    It waits whether or not looks are made at this moment, because they may be skipped by the time it goes over.
    """
    if not are_wanted():
        return timedelta(0)
    intake = ReportIntake.objects.filter(pk=1).exclude(address="").first()
    delay = timedelta(seconds=intake.delay) + SLACK if intake is not None else timedelta(0)
    return delay if delay <= LONGEST_WAIT else timedelta(0)


def await_report(kind: str, record_id: int, sent_at: datetime) -> None:
    """Note that a report of a record that was just created has to come.

    Args:
        kind: "person" or "organization".
        record_id: The record's id.
        sent_at: When its create was sent.
    """
    if ReportIntake.objects.filter(pk=1, gap_since=None).exclude(address="").exists():
        AwaitedReport.objects.update_or_create(kind=kind, record_id=record_id, defaults={"sent_at": sent_at})


def match(reports: Sequence[ChangeReport], now: datetime) -> None:
    """Note which of the awaited reports have come.

    Args:
        reports: All that came.
        now: The present moment, aware.
    """
    came = {(each.kind, each.record_id): each.at for each in reports if each.is_new}
    awaited = [each for each in AwaitedReport.objects.all() if (each.kind, each.record_id) in came] if came else []
    for each in awaited:
        took = max(came[each.kind, each.record_id] - each.sent_at, timedelta(0))
        each.delete()
        if took > LONGEST_DELAY:
            open_gap(each.sent_at)
            return
        intake = ReportIntake.objects.get_or_create(pk=1)[0]
        delay = max(took.total_seconds(), EASING * intake.delay)
        here = ReportIntake.objects.filter(pk=1, gap_since=None)
        here.update(delay=delay)
        here.filter(proven_from=None).update(proven_from=now)


def is_overdue(now: datetime) -> bool:
    """Tell whether a report is awaited for longer than a minute."""
    return _overdue(now).exists()


def notice_overdue(now: datetime) -> None:
    """Begin a gap if a report is awaited for longer than a minute.

    Args:
        now: The present moment, aware.
    """
    late = _overdue(now).order_by("sent_at").first()
    if late is not None:
        log.warning("reports.missing kind=%s record=%s", late.kind, late.record_id)
        open_gap(late.sent_at)


def _overdue(now: datetime) -> QuerySet[AwaitedReport]:
    """Return what is awaited for longer than a minute; what has come and nobody has heard of yet is not missing."""
    has_come = ChangeReport.objects.filter(kind=OuterRef("kind"), record_id=OuterRef("record_id"), is_new=True)
    return AwaitedReport.objects.filter(~Exists(has_come), sent_at__lte=now - LONGEST_DELAY)


def after_a_pause() -> None:
    """Begin a gap, because the door for reports opens: what came while it was closed is lost."""
    if not are_wanted():
        return
    try:
        intake = ReportIntake.objects.filter(pk=1).exclude(address="").first()
        if intake is not None:
            open_gap(intake.heard_at or intake.checked_at or database_time.now())
    except DatabaseError:  # it is stored with the first report
        note_gap("the door was closed")
