"""The outcomes of reconciling a row: a record that is in line with it, or a link to a record that is gone."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from warmline.crm.models import Contact, Organization
from warmline.pipedrive import Organization as PipedriveOrganization
from warmline.pipedrive import Person
from warmline.sync.reconcile.three_way_merge import Values


class StaleLinkError(Exception):
    """A record cannot be created because one that it refers to is gone.

    Args:
        row: The row that is linked to it.
    """

    def __init__(self, row: Contact | Organization) -> None:
        super().__init__("A record that this one belongs to is gone in Pipedrive.")
        self.row = row


@dataclass(frozen=True)
class Brought:
    """A row whose record is in line with it.

    Attributes:
        record_id: The record's id.
        agreed: The agreed snapshots (see three_way_merge.py).
        revision: The row's revision that the record has; a row with a newer one is pending again.
        kept: Pipedrive's values that replace ours, by field.
        changed_there: Pipedrive's values that were changed only there, by field.
        here: What some of these mean here, by field: the organization, or the type.
        noticed: Fields of these that cannot be said in our terms, so that people have to decide.
        not_renamed: The record's name, if it differed from ours already before ours was changed; else empty.
        names: Of details, and of values that people know by a name and not by an id: what Pipedrive has and what was
            here, by field.
        was_there: Whether the record existed already and was not created by us.
        org_id: The organization that an adopted person has already.
        sent_at: When its create was sent; None if it was not created just now.
        record: The record as Pipedrive returned it last; None if nobody needs it.
    """

    record_id: int
    agreed: Mapping[str, Values]
    revision: int
    kept: Values = field(default_factory=dict)
    changed_there: Values = field(default_factory=dict)
    here: Mapping[str, Any] = field(default_factory=dict)
    noticed: frozenset[str] = frozenset()
    not_renamed: str = ""
    names: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    was_there: bool = False
    org_id: int | None = None
    sent_at: datetime | None = None
    record: Person | PipedriveOrganization | None = None
