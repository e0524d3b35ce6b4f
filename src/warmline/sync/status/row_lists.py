"""One page of a list, filtered and in any order, at a cost that does not grow with the contact book.

If few rows match, all are read and sorted here. If many match, they are read along an index of the order, where a page
is soon full. Which of the two it is, is found by counting up to a bound. A page begins after the last row of the
previous one, and not after a number of rows, so the last page is as fast as the first.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from operator import and_
from typing import Any, Generic, TypeVar

from django.db.models import BooleanField, Case, F, Q, QuerySet, TextChoices, Value, When
from django.db.models.functions import Abs

from warmline.crm.models import NO_STEP, WARMEST, Contact, Organization
from warmline.crm.search import search
from warmline.sync import pending, row_state
from warmline.sync.row_state import SyncState, with_state

RowType = TypeVar("RowType", Contact, Organization)
Key = tuple[Any, int]  # what is sorted by, and the id

FEW = 5000  # rows; up to so many are all read, which takes some ten milliseconds
COUNTED = 1000  # rows; up to so many are counted, beyond that it is "more than 1,000"


class Show(TextChoices):
    """Which rows a list shows."""

    WARM = "warm", "Warm"
    SYNCED = "synced", "In Pipedrive"
    WAITING = "waiting", "Waiting"
    FAILED = "failed", "Failed"
    PLANNED = "planned", "With a next step"


class Order(TextChoices):
    """The order; rows that are equal are ordered by id. Organizations have the first and the last of these only."""

    NAME = "name", "By name"
    WARMEST = "warmest", "Warmest first"
    RECENT = "recent", "Contacted most recently"
    NEGLECTED = "neglected", "Not contacted longest"
    NEXT_STEP = "next", "Next step first"
    ADDED = "added", "Newest first"


# What each sorts by, and whether descending. The score is wrapped as in its index (see crm/models.py).
KEYS: dict[Order, tuple[Any, bool]] = {
    Order.NAME: (F("name_key"), False),
    Order.WARMEST: (Abs("warmness_score"), True),
    Order.RECENT: (F("last_contacted_on"), True),
    Order.NEGLECTED: (F("last_contacted_on"), False),
    Order.NEXT_STEP: (F("next_step_on"), False),
    Order.ADDED: (F("pk"), True),
}


@dataclass(frozen=True)
class Place:
    """The page after a row, or the one before it.

    Attributes:
        key: What the row is sorted by, and its id.
        backwards: Whether it is the page before the row.
    """

    key: Key
    backwards: bool = False


@dataclass(frozen=True)
class Asked:
    """What a list is to show.

    Attributes:
        text: The search text; empty for none.
        show: Which rows; None for all.
        organization: For contacts, the id of their organization; None for any.
        order: The order.
        place: Which page; None for the first one.
    """

    text: str = ""
    show: Show | None = None
    organization: int | None = None
    order: Order = Order.NAME
    place: Place | None = None

    @property
    def narrows(self) -> bool:
        """Whether it filters, so that some rows may be left out."""
        return bool(self.text or self.show or self.organization)


@dataclass(frozen=True)
class ListPage(Generic[RowType]):
    """A page of a list.

    Attributes:
        rows: The rows, with their sync states.
        before, after: The previous and the next page; None if there is none.
        total: How many rows the whole list has, COUNTED + 1 meaning more; None if that is not known.
    """

    rows: list[RowType]
    before: Place | None
    after: Place | None
    total: int | None


def page(rows: QuerySet[RowType], asked: Asked, *, size: int, threshold: int, now: datetime) -> ListPage[RowType]:
    """Return a page of a list, in a fixed number of queries.

    Args:
        rows: A user's or everyone's contacts, or organizations, with whatever else is shown of them.
        asked: Filters, order and page.
        size: How many rows at the most.
        threshold: The lowest warm score.
        now: The present moment, aware; decides which leases are live.
    """
    among, few = _among(rows.select_related(None).order_by(), asked, threshold=threshold, now=now)
    place = asked.place
    backwards = place is not None and place.backwards
    if few:
        everything = _sorted(among, asked.order, backwards=backwards)
        found = [key for key in everything if place is None or _is_beyond(key, place, asked.order)][: size + 1]
        total: int | None = min(len(everything), COUNTED + 1)
    else:
        found = _read_in_order(among, asked.order, place, size + 1)
        total = None if asked.narrows else among[: COUNTED + 1].count()
    goes_on, found = len(found) > size, found[:size]
    if backwards:
        found.reverse()
    has_before, has_after = (goes_on, True) if backwards else (place is not None, goes_on)
    stated = with_state(rows.filter(pk__in=[pk for _, pk in found]), threshold=threshold, now=now)
    by_id = {row.pk: row for row in stated}
    return ListPage(
        rows=[by_id[pk] for _, pk in found if pk in by_id],
        before=Place(found[0], backwards=True) if found and has_before else None,
        after=Place(found[-1]) if found and has_after else None,
        total=total,
    )


def pages(
    rows: QuerySet[RowType], asked: Asked, *, size: int, threshold: int, now: datetime
) -> Iterator[list[RowType]]:
    """Yield all rows of a list, a page at a time, from its beginning; see `page` for the arguments."""
    asked = replace(asked, place=None)
    while True:
        found = page(rows, asked, size=size, threshold=threshold, now=now)
        yield found.rows
        if found.after is None:
            return
        asked = replace(asked, place=found.after)


def _among(rows: QuerySet[RowType], asked: Asked, *, threshold: int, now: datetime) -> tuple[QuerySet[RowType], bool]:
    """Return the rows of a list, and whether they are few."""
    among, few = search(rows, asked.text)
    conditions = []
    if asked.organization is not None:
        conditions.append(Q(organization=asked.organization))
    if asked.show is not None:
        conditions.append(_condition(rows.model, asked.show, threshold=threshold, now=now))
    condition = reduce(and_, conditions, Q())
    if few:
        return among.filter(condition), True
    for each in conditions:
        waits = asked.show is Show.WAITING and each is conditions[-1]
        ids: list[Any] = _may_wait(rows, threshold) if waits else [rows.filter(each).values("pk")]
        if all(some[: FEW + 1].count() <= FEW for some in ids):
            return among.filter(condition, pk__in=ids[0].union(*ids[1:])), True
    if conditions:
        # As a value, so that the query planner uses the index of the order, and none of the condition.
        told = Case(When(condition, then=Value(value=True)), default=Value(value=False), output_field=BooleanField())
        among = among.alias(is_asked_for=told).filter(is_asked_for=True)
    return among, False


def _condition(model: type[Contact | Organization], show: Show, *, threshold: int, now: datetime) -> Q:
    states = row_state.conditions(model, threshold=threshold, now=now)
    match show:
        case Show.WARM:
            return Q(warmness_score__in=range(threshold, WARMEST + 1))
        case Show.SYNCED:
            return states[SyncState.SYNCED]
        case Show.PLANNED:
            return Q(next_step_on__lt=NO_STEP)
        case Show.FAILED:  # its index comes first
            return Q(pipedrive_sync_failed=True) & states[SyncState.FAILED]
    return states[SyncState.WANTED] | states[SyncState.IN_PROGRESS]


def _may_wait(rows: QuerySet[Any], threshold: int) -> list[Any]:
    """Return querysets of ids that include all waiting rows; each can be counted from an index."""
    if rows.model is Contact:
        unlinked = rows.filter(pipedrive_person_id=None, warmness_score__in=range(threshold, WARMEST + 1))
        # Everyone's changed contacts, because their index does not have the owner.
        return [unlinked.values("pk"), pending.changed_contacts().values("pk")]
    asked_for = Organization.objects.filter(pipedrive_org_id=None, pipedrive_asked_for=True)
    needed = pending.contacts(threshold).values("organization")
    return [needed, asked_for.values("pk"), pending.changed_organizations().values("pk")]


def _sorted(rows: QuerySet[Any], order: Order, *, backwards: bool) -> list[Key]:
    by, falls = KEYS[order]
    return sorted(rows.values_list(by, "pk"), reverse=falls ^ backwards)


def _is_beyond(key: Key, place: Place, order: Order) -> bool:
    """Tell whether a row comes after a place, in the direction of reading."""
    return key < place.key if KEYS[order][1] ^ place.backwards else key > place.key


def _read_in_order(rows: QuerySet[Any], order: Order, place: Place | None, limit: int) -> list[Key]:
    by, falls = KEYS[order]
    down = falls ^ (place is not None and place.backwards)
    rows = rows.annotate(sorts_by=by)
    if place is not None:
        key, row_id = place.key
        beyond, at = ("lt", "lte") if down else ("gt", "gte")
        # The first condition is a range of the index; the second leaves out rows in it that were shown already.
        rest = Q((f"sorts_by__{beyond}", key)) | Q((f"pk__{beyond}", row_id))
        rows = rows.filter(rest, (f"sorts_by__{at}", key))
    sign = "-" if down else ""
    return list(rows.order_by(f"{sign}sorts_by", f"{sign}pk").values_list("sorts_by", "pk")[:limit])
