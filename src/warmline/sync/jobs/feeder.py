"""Feeds the queues with what is due and has no job: retries, bulk imports, and wake-ups that were lost.

It goes by the order of `priorities.py`, keeps the queues short, so that what comes later is not behind a crowd, and
never puts in a row of which a job waits for a place, or at which a worker is: leases say so, and not jobs, because a
worker that lost the database leaves its jobs behind. Two that feed at once take turns.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Q
from procrastinate.contrib.django.models import ProcrastinateJob

from warmline.pipedrive import Clock
from warmline.sync.engine.reconciler import Engine
from warmline.sync.jobs.queue_room import ROOM, Row, choose
from warmline.sync.jobs.queues import BRING, put_rows
from warmline.sync.leases import in_progress
from warmline.sync.priorities import Lane, Work

SOON = timedelta(seconds=1)  # a job that met a busy lease waits less
TURN = 0x7761726D  # the key of the advisory lock


def feed(engine: Engine, clock: Clock, *, background: bool) -> int:
    """Put in what is due.

    Args:
        engine: Tells what is, in turn.
        clock: Tells when.
        background: Whether the queue of background work is fed as well.

    Returns:
        How many jobs were put in.
    """
    now = clock.now()
    crowd = [(row, lane) for row, lane in _waiting(now) if lane] if background else []
    held = [Work(kind, row_id, "", lane, None, now) for (kind, row_id), lane in crowd]
    works = engine.due(now, held, background=background, limit=ROOM)
    if not works:
        return 0
    with _turn():
        chosen = choose(works, _waiting(now), in_progress(now))
        put_rows(((work.kind, work.row_id), work.lane) for work in chosen)
    return len(chosen)


def _waiting(now: datetime) -> list[tuple[Row, Lane]]:
    """Return the rows of which a job waits, each with its lane; not those of jobs for later, which take no room yet."""
    jobs = ProcrastinateJob.objects.filter(task_name=BRING, status="todo")
    jobs = jobs.filter(Q(scheduled_at=None) | Q(scheduled_at__lte=now + SOON))
    named = jobs.values_list("args__kind", "args__row_id", "priority")
    return [((kind, row_id), Lane(-priority)) for kind, row_id, priority in named]


@contextmanager
def _turn() -> Iterator[None]:
    """Have those who feed at once, on whichever machine, go one after the other."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [TURN])
        yield
