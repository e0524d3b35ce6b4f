"""Pages of a list and the opaque cursor that leads from one to the next, the same for records, searches and fields.

A cursor holds the place of the last row seen, not a count: rows made or deleted in between shift nothing.
"""

import base64
import json
from collections.abc import Callable
from typing import Any

from warmline.sandbox import queries
from warmline.sandbox.answers import Json, invalid

Place = Callable[[Json], list[Any]]


def cut(
    rows: list[Json], asked: queries.Page, place: Place, *, descending: bool = False
) -> tuple[list[Json], str | None]:
    """Sort rows and return the page after the cursor, with the cursor of the next page (none at the end).

    Args:
        rows: Everything that matches.
        asked: Limit and cursor.
        place: Gives a row's place: a list that sorts, and is never the same for two rows.
        descending: Whether the largest place comes first.

    Raises:
        Refused: The cursor is not one of this list.
    """
    rows = sorted(rows, key=place, reverse=descending)
    if asked.cursor:
        rows = _after(rows, asked.cursor, place, descending=descending)
    page = rows[: asked.limit]
    return page, _cursor(place(page[-1])) if len(rows) > asked.limit else None


def _after(rows: list[Json], cursor: str, place: Place, *, descending: bool) -> list[Json]:
    try:
        last = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return [row for row in rows if (place(row) < last if descending else place(row) > last)]
    except (ValueError, TypeError):
        raise invalid("cursor", "is not a cursor of this list") from None


def _cursor(place: list[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")
