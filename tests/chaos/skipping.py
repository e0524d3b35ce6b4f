"""How much of a simulated time may be left out: seconds in which everyone looks and finds nothing tell nothing."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from chaos.server import Server
from django.db import connection
from stage import Stage

from warmline.crm.activities import Activity
from warmline.crm.models import Contact, Organization
from warmline.sync.deletion_models import ActivityDeletion
from warmline.sync.engine.dispatcher import BREATH
from warmline.sync.models import Connection, DirectoryState, Lease

AWHILE = 5.0  # seconds
COMING = (  # the moments at which something comes due, by the tables that hold them
    *((model, "next_pipedrive_sync_attempt") for model in (Contact, Organization, Activity)),
    (Lease, "expires_at"),
    (DirectoryState, "retry_at"),
    (ActivityDeletion, "due_at"),
)
FIRST = "SELECT first FROM (SELECT min({1}) AS first FROM {0} WHERE {1} > %s) AS coming WHERE first IS NOT NULL"
PROBE = f"SELECT probe_at FROM {Connection._meta.db_table} WHERE state <> 'ok' AND (probe_at IS NULL OR probe_at > %s)"  # noqa: S608 (our own names)
NEXT = " UNION ALL ".join([*(FIRST.format(model._meta.db_table, moment) for model, moment in COMING), PROBE])


def until_next(stage: Stage, servers: Collection[Server], jumped_at: float, end: float) -> float:
    """Return until when nobody has anything to do but to look; an earlier moment than the present leaves nothing out.

    Args:
        stage: Where it is asked.
        servers: On it.
        jumped_at: When a clock was set last, in monotonic seconds: everyone has to look since.
        end: Until when at the latest.
    """
    elapsed, now = stage.clock.elapsed, stage.clock.now()
    at_work = [task.wake_at for task in stage.tasks if not task.rests]
    looked = min(server.looked_at for server in servers)
    are_behind = looked <= jumped_at or not all(server.has_its_token for server in servers)
    if are_behind or min(task.wake_at for task in stage.tasks) < elapsed + 2 * BREATH:
        return 0.0
    if any(server.waits_for_others for server in servers):
        return min([*at_work, elapsed + AWHILE])
    since = now - timedelta(seconds=elapsed - looked)  # what came due since the last look is seen by the next one
    with connection.cursor() as cursor:
        cursor.execute(NEXT, [since] * NEXT.count("%s"))
        moments = [since if moment is None else datetime.fromisoformat(str(moment)) for (moment,) in cursor]
    waits = ((moment.replace(tzinfo=UTC) - now).total_seconds() for moment in moments)
    return min([end, *at_work, *(elapsed + wait for wait in waits)])
