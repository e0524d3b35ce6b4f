"""Finds the record of a linked row again: reads it, or follows it to where it went.

A record that was merged is found by a report of the merge, or by what it had. A report alone never links a row to
somebody else.
"""

from collections.abc import Callable
from copy import copy
from typing import TypeVar

from warmline.crm.activities import Activity, Row
from warmline.crm.models import Contact, Organization
from warmline.crm.name_agreement import agree
from warmline.pipedrive import Activity as PipedriveActivity
from warmline.pipedrive import NotFound, Person, Pipedrive
from warmline.pipedrive import Organization as PipedriveOrganization
from warmline.sync.pending import END_OF_TIME
from warmline.sync.reconcile import snapshots
from warmline.sync.reconcile.candidates import those_there
from warmline.sync.reconcile.match_decision import Found, Record
from warmline.sync.reconcile.matching import Finder
from warmline.sync.reported_changes import merged_into
from warmline.sync.retries import AmbiguousError

PartyRow = TypeVar("PartyRow", Contact, Organization)

# The error code and message of a linked row whose record was said to be gone; an attempt that does not find it either
# settles that. Pipedrive may answer 404 for a record that it has only just stored.
NOT_SHOWN = "not_shown"
NOT_SHOWN_TEXT = "Pipedrive does not show its record. It is looked for once more."


class DeletedThereError(Exception):
    """The record was deleted in Pipedrive, and it was not merged into one that can be found."""


class LinkedRecords:
    """Finds records, for one piece of work.

    Args:
        pipedrive: The client.
        finder: Finds a record again.
    """

    def __init__(self, pipedrive: Pipedrive, finder: Finder) -> None:
        self._pipedrive = pipedrive
        self._finder = finder

    def record_of(self, row: Row) -> Person | PipedriveOrganization | PipedriveActivity:
        """Return the record of a linked row, or the one that it was merged into or made anew as.

        Raises:
            DeletedThereError: When it is gone.
        """
        match row:
            case Contact():
                return self.person(row)
            case Organization():
                return self.organization(row)
        return self.activity(row)

    def person(self, contact: Contact) -> Person:
        """Return the contact's person, or the one that it was merged into and that has its e-mail now.

        Raises:
            DeletedThereError: When it is gone.
        """
        if there := those_there(self._pipedrive.person, {contact.pipedrive_person_id or 0}):
            return there[0]
        name = contact.pipedrive_agreed.get("theirs", {}).get("name", contact.name)
        said = self._said_to_be_merged(contact)
        return said or _followed(lambda: self._finder.person(_as_agreed(contact), also_called=[name]))

    def _said_to_be_merged(self, contact: Contact) -> Person | None:
        """Return the person that a report says ours was merged into, if that is there and has what ours had.

        A merge unites e-mails and phones. So a report alone never links a contact to somebody else.
        """
        said = merged_into("person", contact.pipedrive_person_id or 0)
        there = [] if said is None else those_there(self._pipedrive.person, {said})
        then = contact.pipedrive_agreed.get("theirs", {})
        for person in there:
            if snapshots.shares(person, then) or agree(person.name, then.get("name", contact.name), []):
                return person
        return None

    def organization(self, organization: Organization) -> PipedriveOrganization:
        """Return Pipedrive's organization, or the one that it was merged into and that has its name now.

        Raises:
            DeletedThereError: When it is gone.
        """
        if there := those_there(self._pipedrive.organization, {organization.pipedrive_org_id or 0}):
            return there[0]
        return _followed(lambda: self._finder.organization(_as_agreed(organization), END_OF_TIME))

    def activity(self, activity: Activity) -> PipedriveActivity:
        """Return the activity's record.

        Raises:
            DeletedThereError: When it is gone.
        """
        try:
            theirs = self._pipedrive.activity(activity.pipedrive_activity_id or 0)
        except NotFound:
            raise DeletedThereError from None
        if theirs.is_deleted:
            raise DeletedThereError
        return theirs


def _followed(find: Callable[[], Found[Record] | None]) -> Record:
    """Return the record into which a deleted one was merged.

    Raises:
        DeletedThereError: When there is none, or more than one that it could be; a user then has to try again.
    """
    try:
        found = find()
    except (AmbiguousError, NotFound):
        raise DeletedThereError from None
    if found is None:
        raise DeletedThereError
    return found.record


def _as_agreed(row: PartyRow) -> PartyRow:
    """Return a copy of a row with the e-mails and name that it last had in Pipedrive, to find its record again."""
    then = copy(row)
    then.next_pipedrive_sync_attempt = END_OF_TIME  # a look from before this moment does not show where the record went
    for name in ("name", "email", "emails"):
        if name in row.pipedrive_agreed.get("ours", {}):
            setattr(then, name, row.pipedrive_agreed["ours"][name])
    then.complete()
    return then
