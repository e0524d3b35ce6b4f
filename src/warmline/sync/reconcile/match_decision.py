"""Decides which record in Pipedrive belongs to a contact or an organization; `matching.py` gathers the evidence.

Our own mark always decides, and so does a user's choice as long as the chosen record exists. A record found by e-mail
or name alone is adopted only if it is the only one and nothing contradicts it. Otherwise a user has to choose.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from warmline.crm.models import Contact, Organization
from warmline.pipedrive import Activity, Person
from warmline.pipedrive import Organization as PipedriveOrganization
from warmline.sync.intents import OVERLAP, Intents
from warmline.sync.models import Intent
from warmline.sync.reconcile.candidates import Party, Sought, There, bears, those_there
from warmline.sync.retries import AmbiguousError

Record = TypeVar("Record", Person, PipedriveOrganization, Activity)


@dataclass(frozen=True)
class Found(Generic[Record]):
    """A record that exists.

    Attributes:
        record: As Pipedrive returned it.
        intent: The row's own unfinished create that made it; None when that is not how it was made.
    """

    record: Record
    intent: Intent | None = None


@dataclass(frozen=True)
class Ways(Generic[Party]):
    """How the record of a row is recognized.

    Attributes:
        sought: What to look for.
        what, field: What the records are, such as "persons", and our field by which they are found.
        own: The row's own unfinished create.
        others: Unfinished creates of other rows with the same e-mail or name.
        since: Returns records that include the one that such a create made, if it made one.
        is_made: Tells whether a create with this body made a record.
        agrees: Tells whether nothing contradicts that a record is the row's.
        linked: The ids of records linked to other rows with the same e-mail or name.
        near: Those of them that are the row's record as well, judging by our names.
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
    """Return the record that belongs to a row; None when there is none.

    Args:
        row: A row that is not linked, or a copy as it was when its record was last seen.
        ways: How the record is recognized.
        there: Says which records exist.
        intents: Says when the outcome of an unfinished create is certain.

    Raises:
        AmbiguousError: When a user has to choose.
        NotYetError: When it is too early to say.
    """
    seen: dict[int, Party] = {}
    if ways.own is not None and (made := _made(ways.own, ways, intents, seen)) is not None:
        return Found(made, ways.own)
    chosen = row.pipedrive_chosen_id
    if chosen is not None and (still := those_there(ways.sought.get, {chosen})):
        return Found(still[0])
    if row.pipedrive_make_new:
        return _found(row, ways, there.marked(ways.sought)) or _come_since(row, ways, intents, seen)
    made_by_others = _made_by_others(ways, intents, seen)
    if chosen is None and (made_by_others or ways.near) and not there.knows_mark(ways.sought):
        # We have just made or linked these, and Pipedrive's search may not find them yet.
        of_others = _agreeing(ways, made_by_others, ways.near)
        if of_others is not None:
            return of_others
    ids = {record_id for record_id, each in seen.items() if ways.sought.is_named(each)}
    sought = replace(ways.sought, seen=ids | ways.linked | {each.id for each in made_by_others})
    # A user who chose one of several did not mean the one that is left.
    may_adopt = ways.agrees if chosen is None else _never
    is_first_look = ways.own is None and not ways.others and chosen is None
    found = there.found(
        sought, lambda some: _the_one(some, sought.mark, may_adopt) is not None, may_trust_reports=is_first_look
    )
    return _found(row, replace(ways, agrees=may_adopt), found)


def _come_since(
    row: Contact | Organization, ways: Ways[Party], intents: Intents, seen: dict[int, Party]
) -> Found[Party] | None:
    """Return the record that another row has got since a user had a new one made: it was not among those told apart."""
    apart = {each["pipedrive_id"] for each in row.pipedrive_candidates}
    made = [each for each in _made_by_others(ways, intents, seen) if each.id not in apart]
    return _agreeing(ways, made, ways.near - apart)


def _made_by_others(ways: Ways[Party], intents: Intents, seen: dict[int, Party]) -> list[Party]:
    """Return what unfinished creates of other rows made. See `_made`."""
    made = [_made(each, ways, intents, seen) for each in ways.others]
    return [each for each in made if each is not None]


def _agreeing(ways: Ways[Party], made: list[Party], near: frozenset[int]) -> Found[Party] | None:
    """Return the only one of other rows' records that is this row's as well, if there is only one.

    Args:
        ways: How the record is recognized.
        made: What unfinished creates of other rows made.
        near: The ids of records linked to other rows.
    """
    linked = those_there(ways.sought.get, near - {each.id for each in made})
    agreeing = list(filter(ways.agrees, made + linked))
    return Found(agreeing[0]) if len(agreeing) == 1 else None


def _made(intent: Intent, ways: Ways[Party], intents: Intents, seen: dict[int, Party]) -> Party | None:
    """Return what an unfinished create made; None when it is certain that it made nothing.

    Args:
        intent: The create.
        ways: How its record is recognized.
        intents: Says whether the outcome is certain.
        seen: The records seen on the way are added to it, by id.

    Raises:
        NotYetError: While the create may still happen. Nothing else is adopted before.
    """
    some = recent(ways.since(intent), intent)
    seen |= {each.id: each for each in some}
    made = next((each for each in some if ways.is_made(each, intent.body)), None)
    if made is None:
        intents.wait_until_settled(intent)
    return made


def recent(records: Iterable[Record], intent: Intent) -> list[Record]:
    """Return the records that exist and were not added before a create was sent."""
    since = intent.looked_for_since - OVERLAP
    return [each for each in records if not each.is_deleted and (each.add_time is None or each.add_time >= since)]


def _found(row: Contact | Organization, ways: Ways[Party], there: list[Party]) -> Found[Party] | None:
    """Return the one of these records that belongs to a row; None when there are no records.

    Raises:
        AmbiguousError: When a user has to choose.
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
    """Return the one record with our mark, else the only record if it agrees."""
    marked = [each for each in there if bears(each, mark)]
    if marked or len(there) != 1:
        return marked[0] if len(marked) == 1 else None
    return there[0] if agrees(there[0]) else None


def _never(_: object) -> bool:
    return False
