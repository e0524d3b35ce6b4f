"""What a person decides of an import that waits: which row names the columns, what they hold, who is somebody else."""

from collections.abc import Sequence

from django.db import transaction
from django.db.models import Q

from warmline.crm.imports import column_choices, headings, profiles
from warmline.crm.imports.runs import WAITING, ImportRun, RowResult, Status, set_to_work


def point_at(run: ImportRun, heading: int) -> None:
    """Say which row of a run names the columns; what they hold is matched anew.

    Args:
        run: One that is not being imported, nor was.
        heading: The number of the row.
    """
    with transaction.atomic():
        row = run.rows.filter(number=heading).first()
        waiting = ImportRun.objects.select_for_update().filter(pk=run.pk, status__in=[*WAITING, Status.CHECKING])
        if row is None or not waiting.exists():
            return
        chosen = [str(kind) for kind in headings.kinds(row.cells)]
        run.rows.filter(is_heading=True).update(is_heading=False, result=RowResult.UNKNOWN)
        run.rows.filter(pk=row.pk).update(is_heading=True)
        below = run.rows.filter(number__gt=heading).values_list("cells", flat=True)
        run.columns, run.has_headings, run.status = chosen, True, Status.MATCHING
        run.filled, run.profile = column_choices.filled(below, len(chosen)), profiles.of(row.cells)
        run.holder, run.held_until = "", None
        run.save(update_fields=["columns", "has_headings", "status", "filled", "profile", "holder", "held_until"])


def choose(run: ImportRun, chosen: Sequence[str], *, heading: int | None) -> None:
    """Say what the columns of a run hold, and have it checked. What was chosen is remembered by the columns' names.

    Args:
        run: One that is not being imported, nor was.
        chosen: What each column holds; without a problem (see columns.py).
        heading: The number of the row that names the columns; None when none does.
    """
    with transaction.atomic():
        waiting = ImportRun.objects.filter(pk=run.pk, status__in=[*WAITING, Status.CHECKING])
        if not waiting.update(columns=list(chosen), has_headings=heading is not None):
            return
        # What was found out of the other rows by now, the worker forgets before it begins.
        run.rows.filter(Q(is_heading=True) | Q(number=heading or 0)).update(result=RowResult.UNKNOWN, is_heading=False)
        run.rows.filter(number=heading or 0).update(is_heading=True)
        names = run.rows.filter(is_heading=True).values_list("cells", flat=True).first()
        if names:
            column_choices.remember(run.owner, names, chosen)
        set_to_work(run, Status.CHECKING)


def add_as_another(run: ImportRun, row_id: int | None) -> int:
    """Decide that rows like a known contact, with another phone, are somebody else, who is added.

    Args:
        run: One that is checked.
        row_id: Which row; None for all of them.

    Returns:
        How many rows that were.
    """
    rows = run.contacts.filter(result=RowResult.DIFFERS, run__status=Status.CHECKED)
    one = rows if row_id is None else rows.filter(pk=row_id)
    return one.update(result=RowResult.NEW, is_another=True)
