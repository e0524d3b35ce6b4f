"""Which rows are pending, and which of them are due, as querysets.

Each query has its own index. The index's condition contains no setting, so it serves any threshold, and its order is
the due time, so the query costs as much as the due rows and never as much as the whole table. A test reads the query
plans.

Only one due row of each lease is returned, because no two with one lease go side by side, and only some of each
owner's, so that a backlog, however large, does not hide what somebody else waits for. `priorities.py` decides which
goes next.
"""

from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any, TypeVar

from django.db.models import (
    BigIntegerField,
    Case,
    DateTimeField,
    Exists,
    F,
    Min,
    Model,
    OuterRef,
    Q,
    QuerySet,
    When,
    Window,
)
from django.db.models.functions import RowNumber

from warmline.crm.activities import Activity
from warmline.crm.models import WARMEST, Contact, Organization
from warmline.prepared_queries import Parameter, PreparedExistence, PreparedQuery
from warmline.sync.lease_keys import activities_key, organization_key, person_key
from warmline.sync.priorities import MOST_BY_HAND, Lane, RowKind, Work, in_lanes

RowType = TypeVar("RowType", bound=Model)

END_OF_TIME = datetime(9999, 1, 1, tzinfo=UTC)  # "never": for example, the due time of a row that only a person retries

LANE = ("pipedrive_sync_failed", "pipedrive_in_bulk")
# The columns that decide which rows of a table share a lease: two contacts with one e-mail do, for example.
LEASED_BY: dict[RowKind, tuple[str, ...]] = {
    "contact": ("email_key", "alone"),
    "activity": ("contact", "contact__pipedrive_person_id"),
}


def contacts(threshold: int) -> QuerySet[Contact]:
    """Return the warm contacts that are not in Pipedrive.

    The warm scores are listed one by one, because the index begins with the score: each is then one range of due times.
    `score >= threshold` would be one range of scores, in which every due time would have to be read.

    Args:
        threshold: The lowest warm score, 0 to 10.
    """
    return Contact.objects.filter(pipedrive_person_id=None, warmness_score__in=range(threshold, WARMEST + 1))


def activities() -> QuerySet[Activity]:
    """Return the activities that belong in Pipedrive and are not there yet, although their contacts are."""
    # (The last condition says once more that it is not there, in a way that PostgreSQL can count with the second.)
    unlinked = Activity.objects.filter(pipedrive_activity_id=None, replicate=True, replicated_to_pipedrive=False)
    return unlinked.filter(contact__pipedrive_person_id__isnull=False)


def changed_contacts() -> QuerySet[Contact]:
    """Return the linked contacts with changes that have not been sent."""
    return Contact.objects.filter(pipedrive_person_id__isnull=False, revision__gt=F("pipedrive_revision"))


def changed_organizations() -> QuerySet[Organization]:
    """Return the linked organizations with changes that have not been sent."""
    return Organization.objects.filter(pipedrive_org_id__isnull=False, revision__gt=F("pipedrive_revision"))


def organizations_asked_for() -> QuerySet[Organization]:
    """Return the unlinked organizations that a person asked for. All others are sent with a contact."""
    has_contacts = Exists(Contact.objects.filter(organization=OuterRef("pk")))
    return Organization.objects.filter(has_contacts, pipedrive_org_id=None, pipedrive_asked_for=True)


def changed_activities() -> QuerySet[Activity]:
    """Return the linked activities with changes that have not been sent."""
    return Activity.objects.filter(pipedrive_activity_id__isnull=False, revision__gt=F("pipedrive_revision"))


def due(
    now: datetime, threshold: int, limit: int, *, background: bool = True, held: Collection[Work] = ()
) -> list[Work]:
    """Return the due rows, one of each lease.

    Args:
        now: The present moment, aware.
        threshold: The lowest warm score.
        limit: How many of each kind, lane and owner at the most, besides the newest.
        background: Whether to include rows that an import saved, or that failed before.
        held: Rows to leave out.
    """
    works = []
    for number in sorted(_tables_with_due_rows(threshold, background=background).found(now=now)):
        kind, rows = _tables(threshold)[number]
        left_out = [work.row_id for work in held if work.kind == kind]
        if left_out:
            due = _of_these(rows(), now, background=background).exclude(pk__in=left_out)
            shown: Iterable[dict[str, Any]] = _one_of_each(kind, due, limit)
        else:
            shown = _due_rows(threshold, number, limit, background=background).named_rows(now=now)
        works += [
            Work(kind, row["row"], _lease(kind, row), _lane(row), row.get("whose"), row["since"]) for row in shown
        ]
    return in_lanes(works, now)


def _tables(threshold: int) -> tuple[tuple[RowKind, Callable[[], QuerySet[Any]]], ...]:
    """Return functions that return the pending rows as querysets, each of which one index serves."""
    return (
        ("contact", partial(contacts, threshold)),
        ("activity", activities),
        ("contact", changed_contacts),
        ("organization", organizations_asked_for),
        ("organization", changed_organizations),
        ("activity", changed_activities),
    )


def _of_these(rows: QuerySet[Any], now: datetime | Parameter, *, background: bool) -> QuerySet[Any]:
    """Return those that are due."""
    is_due = Q(next_pipedrive_sync_attempt__lte=now)
    return rows.filter(is_due if background else is_due & Q(pipedrive_sync_failed=False, pipedrive_in_bulk=False))


@cache
def _tables_with_due_rows(threshold: int, *, background: bool) -> PreparedExistence[int]:
    """Return what tells which of these tables have due rows: usually none has, and one statement shows it."""
    now = Parameter("now", DateTimeField())
    tables = enumerate(_tables(threshold))
    return PreparedExistence({n: partial(_of_these, rows(), now, background=background) for n, (_, rows) in tables})


@cache
def _due_rows(threshold: int, number: int, limit: int, *, background: bool) -> PreparedQuery:
    """Return what returns the due rows of one of these tables: composing it takes far longer than executing it."""
    kind, rows = _tables(threshold)[number]
    now = Parameter("now", DateTimeField())
    return PreparedQuery(lambda: _one_of_each(kind, _of_these(rows(), now, background=background), limit))


def _one_of_each(kind: RowKind, due: QuerySet[Any], limit: int) -> QuerySet[Any, dict[str, Any]]:
    """Return one row of each lease: of each owner's leases the oldest ones, and some of the newest."""
    limit = max(limit, MOST_BY_HAND + 1)
    if kind == "organization":  # each has a lease of its own, and all belong to the team
        values = due.values(*LANE, "name_key", row=F("pk"), since=F("next_pipedrive_sync_attempt"))
        return values.order_by(*LANE, "since", "row")[:limit]
    if kind == "contact":  # those without an e-mail share no lease
        due = due.annotate(alone=Case(When(email_key="", then=F("pk")), output_field=BigIntegerField()))
    # (Adding 0 changes no id. It keeps the query planner from reading the whole table in the order of its owners.)
    flow = ("whose", *LANE)
    leases = due.order_by().annotate(whose=F("owner_id") + 0).values(*flow, *LEASED_BY[kind])
    leases = leases.annotate(row=Min("pk"), since=Min("next_pipedrive_sync_attempt"))
    shown: QuerySet[Any, dict[str, Any]] = leases.annotate(
        place=Window(RowNumber(), partition_by=[*flow], order_by=("since", "row")),
        from_the_end=Window(RowNumber(), partition_by=[*flow], order_by=("-since", "-row")),
    ).filter(Q(place__lte=limit) | Q(from_the_end__lte=MOST_BY_HAND + 1))
    return shown


def _lease(kind: RowKind, row: dict[str, Any]) -> str:
    match kind:
        case "contact":
            return person_key(Contact(pk=row["row"], email_key=row["email_key"]))
        case "organization":
            return organization_key(Organization(name_key=row["name_key"]))
    person_id = row["contact__pipedrive_person_id"]
    return activities_key(Contact(pk=row["contact"], pipedrive_person_id=person_id))


def _lane(row: dict[str, Any]) -> Lane:
    if row["pipedrive_sync_failed"]:
        return Lane.FAILED
    return Lane.IN_BULK if row["pipedrive_in_bulk"] else Lane.PERSON


def contact(work: Work, threshold: int, now: datetime) -> Contact | None:
    """Return a contact with its owner and organization, if it is still pending and due."""
    for some in (contacts(threshold), changed_contacts()):
        row = _still_due(some.select_related("owner", "organization"), work, now)
        if row is not None:
            return row
    return None


def organization(work: Work, now: datetime) -> Organization | None:
    """Return an organization, if it is still pending and due."""
    return _still_due(changed_organizations(), work, now) or _still_due(organizations_asked_for(), work, now)


def activity(work: Work, now: datetime) -> Activity | None:
    """Return an activity with its owner, contact and organization, if it is still pending and due."""
    for some in (activities(), changed_activities()):
        row = _still_due(some.select_related("owner", "contact__organization"), work, now)
        if row is not None:
            return row
    return None


def _still_due(rows: QuerySet[RowType], work: Work, now: datetime) -> RowType | None:
    return rows.filter(pk=work.row_id, next_pipedrive_sync_attempt__lte=now).first()
