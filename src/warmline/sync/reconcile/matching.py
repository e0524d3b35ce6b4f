"""Finds the record of a row in Pipedrive: asked before anything is created.

`match_decision.py` decides which of several records it is. What an unfinished create made is found in the list of
recent changes, because Pipedrive's search may not find a new record for a while. A look that fails raises; it never
means "not found".
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from warmline.crm.activities import Activity, Row
from warmline.crm.keys import email_key
from warmline.crm.models import Contact, ContactQuerySet, Organization
from warmline.crm.name_agreement import agree
from warmline.pipedrive import Activity as PipedriveActivity
from warmline.pipedrive import Organization as PipedriveOrganization
from warmline.pipedrive import Person, Pipedrive, Unreadable
from warmline.sync import mapping
from warmline.sync.intents import OVERLAP, Intents
from warmline.sync.lease_keys import organization_key, person_key, row_key
from warmline.sync.models import DirectoryKind, Intent
from warmline.sync.policy import Policy
from warmline.sync.reconcile.activity_likeness import most_like
from warmline.sync.reconcile.candidates import Sought, There
from warmline.sync.reconcile.match_decision import Found, Ways, recent, which
from warmline.sync.reconcile.recent_changes import Looks, refuse_if_among
from warmline.sync.remote.account_cache import Catalog
from warmline.sync.remote.directory import Directory
from warmline.sync.remote.known_by_reports import KnownByReports
from warmline.sync.remote.labels_owners_fields import RecordKind, References


class Finder:
    """Finds records, for one piece of work.

    Args:
        pipedrive: The client.
        catalog: The account's users, activity types and fields.
        intents: The unfinished creates.
        directory: What Pipedrive holds.
        looks: The recent changes in Pipedrive.
        references: Knows the custom field of our mark.
        policy: Whether records have our mark.
        known: What reports tell; None if they are not trusted.
    """

    def __init__(
        self,
        pipedrive: Pipedrive,
        *,
        catalog: Catalog,
        intents: Intents,
        directory: Directory,
        looks: Looks,
        references: References,
        policy: Policy,
        known: KnownByReports | None = None,
    ) -> None:
        self._pipedrive = pipedrive
        self._catalog = catalog
        self._intents = intents
        self._directory = directory
        self._looks = looks
        self._references = references
        self._policy = policy
        self._there = There(pipedrive, directory, references, known)

    def look_ahead(self, contact: Contact) -> None:
        """Look for a contact and its organization at the same time, if both looks will be needed."""
        organization = contact.organization
        if organization is None or organization.is_linked or contact.pipedrive_make_new or contact.pipedrive_chosen_id:
            return
        names = {
            DirectoryKind.PERSON: (str(contact.warmline_id), *contact.email_keys),
            DirectoryKind.ORGANIZATION: (str(organization.warmline_id), organization.name_key),
        }
        are_needed = all(
            self._directory.is_full(kind) and not any(self._directory.known(kind, name) for name in its if name)
            for kind, its in names.items()
        )
        if are_needed and any(self._there.reported(kind, its) is None for kind, its in names.items()):
            self._directory.freshen(self._pipedrive, names, contact.next_pipedrive_sync_attempt)

    def person(self, contact: Contact, also_called: Sequence[str] = ()) -> Found[Person] | None:
        """Find a contact's person: made by an unfinished create, chosen, a twin's, or in Pipedrive already.

        Args:
            contact: A contact that is not linked, or a copy as it was when its person was last seen.
            also_called: Other names that its person may have.

        Returns:
            The person; None when there is none.

        Raises:
            AmbiguousError: When a user has to choose: several persons have its e-mail, or one with another name has.
            NotYetError: When it is too early to say.
        """
        names = [contact.name, *also_called]
        twins = list(twins_of(contact).values_list("pk", "name", "pipedrive_person_id"))
        unlinked = [row_key("contact", pk) for pk, _, person_id in twins if person_id is None]
        own, others = self._unfinished(
            person_key(contact), row_key("contact", contact.pk), unlinked, emails=contact.email_keys
        )
        addresses = [each.value for each in contact.emails]
        ways = Ways(
            self._there.person(contact),
            "persons",
            "email",
            own,
            others,
            since=lambda intent: self._persons_since(intent, contact),
            is_made=self._is_made_person,
            agrees=lambda person: _agrees(contact, person, names),
            linked=frozenset(person_id for _, _, person_id in twins if person_id is not None),
            near=frozenset(
                person_id
                for _, twin, person_id in twins
                if person_id is not None and any(agree(name, twin, addresses) for name in names)
            ),
        )
        return which(contact, ways, self._there, self._intents)

    def organization(self, organization: Organization, after: datetime) -> Found[PipedriveOrganization] | None:
        """Find one of our organizations: made by an unfinished create, chosen, or in Pipedrive already.

        Args:
            organization: One that is not linked, or a copy as it was when its record was last seen.
            after: When it became pending, aware: a look that began earlier is too old.

        Returns:
            The organization in Pipedrive; None when there is none.

        Raises:
            AmbiguousError: When a user has to choose: several have its name, or the one that has it is linked already.
            NotYetError: When it is too early to say.
        """
        own, others = self._unfinished(organization_key(organization), row_key("organization", organization.pk))
        sought = self._there.organization(organization, after)

        def agrees(theirs: PipedriveOrganization) -> bool:
            """Tell whether no other organization of ours is linked to this one, or has created it."""
            linked = Organization.objects.filter(pipedrive_org_id=theirs.id).exclude(pk=organization.pk)
            return not linked.exists() and not any(self._is_made_organization(theirs, each.body) for each in others)

        ways = Ways(
            sought,
            "organizations",
            "name",
            own,
            others,
            since=lambda intent: self._organizations_since(intent, sought),
            is_made=self._is_made_organization,
            agrees=agrees,
        )
        return which(organization, ways, self._there, self._intents)

    def activity(self, activity: Activity) -> Found[PipedriveActivity] | None:
        """Find what an unfinished create of an activity made."""
        return self.made_activity(row_key("activity", activity.pk))

    def made_activity(self, own: str) -> Found[PipedriveActivity] | None:
        """Find what an unfinished create made. Activities have no mark, so all fields have to match.

        Args:
            own: The key of the activity, which may be deleted here by now.
        """
        for intent in self._intents.unfinished(own, own):
            changed: Sequence[PipedriveActivity]
            if self._intents.is_old(intent):  # the list of the whole account's changes would be long
                (person_id,) = (each["person_id"] for each in intent.body["participants"])
                changed = self._activities_of(person_id, intent.body, since=intent.looked_for_since - OVERLAP)
            else:
                changed = self._looks.activities(self._pipedrive, intent, self._intents.look_after(intent))
            for theirs in recent(changed, intent):
                # The token may have been a colleague's then; an earlier version did not store whose.
                ours = intent.creator_id is None or theirs.creator_user_id in {intent.creator_id, None}
                if ours and mapping.is_made_from(theirs, intent.body) and not _is_held(Activity, theirs.id):
                    return Found(theirs, intent)
        return None

    def activity_there(self, activity: Activity, person_id: int, body: Mapping[str, Any]) -> PipedriveActivity | None:
        """Find an activity that no row is linked to: we created it before leaving this company, or after a backup.

        Args:
            activity: The row. Without a snapshot of its own it was in the backup as not sent yet, and may be changed.
            person_id: The id of its person.
            body: What a create would send now; the owner may differ.
        """
        free = (each for each in self._activities_of(person_id, body) if not _is_held(Activity, each.id))
        if not activity.pipedrive_agreed.get("ours"):
            creator = self._pipedrive.own_user().id
            return most_like(list(free), body, logged_at=activity.created_at, creator_id=creator)
        return next((each for each in free if mapping.is_made_from(each, {**body, "owner_id": each.owner_id})), None)

    def _activities_of(
        self, person_id: int, body: Mapping[str, Any], since: datetime | None = None
    ) -> Sequence[PipedriveActivity]:
        """Return a person's activities, those that cannot be read left out unless a create with this body made one."""
        unreadable: list[Unreadable] = []
        found = self._pipedrive.activities(person_id=person_id, updated_since=since, unreadable=unreadable)
        refuse_if_among(unreadable, "activities", body)
        return found

    def _unfinished(
        self, what: str, own: str, theirs: Iterable[str] = (), emails: Collection[str] = ()
    ) -> tuple[Intent | None, list[Intent]]:
        """Return a row's own unfinished create, and those of other rows that may have made the same.

        Args:
            what: What is to be created for the row; other rows' creates of the same are included.
            own: The row's key.
            theirs: The keys of other rows whose creates are included whatever they made.
            emails: The keys of e-mails; creates of persons with one of them are included.
        """
        found = {each.key: each for each in self._intents.unfinished(what, own, emails)}
        found |= {each.key: each for each in Intent.objects.filter(key__in=theirs)}
        # A search finds by now what an older create made.
        others = [each for each in found.values() if each.key != own and not self._intents.is_old(each)]
        return found.get(own), others

    def _persons_since(self, intent: Intent, contact: Contact) -> Sequence[Person]:
        """Return persons that include the one that a create made, if it made one."""
        if not self._intents.is_old(intent):
            return self._looks.persons(self._pipedrive, intent, self._intents.look_after(intent))
        # The list of changes since then would be long.
        if self._sent_mark("person", intent.body) is not None:
            return self._there.marked(self._there.person(contact))
        email = next((each["value"] for each in intent.body.get("emails", ())), "")
        return self._there.persons(email=email, name=intent.body["name"], after=contact.next_pipedrive_sync_attempt)

    def _organizations_since(
        self, intent: Intent, sought: Sought[PipedriveOrganization]
    ) -> Sequence[PipedriveOrganization]:
        """Return organizations that include the one that a create made, if it made one."""
        if not self._intents.is_old(intent):
            return self._looks.organizations(self._pipedrive, intent, self._intents.look_after(intent))
        if self._sent_mark("organization", intent.body) is not None:
            return self._there.marked(sought)
        return self._there.organizations(name=intent.body["name"], after=sought.after)

    def _is_made_person(self, person: Person, body: Mapping[str, Any]) -> bool:
        """Tell whether a create with this body made a person: by our mark, else by all the fields that were sent."""
        mark = self._sent_mark("person", body)
        if mark is not None:
            return mark in person.custom_fields.values()
        return mapping.is_person_made_from(person, body) and not _is_held(Contact, person.id)

    def _is_made_organization(self, theirs: PipedriveOrganization, body: Mapping[str, Any]) -> bool:
        """Tell whether a create with this body made an organization; see `_is_made_person`."""
        mark = self._sent_mark("organization", body)
        if mark is not None:
            return mark in theirs.custom_fields.values()
        return mapping.is_organization_made_from(theirs, body) and not _is_held(Organization, theirs.id)

    def _sent_mark(self, kind: RecordKind, body: Mapping[str, Any]) -> str | None:
        mark: str | None = body.get("custom_fields", {}).get(self._references.mark_code(kind))
        return mark

    def mark(self, kind: RecordKind, row: Contact | Organization) -> dict[str, str]:
        """Return our mark as a custom field; nothing if the policy or the account does not have that field."""
        code = self._references.ensure_mark(kind) if self._policy.mark else None
        return {code: str(row.warmline_id)} if code else {}


def twins_of(contact: Contact) -> ContactQuerySet:
    """Return other contacts with one of a contact's e-mails: two users know the person, or people share a mailbox."""
    return Contact.objects.with_email(contact.email_keys).exclude(pk=contact.pk)


def _agrees(contact: Contact, person: Person, names: Iterable[str]) -> bool:
    """Tell whether a person can be a contact, by its name and the names of the contacts linked to it.

    Args:
        contact: The contact.
        person: As Pipedrive returned it.
        names: The contact's names.
    """
    addresses = [*(each.value for each in contact.emails), *(each.value for each in person.emails)]
    if not any(agree(name, person.name, addresses) for name in names):
        return False
    # A person whose name is an address or a single word agrees with many names. Contacts linked to it say more.
    known = Contact.objects.with_email({*map(email_key, addresses)}).filter(pipedrive_person_id=person.id)
    return all(
        any(agree(name, other, addresses) for name in names)
        for other in known.exclude(pk=contact.pk).values_list("name", flat=True)
        if agree(other, person.name, addresses)
    )


def _is_held(model: type[Row], record_id: int) -> bool:
    return model._default_manager.filter(**{model.LINK: record_id}).exists()  # noqa: SLF001 (documented as public)
