"""The state of a row towards Pipedrive, defined once, as conditions on the row.

The same conditions filter lists, count, and tell the state of each row that is shown, so the three cannot disagree.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar, cast

from django.db.models import Case, CharField, Count, Exists, F, OuterRef, Q, QuerySet, TextChoices, Value, When

from warmline.crm.models import WARMEST, Activity, Contact, Organization, User
from warmline.crm.synced import DELETED_THERE, Synced
from warmline.sync import wanted
from warmline.sync.claims import in_progress

RowType = TypeVar("RowType", bound=Synced)


class SyncState(TextChoices):
    """Where a row stands."""

    NOT_WANTED = "not_wanted", "not wanted in Pipedrive"
    WANTED = "wanted", "on its way, or waiting for its next attempt"
    IN_PROGRESS = "in_progress", "being brought to Pipedrive at this moment"
    SYNCED = "synced", "in Pipedrive"
    FAILED = "failed", "left to batch processing, or waiting for a person"


@dataclass(frozen=True)
class Problem:
    """Why the last attempt failed.

    Attributes:
        code: For programs.
        message: In plain words, with what to do.
        field: Which field is meant; None when none is.
    """

    code: str
    message: str
    field: str | None


@dataclass(frozen=True)
class Sync:
    """What is told of a row: its state, its attempts, and why the last one failed."""

    state: SyncState
    attempts: int
    last_attempt_at: datetime | None
    next_attempt_at: datetime | None
    error: Problem | None
    candidates: list[dict[str, Any]]


def conditions(model: type[Synced], *, threshold: int, now: datetime) -> dict[SyncState, Q]:
    """Return the condition of each state. Every row meets exactly one.

    Args:
        model: Contact, Organization or Activity.
        threshold: The least warm score.
        now: Tells which claims are live.
    """
    warm = range(threshold, WARMEST + 1)
    if model is Contact:
        belongs = Q(warmness_score__in=warm)
    elif model is Organization:
        on_their_way = Q(pipedrive_sync_failed=False) | Q(pipedrive_sync_error_code="organization_failed")
        needed = Q(Exists(wanted.contacts(threshold).filter(on_their_way, organization=OuterRef("pk"))))
        belongs = needed | Q(pipedrive_asked_for=True) | Q(pipedrive_sync_error_code=DELETED_THERE)
    else:
        on_its_way = Q(contact__pipedrive_person_id=None, contact__warmness_score__in=warm)
        belongs = Q(replicate=True) | (Q(replicate=None, logged_while_warm=True) & on_its_way)
    linked = Q((f"{model.LINK}__isnull", False))
    # A linked row that was changed here is in Pipedrive, but not in line with it.
    changed = linked & Q(revision__gt=F("pipedrive_revision"))
    there, belongs = linked & ~changed, (~linked & belongs) | changed
    ids = [row_id for kind, row_id in in_progress(now) if kind == model._meta.model_name]  # noqa: SLF001
    working, failed = Q(pk__in=ids), Q(pipedrive_sync_failed=True)
    return {
        SyncState.SYNCED: there,
        SyncState.NOT_WANTED: ~there & ~belongs,
        SyncState.IN_PROGRESS: ~there & belongs & working,
        SyncState.FAILED: ~there & belongs & ~working & failed,
        SyncState.WANTED: ~there & belongs & ~working & ~failed,
    }


def with_state(rows: QuerySet[RowType], *, threshold: int, now: datetime) -> QuerySet[RowType]:
    """Return the rows with their `sync_state`.

    Args:
        rows: Contacts, organizations or activities.
        threshold: The least warm score.
        now: Tells which claims are live.
    """
    cases = [
        When(condition, then=Value(state.value))
        for state, condition in conditions(rows.model, threshold=threshold, now=now).items()
    ]
    return cast("QuerySet[RowType]", rows.annotate(sync_state=Case(*cases, output_field=CharField())))


def describe(row: Synced) -> Sync:
    """Return what is told of a row that was read `with_state`."""
    state = SyncState(row.sync_state)  # type: ignore[attr-defined]
    by_itself = row.pipedrive_sync_error_code != DELETED_THERE
    waits = state in {SyncState.WANTED, SyncState.FAILED} and by_itself
    error = None
    if row.pipedrive_sync_error_code and state is not SyncState.SYNCED:
        field = row.pipedrive_sync_error_field or None
        error = Problem(row.pipedrive_sync_error_code, row.pipedrive_sync_error_message, field)
    candidates = getattr(row, "pipedrive_candidates", []) if error and error.code == "ambiguous" else []
    return Sync(
        state=state,
        attempts=row.pipedrive_sync_attempts,
        last_attempt_at=row.last_pipedrive_sync_attempt,
        next_attempt_at=row.next_pipedrive_sync_attempt if waits else None,
        error=error,
        candidates=candidates,
    )


def counts(user: User | None, *, threshold: int, now: datetime) -> dict[SyncState, int]:
    """Count the rows that are on their way, in progress or failed, over contacts, organizations and activities.

    Args:
        user: Who asks; None for everyone's.
        threshold: The least warm score.
        now: Tells which claims are live.
    """
    contacts, activities = Contact.objects.all(), Activity.objects.all()
    if user is not None:
        contacts, activities = contacts.seen_by(user), activities.seen_by(user)
    tables: list[QuerySet[Any]] = [
        contacts,
        Organization.objects.all(),
        activities,
    ]
    states = (SyncState.WANTED, SyncState.IN_PROGRESS, SyncState.FAILED)
    totals = dict.fromkeys(states, 0)
    for rows in tables:
        where = conditions(rows.model, threshold=threshold, now=now)
        found = rows.aggregate(**{state.value: Count("pk", filter=where[state]) for state in states})
        for state in states:
            totals[state] += found[state.value]
    return totals
