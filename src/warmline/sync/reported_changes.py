"""What Pipedrive's webhooks report: stored as it comes, and believed by nobody. A report only names a record.

Webhooks are what Warmline offers to others (webhooks/); what Pipedrive sends is called a report here. `note` is called
by the door and is one insert; `remote_changes.py` takes the reports from there. What cannot be stored is a gap: a look
at changes closes it, whatever was reported.
"""

import hashlib
import hmac
import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError

from warmline.sync.account_models import ChangeReport, ReportedMerge, ReportIntake
from warmline.sync.database_clock import DatabaseClock
from warmline.sync.models import Attempt

log = logging.getLogger(__name__)

PATH = "/events/pipedrive"
HEARD_EVERY = 10.0  # seconds between two notes that reports come
LONGEST_DELAY = timedelta(minutes=1)  # of a report
CREATED = "Created in Pipedrive"  # how the attempt of a create begins that succeeded (see reconcile/linking.py)
USER = "warmline"
NAME = "Warmline"
OBJECTS = ("person", "organization", "activity", "user")
MOST_DIGITS = 19  # of an id that the database can hold
LONGEST = 256 << 10  # bytes of a report; a record has a few kilobytes


class _Gap:
    since: datetime | None = None  # of this process: reports came that could not be stored
    heard_at = datetime.min.replace(tzinfo=UTC)  # when that was stored last


def password() -> str:
    """Return the password of the door. It follows from the installation's key, so a restored backup still knows it."""
    return hmac.digest(settings.SECRET_KEY.encode(), b"the door for Pipedrive's reports", "sha256").hex()


def address() -> str:
    """Return where Pipedrive is to report; empty if it cannot reach us, or only in plain http while it is in https."""
    is_safe = settings.PUBLIC_URL.startswith("https://") or settings.PIPEDRIVE_BASE_URL.startswith("http://")
    return f"{settings.PUBLIC_URL}{PATH}" if settings.PUBLIC_URL and is_safe else ""


def is_door_opened_by(user: str, given: str) -> bool:
    """Tell, in constant time, whether these are the door's user and password."""
    return hmac.compare_digest(f"{user}:{given}".encode(), f"{USER}:{password()}".encode())


def note(body: bytes) -> None:
    """Store a report, once however often it comes. Nothing is raised: whoever sent it cannot do anything about it."""
    report = _read(body)
    if report is None:
        return
    now = DatabaseClock().now()
    try:
        ChangeReport.objects.bulk_create([report], ignore_conflicts=True)
        if _Gap.since is not None or not 0 <= (now - _Gap.heard_at).total_seconds() < HEARD_EVERY:
            _say_heard(now)
    except DatabaseError as error:
        _Gap.since = _Gap.since or now
        log.warning("reports.not_stored error=%r", error)


def _say_heard(now: datetime) -> None:
    """Store that reports come, and what was lost before; once in some seconds, so that a flood costs an insert each."""
    intake, _ = ReportIntake.objects.get_or_create(pk=1)
    values: dict[str, Any] = {"heard_at": now}
    if _Gap.since is not None:
        values["gap_since"] = min(_Gap.since, intake.gap_since or _Gap.since)
    ReportIntake.objects.filter(pk=1).update(**values)
    _Gap.since, _Gap.heard_at = None, now


def _read(body: bytes) -> ChangeReport | None:
    """Return the row for a report; None for what is none, or about nothing that we have."""
    try:
        said = json.loads(body)
        meta = said["meta"]
        kind, record_id = meta["entity"], int(meta["entity_id"])
        action, data = meta["action"], said.get("data")
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    if kind not in OBJECTS or not 0 < record_id < 2**63 or "\\u0000" in body.decode(errors="replace"):
        return None
    told = meta.get("id")
    name = f"{told} {meta.get('webhook_id')}" if isinstance(told, str) and told else body.decode(errors="replace")
    return ChangeReport(
        key=hashlib.sha256(name.encode(errors="replace")).hexdigest(),
        kind=kind,
        record_id=record_id,
        is_deleted=action == "delete",
        merged_to=_number(meta.get("merged_to_id")),
        data=data if isinstance(data, Mapping) and action != "delete" else {},
        at=DatabaseClock().now(),
    )


def notice_silence(now: datetime) -> bool:
    """Note a gap if a create of ours has not come back as a report within a minute; return whether there is one now.

    Creates are what is sure to be reported. One that was made before the last gap was closed tells nothing any more.

    Args:
        now: The present moment, aware.
    """
    intake = ReportIntake.objects.filter(pk=1, gap_since=None, problem="").exclude(address="").first()
    if intake is None or intake.checked_at is None:
        return False
    heard = max(moment for moment in (intake.heard_at, intake.checked_at, intake.last_gap_until) if moment is not None)
    # What is made while reports come may have come back, although the note that they do is some seconds old.
    after = heard + timedelta(seconds=HEARD_EVERY)
    made = Attempt.objects.filter(at__gt=after, at__lte=now - LONGEST_DELAY, ok=True, text__startswith=CREATED)
    if not made.exists():
        return False
    log.warning("reports.silence since=%s", heard)
    return bool(ReportIntake.objects.filter(pk=1, gap_since=None).update(gap_since=heard))


def merged_into(kind: str, record_id: int) -> int | None:
    """Return the record that another one is said to have been merged into; None when nobody said so."""
    merge = ReportedMerge.objects.filter(kind=kind, record_id=record_id).first()
    return None if merge is None else merge.merged_to


def _number(text: object) -> int | None:
    """Return an id, which Pipedrive writes as a text; None for anything else."""
    is_one = (
        isinstance(text, str | int) and str(text).isascii() and str(text).isdecimal() and len(str(text)) < MOST_DIGITS
    )
    return int(text) if is_one and isinstance(text, str | int) else None
