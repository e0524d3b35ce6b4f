"""Which rows must still be brought to Pipedrive, or brought in line with it: the promise, as querysets.

Each is backed by an index whose condition holds no setting, so that it serves any threshold, and whose order is the
due time, so that its cost is that of the due rows and never of the whole table. A test reads the query plans.

Of what is due, one row of each lease is shown, because no two of one lease go side by side, and some of each person's,
so that no backlog, whatever its size, hides what another waits for. Who goes next, `scheduling.py` decides.
"""

from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime
from functools import cache, partial
from itertools import compress
from typing import Any, TypeVar

from django.db import connection
from django.db.models import BigIntegerField, Case, Exists, F, Min, Model, OuterRef, Q, QuerySet, When, Window
from django.db.models.functions import RowNumber

from warmline.crm.activities import Activity
from warmline.crm.models import WARMEST, Contact, Organization
from warmline.sync.lease_keys import activities_key, organization_key, person_key
from warmline.sync.scheduling import MANY, Kind, Lane, Work, in_lanes

RowType = TypeVar("RowType", bound=Model)

END_OF_TIME = datetime(9999, 1, 1, tzinfo=UTC)  # when a row is due that only a person can have tried again

ANY_MOMENT = datetime(9000, 1, 1, tzinfo=UTC)  # stands for the present one in a statement that is made beforehand

LANE = ("pipedrive_sync_failed", "pipedrive_in_bulk")
# What tells the leases of a table's rows apart; two of one person's contacts with one e-mail share a lease.
LEASED_BY: dict[Kind, tuple[str, ...]] = {
    "contact": ("email_key", "alone"),
    "activity": ("contact", "contact__pipedrive_person_id"),
}


def contacts(threshold: int) -> QuerySet[Contact]:
    """Return the warm contacts that are not in Pipedrive.

    The warm scores are named one by one, because the index begins with the score: each is then one range of due
    times in it. `score >= threshold` would be one range of scores, with every due time in it to be read.

    Args:
        threshold: The least warm score, 0 to 10.
    """
    return Contact.objects.filter(pipedrive_person_id=None, warmness_score__in=range(threshold, WARMEST + 1))


def activities() -> QuerySet[Activity]:
    """Return the activities that belong in Pipedrive and are not there, and whose contacts are."""
    # (The last condition says once more that it is not there, in a way that PostgreSQL can count with the second.)
    unlinked = Activity.objects.filter(pipedrive_activity_id=None, replicate=True, replicated_to_pipedrive=False)
    return unlinked.filter(contact__pipedrive_person_id__isnull=False)


def changed_contacts() -> QuerySet[Contact]:
    """Return the linked contacts with changes that Pipedrive was not told of."""
    return Contact.objects.filter(pipedrive_person_id__isnull=False, revision__gt=F("pipedrive_revision"))


def changed_organizations() -> QuerySet[Organization]:
    """Return the linked organizations with changes that Pipedrive was not told of."""
    return Organization.objects.filter(pipedrive_org_id__isnull=False, revision__gt=F("pipedrive_revision"))


def organizations_asked_for() -> QuerySet[Organization]:
    """Return the organizations that are not in Pipedrive and that a person asked for. The others wait for a contact."""
    has_contacts = Exists(Contact.objects.filter(organization=OuterRef("pk")))
    return Organization.objects.filter(has_contacts, pipedrive_org_id=None, pipedrive_asked_for=True)


def changed_activities() -> QuerySet[Activity]:
    """Return the activities in Pipedrive with changes that it was not told of."""
    return Activity.objects.filter(pipedrive_activity_id__isnull=False, revision__gt=F("pipedrive_revision"))


def due(now: datetime, threshold: int, limit: int, *, batch: bool = True, held: Collection[Work] = ()) -> list[Work]:
    """Return what is due, one row of each lease.

    Args:
        now: The present moment, aware.
        threshold: The least warm score.
        limit: How many of each kind, lane and person at the most, beside the newest.
        batch: Whether what was saved in bulk, or failed before, is shown as well.
        held: Rows that are left out.
    """
    works = []
    has_any = _have_any(now, threshold, batch=batch)
    for kind, rows in compress(_tables(threshold), has_any):
        shown = _of_these(rows(), now, batch=batch)
        shown = shown.exclude(pk__in=[work.row_id for work in held if work.kind == kind])
        works += [
            Work(kind, row["row"], _lease(kind, row), _lane(row), row.get("whose"), row["since"])
            for row in _one_of_each(kind, shown, limit)
        ]
    return in_lanes(works, now)


def _tables(threshold: int) -> tuple[tuple[Kind, Callable[[], QuerySet[Any]]], ...]:
    """Return what is pending, by where it is looked for."""
    return (
        ("contact", partial(contacts, threshold)),
        ("activity", activities),
        ("contact", changed_contacts),
        ("organization", organizations_asked_for),
        ("organization", changed_organizations),
        ("activity", changed_activities),
    )


def _of_these(rows: QuerySet[Any], now: datetime, *, batch: bool) -> QuerySet[Any]:
    """Return those that are due."""
    is_due = Q(next_pipedrive_sync_attempt__lte=now)
    return rows.filter(is_due if batch else is_due & Q(pipedrive_sync_failed=False, pipedrive_in_bulk=False))


def _have_any(now: datetime, threshold: int, *, batch: bool) -> list[bool]:
    """Return for each of the tables whether a row of it is due: mostly none is, and one short statement tells."""
    sql, parameters = _have_any_statement(threshold, batch=batch)
    adapt = connection.ops.adapt_datetimefield_value
    any_moment, moment = adapt(ANY_MOMENT), adapt(now)
    with connection.cursor() as cursor:
        cursor.execute(sql, [moment if value == any_moment else value for value in parameters])
        return [bool(has_any) for has_any in cursor.fetchone()]


@cache
def _have_any_statement(threshold: int, *, batch: bool) -> tuple[str, tuple[Any, ...]]:
    """Return the statement of `_have_any`, which is made once, because it is executed every second.

    Its moments are all `ANY_MOMENT`, and to be replaced by the present one.
    """
    due_rows = [_of_these(rows(), ANY_MOMENT, batch=batch) for _, rows in _tables(threshold)]
    found = [rows.query.exists().sql_with_params() for rows in due_rows]
    sql = ", ".join(f"EXISTS({statement})" for statement, _ in found)
    return f"SELECT {sql}", tuple(value for _, parameters in found for value in parameters)


def _one_of_each(kind: Kind, due: QuerySet[Any], limit: int) -> Iterable[dict[str, Any]]:
    """Return one row of each lease: of each person's the oldest ones, and some of the newest."""
    limit = max(limit, MANY + 1)
    if kind == "organization":  # each has a lease of its own, and all are the team's
        values = due.values(*LANE, "name_key", row=F("pk"), since=F("next_pipedrive_sync_attempt"))
        return values.order_by(*LANE, "since", "row")[:limit]
    if kind == "contact":  # those without an e-mail share no lease
        due = due.annotate(alone=Case(When(email_key="", then=F("pk")), output_field=BigIntegerField()))
    # (Adding 0 changes no id. It keeps the planner from reading a whole table in the order of its owners.)
    flow = ("whose", *LANE)
    leases = due.order_by().annotate(whose=F("owner_id") + 0).values(*flow, *LEASED_BY[kind])
    leases = leases.annotate(row=Min("pk"), since=Min("next_pipedrive_sync_attempt"))
    shown: QuerySet[Any, dict[str, Any]] = leases.annotate(
        place=Window(RowNumber(), partition_by=[*flow], order_by=("since", "row")),
        from_the_end=Window(RowNumber(), partition_by=[*flow], order_by=("-since", "-row")),
    ).filter(Q(place__lte=limit) | Q(from_the_end__lte=MANY + 1))
    return shown


def _lease(kind: Kind, row: dict[str, Any]) -> str:
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
    """Return the contact of a work with its user and organization, if it is still wanted and due."""
    for some in (contacts(threshold), changed_contacts()):
        row = _still_due(some.select_related("owner", "organization"), work, now)
        if row is not None:
            return row
    return None


def organization(work: Work, now: datetime) -> Organization | None:
    """Return the organization of a work, if it is still wanted and due."""
    return _still_due(changed_organizations(), work, now) or _still_due(organizations_asked_for(), work, now)


def activity(work: Work, now: datetime) -> Activity | None:
    """Return the activity of a work with its contact, user and organization, if it is still wanted and due."""
    for some in (activities(), changed_activities()):
        row = _still_due(some.select_related("owner", "contact__organization"), work, now)
        if row is not None:
            return row
    return None


def _still_due(rows: QuerySet[RowType], work: Work, now: datetime) -> RowType | None:
    return rows.filter(pk=work.row_id, next_pipedrive_sync_attempt__lte=now).first()


def let_contacts_go_on(organization: Organization, now: datetime) -> None:
    """Give fresh attempts to the contacts that failed only because their organization had.

    Args:
        organization: The one that is mended, or is about to be tried again.
        now: From when they are due.
    """
    Contact.objects.filter(organization=organization, pipedrive_sync_error_code="organization_failed").update(
        **Contact.fresh_attempts(now)
    )
