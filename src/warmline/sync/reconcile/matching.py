"""By what the record of a row is recognized in Pipedrive: what every step asks before it creates anything.

Which of several it is, `match_decision.py` decides. What an unfinished create of ours made is found in the list of
what changed since, which does not depend on how soon Pipedrive's search finds a new record. A look that fails raises;
it is never taken for "not found".
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from warmline.crm.activities import Activity, Row
from warmline.crm.keys import email_key
from warmline.crm.models import Contact, ContactQuerySet, Organization
from warmline.crm.names import agree
from warmline.pipedrive import Activity as PipedriveActivity
from warmline.pipedrive import Organization as PipedriveOrganization
from warmline.pipedrive import Person, Pipedrive
from warmline.sync import mapping
from warmline.sync.intents import OVERLAP, Intents
from warmline.sync.lease_keys import organization_key, person_key, row_key
from warmline.sync.models import DirectoryKind, Intent
from warmline.sync.policy import Policy
from warmline.sync.reconcile.candidates import Sought, There
from warmline.sync.reconcile.match_decision import Found, Ways, recent, which
from warmline.sync.reconcile.recent_changes import Looks
from warmline.sync.remote.account_cache import Catalog
from warmline.sync.remote.directory import Directory
from warmline.sync.remote.references import References, RecordKind


class Finder:
    """The looks, for one piece of work.

    Args:
        pipedrive: The client.
        catalog: What the account was said to be made of.
        intents: Tell which creates are unfinished.
        directory: What Pipedrive holds.
        looks: At what changed since an unfinished create.
        references: Knows the field of our mark.
        policy: Whether records bear our mark.
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
    ) -> None:
        self._pipedrive = pipedrive
        self._catalog = catalog
        self._intents = intents
        self._directory = directory
        self._looks = looks
        self._references = references
        self._policy = policy
        self._there = There(pipedrive, directory, references)

    def look_ahead(self, contact: Contact) -> None:
        """Take the look for a contact and that for its organization at once, if both will be needed."""
        organization = contact.organization
        if organization is None or organization.is_linked or contact.pipedrive_make_new or contact.pipedrive_chosen_id:
            return
        names = {
            DirectoryKind.PERSON: (str(contact.warmline_id), contact.email_key),
            DirectoryKind.ORGANIZATION: (str(organization.warmline_id), organization.name_key),
        }
        if all(
            self._directory.is_full(kind) and not any(self._directory.known(kind, name) for name in its if name)
            for kind, its in names.items()
        ):
            self._directory.freshen(self._pipedrive, names, contact.next_pipedrive_sync_attempt)

    def person(self, contact: Contact, also_called: Sequence[str] = ()) -> Found[Person] | None:
        """Find the person a contact is: made by an unfinished create, chosen, a twin's, or there already.

        Args:
            contact: One that is not linked, or as it was when its person was last seen.
            also_called: Other names that its person may have.

        Raises:
            AmbiguousError: When a person has to decide: several have its e-mail, or one has who is named otherwise.
            NotYetError: When it is too early to tell.
        """
        names = [contact.name, *also_called]
        twins = list(twins_of(contact).values_list("pk", "name", "pipedrive_person_id"))
        unlinked = [row_key("contact", pk) for pk, _, person_id in twins if person_id is None]
        own, others = self._unfinished(person_key(contact), row_key("contact", contact.pk), unlinked)
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
                if person_id is not None and any(agree(name, twin, [contact.email]) for name in names)
            ),
        )
        return which(contact, ways, self._there, self._intents)

    def organization(self, organization: Organization, after: datetime) -> Found[PipedriveOrganization] | None:
        """Find the organization one of ours is: made by an unfinished create, chosen, or there already.

        Args:
            organization: One that is not linked, or as it was when its record was last seen.
            after: Since when it is wanted: a look that began earlier is none.

        Raises:
            AmbiguousError: When a person has to decide: several have its name, or one has that is another of ours.
            NotYetError: When it is too early to tell.
        """
        own, others = self._unfinished(organization_key(organization), row_key("organization", organization.pk))
        sought = self._there.organization(organization, after)

        def agrees(theirs: PipedriveOrganization) -> bool:
            """Tell whether no other organization of ours is, or made, this one; it had the name before."""
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
        """Find what an unfinished create of an activity made. It has no field for our mark, so all of it must match."""
        own = row_key("activity", activity.pk)
        for intent in self._intents.unfinished(own, own):
            person_id = activity.contact.pipedrive_person_id
            changed: Sequence[PipedriveActivity]
            if self._intents.is_old(intent):  # the list of the whole account would be long by now
                changed = self._pipedrive.activities(person_id=person_id, updated_since=intent.sent_at - OVERLAP)
            else:
                changed = self._looks.activities(self._pipedrive, intent, self._intents.look_after(intent))
            for theirs in recent(changed, intent):
                # By then the token was perhaps a colleague's; an earlier version did not note whose.
                ours = intent.creator_id is None or theirs.creator_user_id in {intent.creator_id, None}
                if ours and mapping.is_made_from(theirs, intent.body) and not _is_held(Activity, theirs.id):
                    return Found(theirs, intent)
        return None

    def activity_there(self, person_id: int, body: Mapping[str, Any]) -> PipedriveActivity | None:
        """Find an activity that is equal to one of ours, and nobody's: made before we left the company and came back.

        Args:
            person_id: Whose.
            body: As ours would be made now; who owns it may have changed.
        """
        for theirs in self._pipedrive.activities(person_id=person_id):
            is_equal = mapping.is_made_from(theirs, {**body, "owner_id": theirs.owner_id})
            if is_equal and not _is_held(Activity, theirs.id):
                return theirs
        return None

    def _unfinished(self, what: str, own: str, theirs: Iterable[str] = ()) -> tuple[Intent | None, list[Intent]]:
        """Return a row's own unfinished create, and those of other rows.

        Args:
            what: What the row makes; others that were to make the same count.
            own: Its name.
            theirs: The names of other rows whose creates count as well.
        """
        found = {each.key: each for each in self._intents.unfinished(what, own)}
        found |= {each.key: each for each in Intent.objects.filter(key__in=theirs)}
        # What an older one made is found by its e-mail or name by now.
        others = [each for each in found.values() if each.key != own and not self._intents.is_old(each)]
        return found.get(own), others

    def _persons_since(self, intent: Intent, contact: Contact) -> Sequence[Person]:
        """Return the persons among whom one is that a create made, if it did."""
        if not self._intents.is_old(intent):
            return self._looks.persons(self._pipedrive, intent, self._intents.look_after(intent))
        # The list of what changed since would be long by now.
        if self._sent_mark("person", intent.body) is not None:
            return self._there.marked(self._there.person(contact))
        email = next((each["value"] for each in intent.body.get("emails", ())), "")
        return self._there.persons(email=email, name=intent.body["name"], after=contact.next_pipedrive_sync_attempt)

    def _organizations_since(
        self, intent: Intent, sought: Sought[PipedriveOrganization]
    ) -> Sequence[PipedriveOrganization]:
        """Return the organizations among which one is that a create made, if it did; see `_persons_since`."""
        if not self._intents.is_old(intent):
            return self._looks.organizations(self._pipedrive, intent, self._intents.look_after(intent))
        if self._sent_mark("organization", intent.body) is not None:
            return self._there.marked(sought)
        return self._there.organizations(name=intent.body["name"], after=sought.after)

    def _is_made_person(self, person: Person, body: Mapping[str, Any]) -> bool:
        """Tell whether a person is what a create with this body made: by our mark, else by all that was said."""
        mark = self._sent_mark("person", body)
        if mark is not None:
            return mark in person.custom_fields.values()
        return mapping.is_person_made_from(person, body) and not _is_held(Contact, person.id)

    def _is_made_organization(self, theirs: PipedriveOrganization, body: Mapping[str, Any]) -> bool:
        """Tell whether an organization is what a create with this body made; see `_is_made_person`."""
        mark = self._sent_mark("organization", body)
        if mark is not None:
            return mark in theirs.custom_fields.values()
        return mapping.is_organization_made_from(theirs, body) and not _is_held(Organization, theirs.id)

    def _sent_mark(self, kind: RecordKind, body: Mapping[str, Any]) -> str | None:
        mark: str | None = body.get("custom_fields", {}).get(self._references.mark_code(kind))
        return mark

    def mark(self, kind: RecordKind, row: Contact | Organization) -> dict[str, str]:
        """Return our own id as a custom field; nothing where the policy or the account does without it."""
        code = self._references.ensure_mark(kind) if self._policy.mark else None
        return {code: str(row.warmline_id)} if code else {}


def twins_of(contact: Contact) -> ContactQuerySet:
    """Return the other contacts with a contact's e-mail: two users know one person, or several share one mailbox."""
    return Contact.objects.filter(email_key=contact.email_key).exclude(email_key="").exclude(pk=contact.pk)


def _agrees(contact: Contact, person: Person, names: Iterable[str]) -> bool:
    """Tell whether a person can be a contact: by its name, and those of the contacts that are this person already.

    Args:
        contact: Whose.
        person: As Pipedrive answered it.
        names: Those that the contact has.
    """
    emails = [each.value for each in person.emails]
    addresses = [contact.email, *emails]
    if not any(agree(name, person.name, addresses) for name in names):
        return False
    # A person who is named by an address, or by one word, agrees with many; those who are this person say more.
    known = Contact.objects.filter(
        email_key__in={email_key(each) for each in addresses if each}, pipedrive_person_id=person.id
    )
    return all(
        any(agree(name, other, addresses) for name in names)
        for other in known.exclude(pk=contact.pk).values_list("name", flat=True)
        if agree(other, person.name, addresses)
    )


def _is_held(model: type[Row], record_id: int) -> bool:
    return model._default_manager.filter(**{model.LINK: record_id}).exists()  # noqa: SLF001 (documented as public)
