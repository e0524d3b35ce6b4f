"""What comes of bringing a row over: a record that is in line with it, or a link that turns out to be stale."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from warmline.crm.models import Contact, Organization
from warmline.sync.reconcile.three_way_merge import Values


class StaleLinkError(Exception):
    """What is to be made refers to a record that is gone.

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
        agreed: What the two sides hold now (see three_way_merge.py).
        revision: The row's revision that the record has; a newer one is wanted again.
        kept: Pipedrive's values that ours give way to.
        not_renamed: The record's name, which differed from ours before ours was changed; empty when it took ours.
        names: What values of these are called, where people know them by a name: Pipedrive's and ours.
        was_there: Whether it was not made by us.
        org_id: The organization that an adopted person has already.
    """

    record_id: int
    agreed: Mapping[str, Values]
    revision: int
    kept: Values = field(default_factory=dict)
    not_renamed: str = ""
    names: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    was_there: bool = False
    org_id: int | None = None
