"""Reads a list's records one by one, so that one that cannot be read does not make the others unavailable.

The caller still has to know about such a record, because it may be the very one that is looked for. So its id is kept,
and every text in it, from which the caller can tell whose record it may be.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from warmline.pipedrive import error_responses
from warmline.pipedrive.error_responses import Call
from warmline.pipedrive.errors import PipedriveError
from warmline.pipedrive.record_bases import LARGEST_ID

log = logging.getLogger(__name__)

Listed = TypeVar("Listed", bound=BaseModel)

LONGEST_TEXT = 500  # characters: nothing longer is ever looked for


@dataclass(frozen=True)
class Unreadable:
    """A record that cannot be read.

    Attributes:
        id: Its id; None when not even that can be read.
        texts: Every text in it; none when it is marked as deleted.
        why: Which of its fields cannot be read, without their values.
    """

    id: int | None
    texts: frozenset[str]
    why: str


@dataclass(frozen=True)
class Page(Generic[Listed]):
    """One page of a list.

    Attributes:
        records: At most 500.
        next_cursor: Where the next page begins; None at the end.
        unreadable: The records of the page that cannot be read.
    """

    records: list[Listed]
    next_cursor: str | None
    unreadable: tuple[Unreadable, ...] = ()


def records(
    call: Call, model: type[Listed], rows: Iterable[Any], unreadable: list[Unreadable] | None = None
) -> list[Listed]:
    """Return the records of a list.

    Args:
        call: The call made.
        model: The records' class.
        rows: Their JSON objects.
        unreadable: A list to which those that cannot be read are added; None if that is to be an error.

    Raises:
        PipedriveError: A record cannot be read, and `unreadable` is None.
    """
    read = []
    for row in rows:
        try:
            read.append(error_responses.record(call, model, row))
        except PipedriveError as error:
            if unreadable is None:
                raise
            unreadable.append(_unreadable(row, error.message))
    return read


def readable(call: Call, model: type[Listed], rows: Iterable[Any]) -> list[Listed]:
    """Return the items of a list of the account's own, such as users or fields, that can be read; log the others.

    Args:
        call: The call made.
        model: The items' class.
        rows: Their JSON objects.

    Raises:
        PipedriveError: Not one of them can be read: then the list itself is not as we know it.
    """
    unreadable: list[Unreadable] = []
    rows = list(rows)
    read = records(call, model, rows, unreadable)
    if rows and not read:
        return records(call, model, rows)
    if unreadable:
        log.warning("pipedrive.unreadable call=%s items=%s why=%s", call, len(unreadable), unreadable[0].why)
    return read


def _unreadable(row: Any, why: str) -> Unreadable:
    said = row if isinstance(row, Mapping) else {}
    texts = () if said.get("is_deleted") is True else _texts(row)
    return Unreadable(_id(said.get("id")), frozenset(texts), why)


def _id(said: Any) -> int | None:
    """Return an id, if it can be one."""
    text = str(said)
    return int(text) if text.isdecimal() and len(text) < len(str(LARGEST_ID)) else None


def _texts(data: Any) -> Iterator[str]:
    """Yield every text in a JSON value, however deeply nested."""
    waiting = [data]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str) and len(each) <= LONGEST_TEXT:
            yield each
        elif isinstance(each, Mapping):
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each
