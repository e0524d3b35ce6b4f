"""Which rows must still be brought to Pipedrive, or brought in line with it: the promise, as querysets.

Each is backed by an index whose condition holds no setting, so that it serves any threshold, and whose order is the
due time, so that its cost is that of the due rows and never of the whole table. A test reads the query plans.
"""

from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any, Literal, TypeVar

from django.db.models import F, Model, QuerySet

from warmline.crm.models import WARMEST, Activity, Contact, Organization
from warmline.sync.keys import activities_key, organization_key, person_key

RowType = TypeVar("RowType", bound=Model)
Kind = Literal["contact", "organization", "activity"]


@dataclass(frozen=True)
class Work:
    """A row that is due, by its name alone; whoever does the work reads it afresh.

    Attributes:
        kind: Of which table.
        row_id: Which row.
        claim: The key of what it makes, so that two works that would meet need not be started side by side.
    """

    kind: Kind
    row_id: int
    claim: str


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
    """Return what is due, oldest first; what failed before comes after what did not.

    Args:
        now: The present moment, aware.
        threshold: The least warm score.
        limit: How many of each kind at the most.
    """
    order = ("pipedrive_sync_failed", "next_pipedrive_sync_attempt", "pk")
    wanted: tuple[QuerySet[Any], ...] = (
        contacts(threshold),
        activities().select_related("contact"),
        changed_contacts(),
        organizations_asked_for(),
        changed_organizations(),
        changed_activities().select_related("contact"),
    )
    rows = chain.from_iterable(
        some.filter(next_pipedrive_sync_attempt__lte=now).order_by(*order)[:limit] for some in wanted
    )
    oldest_first = sorted(rows, key=lambda row: (row.pipedrive_sync_failed, row.next_pipedrive_sync_attempt))
    return [_work(row) for row in oldest_first]


def _work(row: Contact | Organization | Activity) -> Work:
    match row:
        case Contact():
            return Work("contact", row.pk, person_key(row))
        case Organization():
            return Work("organization", row.pk, organization_key(row))
    return Work("activity", row.pk, activities_key(row.contact))


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
        row = _still_due(some.select_related("contact__owner", "contact__organization"), work, now)
        if row is not None:
            return row
    return None


def _still_due(rows: QuerySet[RowType], work: Work, now: datetime) -> RowType | None:
    return rows.filter(pk=work.row_id, next_pipedrive_sync_attempt__lte=now).first()
