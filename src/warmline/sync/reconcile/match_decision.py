"""Decides which record in Pipedrive a contact or an organization is; `matching.py` says by what it is recognized.

Our own mark is always believed, and so is what a person decided, as long as what was chosen is there. What is found by
e-mail or name alone is adopted only if there is one, and nothing speaks against it; else a person decides.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from warmline.crm.models import Contact, Organization
from warmline.pipedrive import Activity, Person
from warmline.pipedrive import Organization as PipedriveOrganization
from warmline.sync.failures import AmbiguousError
from warmline.sync.intents import OVERLAP, Intents
from warmline.sync.models import Intent
from warmline.sync.reconcile.candidates import Party, Sought, There, bears, those_there

Record = TypeVar("Record", Person, PipedriveOrganization, Activity)


@dataclass(frozen=True)
class Found(Generic[Record]):
    """A record that is there.

    Attributes:
        record: As Pipedrive answered it.
        intent: The row's own unfinished create that made it; None when it was there otherwise.
    """

    record: Record
    intent: Intent | None = None


@dataclass(frozen=True)
class Ways(Generic[Party]):
    """By what the record of a row is recognized.

    Attributes:
        sought: What to look for.
        what, field: What the records are, such as "persons", and the field of ours by which they are found.
        own: The row's own unfinished create.
        others: Unfinished creates of other rows, which would be found by the same.
        since: Returns what such a create may have made, among others.
        is_made: Tells whether a record is what a create with this body made.
        agrees: Tells whether nothing speaks against a record's being the row's.
        linked: The records of other rows that would be found by the same.
        near: Those of them that are the row's as well, as far as the names here tell.
    """

    sought: Sought[Party]
    what: str
    field: str
    own: Intent | None
    others: Sequence[Intent]
    since: Callable[[Intent], Sequence[Party]]
    is_made: Callable[[Party, Mapping[str, Any]], bool]
    agrees: Callable[[Party], bool]
    linked: frozenset[int] = frozenset()
    near: frozenset[int] = frozenset()


def which(row: Contact | Organization, ways: Ways[Party], there: There, intents: Intents) -> Found[Party] | None:
    """Return the record that a row is; None when there is none.

    Args:
        row: One that is not linked, or as it was when its record was last seen.
        ways: By what the record is recognized.
        there: Tells what is there.
        intents: Tell when an unfinished create is settled.

    Raises:
        AmbiguousError: When a person has to decide.
        NotYetError: When it is too early to tell.
    """
    seen: dict[int, Party] = {}
    if ways.own is not None and (made := _made(ways.own, ways, intents, seen)) is not None:
        return Found(made, ways.own)
    chosen = row.pipedrive_chosen_id
    if chosen is not None and (still := those_there(ways.sought.get, {chosen})):
        return Found(still[0])
    if row.pipedrive_make_new:
        return _found(row, ways, there.marked(ways.sought))
    of_others = [_made(each, ways, intents, seen) for each in ways.others]
    made_by_others: list[Party] = [each for each in of_others if each is not None]
    if chosen is None and (made_by_others or ways.near) and not there.knows_mark(ways.sought):
        # Without these, the look would depend on how soon Pipedrive's search finds what we have just made.
        near = those_there(ways.sought.get, ways.near - {each.id for each in made_by_others})
        agreeing = list(filter(ways.agrees, made_by_others + near))
        if len(agreeing) == 1:
            return Found(agreeing[0])
    ids = {record_id for record_id, each in seen.items() if ways.sought.is_named(each)}
    sought = replace(ways.sought, seen=ids | ways.linked | {each.id for each in made_by_others})
    may_adopt = ways.agrees if chosen is None else _never  # who chose one of several did not mean the one that is left
    found = there.found(sought, lambda some: _the_one(some, sought.mark, may_adopt) is not None)
    return _found(row, replace(ways, agrees=may_adopt), found)


def _made(intent: Intent, ways: Ways[Party], intents: Intents, seen: dict[int, Party]) -> Party | None:
    """Return what an unfinished create made; None when it is sure that it made nothing.

    Args:
        intent: The create.
        ways: By what it is recognized.
        intents: Tell whether it is sure.
        seen: Gets the records that are seen on the way.

    Raises:
        NotYetError: While it may still come to be. Nothing else is adopted before.
    """
    some = recent(ways.since(intent), intent)
    seen |= {each.id: each for each in some}
    made = next((each for each in some if ways.is_made(each, intent.body)), None)
    if made is None:
        intents.wait_until_settled(intent)
    return made


def recent(records: Iterable[Record], intent: Intent) -> list[Record]:
    """Return the records that are there and were not added before a create was sent."""
    since = intent.sent_at - OVERLAP
    return [each for each in records if not each.is_deleted and (each.add_time is None or each.add_time >= since)]


def _found(row: Contact | Organization, ways: Ways[Party], there: list[Party]) -> Found[Party] | None:
    """Return the one of some records that a row is; None when there are none.

    Raises:
        AmbiguousError: When a person has to decide.
    """
    one = _the_one(there, ways.sought.mark, ways.agrees)
    if one is None and there:
        raise AmbiguousError(
            ways.what,
            ways.field,
            [{"pipedrive_id": each.id, "name": each.name} for each in there],
            ours=row.name,
            chosen_is_gone=row.pipedrive_chosen_id is not None,
        )
    return None if one is None else Found(one)


def _the_one(there: Sequence[Party], mark: str, agrees: Callable[[Party], bool]) -> Party | None:
    """Return the one record that bears our mark, else the only one if it agrees."""
    marked = [each for each in there if bears(each, mark)]
    if marked or len(there) != 1:
        return marked[0] if len(marked) == 1 else None
    return there[0] if agrees(there[0]) else None


def _never(_: object) -> bool:
    return False
