"""One page of a list, filtered and in any order, at a cost that does not grow with the contact book.

If few rows match, all are read and sorted here. If many match, they are read along an index of the order, where a page
is soon full. Which of the two it is, is found by counting up to a bound. If a page is not soon full, because those that
match come late in this order, the database looks at all that match. A page begins after the last row of the
previous one, and not after a number of rows, so the last page is as fast as the first.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import reduce
from operator import and_
from typing import Any, Generic, TypeVar

from django.db.models import BooleanField, Case, F, Q, QuerySet, TextChoices, Value, When
from django.db.models.functions import Abs, Coalesce

from warmline.crm.contact_details import SOURCE, TAG
from warmline.crm.models import NO_STEP, WARMEST, Contact, Organization
from warmline.crm.search import Search
from warmline.crm.search_words import whole_word
from warmline.sync import pending, row_state
from warmline.sync.row_state import SyncState, with_state

RowType = TypeVar("RowType", Contact, Organization)
Key = tuple[Any, int]  # what is sorted by, and the id

FEW = 5000  # rows; up to so many are all read, which takes some ten milliseconds
AHEAD = 500  # rows that are read along the order; if they do not fill a page, the database sorts what matches,
MANY = 30_000  # unless these are more
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
        tag, source: For contacts, a tag that they have, and where they come from; empty for any.
    """

    text: str = ""
    show: Show | None = None
    organization: int | None = None
    order: Order = Order.NAME
    place: Place | None = None
    tag: str = ""
    source: str = ""

    @property
    def narrows(self) -> bool:
        """Whether it filters, so that some rows may be left out."""
        return bool(self.text or self.show or self.organization or self.whole)

    @property
    def whole(self) -> list[bytes]:
        """The words that each row must have as they are."""
        return [whole_word(kind, text) for kind, text in ((TAG, self.tag), (SOURCE, self.source)) if text]


@dataclass(frozen=True)
class _Among(Generic[RowType]):
    """The rows of a list.

    Attributes:
        rows: All that are asked for, if they are few; else all of whom some are asked for.
        few: Whether they are few.
        condition: Which of the rows are asked for, if they are many.
        matching: The ids of all rows for which the condition may hold; empty if these are more than many.
    """

    rows: QuerySet[RowType]
    few: bool
    condition: Q = field(default_factory=Q)
    matching: tuple[Any, ...] = ()


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
    among = _among(rows.select_related(None).order_by(), asked, threshold=threshold, now=now)
    place = asked.place
    backwards = place is not None and place.backwards
    if among.few:
        everything = _sorted(among.rows, asked.order, backwards=backwards)
        found = [key for key in everything if place is None or _is_beyond(key, place, asked.order)][: size + 1]
        total: int | None = min(len(everything), COUNTED + 1)
    else:
        found = _read_in_order(among, asked.order, place, size + 1)
        total = None if asked.narrows else among.rows[: COUNTED + 1].count()
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


def _among(rows: QuerySet[RowType], asked: Asked, *, threshold: int, now: datetime) -> _Among[RowType]:
    """Find out how the rows of a list are best read."""
    search = Search.of(rows.model, asked.text, asked.whole)
    conditions: list[Q] = []
    if asked.organization is not None:
        conditions.append(Q(organization=asked.organization))
    if asked.show is not None:
        conditions.append(_condition(rows.model, asked.show, threshold=threshold, now=now))
    # What is in the row itself is tested before its words are looked up.
    condition = reduce(and_, [*conditions, search.condition])
    if search.few:
        return _Among(rows.filter(condition), few=True)
    matching = search.least(MANY) if asked.text or asked.whole else ()
    for each in conditions:
        is_state = asked.show is not None and each is conditions[-1]
        ids: list[Any] = _may_be(rows, asked.show, threshold) if is_state else []
        ids = ids or [rows.filter(each).values("pk")]
        if all(some[: FEW + 1].count() <= FEW for some in ids):
            return _Among(rows.filter(condition, pk__in=ids[0].union(*ids[1:])), few=True)
        if not matching and all(some[: MANY + 1].count() <= MANY for some in ids):
            matching = tuple(ids)
    return _Among(rows, few=False, condition=condition, matching=matching)


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


def _may_be(rows: QuerySet[Any], show: Show | None, threshold: int) -> list[Any]:
    """Return querysets of ids that include all rows that a list shows, each of which an index answers; or none."""
    match show:
        case Show.WAITING:
            return _may_wait(rows, threshold)
        case Show.WARM:
            # As a range, so that the query planner reads that part of its index, whatever it takes for common.
            return [rows.alias(score=Abs("warmness_score")).filter(score__range=(threshold, WARMEST)).values("pk")]
        case Show.SYNCED:
            linked = Q((f"{rows.model.LINK}__isnull", False), revision__lte=F("pipedrive_revision"))
            return [rows.filter(linked).values("pk")]
    return []


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


def _read_in_order(among: _Among[Any], order: Order, place: Place | None, limit: int) -> list[Key]:
    by, falls = KEYS[order]
    down = falls ^ (place is not None and place.backwards)
    rows = among.rows.annotate(sorts_by=by)
    if place is not None:
        key, row_id = place.key
        beyond, at = ("lt", "lte") if down else ("gt", "gte")
        # The first condition is a range of the index; the second leaves out rows in it that were shown already.
        rest = Q((f"sorts_by__{beyond}", key)) | Q((f"pk__{beyond}", row_id))
        rows = rows.filter(rest, (f"sorts_by__{at}", key))
    sign = "-" if down else ""
    in_order = rows.order_by(f"{sign}sorts_by", f"{sign}pk").values_list("sorts_by", "pk")
    if not among.condition:
        return list(in_order[:limit])
    # As a value, so that the query planner uses the index of the order, and none of the condition.
    told = Case(When(among.condition, then=Value(value=True)), default=Value(value=False), output_field=BooleanField())
    if among.matching:
        first = in_order.annotate(is_asked_for=told).values_list("sorts_by", "pk", "is_asked_for")[:AHEAD]
        found = [(key, row_id) for key, row_id, is_asked_for in first if is_asked_for]
        if len(found) >= limit or len(first) < AHEAD:
            return found[:limit]
        first_ids, *others = among.matching
        # By a value that no index has, so that the query planner sorts what matches.
        by_value = rows.filter(among.condition, pk__in=first_ids.union(*others)).annotate(value=Coalesce(by, by))
        return list(by_value.order_by(f"{sign}value", f"{sign}pk").values_list("sorts_by", "pk")[:limit])
    return list(in_order.alias(is_asked_for=told).filter(is_asked_for=True)[:limit])
