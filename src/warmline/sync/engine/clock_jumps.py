"""Corrects stored moments that come from a wrong clock, so that none delays work for longer than its longest wait.

The engine calls this before it reads the due rows. When it starts, whenever this machine's clock was set, and every few
seconds (because another machine's clock may be wrong), rows that would wait for longer than they ever have to become
due earlier. They are found through the indexes of due rows. After a clock was set, earlier looks no longer count as
recent.
"""

import logging
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any

from django.db.models import DateTimeField, F, Q, QuerySet

from warmline.crm.activities import Activity, Row
from warmline.crm.models import Contact, Organization
from warmline.pipedrive import Clock
from warmline.prepared_queries import Parameter, PreparedExistence
from warmline.sync import pending
from warmline.sync.leases import expire_in_time
from warmline.sync.models import Connection, DirectoryState, Intent
from warmline.sync.pending import END_OF_TIME
from warmline.sync.policy import Policy
from warmline.sync.retries import ORGANIZATION_FAILED, PASSING, longest_wait

log = logging.getLogger(__name__)

CHECK_EVERY = 10.0  # seconds
NOTABLE = timedelta(seconds=0.5)  # time servers adjust a clock by far less than this at a time
AT_ONCE = 500  # rows of one kind that are corrected at a time; the next check continues
LONG_AGO = timedelta(days=1)


class Moments:
    """Watches this machine's clock for an engine, and corrects stored moments.

    Args:
        clock: This machine's.
        policy: The waits.
    """

    def __init__(self, clock: Clock, policy: Policy) -> None:
        self._clock = clock
        self._policy = policy
        self._ahead = self._ahead_of_monotonic()
        self._next = clock.monotonic()

    def heed(self) -> None:
        """Correct stored moments, if the clock was set or the last check was some seconds ago."""
        ahead, now = self._ahead_of_monotonic(), self._clock.now()
        jump = timedelta(seconds=ahead - self._ahead)
        was_set = abs(jump) >= NOTABLE
        if was_set:
            log.warning("sync.clock_was_set by=%.1fs", jump.total_seconds())
            self._ahead = ahead
            distrust_looks(now, jump)
        elif self._clock.monotonic() < self._next:
            return
        self._next = self._clock.monotonic() + CHECK_EVERY
        pull_in(now, self._policy, was_set_back=was_set and jump < timedelta(0))

    def _ahead_of_monotonic(self) -> float:
        return self._clock.now().timestamp() - self._clock.monotonic()


def pull_in(now: datetime, policy: Policy, *, was_set_back: bool = False) -> None:
    """Make rows, leases and probes due earlier that would wait for longer than their longest wait.

    Args:
        now: The present moment, aware.
        policy: The waits.
        was_set_back: Whether this machine's clock was just set back. Then rows that wait for a few seconds are due now.
    """
    soon = timedelta(0) if was_set_back else longest_wait("", failed=False, policy=policy)
    is_any = _any_beyond(policy.threshold, all_of_them=was_set_back).found(moment=now + soon)
    for rows in _waiting(policy.threshold, all_of_them=was_set_back) if is_any else ():
        for these, wait, moment in _too_far(rows, now, soon, policy):
            ids = list(these.values_list("pk", flat=True)[:AT_ONCE])
            if ids:
                log.warning("sync.waited_too_long rows=%s/%s", rows.model._meta.model_name, len(ids))  # noqa: SLF001 (documented)
                late = rows.model._default_manager.filter(pk__in=ids, next_pipedrive_sync_attempt__gt=now + wait)  # noqa: SLF001 (as above)
                late.update(next_pipedrive_sync_attempt=moment)
    expire_in_time(now)
    if was_set_back:
        _ask_now(now)


def distrust_looks(now: datetime, jump: timedelta) -> None:
    """Make the directory look again, and further back if the clock was set back: Pipedrive may be on the same machine.

    Args:
        now: The present moment, aware.
        jump: By how much the clock was set ahead; negative if it was set back.
    """
    back = min(jump, timedelta(0))
    for state in DirectoryState.objects.all():
        seen = DirectoryState.objects.filter(pk=state.pk, since=state.since)
        seen.update(since=state.since + back, looked_at=now - LONG_AGO)
    if back:
        Intent.objects.update(set_back=F("set_back") - back.total_seconds())


def _ask_now(now: datetime) -> None:
    """Make probes of the connection, and lists that could not be read, due now."""
    Connection.objects.filter(probe_at__gt=now).update(probe_at=now)
    DirectoryState.objects.filter(retry_at__gt=now).update(retry_at=now)


def left(row: Row, now: datetime, policy: Policy) -> timedelta:
    """Return how long a row still has to wait; zero if its due time is further away than it can be.

    Args:
        row: The row, as read.
        now: The present moment, aware.
        policy: The waits.
    """
    wait: timedelta = row.next_pipedrive_sync_attempt - now
    longest = longest_wait(row.pipedrive_sync_error_code, failed=row.pipedrive_sync_failed, policy=policy)
    return wait if wait <= longest or row.next_pipedrive_sync_attempt >= END_OF_TIME else timedelta(0)


def _waiting(threshold: int, *, all_of_them: bool = False) -> list[QuerySet[Any]]:
    """Return the pending rows as `pending.due` reads them, each query with its index.

    Organizations that are sent with their contacts, and activities whose contacts are not linked yet, have no index of
    due times. All of them are read only if a clock was set back, which is rare. Otherwise `left` corrects such an
    organization when its contact is sent, and an activity is corrected once it is pending.
    """
    organizations = Organization.objects.filter(pipedrive_org_id=None)
    activities = Activity.objects.filter(pipedrive_activity_id=None)
    return [
        pending.contacts(threshold),
        activities if all_of_them else pending.activities(),
        pending.changed_contacts(),
        organizations if all_of_them else organizations.filter(pipedrive_asked_for=True),
        pending.changed_organizations(),
        pending.changed_activities(),
    ]


def _too_far(
    rows: QuerySet[Any], now: datetime, soon: timedelta, policy: Policy
) -> list[tuple[QuerySet[Any], timedelta, datetime]]:
    """Return the rows that wait for too long, with their longest wait and their new due time."""
    failed, person_needed = (longest_wait(code, failed=True, policy=policy) for code in ("unavailable", "rejected"))
    passing = Q(pipedrive_sync_error_code__in=PASSING)
    if rows.model is Contact:
        passing |= Q(pipedrive_sync_error_code=ORGANIZATION_FAILED, organization__pipedrive_sync_error_code__in=PASSING)

    return [
        (_beyond(rows, now + soon).filter(pipedrive_sync_failed=False), soon, now),
        (_beyond(rows, now + failed).filter(passing, pipedrive_sync_failed=True), failed, now + failed),
        (_beyond(rows, now + person_needed).filter(pipedrive_sync_failed=True), person_needed, now + person_needed),
    ]


def _beyond(rows: QuerySet[Any], moment: datetime | Parameter) -> QuerySet[Any]:
    return rows.filter(next_pipedrive_sync_attempt__gt=moment, next_pipedrive_sync_attempt__lt=END_OF_TIME)


@cache
def _any_beyond(threshold: int, *, all_of_them: bool) -> PreparedExistence[int]:
    """Return what tells whether anything is due after a moment; failed rows usually are."""
    moment = Parameter("moment", DateTimeField())
    waiting = enumerate(_waiting(threshold, all_of_them=all_of_them))
    return PreparedExistence({number: partial(_beyond, rows, moment) for number, rows in waiting})
