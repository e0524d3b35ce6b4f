"""Brings an edited row over: only what was changed here, and never over what was changed in Pipedrive meanwhile.

A new name goes over only to a record that had the old one: others may mean somebody else.

Each update begins with one get (1 token), which shows what Pipedrive holds now, whether an earlier update of ours was
done after all, and whether the record is there at all.
"""

from collections.abc import Callable, Mapping
from copy import copy
from typing import Any, TypeVar

from warmline.crm.keys import key
from warmline.crm.models import Activity, Contact, Organization
from warmline.crm.synced import Synced
from warmline.crm.users import User
from warmline.pipedrive import Activity as PipedriveActivity
from warmline.pipedrive import (
    ActivityChanges,
    Address,
    NotFound,
    OrganizationChanges,
    Person,
    PersonChanges,
    Pipedrive,
)
from warmline.pipedrive import Organization as PipedriveOrganization
from warmline.sync import values
from warmline.sync.changes import Merge, Values, grant, merge
from warmline.sync.intents import Sent
from warmline.sync.keys import update_key
from warmline.sync.links import NEVER
from warmline.sync.names import agree
from warmline.sync.outcomes import AmbiguousError
from warmline.sync.steps import Brought, Steps
from warmline.sync.which import Found, Record

PartyRow = TypeVar("PartyRow", Contact, Organization)


class DeletedThereError(Exception):
    """The record was deleted in Pipedrive, and nothing shows where it went."""


class Updates:
    """The updates, for one piece of work.

    Args:
        pipedrive: The client.
        steps: Find a record again, and know the account.
    """

    def __init__(self, pipedrive: Pipedrive, steps: Steps) -> None:
        self._pipedrive = pipedrive
        self._steps = steps

    def update_person(self, contact: Contact, organization_id: Callable[[], int | None]) -> Brought:
        """Bring a linked contact's changes over.

        Args:
            contact: The contact, linked.
            organization_id: Brings its organization to Pipedrive and returns its id.

        Returns:
            The link; to another person when the old one was merged.

        Raises:
            DeletedThereError: When the person is gone.
        """
        said = self._said_before(contact)
        person = self._person(contact)
        ours, theirs = values.of_contact(contact), values.of_person(person, contact)
        agreed = grant(contact.pipedrive_agreed, theirs, said)
        decided, then = merge(ours, theirs, agreed), agreed["ours"]
        send: dict[str, Any] = {}
        emails = [contact.email, *(each.value for each in person.emails)]
        not_renamed = _not_renamed(decided, agreed, person.name, lambda one, other: agree(one, other, emails))
        if "name" in decided.send:
            send["name"] = contact.name
        if "email" in decided.send:
            send["emails"] = values.with_email(person.emails, contact.email, then.get("email", ""))
        if "phone" in decided.send:
            send["phones"] = values.with_phone(person.phones, contact.phone, then.get("phone", ""))
        if "organization" in decided.send:
            send["org_id"] = organization_id()
        if send:
            person_id, changes = person.id, PersonChanges(**send)
            with self._steps.links_checked(contact.organization):
                person = self._send(contact, ours, lambda: self._pipedrive.update_person(person_id, changes))
        return Brought(
            person.id,
            values.agreed(ours, values.of_person(person, contact)),
            revision=contact.revision,
            kept=decided.keep,
            not_renamed=not_renamed,
        )

    def update_organization(self, organization: Organization, user: User | None) -> Brought:
        """Bring a linked organization's changes over.

        Args:
            organization: The organization, linked.
            user: Who is told when its sector finds no place; None for everyone.

        Raises:
            DeletedThereError: When it is gone.
        """
        said = self._said_before(organization)
        theirs = self._organization(organization)
        account = self._steps.account
        ours = values.of_our_organization(organization)
        their_values = values.of_their_organization(theirs, account.sector_of(theirs))
        agreed = grant(organization.pipedrive_agreed, their_values, said)
        decided, then = merge(ours, their_values, agreed), agreed["ours"]
        send: dict[str, Any] = {}
        not_renamed = _not_renamed(decided, agreed, theirs.name, lambda one, other: key(one) == key(other))
        if "name" in decided.send:
            send["name"] = organization.name
        if "country" in decided.send:
            send["address"] = _address(theirs, organization, then.get("country", ""))
        if "sector" in decided.send:
            industry, send["custom_fields"] = account.ensure_sector(organization.sector, user)
            if account.is_ours(theirs.industry, then.get("sector", "")):
                send["industry"] = industry
        if send:
            theirs_id, changes = theirs.id, OrganizationChanges(**send)
            theirs = self._send(organization, ours, lambda: self._pipedrive.update_organization(theirs_id, changes))
            their_values = values.of_their_organization(theirs, account.sector_of(theirs))
        return Brought(
            theirs.id,
            values.agreed(ours, their_values),
            revision=organization.revision,
            kept=decided.keep,
            not_renamed=not_renamed,
        )

    def update_activity(self, activity: Activity) -> Brought:
        """Bring the changes of an activity over that is in Pipedrive.

        Args:
            activity: The activity, linked, with its contact.

        Raises:
            DeletedThereError: When it is gone.
        """
        said = self._said_before(activity)
        theirs = self._activity(activity)
        new = self._steps.as_new(activity, theirs.person_id or 0)
        ours = values.of_our_activity(activity, self._steps.account.wished_type(activity))
        their_values = values.of_their_activity(theirs)
        decided = merge(ours, their_values, grant(activity.pipedrive_agreed, their_values, said))
        send: dict[str, Any] = {}
        for name in decided.send:
            if name == "due":
                send |= {"due_date": new.due_date, "due_time": new.due_time}
            else:
                send[name] = activity.note if name == "note" else getattr(new, name)
        if send:
            theirs_id, changes = theirs.id, ActivityChanges(**send)
            theirs = self._send(activity, ours, lambda: self._pipedrive.update_activity(theirs_id, changes))
        return Brought(
            theirs.id,
            values.agreed(ours, values.of_their_activity(theirs)),
            revision=activity.revision,
            kept=decided.keep,
        )

    def _said_before(self, row: Synced) -> Values:
        """Return what an earlier update said whose answer never came, once it cannot come to be any more.

        It would undo a later one: Pipedrive would hold the older value, and the row would be called synced.

        Raises:
            NotYetError: While it may.
        """
        what = update_key(row)
        said: dict[str, Any] = {}
        for intent in self._steps.intents.unfinished(what, what):
            self._steps.intents.wait_until_settled(intent)
            said |= intent.ours
        return said

    def _send(self, row: Synced, ours: Values, update: Callable[[], Record]) -> Record:
        what = update_key(row)
        return self._steps.intents.make(what, update, Sent(what, ours=ours))

    def _person(self, contact: Contact) -> Person:
        """Return the contact's person, or the one that it was merged into, who has its e-mail now."""
        try:
            person = self._pipedrive.person(contact.pipedrive_person_id or 0)
        except NotFound:
            person = None
        if person is None or person.is_deleted:
            there = contact.pipedrive_agreed.get("theirs", {}).get("name", contact.name)
            return _followed(lambda: self._steps.finder.person(_as_agreed(contact), also_called=[there]))
        return person

    def _organization(self, organization: Organization) -> PipedriveOrganization:
        try:
            theirs = self._pipedrive.organization(organization.pipedrive_org_id or 0)
        except NotFound:
            theirs = None
        if theirs is None or theirs.is_deleted:
            return _followed(lambda: self._steps.finder.organization(_as_agreed(organization), NEVER))
        return theirs

    def _activity(self, activity: Activity) -> PipedriveActivity:
        try:
            theirs = self._pipedrive.activity(activity.pipedrive_activity_id or 0)
        except NotFound:
            raise DeletedThereError from None
        if theirs.is_deleted:
            raise DeletedThereError
        return theirs


def _not_renamed(decided: Merge, agreed: Mapping[str, Values], named: str, are_one: Callable[[str, str], bool]) -> str:
    """Leave the names of a row and its record alone, if they were not one name before ours was changed.

    Args:
        decided: What follows of a change; the name is taken out of it.
        agreed: The two sides as they were.
        named: The record's name.
        are_one: Tells whether two names are one.

    Returns:
        The name that the record keeps; empty when this is no such case.
    """
    if "name" not in decided.send | decided.keep:
        return ""
    ours, theirs = (agreed[side].get("name", named) for side in ("ours", "theirs"))
    if are_one(ours, theirs):
        return ""
    for fields in (decided.send, decided.keep):
        fields.pop("name", None)
    return named


def _followed(find: Callable[[], Found[Record] | None]) -> Record:
    """Return the record into which a gone one was merged.

    Raises:
        DeletedThereError: When none, or more than one, can be meant; then a person has to try again, and to choose.
    """
    try:
        found = find()
    except (AmbiguousError, NotFound):
        raise DeletedThereError from None
    if found is None:
        raise DeletedThereError
    return found.record


def _as_agreed(row: PartyRow) -> PartyRow:
    """Return a row with the e-mail and name that it last had in Pipedrive, by which its record is found again."""
    then = copy(row)
    then.next_pipedrive_sync_attempt = NEVER  # no look from before this moment shows where the record went
    for name in ("name", "email"):
        if name in row.pipedrive_agreed.get("ours", {}):
            value = row.pipedrive_agreed["ours"][name]
            setattr(then, name, value)
            setattr(then, f"{name}_key", key(value))
    return then


def _address(theirs: PipedriveOrganization, organization: Organization, country_then: str) -> Address:
    """Return an address with our country; the line of text stays, unless it was our country and nothing more."""
    country, line = organization.country, theirs.address_value
    return Address(value=country if line in {"", country_then} else line, country=country)
