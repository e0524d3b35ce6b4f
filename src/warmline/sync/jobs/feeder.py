"""Feeds the queues with what is due and has no job: retries, bulk imports, and wake-ups that were lost.

It goes by the order of `scheduling.py`, keeps the queues short, so that what comes later is not behind a crowd, and
never puts in a row of which a job waits. Two that feed at once take turns.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction
from procrastinate.contrib.django.models import ProcrastinateJob

from warmline.pipedrive import Clock
from warmline.sync.engine.reconciler import Engine
from warmline.sync.jobs.choosing import ROOM, Row, choose
from warmline.sync.jobs.queues import BRING, WAITING, put_rows
from warmline.sync.priorities import Lane, Work

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
    waiting = _waiting()
    held = [Work(kind, row_id, "", lane, None, clock.now()) for (kind, row_id), lane in waiting if lane]
    works = engine.due(clock.now(), held, background=background, limit=ROOM)
    if not works:
        return 0
    with _turn():
        chosen = choose(works, _waiting())
        put_rows(((work.kind, work.row_id), work.lane) for work in chosen)
    return len(chosen)


def _waiting() -> list[tuple[Row, Lane]]:
    jobs = ProcrastinateJob.objects.filter(task_name=BRING, status__in=WAITING)
    named = jobs.values_list("args__kind", "args__row_id", "priority")
    return [((kind, row_id), Lane(-priority)) for kind, row_id, priority in named]


@contextmanager
def _turn() -> Iterator[None]:
    """Have those who feed at once, on whichever machine, go one after the other."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [TURN])
        yield
