"""Ends an audit: what is missing here, the figures, and those who want to hear of it."""

from datetime import datetime, timedelta
from typing import Any

from warmline.crm.models import WARMEST, Contact
from warmline.sync import domain_events
from warmline.sync.audit import missing_rows
from warmline.sync.audit_models import Audit, AuditedLink, AuditState, Finding, Problem
from warmline.sync.company import storing
from warmline.sync.domain_events import What
from warmline.sync.policy import Policy

LOOK_AGAIN = timedelta(seconds=5)  # at rows that seem to be missing: the engine may just have begun to work
KEPT = 30  # audits


def has_settled(audit: Audit, policy: Policy, now: datetime, daily_tokens: int | None) -> bool:
    """Tell whether what seems to be missing will not just be sent; otherwise, the audit looks again soon.

    Args:
        audit: Everything else of it is done.
        policy: What counts as warm.
        now: The present moment, aware.
        daily_tokens: How many tokens there are in a day; None when they are not counted.
    """
    seen = len(missing_rows.rows_missing(policy, now, daily_tokens))
    before, audit.still_waiting = audit.still_waiting, seen
    if not seen or (before is not None and seen >= before):
        return True
    audit.go_on_at = now + LOOK_AGAIN
    with storing():
        audit.save(update_fields=["still_waiting", "go_on_at"])
    return False


def close(audit: Audit, policy: Policy, now: datetime, daily_tokens: int | None) -> None:
    """Store an audit's outcome, and tell whoever wants to hear of it; see `has_settled` for the arguments."""
    warm = Contact.objects.filter(warmness_score__in=range(policy.threshold, WARMEST + 1))
    gone = Finding.objects.filter(kind="contact", problem=Problem.GONE).values("row_id")
    audit.state, audit.message, audit.is_open, audit.finished_at = AuditState.DONE, "", False, now
    audit.compared = AuditedLink.objects.filter(seen_in=audit.pk).count()
    audit.warm = warm.count()
    audit.there = warm.filter(pipedrive_person_id__isnull=False).exclude(pk__in=gone).count()
    lost = missing_rows.rows_missing(policy, now, daily_tokens)
    with storing():
        missing_rows.store(lost, now)
        audit.save()
        counted = problem_counts()
        told: dict[str, Any] = {"compared": audit.compared, "problems": counted, "clean": not any(counted.values())}
        domain_events.tell(What.AUDIT_DONE, started_at=_moment(audit.started_at), finished_at=_moment(now), **told)
        old = Audit.objects.filter(is_open=False).order_by("-pk").values_list("pk", flat=True)[KEPT:]
        Audit.objects.filter(pk__in=list(old)).delete()


def problem_counts() -> dict[str, int]:
    """Return how many findings there are of each problem."""
    found = list(Finding.objects.values_list("problem", flat=True))
    return {problem.value: found.count(problem) for problem in Problem}


def _moment(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
