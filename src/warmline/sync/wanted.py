"""Which rows must still be brought to Pipedrive, or brought in line with it: the promise, as querysets.

Each is backed by an index whose condition holds no setting, so that it serves any threshold, and whose order is the
due time, so that its cost is that of the due rows and never of the whole table. A test reads the query plans.

Nobody waits behind another's bulk import: what a person saved by hand goes before batch work, and of each person's rows
one goes in turn.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeVar

from django.db.models import F, Model, QuerySet

from warmline.crm.models import WARMEST, Activity, Contact, Organization, Row
from warmline.sync.keys import activities_key, organization_key, person_key

RowType = TypeVar("RowType", bound=Model)
Kind = Literal["contact", "organization", "activity"]

ORDER = ("pipedrive_sync_failed", "pipedrive_in_bulk", "next_pipedrive_sync_attempt")
MANY = 10  # rows of one person that are due by now: more than anybody saves by hand


@dataclass(frozen=True)
class Work:
    """A row that is due, by its name alone; whoever does the work reads it afresh.

    Attributes:
        kind: Of which table.
        row_id: Which row.
        claim: The key of what it makes, so that two works that would meet need not be started side by side.
        batch: Whether nobody waits for it: it failed before, was saved in bulk, or is one of very many.
    """

    kind: Kind
    row_id: int
    claim: str = field(compare=False)
    batch: bool = field(compare=False)


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
    unlinked = Activity.objects.filter(pipedrive_activity_id=None, replicate=True)
    return unlinked.filter(contact__pipedrive_person_id__isnull=False)


def changed_contacts() -> QuerySet[Contact]:
    """Return the linked contacts with changes that Pipedrive was not told of."""
    return Contact.objects.filter(pipedrive_person_id__isnull=False, revision__gt=F("pipedrive_revision"))


def changed_organizations() -> QuerySet[Organization]:
    """Return the linked organizations with changes that Pipedrive was not told of."""
    return Organization.objects.filter(pipedrive_org_id__isnull=False, revision__gt=F("pipedrive_revision"))


def organizations_asked_for() -> QuerySet[Organization]:
    """Return the organizations that are not in Pipedrive and that a person asked for. The others wait for a contact."""
    return Organization.objects.filter(
        pipedrive_org_id=None, pipedrive_asked_for=True, contacts__isnull=False
    ).distinct()


def changed_activities() -> QuerySet[Activity]:
    """Return the activities in Pipedrive with changes that it was not told of."""
    return Activity.objects.filter(pipedrive_activity_id__isnull=False, revision__gt=F("pipedrive_revision"))


def due(now: datetime, threshold: int, limit: int) -> list[Work]:
    """Return what is due: by hand before in bulk before what failed; one of each person's in turn, oldest first.

    Args:
        now: The present moment, aware.
        threshold: The least warm score.
        limit: How many of each kind, and of each person that waits behind a backlog of others, at the most.
    """
    wanted: tuple[QuerySet[Any], ...] = (
        contacts(threshold).only("owner", "email_key", *ORDER),
        activities().select_related("contact").only("owner", "contact__pipedrive_person_id", *ORDER),
        changed_contacts().only("owner", "email_key", *ORDER),
        organizations_asked_for().only("name_key", *ORDER),
        changed_organizations().only("name_key", *ORDER),
        changed_activities().select_related("contact").only("owner", "contact__pipedrive_person_id", *ORDER),
    )
    limit = max(limit, MANY + 1)
    rows = [row for some in wanted for row in _some_of_everyone(some, now, limit)]
    by_hand = Counter(_owner(row) for row in rows if not _is_batch(row))
    rows.sort(key=lambda row: (row.pipedrive_sync_failed, row.pipedrive_in_bulk, row.next_pipedrive_sync_attempt))
    turns: Counter[tuple[int | None, bool]] = Counter()
    ordered = []
    for row in rows:
        flow = (_owner(row), _is_batch(row))
        turns[flow] += 1
        ordered.append(((row.pipedrive_sync_failed, row.pipedrive_in_bulk, turns[flow]), row))
    ordered.sort(key=lambda pair: pair[0])
    return [_work(row, batch=_is_batch(row) or by_hand[_owner(row)] > MANY) for _, row in ordered]


def _some_of_everyone(rows: QuerySet[Any], now: datetime, limit: int) -> list[Any]:
    """Return the first due rows; where that is not all, also the first of those whose rows are not among them."""
    rest = rows.filter(next_pipedrive_sync_attempt__lte=now).order_by(*ORDER, "pk")
    found = some = list(rest[:limit])
    while rows.model is not Organization and len(some) == limit:
        rest = rest.exclude(owner__in={_owner(row) for row in some})
        some = list(rest[:limit])
        found += some
    return found


def _is_batch(row: Row) -> bool:
    return row.pipedrive_sync_failed or row.pipedrive_in_bulk


def _owner(row: Row) -> int | None:
    return None if isinstance(row, Organization) else row.owner_id


def _work(row: Row, *, batch: bool) -> Work:
    match row:
        case Contact():
            return Work("contact", row.pk, person_key(row), batch)
        case Organization():
            return Work("organization", row.pk, organization_key(row), batch)
    return Work("activity", row.pk, activities_key(row.contact), batch)


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
