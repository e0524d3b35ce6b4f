"""What a user said that the columns of a file hold: remembered by their names, so that it is asked only once."""

import hashlib
import json
from collections.abc import Iterable, Sequence

from django.db import models

from warmline.crm.keys import key
from warmline.crm.users import User


class ColumnChoice(models.Model):
    """What the columns of a kind of file hold, as its owner chose it once.

    Attributes:
        headings: A hash of the columns' names, by which the next file of that kind is known.
        columns: What each of them holds.
    """

    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="column_choices", db_index=False)
    headings = models.CharField(max_length=64)
    columns = models.JSONField(default=list)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "headings"], name="column_choice_once")]

    def __str__(self) -> str:
        return ", ".join(filter(None, self.columns))


def remember(owner: User, names: Sequence[str], chosen: Sequence[str]) -> None:
    """Remember what columns hold.

    Args:
        owner: The user who said so.
        names: What the columns are called.
        chosen: What each of them holds.
    """
    ColumnChoice.objects.update_or_create(owner=owner, headings=_fingerprint(names), defaults={"columns": list(chosen)})


def remembered(owner: User, rows: Sequence[Sequence[str]]) -> tuple[int | None, list[str]]:
    """Return which of some rows has headings whose columns a user has chosen before, and what they hold.

    Args:
        owner: The user.
        rows: The cells of the first rows of a file.

    Returns:
        The row's index and what its columns hold; None and nothing if there is no such row.
    """
    prints = {_fingerprint(cells): index for index, cells in reversed(list(enumerate(rows)))}
    found = list(ColumnChoice.objects.filter(owner=owner, headings__in=prints))
    first = min(found, key=lambda choice: prints[choice.headings], default=None)
    return (prints[first.headings], first.columns) if first else (None, [])


def _fingerprint(cells: Sequence[str]) -> str:
    return hashlib.sha256(json.dumps([key(cell) for cell in cells]).encode()).hexdigest()


def filled(rows: Iterable[Sequence[str]], width: int) -> list[int]:
    """Return how many cells of each column are filled.

    Args:
        rows: The cells of the rows below the headings.
        width: How many columns there are.
    """
    counted = [0] * width
    for cells in rows:
        for index, cell in enumerate(cells[:width]):
            counted[index] += bool(cell.strip())
    return counted
