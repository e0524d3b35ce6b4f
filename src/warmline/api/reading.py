"""Reads rows for an answer, one by id or a page of a list, in a fixed number of queries.

Pages are in order of ids, so a row that is added in the meantime comes at the end, and none is repeated or missed.
"""

from typing import TypeVar

from django.db.models import Model, QuerySet
from django.utils import timezone

from warmline.api.bodies import RowFilters
from warmline.api.errors import RefusedError
from warmline.crm.sync_columns import Synced
from warmline.sync.policy import Policy
from warmline.sync.row_state import parts, with_state

RowType = TypeVar("RowType", bound=Synced)
AnyType = TypeVar("AnyType", bound=Model)


def one(rows: QuerySet[RowType], id: int) -> RowType:
    """Return a row with its state.

    Args:
        rows: The rows that the caller may see.
        id: The id of the row.

    Raises:
        RefusedError: If it is not among them; another user's row looks the same as none.
    """
    stated = with_state(rows.filter(pk=id), threshold=Policy.current().threshold, now=timezone.now())
    row: RowType | None = stated.first()
    if row is None:
        raise missing(rows.model, "id")
    return row


def missing(model: type[Model], field: str) -> RefusedError:
    """Return the error for an id of nothing that the caller may see.

    Args:
        model: The model of the row.
        field: The field with the id.
    """
    what = model._meta.verbose_name  # noqa: SLF001 (Django documents _meta as public)
    return RefusedError(404, "not_found", f"You have no {what} with this id. Check the id.", field)


def page(
    rows: QuerySet[RowType],
    asked: RowFilters,
    *,
    among: QuerySet[RowType] | None = None,
    warm: bool | None = None,
    few: bool = False,
) -> tuple[list[RowType], str | None]:
    """Return a page of rows with their states, and the cursor of the next page.

    Args:
        rows: Those that the caller may see, with what is told of them.
        asked: State, cursor and limit.
        among: Those of them that were searched for; None for all.
        warm: Of contacts, those that are warm, or that are not; None for both.
        few: Whether those that were searched for are few.
    """
    threshold, now = Policy.current().threshold, timezone.now()
    some = rows if among is None else among
    if few:
        # Without cursor and order: for their sake the planner might read all of the caller's rows.
        (found,) = parts(some, asked.state, threshold=threshold, now=now, warm=warm, few=True)
        ids = sorted(pk for pk in found.order_by().values_list("pk", flat=True) if pk > (asked.cursor or 0))
    else:
        left = some.filter(pk__gt=asked.cursor or 0)
        first, *others = parts(left, asked.state, threshold=threshold, now=now, warm=warm)
        # The database merges the parts by id, and reads of each no more than the page needs.
        merged = first.values_list("pk", flat=True).union(*(part.values("pk") for part in others), all=True)
        ids = list(merged.order_by("pk")[: asked.limit + 1])
    return cut(with_state(rows.filter(pk__in=ids[: asked.limit + 1]), threshold=threshold, now=now), asked.limit)


def cut(rows: QuerySet[AnyType], limit: int) -> tuple[list[AnyType], str | None]:
    """Return the first rows by id, and the cursor of what follows; None when nothing does.

    Args:
        rows: In any order.
        limit: How many at the most.
    """
    found = list(rows.order_by("pk")[: limit + 1])
    return found[:limit], str(found[limit - 1].pk) if len(found) > limit else None
