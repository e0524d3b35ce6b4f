"""Brings rows to Pipedrive that are not there yet: finds the record, and otherwise creates it.

Every step can be repeated at any time. A look that failed never means "not found".
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from warmline.crm.activities import Activity
from warmline.crm.keys import key
from warmline.crm.models import Contact, Organization
from warmline.crm.sync_columns import Synced
from warmline.crm.users import User
from warmline.pipedrive import Activity as PipedriveActivity
from warmline.pipedrive import (
    Clock,
    NewActivity,
    NewOrganization,
    NewPerson,
    Person,
    PersonChanges,
    Pipedrive,
    Rejected,
)
from warmline.pipedrive import Organization as PipedriveOrganization
from warmline.sync import mapping
from warmline.sync.company import make_sure
from warmline.sync.intents import Intents, Sent
from warmline.sync.lease_keys import organization_key, person_key, row_key
from warmline.sync.leases import BusyError, Leases, is_leased
from warmline.sync.models import Intent
from warmline.sync.policy import Policy
from warmline.sync.reconcile import lost_creates, snapshots
from warmline.sync.reconcile.candidates import those_there
from warmline.sync.reconcile.matching import Finder, twins_of
from warmline.sync.reconcile.outcome import Brought
from warmline.sync.reconcile.recent_changes import Looks
from warmline.sync.reconcile.refused_references import links_checked
from warmline.sync.reconcile.three_way_merge import Values
from warmline.sync.remote.account_cache import Catalog
from warmline.sync.remote.directory import Directory
from warmline.sync.remote.known_by_reports import KnownByReports
from warmline.sync.remote.labels_owners_fields import References
from warmline.sync.synced_fields import NONE_CHOSEN, Chosen

New = TypeVar("New")
Record = TypeVar("Record", Person, PipedriveOrganization, PipedriveActivity)


class Steps:
    """The steps, for one piece of work.

    Attributes:
        pipedrive: The client, for background work or not.
        clock: For ages, and the times of notifications.

    Args:
        pipedrive: The client.
        directory: What Pipedrive holds.
        looks: The recent changes in Pipedrive.
        leases: This worker's leases.
        policy: The label, the mark, and which activity types are used.
        clock: For ages, and the times of notifications.
        known: What reports tell; None if they are not trusted.
    """

    def __init__(
        self,
        pipedrive: Pipedrive,
        *,
        directory: Directory,
        looks: Looks,
        leases: Leases,
        policy: Policy,
        clock: Clock,
        known: KnownByReports | None = None,
    ) -> None:
        self.pipedrive = pipedrive
        self._policy = policy
        self.clock = clock
        self._catalog = Catalog(pipedrive, clock)
        self.intents = Intents(pipedrive, leases, clock, looks.ages)
        self.references = References(pipedrive, self._catalog, leases, self.intents, clock=clock, policy=policy)
        self.finder = Finder(
            pipedrive,
            catalog=self._catalog,
            intents=self.intents,
            directory=directory,
            looks=looks,
            references=self.references,
            policy=policy,
            known=known,
        )

    def ensure_person(self, contact: Contact, organization_id: Callable[[], int | None]) -> Brought:
        """Find or create a contact's person.

        Args:
            contact: A warm contact that is not linked.
            organization_id: Sends the contact's organization to Pipedrive and returns its id there. Called only if a
                person is created: an existing one keeps its organization.

        Raises:
            AmbiguousError: When a user has to choose one of several persons.
            BusyError: When the contact was edited meanwhile.
        """
        twins = _twins(contact)
        found = self.finder.person(contact)
        if found is not None:
            person, made_by = found.record, found.intent
            return self._link(contact, person, made_by) if made_by else self._adopt(contact, person)
        org_id, chosen = organization_id(), NONE_CHOSEN

        def prepare() -> NewPerson:
            nonlocal chosen
            chosen = self.references.with_options_for(contact, self.references.details())
            return mapping.new_person(
                contact,
                owner_id=self.references.ensure_owner(contact.owner),
                org_id=org_id,
                label_id=self._label(contact),
                custom_fields=self.finder.mark("person", contact),
                chosen=chosen,
            )

        def sent(new: NewPerson) -> Sent:
            ours = snapshots.of_contact(contact, chosen)
            return Sent(row_key("contact", contact.pk), new.body(), ours, contact.revision)

        def check() -> None:
            _check(contact)
            self.wait_for_twins(contact)
            if _twins(contact) != twins:
                raise BusyError("Another contact got this e-mail, or its person, while this one's was looked for.")

        with links_checked(self.pipedrive, self.clock, contact.organization):
            person = self._create(check, person_key(contact), prepare, self.pipedrive.create_person, sent)
        return replace(_brought(contact, person, chosen), sent_at=self.intents.sent_at)

    def wait_for_twins(self, contact: Contact) -> None:
        """Return if no other contact with this e-mail is being sent, perhaps under a lease by an e-mail that it had.

        Raises:
            BusyError: When one is being sent: it may be the same person.
        """
        twins = twins_of(contact).filter(pipedrive_person_id=None).values_list("pk", flat=True)
        keys = [row_key("contact", pk) for pk in twins]
        if keys and is_leased(keys, self.clock.now()):
            raise BusyError("Another worker is bringing a contact with this e-mail.")

    def ensure_organization(self, organization: Organization, owner: User, after: datetime) -> Brought:
        """Find or create an organization in Pipedrive.

        Args:
            organization: One that is not linked.
            owner: The user whose contact needs it, and who will own it in Pipedrive if it is created.
            after: When it became pending, aware: a look that began earlier is too old.

        Raises:
            AmbiguousError: When a user has to choose one of several organizations.
            BusyError: When it was edited meanwhile.
        """
        found = self.finder.organization(organization, after)
        if found is not None and found.intent is None:
            return self.link_of(organization, found.record, was_there=True)
        if found is not None and found.intent is not None:
            sector = self.references.sector_of(found.record)
            return lost_creates.link_to_organization(found.record, sector, found.intent)

        def prepare() -> NewOrganization:
            industry, custom_fields = self.references.ensure_sector(organization.sector, owner)
            written = {code: value for code, value in custom_fields.items() if value is not None}
            return mapping.new_organization(
                organization,
                owner_id=self.references.ensure_owner(owner),
                industry=industry,
                custom_fields={**written, **self.finder.mark("organization", organization)},
            )

        def sent(new: NewOrganization) -> Sent:
            ours = snapshots.of_our_organization(organization)
            return Sent(row_key("organization", organization.pk), new.body(), ours, organization.revision)

        what = organization_key(organization)
        create = self.pipedrive.create_organization
        theirs = self._create(lambda: _check(organization), what, prepare, create, sent)
        return replace(self.link_of(organization, theirs, was_there=False), sent_at=self.intents.sent_at)

    def ensure_activity(self, activity: Activity, person_id: int) -> Brought:
        """Find or create an activity in Pipedrive.

        Args:
            activity: One that is not linked, with its contact.
            person_id: The id of the contact's person.
        """
        found = self.finder.activity(activity)
        if found is not None and found.intent is not None:
            return lost_creates.link_to_activity(found.record, found.intent)
        own = row_key("activity", activity.pk)

        def prepare() -> NewActivity:
            return self.as_new(activity, person_id)

        if activity.pipedrive_agreed:
            there = self.finder.activity_there(activity, person_id, prepare().body())
            if there is not None:
                agreed = snapshots.agreed(self._values_of(activity), snapshots.of_their_activity(there))
                return Brought(there.id, agreed, activity.revision, was_there=True)

        def sent(new: NewActivity) -> Sent:
            return Sent(own, new.body(), self._values_of(activity), activity.revision)

        with links_checked(self.pipedrive, self.clock, activity.contact, activity.contact.organization):
            theirs = self._create(lambda: _check(activity), own, prepare, self.pipedrive.create_activity, sent)
        ours = self._values_of(activity)
        return Brought(theirs.id, snapshots.agreed(ours, snapshots.of_their_activity(theirs)), activity.revision)

    def own_organization(self, ours: Organization, org_id: int) -> Brought | None:
        """Return the link of a contact's organization, if its person's organization has the same name.

        Args:
            ours: The organization of a contact whose person was adopted.
            org_id: The id of that person's organization.
        """
        is_decided = ours.pipedrive_make_new or ours.pipedrive_chosen_id not in {None, org_id}
        if ours.is_linked or is_decided or Organization.objects.filter(pipedrive_org_id=org_id).exists():
            return None
        there = those_there(self.pipedrive.organization, {org_id})
        if not there or key(there[0].name) != ours.name_key:
            return None
        return self.link_of(ours, there[0], was_there=True)

    def link_of(self, organization: Organization, theirs: PipedriveOrganization, *, was_there: bool) -> Brought:
        """Return the link between one of our organizations and one of Pipedrive's.

        Args:
            organization: Ours.
            theirs: Pipedrive's.
            was_there: Whether it existed already and was not created by us.
        """
        agreed = snapshots.agreed(snapshots.of_our_organization(organization), self._their_values(theirs))
        return Brought(theirs.id, agreed, organization.revision, was_there=was_there, record=theirs)

    def as_new(self, activity: Activity, person_id: int) -> NewActivity:
        """Return an activity as it would be created now."""
        organization = activity.contact.organization
        return mapping.new_activity(
            activity,
            type=self.references.ensure_type(activity),
            owner_id=self.references.ensure_owner(activity.contact.owner),
            person_id=person_id,
            org_id=organization.pipedrive_org_id if organization else None,
        )

    def _link(self, contact: Contact, person: Person, intent: Intent) -> Brought:
        """Return the link to the person that an unfinished create made."""
        return lost_creates.link_to_person(contact, person, intent, self.references.details_of(contact, person))

    def _adopt(self, contact: Contact, person: Person) -> Brought:
        """Adopt a person who exists already: add our label, and change nothing else."""
        label_id = self._label(contact)
        _check(contact)
        if label_id is not None and label_id not in person.label_ids:
            make_sure()
            person = self.pipedrive.update_person(person.id, PersonChanges(label_ids=(*person.label_ids, label_id)))
        brought = _brought(contact, person, self.references.details_of(contact, person))
        return replace(brought, was_there=True, org_id=person.org_id)

    def _create(
        self,
        check: Callable[[], None],
        what: str,
        prepare: Callable[[], New],
        create: Callable[[New], Record],
        sent: Callable[[New], Sent],
    ) -> Record:
        """Create a record; if Pipedrive refuses and our answers about the account are old, ask again and retry once."""

        def make() -> Record:
            new = prepare()
            check()
            return self.intents.make(what, lambda: create(new), sent(new), check)

        try:
            return make()
        except Rejected:
            if not self._catalog.renew():
                raise
        return make()

    def _values_of(self, activity: Activity) -> Values:
        return snapshots.of_our_activity(activity, self.references.wished_type(activity))

    def _their_values(self, theirs: PipedriveOrganization) -> Values:
        return snapshots.of_their_organization(theirs, self.references.sector_of(theirs))

    def _label(self, contact: Contact) -> int | None:
        return self.references.ensure_label(self._policy.label, contact.owner)


def _check(row: Synced) -> None:
    """Return if a row is unchanged since its record was looked for: an edit may have made it somebody else.

    Raises:
        BusyError: When it was edited meanwhile, or a user has chosen a record; it is tried again as it is now.
    """
    if not row.is_as_read():
        raise BusyError("The row was edited while its record was looked for.")


def _brought(contact: Contact, person: Person, chosen: Chosen) -> Brought:
    theirs = snapshots.of_person(person, contact, chosen=chosen)
    agreed = snapshots.agreed(snapshots.of_contact(contact, chosen), theirs)
    return Brought(person.id, agreed, contact.revision, record=person)


def _twins(contact: Contact) -> set[tuple[int, int | None]]:
    """Return the ids of the other contacts with a contact's e-mail, each with the id of its person."""
    return set(twins_of(contact).values_list("pk", "pipedrive_person_id"))
