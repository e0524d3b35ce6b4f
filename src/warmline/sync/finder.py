"""Finds the record that a row is in Pipedrive, if it is there already: what every step does before it creates anything.

A look that fails raises; it is never taken for "not found". What an unfinished create of ours made is found in the list
of what changed since, which does not depend on how soon Pipedrive's search finds a new record.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from warmline.crm.keys import key
from warmline.crm.models import Activity, Contact, Organization, Row
from warmline.pipedrive import Activity as PipedriveActivity
from warmline.pipedrive import NotFound, Person, Pipedrive
from warmline.pipedrive import Organization as PipedriveOrganization
from warmline.sync import mapping
from warmline.sync.account import Account, Kind
from warmline.sync.catalog import Catalog
from warmline.sync.directory import Directory
from warmline.sync.intents import OVERLAP, Intents
from warmline.sync.keys import organization_key, person_key, row_key
from warmline.sync.looks import Looks
from warmline.sync.models import DirectoryKind, Intent
from warmline.sync.outcomes import AmbiguousError
from warmline.sync.policy import Policy

Record = TypeVar("Record", Person, PipedriveOrganization, PipedriveActivity)
Party = TypeVar("Party", Person, PipedriveOrganization)


@dataclass(frozen=True)
class Found(Generic[Record]):
    """A record that is there.

    Attributes:
        record: As Pipedrive answered it.
        intent: The row's own unfinished create that made it; None when it was there otherwise.
    """

    record: Record
    intent: Intent | None = None


class Finder:
    """The looks, for one piece of work.

    Args:
        pipedrive: The client.
        catalog: What the account was said to be made of.
        intents: Tell which creates are unfinished.
        directory: What Pipedrive holds.
        looks: At what changed since an unfinished create.
        account: Knows the field of our mark.
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
        account: Account,
        policy: Policy,
    ) -> None:
        self._pipedrive = pipedrive
        self._catalog = catalog
        self._intents = intents
        self._directory = directory
        self._looks = looks
        self._account = account
        self._policy = policy

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

    def person(self, contact: Contact) -> Found[Person] | None:
        """Find the person a contact is: made by an unfinished create, chosen, a twin's, or there already.

        Raises:
            AmbiguousError: When there are several of that e-mail.
            NotFound: When the chosen one is not there.
        """
        own = row_key("contact", contact.pk)
        recent: list[Person] = []
        for intent in self._intents.fresh(person_key(contact), own):
            recent = _recent(self._looks.persons(self._pipedrive, intent, self._intents.look_after(intent)), intent)
            made = next((person for person in recent if self._is_made_person(person, intent.body)), None)
            if made is not None:
                return Found(made, intent if intent.key == own else None)
            # Nothing else is adopted before it is sure that ours does not come after all.
            self._intents.wait_until_settled(intent)
        if contact.pipedrive_chosen_id is not None:
            return Found(_present(self._pipedrive.person(contact.pipedrive_chosen_id)))
        if contact.pipedrive_make_new:
            return None
        there = self._twins_person(contact) or self._person_there(contact, recent)
        return Found(there) if there is not None else None

    def organization(self, organization: Organization, after: datetime) -> Found[PipedriveOrganization] | None:
        """Find the organization one of ours is: made by an unfinished create, chosen, or there already.

        Args:
            organization: One that is not linked.
            after: Since when it is wanted: a look that began earlier is none.

        Raises:
            AmbiguousError: When there are several of that name.
            NotFound: When the chosen one is not there.
        """
        own = row_key("organization", organization.pk)
        recent: list[PipedriveOrganization] = []
        for intent in self._intents.fresh(organization_key(organization), own):
            recent = _recent(
                self._looks.organizations(self._pipedrive, intent, self._intents.look_after(intent)), intent
            )
            made = next((theirs for theirs in recent if self._is_made_organization(theirs, intent.body)), None)
            if made is not None:
                return Found(made, intent if intent.key == own else None)
            self._intents.wait_until_settled(intent)
        if organization.pipedrive_chosen_id is not None:
            return Found(_present(self._pipedrive.organization(organization.pipedrive_chosen_id)))
        if organization.pipedrive_make_new:
            return None
        there = self._organization_there(organization, recent, after)
        return Found(there) if there is not None else None

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
            for theirs in _recent(changed, intent):
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

    def _twins_person(self, contact: Contact) -> Person | None:
        """Return the person of another contact of ours with this e-mail, who was looked up or made already.

        Without it the look would depend on how soon Pipedrive's search finds the person we have just made.
        """
        if not contact.email_key:
            return None
        twins = Contact.objects.filter(email_key=contact.email_key, pipedrive_person_id__isnull=False)
        twin = twins.exclude(pk=contact.pk).first()
        if twin is None or twin.pipedrive_person_id is None:
            return None
        return next(iter(those_there(self._pipedrive.person, {twin.pipedrive_person_id})), None)

    def _person_there(self, contact: Contact, recent: Iterable[Person]) -> Person | None:
        """Find the person by our own mark, which a restored backup may have forgotten, else by e-mail.

        Args:
            contact: Whose person.
            recent: Persons just seen, whom a search may not know yet.
        """

        def search() -> set[int]:
            if contact.email:
                found = self._pipedrive.search_persons(contact.email)
                return {one.id for one in found if contact.email_key in map(key, one.emails)}
            if self.mark("person", contact):
                found = self._pipedrive.search_persons(str(contact.warmline_id), field="custom_fields")
                return {one.id for one in found}
            return set()

        seen = {one.id for one in recent if contact.email_key in {key(email.value) for email in one.emails}}
        there = self._all_there(
            DirectoryKind.PERSON,
            self._pipedrive.person,
            names=(str(contact.warmline_id), contact.email_key),
            after=contact.next_pipedrive_sync_attempt,
            seen=seen if contact.email_key else set(),
            search=search,
        )
        return _the_only_one(there, "persons with this e-mail", "email")

    def _organization_there(
        self, organization: Organization, recent: Iterable[PipedriveOrganization], after: datetime
    ) -> PipedriveOrganization | None:
        """Find the organization by our own mark, else by name; see `_person_there`."""
        name = organization.name_key

        def search() -> set[int]:
            return {one.id for one in self._pipedrive.search_organizations(organization.name) if key(one.name) == name}

        there = self._all_there(
            DirectoryKind.ORGANIZATION,
            self._pipedrive.organization,
            names=(str(organization.warmline_id), name),
            after=after,
            seen={one.id for one in recent if key(one.name) == name},
            search=search,
        )
        return _the_only_one(there, "organizations of this name", "name")

    def _all_there(
        self,
        kind: DirectoryKind,
        get: Callable[[int], Party],
        *,
        names: tuple[str, str],
        after: datetime,
        seen: set[int],
        search: Callable[[], set[int]],
    ) -> list[Party]:
        """Return the records under a row's names that are there, at the least price.

        What the directory knows already costs a get each; only if none of that is there is a look taken. While it is
        not full, Pipedrive is searched.

        Args:
            kind: Of which kind.
            get: Gets one: directory and search may still show what was deleted or merged.
            names: Our mark, which says most, and the name that people know; an empty one is none.
            after: Since when the row is waiting.
            seen: Ids of records just seen under the second name.
            search: Searches for it.
        """
        if not self._directory.is_full(kind):
            return those_there(get, search() | seen)
        asked: set[int] = set()
        for is_fresh in (False, True):
            for name in filter(None, names):
                ids = self._directory.find(self._pipedrive, kind, name, after) if is_fresh else set()
                ids |= self._directory.known(kind, name) | (seen if name == names[1] else set())
                if there := those_there(get, ids - asked):
                    return there
                asked |= ids
        return []

    def _is_made_person(self, person: Person, body: Mapping[str, Any]) -> bool:
        """Tell whether a person is what a create with this body made: by our mark, else by all that was said."""
        mark = self._sent_mark("person", body)
        if mark is not None:
            return mark in person.custom_fields.values()
        said = (body["name"], body["owner_id"], _sent(body, "emails"), _sent(body, "phones"))
        emails, phones = [each.value for each in person.emails], [each.value for each in person.phones]
        return said == (person.name, person.owner_id, emails, phones) and not _is_held(Contact, person.id)

    def _is_made_organization(self, theirs: PipedriveOrganization, body: Mapping[str, Any]) -> bool:
        """Tell whether an organization is what a create with this body made; see `_is_made_person`."""
        mark = self._sent_mark("organization", body)
        if mark is not None:
            return mark in theirs.custom_fields.values()
        said = (body["name"], body["owner_id"])
        return said == (theirs.name, theirs.owner_id) and not _is_held(Organization, theirs.id)

    def _sent_mark(self, kind: Kind, body: Mapping[str, Any]) -> str | None:
        mark: str | None = body.get("custom_fields", {}).get(self._account.mark_code(kind))
        return mark

    def mark(self, kind: Kind, row: Contact | Organization) -> dict[str, str]:
        """Return our own id as a custom field; nothing where the policy or the account does without it."""
        code = self._account.ensure_mark(kind) if self._policy.mark else None
        return {code: str(row.warmline_id)} if code else {}


def _recent(records: Iterable[Record], intent: Intent) -> list[Record]:
    """Return the records that are there and were not added before the create was sent."""
    since = intent.sent_at - OVERLAP
    return [each for each in records if not each.is_deleted and (each.add_time is None or each.add_time >= since)]


def _sent(body: Mapping[str, Any], name: str) -> list[str]:
    return [entry["value"] for entry in body.get(name, ())]


def _is_held(model: type[Row], record_id: int) -> bool:
    return model._default_manager.filter(**{model.LINK: record_id}).exists()  # noqa: SLF001 (documented as public)


def those_there(get: Callable[[int], Party], ids: Iterable[int]) -> list[Party]:
    """Return the records of these ids that exist and are not deleted, by one get each.

    Args:
        get: Gets one.
        ids: Which ones.
    """
    there = []
    for record_id in sorted(ids):
        try:
            there.append(_present(get(record_id)))
        except NotFound:
            continue
    return there


def _present(record: Party) -> Party:
    """Return the record, unless it is a deleted one, which a get may still show.

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
