"""Makes audits and repairs in a thread of the engine's process, or in jobs of a worker: at night, and when asked for.

Only one worker at a time is at it. When it dies, another one goes on.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings

from warmline import database_time, storage
from warmline.crm import preferences
from warmline.pipedrive import Pipedrive, PipedriveError
from warmline.supervision import Loop
from warmline.sync import credentials
from warmline.sync.audit.auditor import LEASE, Auditor, waits
from warmline.sync.audit.repairing import Repairs
from warmline.sync.audit_models import Audit, Finding
from warmline.sync.company import Membership
from warmline.sync.database_clock import DatabaseClock
from warmline.sync.leases import BusyError, Leases, is_leased
from warmline.sync.policy import Policy
from warmline.sync.remote import connection_health, reconcile_first
from warmline.sync.remote.configured_client import pipedrive_with
from warmline.sync.retries import trouble
from warmline.sync.status import audit_choices

log = logging.getLogger(__name__)

LOOK = 2.0  # seconds between two looks at whether there is anything to do
DAY = timedelta(days=1)
A_MOMENT = timedelta(minutes=1)  # by which clocks may differ


@contextmanager
def running() -> Iterator[None]:
    """Make audits and repairs, in a thread, while the block runs."""
    began = database_time.now()

    def turn() -> None:
        if is_wanted(database_time.now(), began):
            tend(loop.ending.is_set)
        loop.ends_within(LOOK)

    with (loop := Loop("audit", turn)):  # bound before its thread starts
        yield


def is_wanted(now: datetime, began: datetime) -> bool:
    """Tell whether there is anything to do; the nightly audit is begun here when it is time.

    Args:
        now: The present moment, aware.
        began: When this process began, aware: before the first audit, its first night is waited for.
    """
    if not credentials.token() or storage.present() is not None or is_leased([LEASE], now):
        return False
    if reconcile_first.is_on():  # it checks the links itself, and nothing may be repaired before it has
        return False
    if Finding.objects.filter(wish=True).exists():
        return True
    last = Audit.objects.order_by("-pk").first()
    if last is not None and last.is_open:
        return not waits(last, now)
    if settings.AUDIT_AT is None:
        return False
    latest = None if last is None else last.started_at
    return is_due(now, began, latest, settings.AUDIT_AT, ZoneInfo(settings.DEFAULT_TIME_ZONE)) and audit_choices.begin(
        now
    )


def is_due(now: datetime, began: datetime, last: datetime | None, at: time, zone: ZoneInfo) -> bool:
    """Tell whether the nightly audit is to begin. Pure.

    Args:
        now: The present moment, aware.
        began: When this process began, aware.
        last: When the last audit began; None if there was none.
        at: The time of day at which it begins.
        zone: The time zone in which that is meant.
    """
    since = began if last is None or last > now + A_MOMENT else last
    return since < last_moment(now, at, zone)


def last_moment(now: datetime, at: time, zone: ZoneInfo) -> datetime:
    """Return the last moment at which it was a time of day. Pure."""
    day = now.astimezone(zone).date()
    # In UTC: two moments of one zone are compared by their wall clocks, which skip an hour in one night of the year.
    today, yesterday = (datetime.combine(each, at, zone).astimezone(UTC) for each in (day, day - DAY))
    return today if today <= now else yesterday


def tend(is_ending: Callable[[], bool]) -> None:
    """Make what repairs are wished, and go on with the open audit; return when nothing is to be done now.

    Args:
        is_ending: Tells whether to end.
    """
    preferences.refresh()
    token = credentials.token()
    if not token:
        return
    with pipedrive_with(token) as pipedrive, suppress(BusyError):
        membership = Membership(token)
        repair(pipedrive, membership)
        Auditor(pipedrive, Policy.current(), DatabaseClock(), membership).run(is_ending)


def repair(pipedrive: Pipedrive, membership: Membership) -> None:
    """Make what repairs are wished, if the connection is well.

    Args:
        pipedrive: The client.
        membership: Whether its token belongs to the company of the links.

    Raises:
        BusyError: When another worker is at it.
    """
    clock = DatabaseClock()
    if not Finding.objects.filter(wish=True).exists():
        return
    leases = Leases(clock)
    try:
        with leases.hold(LEASE):
            if connection_health.is_open(pipedrive, clock, membership):
                with membership.at_work(), leases.at_work():
                    Repairs(pipedrive, Policy.current(), clock).repair_all()
    except PipedriveError as error:
        log.warning("audit.not_repaired error=%s", error)
        found = trouble(error)
        if found is not None and membership.is_in_use():
            connection_health.report(found, clock)
