"""Finds rows that belong in Pipedrive and should have been there for a long time. It asks our own side only.

What failed is no such row while it is tried again in time: people see it among what failed. An import's rows may wait
for as long as the day's tokens make them.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet

from warmline.crm.activities import Activity
from warmline.sync import pending
from warmline.sync.audit.rows import MODELS, kind_of_model
from warmline.sync.audit_models import AuditedLink, Finding, Problem
from warmline.sync.leases import in_progress
from warmline.sync.policy import Policy

LATE = timedelta(minutes=10)  # nobody's row waits so long while the connection is well and the rows before it go
NEVER = timedelta(days=2)  # longer than any row ever waits
COST = 20  # tokens that one row costs, with what belongs to it
BULK_SHARE = 0.5  # of the day's tokens that batch work gets at least


def rows_missing(policy: Policy, now: datetime, daily_tokens: int | None) -> set[tuple[str, int]]:
    """Return kind and id of the rows that seem to be missing.

    Args:
        policy: What counts as warm.
        now: The present moment, aware.
        daily_tokens: How many tokens there are in a day; None when they are not counted.
    """
    late = _late(policy, now, daily_tokens)
    missing = {(kind_of_model(rows.model), pk) for rows in late for pk in rows.order_by().values_list("pk", flat=True)}
    return missing - in_progress(now) - _accepted()


def store(missing: set[tuple[str, int]], now: datetime) -> None:
    """Store which rows are missing, and that others are not any more; within a transaction."""
    known = {(each.kind, each.row_id): each.pk for each in Finding.objects.filter(problem=Problem.MISSING)}
    Finding.objects.filter(pk__in=[pk for row, pk in known.items() if row not in missing]).delete()
    new = [
        Finding(kind=kind, row_id=row_id, problem=Problem.MISSING, mends_itself=True, found_at=now)
        for kind, row_id in sorted(missing - known.keys())
    ]
    Finding.objects.bulk_create(new, batch_size=500)


def undecided() -> QuerySet[Activity]:
    """Return the activities of linked contacts of which nobody has decided whether they follow."""
    return Activity.objects.filter(contact__pipedrive_person_id__isnull=False, replicate=None)


def _late(policy: Policy, now: datetime, daily_tokens: int | None) -> list[QuerySet[Any]]:
    waiting = [pending.contacts(policy.threshold), pending.activities(), pending.organizations_asked_for()]
    in_bulk = sum(rows.filter(pipedrive_in_bulk=True).count() for rows in waiting)
    days = 0.0 if daily_tokens is None else 2 * in_bulk * COST / max(1.0, BULK_SHARE * daily_tokens)
    late = Q(pipedrive_in_bulk=False, next_pipedrive_sync_attempt__lt=now - LATE)
    late |= Q(pipedrive_in_bulk=True, next_pipedrive_sync_attempt__lt=now - LATE - timedelta(days=days))
    never = Q(pipedrive_sync_failed=False, next_pipedrive_sync_attempt__gt=now + NEVER)
    return [*(rows.filter(late | never) for rows in waiting), undecided().filter(created_at__lt=now - LATE)]


def _accepted() -> set[tuple[str, int]]:
    """Return the rows of which somebody has accepted that they are missing, as long as nobody changes them."""
    accepted = set()
    for link in AuditedLink.objects.filter(accepted__has_key=Problem.MISSING.value):
        if MODELS[link.kind]._default_manager.filter(pk=link.row_id, revision=link.accepted[Problem.MISSING]).exists():  # noqa: SLF001 (documented)
            accepted.add((link.kind, link.row_id))
    return accepted
