"""Audits that have ended, as those who are told of them find them in the database."""

from collections.abc import Mapping
from datetime import datetime

from warmline.sync.audit_models import Audit, AuditState, Finding


def done_audit(finished_at: datetime, problems: Mapping[str, int]) -> None:
    """Store an audit that has ended, and what it found in place of all that was found before.

    Args:
        finished_at: When it ended, aware.
        problems: How many there are of each kind, such as "missing".
    """
    Audit.objects.create(state=AuditState.DONE, is_open=False, started_at=finished_at, finished_at=finished_at)
    Finding.objects.all().delete()
    Finding.objects.bulk_create(
        Finding(kind="contact", row_id=number, problem=problem, found_at=finished_at)
        for problem, count in problems.items()
        for number in range(count)
    )
