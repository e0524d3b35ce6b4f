"""The steps that bring a row to Pipedrive. Each reads: already linked? else already there? else create.

Every step can be run again at any time. None takes an error of Pipedrive's for an answer: a look that failed is not
"not found". Only the label and the sector may be refused, because a warm lead is worth having without them.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TypeVar

from warmline.crm.keys import key
from warmline.crm.models import Activity, Contact, Organization, User
from warmline.pipedrive import Activity as PipedriveActivity
from warmline.pipedrive import (
    Clock,
    NewActivity,
    NewOrganization,
    NewPerson,
    NotFound,
    Person,
    PersonChanges,
    Pipedrive,
    Rejected,
)
from warmline.pipedrive import Organization as PipedriveOrganization
from warmline.sync import mapping
from warmline.sync.account import Account
from warmline.sync.catalog import Catalog
from warmline.sync.claims import Claims
from warmline.sync.intents import Intents
from warmline.sync.keys import activity_key, organization_key, person_key
from warmline.sync.links import link_organization
from warmline.sync.outcomes import AmbiguousError
from warmline.sync.policy import Policy

New = TypeVar("New")
Record = TypeVar("Record", Person, PipedriveOrganization, PipedriveActivity)
Party = TypeVar("Party", Person, PipedriveOrganization)


class Steps:
    """The steps, for one piece of work.

    Args:
        pipedrive: The client.
        claims: This worker's claims.
        policy: The label, and what follows when.
        clock: For ages and the times of notifications.
    """

    def __init__(self, pipedrive: Pipedrive, claims: Claims, policy: Policy, clock: Clock) -> None:
        self._pipedrive = pipedrive
        self._claims = claims
        self._policy = policy
        self._clock = clock
        self._catalog = Catalog(pipedrive, clock)
        self._intents = Intents(pipedrive, claims)
        self._account = Account(pipedrive, self._catalog, claims, self._intents, clock)

    def ensure_person(self, contact: Contact, organization_id: Callable[[], int | None]) -> int:
        """Return the id of the person that a contact is in Pipedrive.

        Args:
            contact: A warm contact that is not linked.
            organization_id: Brings the contact's organization to Pipedrive and returns its id. Called only when a
                person is made: one who is there already keeps the organization that it has.

        Raises:
            AmbiguousError: When Pipedrive holds several persons with the contact's e-mail.
        """
        if (twin := _linked_twin(contact)) is not None:
            return twin
        if (found := self._find_person(contact)) is not None:
            return self._adopt(contact, found)
        org_id = organization_id()

        def prepare() -> NewPerson:
            owner_id, label_id = self._account.ensure_owner(contact.owner), self._label(contact)
            return mapping.new_person(contact, owner_id=owner_id, org_id=org_id, label_id=label_id)

        return self._create(person_key(contact), prepare, self._pipedrive.create_person)

    def ensure_organization(self, organization: Organization, owner: User) -> int:
        """Return the id of the organization that one of ours is in Pipedrive.

        Args:
            organization: One that is not linked.
            owner: The user whose contact wants it, and who owns it in Pipedrive when it is made.

        Raises:
            AmbiguousError: When Pipedrive holds several organizations of that name.
        """
        if (found := self._find_organization(organization)) is not None:
            return found.id

        def prepare() -> NewOrganization:
            owner_id = self._account.ensure_owner(owner)
            industry, custom_fields = self._account.ensure_sector(organization.sector, owner)
            return mapping.new_organization(
                organization, owner_id=owner_id, industry=industry, custom_fields=custom_fields
            )

        return self._create(organization_key(organization), prepare, self._pipedrive.create_organization)

    def ensure_activity(self, activity: Activity, person_id: int) -> int:
        """Return the id of the activity that one of ours is in Pipedrive.

        Args:
            activity: One that is not linked, with its contact.
            person_id: The contact's person.
        """
        organization = activity.contact.organization

        def prepare() -> NewActivity:
            return mapping.new_activity(
                activity,
                type=self._account.ensure_type(activity),
                owner_id=self._account.ensure_owner(activity.contact.owner),
                person_id=person_id,
                org_id=organization.pipedrive_org_id if organization else None,
            )

        since = self._intents.begun(activity_key(activity))
        if since is not None:
            new, me = prepare(), self._catalog.me().id
            for found in self._pipedrive.activities(person_id=person_id, updated_since=since):
                ours = found.creator_user_id in {me, None} and _not_before(found.add_time, since)
                if ours and mapping.is_same(found, new) and not _is_held(found):
                    return found.id
        return self._create(activity_key(activity), prepare, self._pipedrive.create_activity)

    def _find_person(self, contact: Contact) -> Person | None:
        """Find the person a contact is: the chosen one, else what an unfinished create made, else by e-mail."""
        if contact.pipedrive_chosen_id is not None:
            return _present(self._pipedrive.person(contact.pipedrive_chosen_id))
        since = self._intents.begun(person_key(contact))
        if since is not None:
            for person in self._pipedrive.persons(updated_since=since):
                if _is_made_from(contact, person) and _not_before(person.add_time, since):
                    return person
        if not contact.email or contact.pipedrive_make_new:
            return None
        found = self._pipedrive.search_persons(contact.email)
        ids = {one.id for one in found if contact.email_key in map(key, one.emails)}
        # One get each: the search may still show what was deleted or merged.
        persons = _those_there(self._pipedrive.person, ids)
        return _the_only_one(persons, "persons with this e-mail", "email")

    def _find_organization(self, organization: Organization) -> PipedriveOrganization | None:
        """Find the organization one of ours is: the chosen one, else what an unfinished create made, else by name."""
        if organization.pipedrive_chosen_id is not None:
            return _present(self._pipedrive.organization(organization.pipedrive_chosen_id))
        since = self._intents.begun(organization_key(organization))
        if since is not None:
            for theirs in self._pipedrive.organizations(updated_since=since):
                if key(theirs.name) == organization.name_key and _not_before(theirs.add_time, since):
                    return theirs
        if organization.pipedrive_make_new:
            return None
        found = self._pipedrive.search_organizations(organization.name)
        ids = {one.id for one in found if key(one.name) == organization.name_key}
        organizations = _those_there(self._pipedrive.organization, ids)
        return _the_only_one(organizations, "organizations of this name", "name")

    def _adopt(self, contact: Contact, person: Person) -> int:
        """Take a person who is there already: add our label to theirs, and change nothing else."""
        label_id = self._label(contact)
        if label_id is not None and label_id not in person.label_ids:
            self._pipedrive.update_person(person.id, PersonChanges(label_ids=(*person.label_ids, label_id)))
        ours = contact.organization
        if ours is not None and ours.pipedrive_org_id is None and person.org_id is not None:
            theirs = self._pipedrive.organization(person.org_id)
            if key(theirs.name) == ours.name_key:
                link_organization(ours, theirs.id, now=self._clock.now())
        return person.id

    def _create(self, what: str, prepare: Callable[[], New], create: Callable[[New], Record]) -> int:
        """Create a thing; when it is refused and what we remember of the account is old, once more with fresh eyes."""
        new = prepare()
        try:
            return self._intents.make(what, lambda: create(new)).id
        except Rejected:
            if not self._catalog.renew():
                raise
        renewed = prepare()
        return self._intents.make(what, lambda: create(renewed)).id

    def _label(self, contact: Contact) -> int | None:
        return self._account.ensure_label(self._policy.label, contact.owner)


def _linked_twin(contact: Contact) -> int | None:
    """Return the person of another contact of ours with this e-mail, who was looked up or made already.

    Without it the look would depend on how soon Pipedrive's search finds the person we have just made.
    """
    if not contact.email_key or contact.pipedrive_make_new or contact.pipedrive_chosen_id is not None:
        return None
    twins = Contact.objects.filter(email_key=contact.email_key, pipedrive_person_id__isnull=False)
    return twins.exclude(pk=contact.pk).values_list("pipedrive_person_id", flat=True).first()


def _is_made_from(contact: Contact, person: Person) -> bool:
    """Tell whether a person is what a create for this contact would have made, and nobody else's."""
    if person.is_deleted:
        return False
    if contact.email_key:
        return contact.email_key in {key(email.value) for email in person.emails}
    same = key(person.name) == contact.name_key and contact.phone in {"", *(phone.value for phone in person.phones)}
    return same and not person.emails and not Contact.objects.filter(pipedrive_person_id=person.id).exists()


def _is_held(found: PipedriveActivity) -> bool:
    return Activity.objects.filter(pipedrive_activity_id=found.id).exists()


def _those_there(get: Callable[[int], Party], ids: Iterable[int]) -> list[Party]:
    there = []
    for record_id in sorted(ids):
        try:
            there.append(_present(get(record_id)))
        except NotFound:
            continue
    return there


def _present(record: Party) -> Party:
    """Return the record, unless it is a deleted one, which a get still shows.

    Raises:
        NotFound: When it is deleted.
    """
    if record.is_deleted:
        raise NotFound("It was deleted in Pipedrive.", field="pipedrive_id")
    return record


def _the_only_one(records: list[Party], what: str, field: str) -> Party | None:
    """Return the one record, or None when there is none.

    Raises:
        AmbiguousError: When there are several.
    """
    if len(records) > 1:
        raise AmbiguousError(what, field, [{"pipedrive_id": record.id, "name": record.name} for record in records])
    return records[0] if records else None


def _not_before(added: datetime | None, since: datetime) -> bool:
    return added is None or added >= since
