"""How rows are read for an answer: one by its id, or a page of a list, in a fixed number of queries.

Pages follow the ids, so a row that is added meanwhile comes at the end and none is shown twice or missed.
"""

from typing import TypeVar

from django.db.models import Model, QuerySet
from django.utils import timezone

from warmline.api.bodies import RowFilters
from warmline.api.errors import RefusedError
from warmline.crm.synced import Synced
from warmline.sync.policy import Policy
from warmline.sync.state import conditions, with_state

RowType = TypeVar("RowType", bound=Synced)
AnyType = TypeVar("AnyType", bound=Model)


def one(rows: QuerySet[RowType], id: int) -> RowType:
    """Return a row with its state.

    Args:
        rows: Those that the caller may see.
        id: Which one.

    Raises:
        RefusedError: When it is not among them; another's row is as good as none.
    """
    stated = with_state(rows.filter(pk=id), threshold=Policy.current().threshold, now=timezone.now())
    row = stated.first()
    if row is None:
        raise missing(rows.model, "id")
    return row


def missing(model: type[Model], field: str) -> RefusedError:
    """Return the refusal of an id that names nothing the caller may see.

    Args:
        model: What was looked for.
        field: Where the id was given.
    """
    what = model._meta.verbose_name  # noqa: SLF001 (Django documents _meta as public)
    return RefusedError(404, "not_found", f"You have no {what} of this id; check the id.", field)


def page(rows: QuerySet[RowType], asked: RowFilters) -> tuple[list[RowType], str | None]:
    """Return a page of rows with their states, and the cursor of the next page.

    Args:
        rows: Those that the caller may see and asked for.
        asked: State, cursor and limit.
    """
    threshold, now = Policy.current().threshold, timezone.now()
    if asked.state is not None:
        rows = rows.filter(conditions(rows.model, threshold=threshold, now=now)[asked.state])
    rows = with_state(rows.filter(pk__gt=asked.cursor or 0), threshold=threshold, now=now)
    return cut(rows, asked.limit)


def cut(rows: QuerySet[AnyType], limit: int) -> tuple[list[AnyType], str | None]:
    """Return the first rows by id, and the cursor of what follows; None when nothing does.

    Args:
        rows: In any order.
        limit: How many at the most.
    """
    found = list(rows.order_by("pk")[: limit + 1])
    return found[:limit], str(found[limit - 1].pk) if len(found) > limit else None
