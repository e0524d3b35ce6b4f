"""Taking back what was just done by hand: a changed warmness or activity, a hand-over, and what was deleted.

What is needed for that is kept in the transaction of the deed, for ten minutes. Undoing touches only what is still as
the deed has left it: what somebody changed since then stays. Deleted rows come back as they were, with their ids and
their links; `sync/` is told by `rows_restored`.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils import timezone

from warmline.crm import book, deleted_rows
from warmline.crm.activities import Activity, Row
from warmline.crm.models import Contact
from warmline.crm.row_changes import ChangedMeanwhileError
from warmline.crm.signals import rows_restored
from warmline.crm.users import User

GOOD_FOR = timedelta(minutes=10)
MOST_ROWS = 5000  # that are kept of one piece of what is deleted, with all that belongs to them
MODELS: dict[str, type[Contact] | type[Activity]] = {"contact": Contact, "activity": Activity}


class CannotUndoError(Exception):
    """It was undone already, or is too long ago."""


class Deed(models.TextChoices):
    """What can be undone."""

    CHANGED = "changed", "fields of rows were changed"
    HANDED_OVER = "handed_over", "contacts were handed over"
    DELETED = "deleted", "rows were deleted"


class UndoStep(models.Model):
    """What it takes to undo something, or a piece of it.

    Attributes:
        group: The same for all pieces of one deed.
        user: Who did it, and alone may undo it.
        what: Of CHANGED rows: `kind`, and by id the fields `before` and `after`. Of HANDED_OVER contacts: whose they
            were, and whose they are. Of DELETED rows: the rows, what referred to them, and what became of them in
            Pipedrive meanwhile.
    """

    group = models.UUIDField()
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", db_index=False)
    deed = models.CharField(max_length=20, choices=Deed.choices)
    what = models.JSONField()
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [
            # What a user takes back; and what is kept for long enough.
            models.Index(fields=["user", "group"], name="undo_of_user"),
            models.Index(fields=["at"], name="undo_at"),
        ]

    def __str__(self) -> str:
        return f"{self.deed} {self.group}"


@dataclass(frozen=True)
class Undone:
    """What came of undoing.

    Attributes:
        deed: What was undone.
        kind: The table: "contact" or "activity".
        ids: The rows that are as they were.
        left: How many stayed as they are, because somebody changed them since.
    """

    deed: Deed
    kind: str
    ids: list[int]
    left: int


class Keeper:
    """Keeps what it takes to undo one deed.

    Attributes:
        user: Who does it.
        group: What `undo` is called with; None if nothing was kept.
    """

    def __init__(self, user: User) -> None:
        self.user = user
        self.group: UUID | None = None

    def changed(
        self,
        model: type[Row],
        before: Mapping[int, Mapping[str, Any]],
        after: Mapping[str, Any],
        *,
        goes_on: bool = False,
    ) -> None:
        """Keep what changed rows were before.

        Args:
            model: Their table.
            before: The values that were changed, by field, by the row's id.
            after: Their new values.
            goes_on: Whether this goes on with the user's latest change of the same, so that both are undone together.
        """
        kind = str(model._meta.model_name)  # noqa: SLF001 (documented as public)
        rows = [[pk, dict(values)] for pk, values in before.items()]
        if goes_on and (latest := UndoStep.objects.filter(user=self.user, deed=Deed.CHANGED).order_by("-pk").first()):
            is_same = [pk for pk, _ in latest.what["before"]] == list(before)
            if is_same and all(values == latest.what["after"] for values in before.values()):
                rows = latest.what["before"]
                latest.delete()
        if rows:
            self._keep(Deed.CHANGED, {"kind": kind, "before": rows, "after": dict(after)})

    def handed_over(self, to: User) -> Callable[[dict[int, int]], None]:
        """Return what keeps whose contacts were that are handed over to a colleague."""

        def keep(owners: dict[int, int]) -> None:
            if owners:
                self._keep(Deed.HANDED_OVER, {"owners": list(owners.items()), "to": to.pk})

        return keep

    def deleted(self, rows: models.QuerySet[Any]) -> None:
        """Keep rows that are about to be deleted, with all that is deleted with them."""
        ids = list(rows.values_list("pk", flat=True))
        every = deleted_rows.of(rows)
        if ids and len(every) <= MOST_ROWS:
            kind = str(rows.model._meta.model_name)  # noqa: SLF001 (documented as public)
            what = {"kind": kind, "ids": ids, "rows": every, "references": deleted_rows.references_to(rows)}
            self._keep(Deed.DELETED, {**what, "made_since": {}})

    def _keep(self, deed: Deed, what: dict[str, Any]) -> None:
        self.group = self.group or uuid4()
        outdated().delete()
        UndoStep.objects.create(group=self.group, user=self.user, deed=deed, what=what)


def undo(user: User, group: UUID) -> Undone:
    """Undo what a user has just done.

    Args:
        user: Who did it.
        group: The keeper's.

    Raises:
        CannotUndoError: When it was undone already, is too long ago, or was somebody else's.
    """
    undone: list[Undone] = []
    mine = UndoStep.objects.filter(user=user, group=group, at__gte=timezone.now() - GOOD_FOR)
    for pk in list(mine.order_by("pk").values_list("pk", flat=True)):
        with transaction.atomic():
            step = UndoStep.objects.select_for_update().filter(pk=pk).first()
            if step is not None:
                undone.append(_UNDO[Deed(step.deed)](user, step.what))
                step.delete()
    if not undone:
        raise CannotUndoError
    ids = [row_id for each in undone for row_id in each.ids]
    return Undone(undone[0].deed, undone[0].kind, ids, sum(each.left for each in undone))


def note_made_since(row: Contact | Activity, values: Mapping[str, Any]) -> bool:
    """Note that a record was made for a row that was deleted meanwhile; within the transaction that finds it gone.

    Args:
        row: As it was read before.
        values: The columns that say so; set if the row is restored.

    Returns:
        Whether the row is there again by now, and knows nothing of it.
    """
    name = deleted_rows.name_of(row)
    # Locked, so that whoever restores it at this moment is waited for.
    for step in UndoStep.objects.select_for_update().filter(deed=Deed.DELETED):
        if any(name == deleted_rows.name_in(each) for each in step.what["rows"]):
            step.what["made_since"][name] = dict(values)
            step.save(update_fields=["what"])
    return type(row)._default_manager.filter(pk=row.pk).exists()  # noqa: SLF001 (documented as public)


def forget_deleted() -> None:
    """Forget what was deleted: the records to which it is linked are another company's."""
    UndoStep.objects.filter(deed=Deed.DELETED).delete()


def outdated() -> models.QuerySet[UndoStep]:
    """Return what is too long ago to be undone; it holds what people wanted to be gone."""
    return UndoStep.objects.filter(at__lt=timezone.now() - GOOD_FOR).order_by()


def _change_back(user: User, what: dict[str, Any]) -> Undone:
    model, done, left = MODELS[what["kind"]], [], 0
    for pk, before in what["before"]:
        row = model.objects.seen_by(user).filter(pk=pk).first()
        if row is None:
            left += 1
            continue
        values = {name: deleted_rows.read(model, name, value) for name, value in before.items()}
        change: Any = book.change_contact if isinstance(row, Contact) else book.change_activity
        try:
            change(row, values, {name: what["after"][name] for name in before})
        except (ChangedMeanwhileError, ValidationError, model.DoesNotExist):
            left += 1
        else:
            done.append(pk)
    return Undone(Deed.CHANGED, what["kind"], done, left)


def _hand_back(_user: User, what: dict[str, Any]) -> Undone:
    owners: defaultdict[int, list[int]] = defaultdict(list)
    for pk, owner in what["owners"]:
        owners[owner].append(pk)
    done: list[int] = []
    for owner, ids in owners.items():
        rows = Contact.objects.filter(pk__in=ids, owner=what["to"])
        theirs = list(rows.values_list("pk", flat=True))
        with suppress(User.DoesNotExist):  # who has left gets nothing back
            book.hand_over(rows, User.objects.people().get(pk=owner))
            done += theirs
    return Undone(Deed.HANDED_OVER, "contact", done, len(what["owners"]) - len(done))


def _restore(user: User, what: dict[str, Any]) -> Undone:
    rows = deleted_rows.restored(what["rows"], what["made_since"], by=user)
    deleted_rows.refer_again(what.get("references", ()), rows)  # an earlier version kept none
    rows_restored.send(None, rows=rows)
    done = [row.pk for row in rows if isinstance(row, MODELS[what["kind"]]) and row.pk in what["ids"]]
    return Undone(Deed.DELETED, what["kind"], done, len(what["ids"]) - len(done))


_UNDO: dict[Deed, Callable[[User, dict[str, Any]], Undone]] = {
    Deed.CHANGED: _change_back,
    Deed.HANDED_OVER: _hand_back,
    Deed.DELETED: _restore,
}
