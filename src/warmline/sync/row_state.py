"""The sync state of a row, defined once, as conditions on the row.

The same conditions filter lists, count, and give the state of each row that is shown, so the three cannot disagree.
No index serves these conditions directly. Before filtering or counting by them, narrow the rows to those that are open,
or to parts for which an index has the ids in order; then the cost is that of the open rows, or of one page.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.db import connection
from django.db.models import Case, CharField, Count, Exists, F, OuterRef, Q, QuerySet, TextChoices, Value, When

from warmline.crm.activities import Activity, Row
from warmline.crm.models import WARMEST, Contact, Organization
from warmline.crm.sync_columns import DELETED_THERE, Synced
from warmline.crm.users import User
from warmline.sync import pending
from warmline.sync.leases import in_progress
from warmline.sync.retries import AMBIGUOUS

RowType = TypeVar("RowType", bound=Synced)

FEW = 500  # ids that a statement names one by one


class SyncState(TextChoices):
    """Where a row stands."""

    NOT_WANTED = "not_wanted", "not wanted in Pipedrive"
    WANTED = "wanted", "on its way, or waiting for its next attempt"
    IN_PROGRESS = "in_progress", "being brought to Pipedrive at this moment"
    SYNCED = "synced", "in Pipedrive"
    FAILED = "failed", "left to batch processing, or waiting for a person"


OPEN = (SyncState.WANTED, SyncState.IN_PROGRESS, SyncState.FAILED)  # the states in which something remains to be done


@dataclass(frozen=True)
class Problem:
    """Why the last attempt failed.

    Attributes:
        code: For programs.
        message: In plain words, with what to do.
        field: The field that is wrong; None when it is none in particular.
    """

    code: str
    message: str
    field: str | None


@dataclass(frozen=True)
class Sync:
    """A row's sync state, its attempts, and why the last one failed."""

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
        threshold: The lowest warm score.
        now: The present moment, aware; decides which leases are live.
    """
    warm = range(threshold, WARMEST + 1)
    if model is Contact:
        belongs = Q(warmness_score__in=warm)
    elif model is Organization:
        on_their_way = Q(pipedrive_sync_failed=False) | Q(pipedrive_sync_error_code="organization_failed")
        needed = Q(Exists(pending.contacts(threshold).filter(on_their_way, organization=OuterRef("pk"))))
        asked_for = Q(Exists(Contact.objects.filter(organization=OuterRef("pk"))), pipedrive_asked_for=True)
        belongs = needed | asked_for | Q(pipedrive_sync_error_code=DELETED_THERE)
    else:
        # (No join, with which PostgreSQL does not read a list's parts in the order of their ids.)
        on_its_way = Exists(pending.contacts(threshold).filter(pk=OuterRef("contact")))
        belongs = Q(replicate=True) | (Q(replicate=None, logged_while_warm=True) & Q(on_its_way))
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


def open_rows(model: type[Synced], threshold: int) -> QuerySet[Any]:
    """Return the ids of the rows that may be pending, in progress or failed, from the indexes of pending rows.

    Args:
        model: Contact, Organization or Activity.
        threshold: The lowest warm score.
    """
    contacts = pending.contacts(threshold)
    if model is Contact:
        return contacts.values("pk").union(pending.changed_contacts().values("pk"))
    if model is Organization:
        unlinked = Organization.objects.filter(pipedrive_org_id=None)
        return contacts.values("organization").union(
            unlinked.filter(pipedrive_asked_for=True).values("pk"),
            Organization.objects.filter(pipedrive_sync_error_code=DELETED_THERE).values("pk"),
            pending.changed_organizations().values("pk"),
        )
    # (`replicate=True` would become `replicate` alone, for which no index is used.)
    belonging = Activity.objects.filter(pipedrive_activity_id=None, replicate__in=[True], replicated_to_pipedrive=False)
    return belonging.values("pk").union(
        Activity.objects.filter(contact__in=contacts).values("pk"), pending.changed_activities().values("pk")
    )


def _as_few(ids: QuerySet[Any]) -> QuerySet[Any] | list[int]:
    """Return ids one by one, if they are few as they mostly are; PostgreSQL takes them for a third of the table."""
    if connection.vendor != "postgresql":
        return ids
    found = [row_id for row in ids[: FEW + 1] for row_id in row.values()]
    return ids if len(found) > FEW else [row_id for row_id in found if row_id is not None]


def parts(
    rows: QuerySet[RowType],
    state: SyncState | None,
    *,
    threshold: int,
    now: datetime,
    warm: bool | None = None,
    few: bool = False,
) -> list[QuerySet[RowType]]:
    """Return the rows in a state as disjoint querysets, each of which is cheap to read in the order of its ids.

    Args:
        rows: Contacts, organizations or activities; a user's or everyone's.
        state: The state; None for any.
        threshold: The lowest warm score.
        now: The present moment, aware; decides which leases are live.
        warm: For contacts, whether they are warm or not; None for both.
        few: Whether there are so few rows that reading all of them is cheaper.
    """
    scores = {None: range(WARMEST + 1), True: range(threshold, WARMEST + 1), False: range(threshold)}[warm]
    if state is not None and (few or not _is_part(rows.model, state)):
        rows = rows.filter(conditions(rows.model, threshold=threshold, now=now)[state])
    everything = Q() if warm is None else Q(warmness_score__in=scores)
    if few or (state is None and warm is None):
        divisions = [everything]
    elif state is SyncState.SYNCED:
        divisions = _divided(rows.model, _in_line(rows.model), scores)
    elif state is SyncState.NOT_WANTED:
        divisions = _not_sent(rows.model, range(min(scores.stop, threshold)))
    elif state is None:
        changed = everything & Q(pk__in=pending.changed_contacts().values("pk"))
        sides = (_in_line(Contact), _unlinked(Contact))
        divisions = [*(part for side in sides for part in _divided(Contact, side, scores)), changed]
    else:
        divisions = [everything & Q(pk__in=_as_few(open_rows(rows.model, threshold)))]
    return [rows.filter(division) for division in divisions] or [rows.none()]


def _not_sent(model: type[Synced], cold: Iterable[int]) -> list[Q]:
    """Return the parts of the rows that are not to be sent; of contacts, those with one of the cold scores."""
    unlinked = _unlinked(model)
    if model is Organization:
        # This includes organizations that a person asked for and that have no contacts any more: they are not sent.
        asked_for = Organization.objects.filter(pipedrive_org_id=None, pipedrive_asked_for=True)
        return [unlinked & Q(pipedrive_asked_for=False), Q(pk__in=asked_for.values("pk"))]
    if model is Activity:
        # Activities that belong in Pipedrive are pending instead. (For `replicate__in`, see `open_rows`.)
        return [unlinked & Q(replicate__in=[False]), unlinked & Q(replicate=None)]
    return _divided(model, unlinked, cold)


def _unlinked(model: type[Synced]) -> Q:
    return Q((model.LINK, None))


def _in_line(model: type[Synced]) -> Q:
    return Q((f"{model.LINK}__isnull", False), revision__lte=F("pipedrive_revision"))


def _is_part(model: type[Synced], state: SyncState) -> bool:
    """Tell whether the parts of `parts` are just the rows in a state; its condition as well would mislead planners."""
    return state is SyncState.SYNCED or (state is SyncState.NOT_WANTED and model is Contact)


def _divided(model: type[Synced], side: Q, scores: Iterable[int]) -> list[Q]:
    return [side & Q(warmness_score=score) for score in scores] if model is Contact else [side]


def with_state(rows: QuerySet[Any], *, threshold: int, now: datetime) -> QuerySet[Any]:
    """Return the rows with their `sync_state`.

    Args:
        rows: Contacts, organizations or activities.
        threshold: The lowest warm score.
        now: The present moment, aware; decides which leases are live.
    """
    cases = [
        When(condition, then=Value(state.value))
        for state, condition in conditions(rows.model, threshold=threshold, now=now).items()
    ]
    stated: QuerySet[Any] = rows.annotate(sync_state=Case(*cases, output_field=CharField()))
    return stated


def describe(row: Synced) -> Sync:
    """Return the sync state of a row that was read `with_state`, with its attempts and error."""
    state = SyncState(row.sync_state)  # type: ignore[attr-defined]
    by_itself = row.pipedrive_sync_error_code != DELETED_THERE
    waits = state in {SyncState.WANTED, SyncState.FAILED} and by_itself
    error = None
    if row.pipedrive_sync_error_code and state is not SyncState.SYNCED:
        field = row.pipedrive_sync_error_field or None
        error = Problem(row.pipedrive_sync_error_code, row.pipedrive_sync_error_message, field)
    candidates = getattr(row, "pipedrive_candidates", []) if error and error.code == AMBIGUOUS else []
    return Sync(
        state=state,
        attempts=row.pipedrive_sync_attempts,
        last_attempt_at=row.last_pipedrive_sync_attempt,
        next_attempt_at=row.next_pipedrive_sync_attempt if waits else None,
        error=error,
        candidates=candidates,
    )


def counts(user: User | None, *, threshold: int, now: datetime) -> dict[SyncState, int]:
    """Count the rows that are pending, in progress or failed: contacts, organizations and activities together.

    Args:
        user: Whose rows; an admin's are everyone's. None for everyone's.
        threshold: The lowest warm score.
        now: The present moment, aware; decides which leases are live.
    """
    tables = counts_by_table(user, threshold=threshold, now=now).values()
    return {state: sum(found[state] for found in tables) for state in OPEN}


def counts_by_table(user: User | None, *, threshold: int, now: datetime) -> dict[type[Row], dict[SyncState, int]]:
    """Count the same for each table; see `counts`.

    Args:
        user: Whose rows; an admin's are everyone's. None for everyone's.
        threshold: The lowest warm score.
        now: The present moment, aware; decides which leases are live.
    """
    contacts, activities = Contact.objects.all(), Activity.objects.all()
    if user is not None:
        contacts, activities = contacts.seen_by(user), activities.seen_by(user)
    totals = {}
    tables: tuple[QuerySet[Any], ...] = (contacts, Organization.objects.all(), activities)
    for rows in tables:
        where = conditions(rows.model, threshold=threshold, now=now)
        narrowed = rows.filter(pk__in=_as_few(open_rows(rows.model, threshold)))
        found = narrowed.aggregate(**{state.value: Count("pk", filter=where[state]) for state in OPEN})
        totals[rows.model] = {state: found[state.value] for state in OPEN}
    return totals
