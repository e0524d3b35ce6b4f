"""Brings an edited row over: only what was changed here, and never over what was changed in Pipedrive meanwhile.

Each update begins with one get (1 token), which shows what Pipedrive holds now, whether an earlier update of ours was
done after all, and whether the record is there at all. Updates can be repeated, so they need no intents.
"""

from collections.abc import Callable
from typing import Any

from warmline.crm.models import Activity, Contact, Organization, User
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
from warmline.sync.changes import merge
from warmline.sync.finder import Found, Record
from warmline.sync.outcomes import AmbiguousError
from warmline.sync.steps import Brought, Steps


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
        person = self._person(contact)
        ours, theirs = values.of_contact(contact), values.of_person(person, contact)
        decided = merge(ours, theirs, contact.pipedrive_agreed)
        then = contact.pipedrive_agreed.get("ours", {})
        send: dict[str, Any] = {}
        if "name" in decided.send:
            send["name"] = contact.name
        if "email" in decided.send:
            send["emails"] = values.with_email(person.emails, contact.email, then.get("email", ""))
        if "phone" in decided.send:
            send["phones"] = values.with_phone(person.phones, contact.phone, then.get("phone", ""))
        if "organization" in decided.send:
            send["org_id"] = organization_id()
        if send:
            person = self._pipedrive.update_person(person.id, PersonChanges(**send))
        return Brought(
            person.id,
            values.agreed(ours, values.of_person(person, contact)),
            revision=contact.revision,
            kept=decided.keep,
        )

    def update_organization(self, organization: Organization, user: User | None) -> Brought:
        """Bring a linked organization's changes over.

        Args:
            organization: The organization, linked.
            user: Who is told when its sector finds no place; None for everyone.

        Raises:
            DeletedThereError: When it is gone.
        """
        theirs = self._organization(organization)
        account = self._steps.account
        ours = values.of_our_organization(organization)
        their_values = values.of_their_organization(theirs, account.sector_of(theirs))
        decided = merge(ours, their_values, organization.pipedrive_agreed)
        send: dict[str, Any] = {}
        if "name" in decided.send:
            send["name"] = organization.name
        if "country" in decided.send:
            send["address"] = Address(value=organization.country, country=organization.country)
        if "sector" in decided.send:
            send["industry"], send["custom_fields"] = account.ensure_sector(organization.sector, user)
        if send:
            theirs = self._pipedrive.update_organization(theirs.id, OrganizationChanges(**send))
            their_values = values.of_their_organization(theirs, account.sector_of(theirs))
        return Brought(theirs.id, values.agreed(ours, their_values), revision=organization.revision, kept=decided.keep)

    def update_activity(self, activity: Activity) -> Brought:
        """Bring the changes of an activity over that is in Pipedrive.

        Args:
            activity: The activity, linked, with its contact.

        Raises:
            DeletedThereError: When it is gone.
        """
        theirs = self._activity(activity)
        new = self._steps.as_new(activity, theirs.person_id or 0)
        ours, their_values = values.of_our_activity(new), values.of_their_activity(theirs)
        decided = merge(ours, their_values, activity.pipedrive_agreed)
        send = {name: getattr(new, name) for name in decided.send}
        if "note" in send:
            send["note"] = activity.note
        # A date and its time are one moment: in UTC the one may change because of the other.
        if {"due_date", "due_time"} & send.keys():
            send |= {"due_date": new.due_date, "due_time": new.due_time}
        if send:
            theirs = self._pipedrive.update_activity(theirs.id, ActivityChanges(**send))
        return Brought(
            theirs.id,
            values.agreed(ours, values.of_their_activity(theirs)),
            revision=activity.revision,
            kept=decided.keep,
        )

    def _person(self, contact: Contact) -> Person:
        """Return the contact's person, or the one that it was merged into, who has its e-mail now."""
        try:
            person = self._pipedrive.person(contact.pipedrive_person_id or 0)
        except NotFound:
            person = None
        if person is None or person.is_deleted:
            return _followed(lambda: self._steps.finder.person(contact))
        return person

    def _organization(self, organization: Organization) -> PipedriveOrganization:
        try:
            theirs = self._pipedrive.organization(organization.pipedrive_org_id or 0)
        except NotFound:
            theirs = None
        if theirs is None or theirs.is_deleted:
            return _followed(lambda: self._steps.finder.organization(organization))
        return theirs

    def _activity(self, activity: Activity) -> PipedriveActivity:
        try:
            theirs = self._pipedrive.activity(activity.pipedrive_activity_id or 0)
        except NotFound:
            raise DeletedThereError from None
        if theirs.is_deleted:
            raise DeletedThereError
        return theirs


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
