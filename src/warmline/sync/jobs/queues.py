"""The queues, the names of the tasks, and how jobs are put into a queue: on Django's connection, in its transaction.

Jobs of rows have neither `lock` nor `queueing_lock`: leases decide who works at a row, and a job that a lock held back
would hold back a row. Within a queue the earlier lanes go first.
"""

from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from functools import cache

from procrastinate import App
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.contrib.django.models import ProcrastinateJob
from procrastinate.exceptions import ConnectorException
from procrastinate.types import JSONDict

from warmline import database_time
from warmline.sync.jobs.queue_room import Row
from warmline.sync.priorities import Lane

INTERACTIVE = "interactive"  # what a person waits for
BATCH = "batch"  # rows that nobody waits for
UPKEEP = "upkeep"  # no rows: feeding the queues, imports, listing what Pipedrive holds, daily chores

BRING = "bring"  # a row, by its `kind` and `row_id`
FEED = "feed"  # the queue of what a person waits for
IMPORT = "import"
FILL = "fill"
AUDIT = "audit"

FIRST = 10  # the priority of feeding: others wait for it


@cache
def _deferrer() -> App:
    return App(connector=DjangoConnector())


def put_rows(rows: Iterable[tuple[Row, Lane]], *, at: datetime | None = None) -> None:
    """Put a job for each row into the queue of its lane.

    Args:
        rows: Each with its lane.
        at: When the jobs are to be done; None for now.
    """
    by_lane: defaultdict[Lane, list[Row]] = defaultdict(list)
    for row, lane in rows:
        by_lane[lane].append(row)
    for lane, some in sorted(by_lane.items()):
        queue = INTERACTIVE if lane is Lane.PERSON else BATCH
        job = _deferrer().configure_task(BRING, queue=queue, priority=-lane, schedule_at=at)
        names: list[JSONDict] = [{"kind": kind, "row_id": row_id} for kind, row_id in some]
        job.batch_defer(*names)


def put_chore(task: str) -> None:
    """Put a job that names no row into the queue of upkeep, unless one waits there already.

    Args:
        task: FEED, IMPORT, FILL or AUDIT.
    """
    if not ProcrastinateJob.objects.filter(task_name=task, queue_name=UPKEEP, status="todo").exists():
        _deferrer().configure_task(task, queue=UPKEEP, priority=FIRST if task == FEED else 0).defer()


def put_back(job_ids: Iterable[int]) -> None:
    """Put jobs back that this worker has taken and will not do.

    Args:
        job_ids: Of jobs of rows.
    """
    for job_id in job_ids:
        with suppress(ConnectorException):  # it was done after all
            _deferrer().job_manager.retry_job_by_id(job_id, retry_at=database_time.now())
