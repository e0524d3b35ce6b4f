"""Sends an edited row's changes: only what was changed here, and never over a change made in Pipedrive meanwhile.

A new name is sent only to a record that had the old one; a record with another name may be somebody else.

Each update begins with one get (1 token), which shows what Pipedrive has now, whether an earlier update of ours was
done after all, and whether the record still exists. Where many records changed at once, a list has shown that already.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.db import transaction

from warmline.crm.activities import Activity, Row
from warmline.crm.keys import key
from warmline.crm.models import Contact, Organization
from warmline.crm.name_agreement import agree
from warmline.crm.users import User
from warmline.pipedrive import Activity as PipedriveActivity
from warmline.pipedrive import (
    ActivityChanges,
    OrganizationChanges,
    Person,
    PersonChanges,
    Pipedrive,
    Rejected,
)
from warmline.pipedrive import Organization as PipedriveOrganization
from warmline.sync.intents import Intents
from warmline.sync.lease_keys import update_key
from warmline.sync.models import Intent
from warmline.sync.reconcile import changed_org_or_type, read_ahead, snapshots, update_fields
from warmline.sync.reconcile.candidates import those_there
from warmline.sync.reconcile.create import Steps
from warmline.sync.reconcile.merged_or_deleted_there import LinkedRecords
from warmline.sync.reconcile.outcome import Brought
from warmline.sync.reconcile.refused_references import links_checked
from warmline.sync.reconcile.send_update import send_update
from warmline.sync.reconcile.shared_person import tell_the_others
from warmline.sync.reconcile.three_way_merge import Merge, Values, changed_there, grant, merge
from warmline.sync.synced_fields import Chosen, is_detail


class Updates:
    """Makes updates, for one piece of work.

    Args:
        pipedrive: The client.
        steps: Knows what a record refers to.
    """

    def __init__(self, pipedrive: Pipedrive, steps: Steps) -> None:
        self._pipedrive = pipedrive
        self._steps = steps
        self._records = LinkedRecords(pipedrive, steps.finder)
        self._moves = changed_org_or_type.Moves(pipedrive, steps)

    def update_person(self, contact: Contact, organization_id: Callable[[], int | None]) -> Brought:
        """Send a linked contact's changes.

        Args:
            contact: The contact, linked.
            organization_id: Sends its organization to Pipedrive and returns its id there.

        Raises:
            DeletedThereError: When the person is gone, and was not merged into another one.
        """
        try:
            return self._update_person(contact, organization_id)
        except Rejected:
            # The field of a detail may have been deleted in Pipedrive, which is no reason to hold back the rest.
            if not self._steps.references.may_have_changed():
                raise
        return self._update_person(contact, organization_id)

    def _update_person(self, contact: Contact, organization_id: Callable[[], int | None]) -> Brought:
        said = self._said_before(contact)
        person = read_ahead.take(contact, self._steps.clock.now()) or self._records.person(contact)
        references = self._steps.references
        chosen = references.with_options_for(contact, references.details_of(contact, person))
        ours, others = snapshots.of_contact(contact, chosen), _others(contact, person)
        theirs = snapshots.of_person(person, contact, *(each.ours for each in said), others=others, chosen=chosen)
        agreed = self._settled(contact, theirs, said)
        words = snapshots.words_of_contact(contact, chosen)
        decided, then = merge(ours, theirs, agreed, words), agreed.get("ours", {})
        emails = [*(each.value for each in contact.emails), *(each.value for each in person.emails)]
        not_renamed = _not_renamed(decided, agreed, person.name, lambda one, other: agree(one, other, emails))
        send = update_fields.of_person(
            contact, decided.send, person, then=then, others=others, organization_id=organization_id, chosen=chosen
        )
        their_values = snapshots.of_person(person, contact, others=others, chosen=chosen)
        if send:
            person = self._send_person(contact, person, send, ours=decided.send, others=others, chosen=chosen)
            now_there = snapshots.of_person(person, contact, others=others, chosen=chosen)
            their_values = snapshots.after_update(their_values, now_there, decided.send)
        news = changed_there(ours, theirs, agreed, words, is_shared=others.are_there)
        brought = Brought(
            person.id,
            snapshots.agreed(ours, their_values),
            revision=contact.revision,
            kept=snapshots.with_what_stays(decided.keep, ours, words, chosen),
            changed_there=snapshots.with_what_stays(news, ours, words, chosen),
            not_renamed=not_renamed,
            names=self._names(contact, decided.keep) | _as_there(decided.keep, ours),
            record=person,
        )
        return self._moves.of_person(contact, brought)

    def _send_person(
        self,
        contact: Contact,
        person: Person,
        send: Mapping[str, Any],
        *,
        ours: Values,
        others: snapshots.Others,
        chosen: Chosen,
    ) -> Person:
        expected = person.model_copy(update=_with_other_fields(person, send))
        then_there = snapshots.of_person(expected, contact, others=others, chosen=chosen)

        def update(fields: Mapping[str, Any]) -> Person:
            return self._pipedrive.update_person(person.id, PersonChanges(**fields))

        with links_checked(self._pipedrive, self._steps.clock, contact.organization):
            return send_update(self._steps.intents, contact, update, ours=ours, then_there=then_there, fields=send)

    def update_organization(self, organization: Organization, user: User | None) -> Brought:
        """Send a linked organization's changes.

        Args:
            organization: The organization, linked.
            user: Who is notified if its sector cannot be stored in Pipedrive; None for everyone.

        Raises:
            DeletedThereError: When it is gone.
        """
        said = self._said_before(organization)
        theirs = read_ahead.take(organization, self._steps.clock.now()) or self._records.organization(organization)
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
            expected = theirs.model_copy(update=_with_other_fields(theirs, send))
            then_there = snapshots.of_their_organization(expected, references.sector_of(expected))

            def update(fields: Mapping[str, Any]) -> PipedriveOrganization:
                return self._pipedrive.update_organization(expected.id, OrganizationChanges(**fields))

            theirs = send_update(
                self._steps.intents, organization, update, ours=decided.send, then_there=then_there, fields=send
            )
            now_there = snapshots.of_their_organization(theirs, references.sector_of(theirs))
            their_values = snapshots.after_update(their_values, now_there, decided.send)
        return Brought(
            theirs.id,
            snapshots.agreed(ours, their_values),
            revision=organization.revision,
            kept=decided.keep,
            changed_there=there,
            not_renamed=not_renamed,
            record=theirs,
        )

    def update_activity(self, activity: Activity) -> Brought:
        """Send a linked activity's changes.

        Args:
            activity: The activity, linked, with its contact.

        Raises:
            DeletedThereError: When it is gone.
        """
        said = self._said_before(activity)
        theirs = read_ahead.take(activity, self._steps.clock.now()) or self._records.activity(activity)
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
            their_values = snapshots.after_update(their_values, snapshots.of_their_activity(theirs), decided.send)
        brought = Brought(
            theirs.id,
            snapshots.agreed(ours, their_values),
            revision=activity.revision,
            kept=decided.keep,
            changed_there=there,
        )
        return changed_org_or_type.of_activity(brought, self._steps.references.types)

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


def _as_there(kept: Values, ours: Values) -> dict[str, tuple[str, str]]:
    """Return Pipedrive's details in a conflict and ours; what is stored here may have more (see `with_what_stays`)."""
    return {name: (value, ours[name]) for name, value in kept.items() if is_detail(name)}


def _others(contact: Contact, person: Person) -> snapshots.Others:
    """Return e-mails and phones of the other contacts that are linked to this person."""
    return snapshots.others_of(contact, Contact.objects.filter(pipedrive_person_id=person.id))


def _with_other_fields(there: Person | PipedriveOrganization, send: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a record will have when an update is done: custom fields that are not sent stay."""
    return {**send, "custom_fields": {**there.custom_fields, **send.get("custom_fields", {})}}


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
