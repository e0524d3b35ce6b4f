"""Outages of lists: a list of Pipedrive's that cannot be read is tried again after growing waits.

They are logged and shown on the Sync page. Meanwhile the directory of that kind is not used, and Pipedrive is searched.
What failed tries of the first listing cost counts toward its allowance.
"""

import logging
from datetime import datetime, timedelta

from django.db.models import F

from warmline import storage
from warmline.pipedrive import BudgetSpent, PipedriveError, Rejected, Throttled
from warmline.sync.models import DirectoryKind, DirectoryState
from warmline.sync.retries import backoff, wants_probe

log = logging.getLogger(__name__)

FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=5), timedelta(hours=1)  # doubled each time
PAGE_PRICE, PROBE_PRICE = 10, 2  # tokens for a page of a list, and for a probe after one that failed


def is_out(state: DirectoryState, now: datetime) -> bool:
    """Tell whether the list of a kind must not be tried yet.

    Args:
        state: The directory's state for that kind.
        now: The present moment, aware.
    """
    return state.retry_at is not None and now < state.retry_at <= now + _wait(state.failures, 1.0)


def put_off(kind: DirectoryKind, error: Exception, *, now: datetime, jitter: float) -> None:
    """Store that a list could not be read, and when to try again.

    Args:
        kind: The kind of record.
        error: What was raised.
        now: The present moment, aware.
        jitter: From 0 to 1; varies the waits.
    """
    if isinstance(error, Throttled | BudgetSpent) or storage.noticed(error) is not None:
        return  # no call was made, and the connection waits; or the disk cannot be written
    state = DirectoryState.objects.filter(kind=kind).first()
    if state is None:
        return  # the directory was deleted meanwhile
    failures = state.failures + 1
    has_expired = isinstance(error, Rejected) and state.cursor is not None
    wait = timedelta(0) if has_expired and failures == 1 else _wait(failures, jitter)
    is_ours = not isinstance(error, PipedriveError)
    problem = f"something unexpected happened: {type(error).__name__}" if is_ours else str(error)
    log.warning("directory.out kind=%s failures=%s wait=%.0fs error=%s", kind, failures, wait.total_seconds(), problem)
    price = 0 if state.is_full else PAGE_PRICE + (PROBE_PRICE if wants_probe(error) else 0)
    DirectoryState.objects.filter(kind=kind).update(
        # Pipedrive does not document how long a cursor is valid. Listing pages twice is better than failing for ever.
        cursor=None if has_expired else state.cursor,
        tokens=F("tokens") + price,
        failures=failures,
        retry_at=now + wait,
        problem=problem,
    )


def _wait(failures: int, jitter: float) -> timedelta:
    return min(backoff(min(failures, 20), FIRST_WAIT, jitter), LONGEST_WAIT)
