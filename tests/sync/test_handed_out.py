"""Work that is handed out by jobs comes to its end, whichever queue it was put in."""

import pytest
from bench_engine import Bench
from django.db import connection

from warmline.crm.activities import Activity
from warmline.crm.book import add_contact, log_activity
from warmline.crm.users import User

pytestmark = [pytest.mark.only_on("postgres"), pytest.mark.django_db(transaction=True)]
MANY = 40  # of one contact: more than a person saves by hand, and one lease


def test_a_crowd_under_one_lease_is_not_sent_back_for_ever(bench: Bench, alice: User) -> None:
    """The feeder sees one row of it, which a person may have saved; whoever takes its job sees a backlog."""
    from procrastinate.contrib.django.models import ProcrastinateJob  # noqa: PLC0415 (only on PostgreSQL)

    from warmline.sync.jobs.job_execution import Hands  # noqa: PLC0415 (as above)

    contact = add_contact(alice, name="Jordan Ames", warmness_score=7)
    bench.settle()
    for _ in range(MANY):
        log_activity(alice, contact, type="CALL")
    hands = Hands(bench.clock)
    hands.employ(bench.engine)
    for _ in range(2 * MANY):
        hands.feed(background=True)
        for job in ProcrastinateJob.objects.filter(task_name="bring").order_by("id"):
            with connection.cursor() as cursor:
                cursor.execute("DELETE FROM procrastinate_jobs WHERE id = %s", [job.id])
            hands.bring(job.args["kind"], job.args["row_id"], job.queue_name)
        bench.clock.sleep(2)
    assert not Activity.objects.filter(pipedrive_activity_id=None).exists()
