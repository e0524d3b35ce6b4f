"""`ETag` and `If-Match`: a change that was made of an old state of a row is refused, and overwrites nobody's.

A tag is a digest of what PATCH can change, so the sync, which changes a row's state all the time, changes no tag. Tags
are compared as RFC 9110 has it for If-Match: a weak one (`W/"..."`) matches nothing.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from itertools import chain
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.http import parse_etags

from warmline.api import reading
from warmline.api.errors import RefusedError
from warmline.crm.activities import Activity, Row
from warmline.crm.emails_phones_columns import COLUMNS
from warmline.crm.models import Contact, Organization

RowType = TypeVar("RowType", Contact, Organization, Activity)

IF_MATCH = "If-Match"
FIELDS: dict[type[Row], tuple[str, ...]] = {
    Contact: ("name", *dict.fromkeys(chain(*COLUMNS.values())), "warmness_score", *Contact.DETAILS),
    Organization: ("name", *Organization.DETAILS),
    Activity: ("type", "subject", "note", "due_date", "due_time", "done"),
}


def tag(row: Row) -> str:
    """Return a row's tag, in quotes.

    Args:
        row: As it is stored; a contact with its organization, which a change of the contact can fill in.
    """
    values: list[Any] = [row.pk, *(getattr(row, name) for name in FIELDS[type(row)])]
    if isinstance(row, Contact) and row.organization is not None:
        values += [tag(row.organization)]
    return f'"{sha256(json.dumps(values, default=str).encode()).hexdigest()[:32]}"'


def tell(request: HttpRequest, row: Row) -> None:
    """Have the answer carry a row's tag.

    Args:
        request: Whose answer.
        row: See `tag`.
    """
    request.etag = tag(row)  # type: ignore[attr-defined]


@contextmanager
def matching(request: HttpRequest, rows: QuerySet[RowType], id: int) -> Iterator[RowType]:
    """Read a row and let the block change it; with `If-Match`, nobody else changes it between.

    Args:
        request: The call.
        rows: Those that the caller may see.
        id: Which one.

    Yields:
        The row.

    Raises:
        RefusedError: When there is none (404), or its tag is none of those in `If-Match` (412).
    """
    wanted = request.headers.get(IF_MATCH)
    if wanted is None:
        yield reading.one(rows, id)
        return
    with transaction.atomic():
        row = _locked(rows, id)
        tags = parse_etags(wanted)
        if tags != ["*"] and tag(row) not in tags:
            message = "This was changed since you read it. Read it again, then send your change with the new ETag."
            raise RefusedError(412, "changed", message, IF_MATCH)
        yield row


def _locked(rows: QuerySet[RowType], id: int) -> RowType:
    """Read a row that stays as it is until the transaction's end, and its organization with it."""
    model = rows.model
    # By itself: PostgreSQL locks no row that a join may leave out.
    locked = model._default_manager.select_for_update().filter(pk=id).first()  # noqa: SLF001 (documented as public)
    if isinstance(locked, Contact) and locked.organization_id is not None:
        Organization.objects.select_for_update().get(pk=locked.organization_id)
    return reading.one(rows, id)
