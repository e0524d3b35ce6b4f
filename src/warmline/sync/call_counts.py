"""Counts calls to Pipedrive, with their prices, by what they were made for.

Each process counts in memory and adds to the database every few seconds, so that any of them can answer for all. What a
process that is killed has not added yet is missing; the limits do not depend on it (see pipedrive/ledger.py).
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from threading import Lock

from django.db import connection, transaction
from django.db.models import Sum

from warmline import database_time, storage
from warmline.crm.advisory_locks import hold_alone
from warmline.supervision import Loop, close_connections
from warmline.sync.monitoring_models import CallCount

log = logging.getLogger("warmline.trace")

EVERY = 5.0  # seconds between two additions to the database
KEPT_APART = timedelta(days=30)  # before all hours become one
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)  # the hour of what is no longer kept apart
RECORDS = ("/api/v2/persons", "/api/v2/organizations", "/api/v2/activities")
ADD = """
INSERT INTO sync_callcount (hour, method, endpoint, status, purpose, calls, tokens) VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (hour, method, endpoint, status, purpose)
DO UPDATE SET calls = sync_callcount.calls + excluded.calls, tokens = sync_callcount.tokens + excluded.tokens
"""


class Purpose(StrEnum):
    """What a call is made for."""

    CREATE = "create"
    UPDATE = "update"
    LOOK = "look"  # what is there before something is created or changed
    LIST = "list"  # the first listing of all that Pipedrive holds
    ACCOUNT = "account"  # users, activity types, fields, labels
    PROBE = "probe"  # whether the connection works, and whose token it is
    LINKS = "links"  # the check of all links after a restore
    AUDIT = "audit"


_PURPOSE: ContextVar[Purpose | None] = ContextVar("purpose", default=None)
Kind = tuple[str, str, int, str]


class _Counted:
    """What this process has counted and not added yet: calls and tokens of each kind."""

    lock = Lock()
    new: dict[Kind, tuple[int, int]] = {}


@contextmanager
def made_for(purpose: Purpose) -> Iterator[None]:
    """Count the calls that this thread makes in the block as made for a purpose."""
    before = _PURPOSE.set(purpose)
    try:
        yield
    finally:
        _PURPOSE.reset(before)


def note(method: str, endpoint: str, status: int, tokens: int) -> None:
    """Count a call of this process.

    Args:
        method: In capitals.
        endpoint: Its path, with `{id}` in place of ids.
        status: HTTP status of its answer; 0 if there was none.
        tokens: Its price.
    """
    purpose = _PURPOSE.get() or usual(method, endpoint)
    log.info("pipedrive.call method=%s endpoint=%s status=%s purpose=%s", method, endpoint, status, purpose)
    with _Counted.lock:
        kind = (method, endpoint, status, str(purpose))
        calls, spent = _Counted.new.get(kind, (0, 0))
        _Counted.new[kind] = calls + 1, spent + tokens


def usual(method: str, endpoint: str) -> Purpose:
    """Return what a call is made for, unless it is said."""
    if endpoint.endswith("/users/me"):
        return Purpose.PROBE
    if not endpoint.startswith(RECORDS):
        return Purpose.ACCOUNT
    return {"POST": Purpose.CREATE, "PATCH": Purpose.UPDATE, "DELETE": Purpose.UPDATE}.get(method, Purpose.LOOK)


def add() -> None:
    """Add what this process has counted to the database; if that fails, it is counted with the next."""
    with _Counted.lock:
        new, _Counted.new = _Counted.new, {}
    if not new:
        return
    try:
        hour = connection.ops.adapt_datetimefield_value(_beginning(database_time.now()))
        with transaction.atomic(), connection.cursor() as cursor:
            # In one order everywhere, so that of two that add at once, none waits for the other in turn.
            for kind, (calls, tokens) in sorted(new.items()):
                cursor.execute(ADD, [hour, *kind, calls, tokens])
    except BaseException:
        with _Counted.lock:
            for kind, (calls, tokens) in new.items():
                more = _Counted.new.get(kind, (0, 0))
                _Counted.new[kind] = calls + more[0], tokens + more[1]
        raise


@contextmanager
def adding() -> Iterator[None]:
    """Add every few seconds while the block runs, and at its end."""

    def turn() -> None:
        is_over = loop.ends_within(EVERY)
        with storage.if_possible():
            add()
        if not is_over:
            close_connections()

    with (loop := Loop("call-counts", turn)):
        yield
    with storage.if_possible():
        add()


def spent_since(moment: datetime) -> dict[str, int]:
    """Return the tokens that were spent since, by purpose.

    Args:
        moment: Aware; the hour in which it lies counts as a whole.
    """
    rows = (
        CallCount.objects.filter(hour__gte=_beginning(moment)).values_list("purpose").annotate(Sum("tokens")).order_by()
    )
    return {purpose: tokens for purpose, tokens in rows if tokens}


def fold_old(now: datetime) -> None:
    """Keep what is older than a month as one sum, so that totals never fall.

    Args:
        now: The present moment, aware.
    """
    old = CallCount.objects.filter(hour__lt=now - KEPT_APART, hour__gt=LONG_AGO)
    with transaction.atomic(), connection.cursor() as cursor:
        hold_alone("call counts")
        long_ago = connection.ops.adapt_datetimefield_value(LONG_AGO)
        for row in old.select_for_update().order_by("pk"):
            cursor.execute(ADD, [long_ago, row.method, row.endpoint, row.status, row.purpose, row.calls, row.tokens])
            row.delete()


def _beginning(moment: datetime) -> datetime:
    """Return when the hour of a moment began."""
    return moment.replace(minute=0, second=0, microsecond=0)
