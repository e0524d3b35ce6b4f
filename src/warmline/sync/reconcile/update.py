"""Sends an edited row's changes: only what was changed here, and never over a change made in Pipedrive meanwhile.

A new name is sent only to a record that had the old one; a record with another name may be somebody else.

Each update begins with one get (1 token), which shows what Pipedrive has now, whether an earlier update of ours was
done after all, and whether the record still exists.
"""

from collections.abc import Callable, Iterable, Mapping
from copy import copy
from typing import Any, TypeVar

from django.db import transaction

from warmline.crm.activities import Activity, Row
from warmline.crm.keys import key
from warmline.crm.models import Contact, Organization
from warmline.crm.name_agreement import agree
from warmline.crm.users import User
from warmline.pipedrive import Activity as PipedriveActivity
from warmline.pipedrive import (
    ActivityChanges,
    NotFound,
    OrganizationChanges,
    Person,
    PersonChanges,
    Pipedrive,
)
from warmline.pipedrive import Organization as PipedriveOrganization
from warmline.sync.intents import Intents
from warmline.sync.lease_keys import update_key
from warmline.sync.models import Intent
from warmline.sync.pending import END_OF_TIME
from warmline.sync.reconcile import snapshots, update_fields
from warmline.sync.reconcile.candidates import those_there
from warmline.sync.reconcile.create import Steps
from warmline.sync.reconcile.match_decision import Found, Record
from warmline.sync.reconcile.outcome import Brought
from warmline.sync.reconcile.send_update import send_update
from warmline.sync.reconcile.shared_person import tell_the_others
from warmline.sync.reconcile.three_way_merge import Merge, Values, changed_there, grant, merge
from warmline.sync.reported_changes import merged_into
from warmline.sync.retries import AmbiguousError

PartyRow = TypeVar("PartyRow", Contact, Organization)


class DeletedThereError(Exception):
    """The record was deleted in Pipedrive, and it was not merged into one that can be found."""


class Updates:
    """Makes updates, for one piece of work.

    Args:
        pipedrive: The client.
        steps: Finds a record again, and knows what it refers to.
    """

    def __init__(self, pipedrive: Pipedrive, steps: Steps) -> None:
        self._pipedrive = pipedrive
        self._steps = steps

    def update_person(self, contact: Contact, organization_id: Callable[[], int | None]) -> Brought:
        """Send a linked contact's changes.

        Args:
            contact: The contact, linked.
            organization_id: Sends its organization to Pipedrive and returns its id there.

        Raises:
            DeletedThereError: When the person is gone, and was not merged into another one.
        """
        said = self._said_before(contact)
        person = self._person(contact)
        ours, words = snapshots.of_contact(contact), snapshots.words_of_contact(contact)
        others = _others(contact, person)
        theirs = snapshots.of_person(person, contact, *(each.ours for each in said), others=others)
        agreed = self._settled(contact, theirs, said)
        decided, then = merge(ours, theirs, agreed, words), agreed.get("ours", {})
        there = changed_there(ours, theirs, agreed, words, is_shared=others.are_there)
        names = self._names(contact, decided.keep)
        emails = [*(each.value for each in contact.emails), *(each.value for each in person.emails)]
        not_renamed = _not_renamed(decided, agreed, person.name, lambda one, other: agree(one, other, emails))
        send = update_fields.of_person(
            contact, decided.send, person, then=then, others=others, organization_id=organization_id
        )
        if send:
            person_id = person.id
            with self._steps.links_checked(contact.organization):
                then_there = snapshots.of_person(person.model_copy(update=send), contact, others=others)

                def update(fields: Mapping[str, Any]) -> Person:
                    return self._pipedrive.update_person(person_id, PersonChanges(**fields))

                person = send_update(
                    self._steps.intents, contact, update, ours=decided.send, then_there=then_there, fields=send
                )
        return Brought(
            person.id,
            snapshots.agreed(ours, snapshots.of_person(person, contact, others=others)),
            revision=contact.revision,
            kept=decided.keep,
            changed_there=there,
            not_renamed=not_renamed,
            names=names,
        )

    def update_organization(self, organization: Organization, user: User | None) -> Brought:
        """Send a linked organization's changes.

        Args:
            organization: The organization, linked.
            user: Who is notified if its sector cannot be stored in Pipedrive; None for everyone.

        Raises:
            DeletedThereError: When it is gone.
        """
        said = self._said_before(organization)
        theirs = self._organization(organization)
        references = self._steps.references
        ours = snapshots.of_our_organization(organization)
        their_values = snapshots.of_their_organization(theirs, references.sector_of(theirs))
        agreed = self._settled(organization, their_values, said)
        decided, then = merge(ours, their_values, agreed), agreed.get("ours", {})
        there = changed_there(ours, their_values, agreed)
        not_renamed = _not_renamed(decided, agreed, theirs.name, lambda one, other: key(one) == key(other))
        send = update_fields.of_organization(
            organization, decided.send, theirs, then=then, references=references, user=user
        )
        if send:
            custom_fields = {**theirs.custom_fields, **send.get("custom_fields", {})}
            expected = theirs.model_copy(update={**send, "custom_fields": custom_fields})
            then_there = snapshots.of_their_organization(expected, references.sector_of(expected))
            org_id = theirs.id

            def update(fields: Mapping[str, Any]) -> PipedriveOrganization:
                return self._pipedrive.update_organization(org_id, OrganizationChanges(**fields))

            theirs = send_update(
                self._steps.intents, organization, update, ours=decided.send, then_there=then_there, fields=send
            )
            their_values = snapshots.of_their_organization(theirs, references.sector_of(theirs))
        return Brought(
            theirs.id,
            snapshots.agreed(ours, their_values),
            revision=organization.revision,
            kept=decided.keep,
            changed_there=there,
            not_renamed=not_renamed,
        )

    def update_activity(self, activity: Activity) -> Brought:
        """Send a linked activity's changes.

        Args:
            activity: The activity, linked, with its contact.

        Raises:
            DeletedThereError: When it is gone.
        """
        said = self._said_before(activity)
        theirs = self._activity(activity)
        new = self._steps.as_new(activity, theirs.person_id or 0)
        wished = self._steps.references.wished_type(activity)
        ours, words = snapshots.of_our_activity(activity, wished), snapshots.words_of_activity(activity, wished)
        their_values = snapshots.of_their_activity(theirs)
        agreed = self._settled(activity, their_values, said)
        decided, there = merge(ours, their_values, agreed, words), changed_there(ours, their_values, agreed, words)
        send = update_fields.of_activity(activity, decided.send, theirs, new=new)
        if send:
            then_there = snapshots.of_their_activity(theirs.model_copy(update=send))
            activity_id = theirs.id

            def update(fields: Mapping[str, Any]) -> PipedriveActivity:
                return self._pipedrive.update_activity(activity_id, ActivityChanges(**fields))

            theirs = send_update(
                self._steps.intents, activity, update, ours=decided.send, then_there=then_there, fields=send
            )
        return Brought(
            theirs.id,
            snapshots.agreed(ours, snapshots.of_their_activity(theirs)),
            revision=activity.revision,
            kept=decided.keep,
            changed_there=there,
        )

    def record_of(self, row: Row) -> Person | PipedriveOrganization | PipedriveActivity:
        """Return the record of a linked row, or the one that it was merged into or made anew as.

        Raises:
            DeletedThereError: When it is gone.
        """
        match row:
            case Contact():
                return self._person(row)
            case Organization():
                return self._organization(row)
        return self._activity(row)

    def _said_before(self, row: Row) -> list[Intent]:
        """Return the earlier updates whose responses were lost, when they cannot happen any more.

        One that happened after a later update would undo it: Pipedrive would have the older value, and the row would be
        called synced.

        Raises:
            NotYetError: While one of them may still happen.
        """
        what = update_key(row)
        said = self._steps.intents.unfinished(what, what)
        for intent in said:
            self._steps.intents.wait_until_settled(intent)
        return said

    @staticmethod
    def _settled(row: Row, theirs: Values, said: Iterable[Intent]) -> Mapping[str, Values]:
        """Return the agreed snapshots, including what a read has shown of updates whose responses were lost.

        They are stored at once, because the next update's intent replaces the one before. If the next update then came
        to nothing, what the one before did would look like a colleague's change.

        Args:
            row: The row, as read.
            theirs: Pipedrive's side, read when none of the updates could happen any more.
            said: The updates.
        """
        agreed: Mapping[str, Values] = row.pipedrive_agreed
        for intent in said:
            agreed = grant(agreed, theirs, intent.ours, intent.body)
        if agreed is not row.pipedrive_agreed:
            before, row.pipedrive_agreed = row.pipedrive_agreed, agreed
            with transaction.atomic():
                if isinstance(row, Contact) and row.pipedrive_person_id is not None:
                    tell_the_others(row, row.pipedrive_person_id, before, agreed)
                type(row)._default_manager.filter(pk=row.pk).update(pipedrive_agreed=agreed)  # noqa: SLF001 (documented)
                Intents.end(update_key(row))
        return agreed

    def _names(self, contact: Contact, kept: Values) -> dict[str, tuple[str, str]]:
        """Return the names of the organizations in a conflict, Pipedrive's and ours: ids mean nothing to people."""
        if "organization" not in kept:
            return {}
        ours = contact.organization.name if contact.organization else ""
        record_id = kept["organization"]
        if record_id is None:
            return {"organization": ("", ours)}
        known = Organization.objects.filter(pipedrive_org_id=record_id).first()
        there = [known] if known else those_there(self._pipedrive.organization, {record_id})
        return {"organization": (there[0].name if there else f"organization {record_id}", ours)}

    def _person(self, contact: Contact) -> Person:
        """Return the contact's person, or the one that it was merged into and that has its e-mail now."""
        try:
            person = self._pipedrive.person(contact.pipedrive_person_id or 0)
        except NotFound:
            person = None
        if person is None or person.is_deleted:
            there = contact.pipedrive_agreed.get("theirs", {}).get("name", contact.name)
            said = self._said_to_be_merged(contact)
            return said or _followed(lambda: self._steps.finder.person(_as_agreed(contact), also_called=[there]))
        return person

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

    def _organization(self, organization: Organization) -> PipedriveOrganization:
        try:
            theirs = self._pipedrive.organization(organization.pipedrive_org_id or 0)
        except NotFound:
            theirs = None
        if theirs is None or theirs.is_deleted:
            return _followed(lambda: self._steps.finder.organization(_as_agreed(organization), END_OF_TIME))
        return theirs

    def _activity(self, activity: Activity) -> PipedriveActivity:
        try:
            theirs = self._pipedrive.activity(activity.pipedrive_activity_id or 0)
        except NotFound:
            raise DeletedThereError from None
        if theirs.is_deleted:
            raise DeletedThereError
        return theirs


def _others(contact: Contact, person: Person) -> snapshots.Others:
    """Return e-mails and phones of the other contacts that are linked to this person."""
    return snapshots.others_of(contact, Contact.objects.filter(pipedrive_person_id=person.id))


def _not_renamed(decided: Merge, agreed: Mapping[str, Values], named: str, are_one: Callable[[str, str], bool]) -> str:
    """Leave the record's name alone if it differed from ours already before ours was changed.

    Args:
        decided: What the merge decided; the name is then removed from it.
        agreed: The agreed snapshots.
        named: The record's name now.
        are_one: Tells whether two names mean the same.

    Returns:
        The name that the record keeps; empty when the names did not differ.
    """
    if "name" not in decided.send | decided.keep:
        return ""
    ours, theirs = (agreed.get(side, {}).get("name", named) for side in ("ours", "theirs"))
    if are_one(ours, theirs):
        return ""
    for fields in (decided.send, decided.keep):
        fields.pop("name", None)
    return named


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
