"""What Pipedrive's webhooks report: stored as it comes, and believed by nobody. A report only names a record.

Webhooks are what Warmline offers to others (webhooks/); what Pipedrive sends is called a report here. `note` is called
where they arrive (http/pipedrive_webhooks.py) and is one insert; `change_polling.py` takes the reports from there. What
cannot be stored is a gap: a look at changes closes it, whatever was reported.
"""

import hashlib
import hmac
import json
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.conf import settings
from django.db import DatabaseError, DataError, connection, transaction

from warmline.sync.account_models import (
    AwaitedReport,
    ChangeReport,
    ChangesSeen,
    ReadAhead,
    ReportedMerge,
    ReportIntake,
)
from warmline.sync.database_clock import DatabaseClock
from warmline.sync.models import Attempt, Company

log = logging.getLogger(__name__)

PATH = "/events/pipedrive"
HEARD_WITHIN = timedelta(seconds=10)  # of a report's arrival it is noted that reports come
LONGEST_DELAY = timedelta(minutes=1)  # of a report
CREATED = "Created in Pipedrive"  # how the attempt of a create begins that succeeded (see reconcile/linking.py)
USER = "warmline"
NAME = "Warmline"
OBJECTS = ("person", "organization", "activity", "user")
MOST_DIGITS = 19  # of an id that the database can hold
LONGEST = 256 << 10  # bytes of a report; a record has a few kilobytes


class _Gap:
    since: float | None = None  # monotonic seconds: since then reports came to this process that it could not store


def password() -> str:
    """Return the password of the door. It follows from the installation's key, so a restored backup still knows it."""
    return hmac.digest(settings.SECRET_KEY.encode(), b"the door for Pipedrive's reports", "sha256").hex()


def address() -> str:
    """Return where Pipedrive is to report; empty if it cannot reach us, or only in plain http while it is in https."""
    is_safe = settings.PUBLIC_URL.startswith("https://") or settings.PIPEDRIVE_BASE_URL.startswith("http://")
    return f"{settings.PUBLIC_URL}{PATH}" if settings.PUBLIC_URL and is_safe else ""


def mark_of_password() -> str:
    """Return a mark by which another password is recognized, and from which nothing follows."""
    return hashlib.sha256(password().encode()).hexdigest()[:12]


def is_door_opened_by(user: str, given: str) -> bool:
    """Tell, in constant time, whether these are the door's user and password."""
    return hmac.compare_digest(f"{user}:{given}".encode(), f"{USER}:{password()}".encode())


def note(bodies: Sequence[bytes]) -> None:
    """Store reports, each once however often it comes. What cannot be stored is a gap: the sender cannot help it.

    Args:
        bodies: What came; what is no report, or about nothing that we have, is left out. None at all: only a gap that
            was noted before is stored.
    """
    now = DatabaseClock().now()
    try:
        # A webhook that was left behind in a company whose token we had before reports records of the same ids.
        company_id = Company.objects.values_list("company_id", flat=True).first()
        reports = [report for body in bodies if (report := _read(body, now, company_id)) is not None]
        if reports:
            _store(reports)
        if _Gap.since is not None:
            open_gap(now - timedelta(seconds=time.monotonic() - _Gap.since))
            _Gap.since = None
    except DatabaseError as error:
        note_gap(repr(error))


def note_gap(why: str) -> None:
    """Note that a report could not be stored; whoever stores the next one stores this as well. Asks no database.

    Args:
        why: For the log.
    """
    if _Gap.since is None:
        _Gap.since = time.monotonic()
        log.warning("reports.not_stored why=%s", why)


def has_gap() -> bool:
    """Tell whether a gap is noted that is not stored yet."""
    return _Gap.since is not None


def open_gap(since: datetime) -> None:
    """Store since when reports were lost, unless an earlier gap is open. Nothing is proven of reports any more.

    Args:
        since: The moment, aware.
    """
    intake, _ = ReportIntake.objects.get_or_create(pk=1)
    since = min(since, intake.gap_since or since)
    ReportIntake.objects.filter(pk=1).update(gap_since=since, proven_from=None)
    AwaitedReport.objects.all().delete()


def heard(now: datetime) -> None:
    """Store that reports come."""
    if not ReportIntake.objects.filter(pk=1).update(heard_at=now):
        ReportIntake.objects.get_or_create(pk=1, defaults={"heard_at": now})


def _store(reports: Sequence[ChangeReport]) -> None:
    try:
        with _quickly():
            ChangeReport.objects.bulk_create(reports, ignore_conflicts=True)
    except DataError as error:  # PostgreSQL stores less than JSON can say
        if len(reports) > 1:  # one that cannot be stored keeps none of the others away
            for report in reports:
                _store([report])
        elif reports[0].data:
            reports[0].data = {}  # then the record is looked at, whatever was said of it
            _store(reports)
        else:
            note_gap(repr(error))


@contextmanager
def _quickly() -> Iterator[None]:
    """Run the block in a transaction that does not wait for the disk, so that those who save hardly wait for it.

    It is whole and in its order all the same. What a power cut takes is one of the losses that a look makes up for.
    """
    is_sqlite = connection.vendor == "sqlite" and not connection.in_atomic_block  # else it is a part of another one
    with connection.cursor() as cursor:
        if is_sqlite:
            cursor.execute("PRAGMA synchronous=NORMAL")
        try:
            with transaction.atomic():
                if connection.vendor == "postgresql":
                    cursor.execute("SET LOCAL synchronous_commit TO off")
                yield
        finally:
            if is_sqlite:
                cursor.execute("PRAGMA synchronous=FULL")


def _read(body: bytes, now: datetime, company_id: int | None) -> ChangeReport | None:
    """Return the row for a report; None for what is none, is another company's, or about nothing that we have."""
    try:
        said = json.loads(body)
        meta = said["meta"]
        kind, record_id = meta["entity"], _number(meta["entity_id"])
        action, data = meta["action"], said.get("data")
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    is_anothers = company_id is not None and _number(meta.get("company_id")) not in {None, company_id}
    if kind not in OBJECTS or not record_id or is_anothers:
        return None
    told = meta.get("id")
    name = f"{told} {meta.get('webhook_id')}" if isinstance(told, str) and told else body.decode(errors="replace")
    return ChangeReport(
        key=hashlib.sha256(name.encode(errors="replace")).hexdigest(),
        kind=kind,
        record_id=record_id,
        is_new=action == "create",
        is_deleted=action == "delete",
        merged_to=_number(meta.get("merged_to_id")),
        is_bulk=meta.get("is_bulk_edit") is True,
        data=data if isinstance(data, Mapping) and action != "delete" and _is_json(data) else {},
        at=now,
    )


def _is_json(data: object) -> bool:
    """Tell whether databases store this: Python reads and writes numbers that are none in JSON."""
    try:
        json.dumps(data, allow_nan=False)
    except ValueError:
        return False
    return True


def notice_silence(now: datetime) -> bool:
    """Note a gap if a create of ours has not come back as a report within a minute; return whether there is one now.

    Creates are what is sure to be reported. One that was made before the last gap was closed tells nothing any more.
    Moments from the future, which a wrong clock has left, prove nothing: they too are taken for a gap.

    Args:
        now: The present moment, aware.
    """
    intake = ReportIntake.objects.filter(pk=1, gap_since=None, problem="").exclude(address="").first()
    if intake is None or intake.checked_at is None:
        return False
    last = max(moment for moment in (intake.heard_at, intake.checked_at, intake.last_gap_until) if moment is not None)
    if last > now + LONGEST_DELAY:
        log.warning("reports.from_the_future at=%s", last)
        checked_at = min(intake.checked_at, now)
        ReportIntake.objects.filter(pk=1).update(heard_at=now, checked_at=checked_at, last_gap_until=now)
        open_gap(now)
        return True
    # What is made while reports come may have come back, although the note that they do is some seconds old.
    after = last + HEARD_WITHIN
    made = Attempt.objects.filter(at__gt=after, at__lte=now - LONGEST_DELAY, ok=True, text__startswith=CREATED)
    if not made.exists():
        return False
    log.warning("reports.silence since=%s", last)
    open_gap(last)
    return True


def forget() -> None:
    """Delete what is known of changes in an account that ours is no longer; webhooks are made in the new one."""
    for model in (AwaitedReport, ChangeReport, ReadAhead, ReportedMerge, ChangesSeen, ReportIntake):
        model._default_manager.all().delete()  # noqa: SLF001 (Django documents it as public)


def merged_into(kind: str, record_id: int) -> int | None:
    """Return the record that another one is said to be part of by now, after any merges; None when nobody said so."""
    went = [record_id]
    while (merge := ReportedMerge.objects.filter(kind=kind, record_id=went[-1]).first()) is not None:
        if merge.merged_to in went:
            break
        went.append(merge.merged_to)
    return went[-1] if len(went) > 1 else None


def _number(text: object) -> int | None:
    """Return an id, which Pipedrive writes as a text; None for anything else."""
    is_one = (
        isinstance(text, str | int) and str(text).isascii() and str(text).isdecimal() and len(str(text)) < MOST_DIGITS
    )
    return int(text) if is_one and isinstance(text, str | int) else None
