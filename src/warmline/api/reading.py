"""Reads rows for an answer, one by id or a page of a list, in a fixed number of queries.

Pages are in order of ids, so a row that is added in the meantime comes at the end, and none is repeated or missed.
"""

from collections.abc import Callable
from typing import TypeVar

from django.db.models import Model, QuerySet
from django.utils import timezone
from pydantic import BaseModel

from warmline.api.errors import RefusedError
from warmline.api.list_queries import Cursor, RowFilters
from warmline.api.responses import GoneAnswer, RowPage
from warmline.crm import change_feed, commit_order, external_ids
from warmline.crm.change_feed import Since
from warmline.crm.external_ids import ExternalName
from warmline.crm.sync_columns import Synced
from warmline.crm.users import User
from warmline.sync.policy import Policy
from warmline.sync.row_state import parts, with_state

RowType = TypeVar("RowType", bound=Synced)
AnyType = TypeVar("AnyType", bound=Model)
AnswerType = TypeVar("AnswerType", bound=BaseModel)


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


def missing(model: type[Model], field: str, kind: str = "id") -> RefusedError:
    """Return the error for an id of nothing that the caller may see.

    Args:
        model: The model of the row.
        field: The field with the id.
        kind: What sort of id it is, in words.
    """
    what = model._meta.verbose_name  # noqa: SLF001 (Django documents _meta as public)
    return RefusedError(404, "not_found", f"You have no {what} with this {kind}. Check the id.", field)


def named(rows: QuerySet[RowType], name: ExternalName) -> RowType:
    """Return the row that another program calls so, with its state.

    Args:
        rows: Those that the caller may see.
        name: What the program calls it.

    Raises:
        RefusedError: When it is not among them; another's row is as good as none.
    """
    found = external_ids.find(rows.model, name)  # type: ignore[type-var]  # one of the three that have such ids
    if found is None or not rows.filter(pk=found.pk).exists():
        raise missing(rows.model, "id", "external id")
    return one(rows, found.pk)


def page(
    rows: QuerySet[RowType],
    asked: RowFilters,
    user: User,
    tell: Callable[[RowType], AnswerType],
    *,
    among: QuerySet[RowType] | None = None,
    warm: bool | None = None,
    few: bool = False,
) -> RowPage[AnswerType]:
    """Return a page of rows with their states, and where to go on.

    Args:
        rows: Those that the caller may see, with what is told of them.
        asked: State, cursor, limit, and since when.
        user: The caller.
        tell: Makes a row's answer.
        among: Those of them that were searched for; None for all.
        warm: Of contacts, those that are warm, or that are not; None for both.
        few: Whether those that were searched for are few.
    """
    cursor = asked.cursor or Cursor()
    # Read before the rows: what is committed between is read twice, and not missed (see crm/commit_order.py).
    until = commit_order.horizon() if cursor.until is None else cursor.until
    some, gone = rows if among is None else among, list[int]()
    if asked.updated_since is not None:
        some, gone = _changed(some, asked.updated_since, user, cursor.after, asked.limit)
    told = sorted({*_ids(some, asked, cursor.after, warm=warm, few=few), *gone})
    shown = told[: asked.limit]
    stated = with_state(rows.filter(pk__in=shown), threshold=Policy.current().threshold, now=timezone.now())
    answers: dict[int, AnswerType | GoneAnswer] = {pk: GoneAnswer(id=pk) for pk in gone}
    answers |= {row.pk: tell(row) for row in stated}
    return RowPage(
        items=[answers[pk] for pk in shown if pk in answers],
        next=str(Cursor(shown[-1], until)) if len(told) > asked.limit else None,
        until=str(until),
    )


def _changed(
    rows: QuerySet[RowType], since: Since, user: User, after: int, limit: int
) -> tuple[QuerySet[RowType], list[int]]:
    """Return the rows that have changed, and the ids of the next ones that the user may no longer see."""
    if since.position != 0:  # else it is everything, and need not be looked for
        rows = rows.filter(pk__in=change_feed.changed(rows.model, since))  # type: ignore[arg-type]
    kind = str(rows.model._meta.model_name)  # noqa: SLF001 (Django documents _meta as public)
    left = change_feed.gone_since(kind, user, since).filter(row_id__gt=after)
    return rows, list(left.order_by("row_id").values_list("row_id", flat=True).distinct()[: limit + 1])


def _ids(rows: QuerySet[RowType], asked: RowFilters, after: int, *, warm: bool | None, few: bool) -> list[int]:
    """Return the ids of a page's rows, and one more if there is one."""
    threshold, now = Policy.current().threshold, timezone.now()
    if few:
        # Without cursor and order: for their sake the planner might read all of the caller's rows.
        (found,) = parts(rows, asked.state, threshold=threshold, now=now, warm=warm, few=True)
        return sorted(pk for pk in found.order_by().values_list("pk", flat=True) if pk > after)
    first, *others = parts(rows.filter(pk__gt=after), asked.state, threshold=threshold, now=now, warm=warm)
    # The database merges the parts by id, and reads of each no more than the page needs.
    merged = first.values_list("pk", flat=True).union(*(part.values("pk") for part in others), all=True)
    return list(merged.order_by("pk")[: asked.limit + 1])


def cut(rows: QuerySet[AnyType], limit: int) -> tuple[list[AnyType], str | None]:
    """Return the first rows by id, and the cursor of what follows; None when nothing does.

    Args:
        rows: In any order.
        limit: How many at the most.
    """
    found = list(rows.order_by("pk")[: limit + 1])
    return found[:limit], str(found[limit - 1].pk) if len(found) > limit else None
