"""Finds the records with one of a row's e-mails, its name or mark, as cheaply as possible.

It uses the directory, and searches Pipedrive while that is not full. `match_decision.py` decides whether one of the
records is the row's. A look that fails raises; it never means "not found".
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from warmline.crm.keys import email_key, email_spellings, key
from warmline.crm.models import Contact, Organization
from warmline.pipedrive import NotFound, Person, Pipedrive
from warmline.pipedrive import Organization as PipedriveOrganization
from warmline.sync.models import DirectoryKind
from warmline.sync.pending import END_OF_TIME
from warmline.sync.remote.directory import Directory
from warmline.sync.remote.known_by_reports import KnownByReports
from warmline.sync.remote.labels_owners_fields import RecordKind, References

Party = TypeVar("Party", Person, PipedriveOrganization)


@dataclass(frozen=True)
class Sought(Generic[Party]):
    """What is looked for.

    Attributes:
        kind: The kind of record.
        mark: Our own mark of the row.
        names: The keys of its e-mails, or of its name; none for a contact without an e-mail.
        after: When the row became pending, aware: a look that began earlier is too old.
        get: Gets a record by id. It confirms what directory and search return, which may be outdated.
        is_named: Tells whether a record has one of the names.
        search: Searches for the names; returns ids.
        search_mark: Searches for the mark; returns ids.
        seen: Ids of more candidates, which directory and search may not know yet.
    """

    kind: DirectoryKind
    mark: str
    names: tuple[str, ...]
    after: datetime
    get: Callable[[int], Party]
    is_named: Callable[[Party], bool]
    search: Callable[[], set[int]]
    search_mark: Callable[[], set[int]]
    seen: set[int] = field(default_factory=set)


class There:
    """Finds records that exist, for one piece of work.

    Args:
        pipedrive: The client.
        directory: What Pipedrive holds.
        references: Knows the custom field of our mark.
        known: What reports tell; None if they are not trusted.
    """

    def __init__(
        self, pipedrive: Pipedrive, directory: Directory, references: References, known: KnownByReports | None = None
    ) -> None:
        self._pipedrive = pipedrive
        self._told = known
        self._directory = directory
        self._references = references

    def person(self, contact: Contact) -> Sought[Person]:
        """Return what to look for to find a contact's person: its e-mails, or our own mark."""
        names = contact.email_keys
        return Sought(
            DirectoryKind.PERSON,
            mark=str(contact.warmline_id),
            names=names,
            after=contact.next_pipedrive_sync_attempt,
            get=self._pipedrive.person,
            is_named=lambda person: not {email_key(each.value) for each in person.emails}.isdisjoint(names),
            search=lambda: {found for each in contact.emails for found in self._with_email(each.value)},
            search_mark=lambda: self._with_mark("person", str(contact.warmline_id)),
        )

    def organization(self, organization: Organization, after: datetime) -> Sought[PipedriveOrganization]:
        """Return what to look for to find one of our organizations: its name, or our own mark.

        Args:
            organization: Ours.
            after: When it became pending, aware.
        """
        return Sought(
            DirectoryKind.ORGANIZATION,
            mark=str(organization.warmline_id),
            names=(organization.name_key,),
            after=after,
            get=self._pipedrive.organization,
            is_named=lambda theirs: key(theirs.name) == organization.name_key,
            search=lambda: self._of_name(organization.name),
            search_mark=lambda: self._with_mark("organization", str(organization.warmline_id)),
        )

    def persons(self, *, email: str, name: str, after: datetime) -> list[Person]:
        """Return the persons with an e-mail; without an e-mail, those with exactly this name, by search.

        Args:
            email: Empty for none.
            name: The name; case does not matter.
            after: A look that began earlier is too old; aware.
        """
        if not email:
            ids = {one.id for one in self._pipedrive.search_persons(name, field="name")}
        elif self._directory.serves(self._pipedrive, DirectoryKind.PERSON):
            ids = self._directory.find(self._pipedrive, DirectoryKind.PERSON, email_key(email), after)
        else:
            ids = self._with_email(email)
        return those_there(self._pipedrive.person, ids)

    def organizations(self, *, name: str, after: datetime) -> list[PipedriveOrganization]:
        """Return the organizations with a name; see `persons`."""
        if self._directory.serves(self._pipedrive, DirectoryKind.ORGANIZATION):
            ids = self._directory.find(self._pipedrive, DirectoryKind.ORGANIZATION, key(name), after)
        else:
            ids = self._of_name(name)
        return those_there(self._pipedrive.organization, ids)

    def knows_mark(self, sought: Sought[Party]) -> bool:
        """Tell whether a record had our mark at the last look."""
        return bool(self._directory.known(sought.kind, sought.mark))

    def marked(self, sought: Sought[Party]) -> list[Party]:
        """Return the records with our mark, by a look that is recent enough."""
        if self._directory.serves(self._pipedrive, sought.kind):
            ids = self._directory.find(self._pipedrive, sought.kind, sought.mark, sought.after)
        else:
            ids = sought.search_mark()
        return [each for each in those_there(sought.get, ids) if bears(each, sought.mark)]

    def reported(self, kind: DirectoryKind, names: Collection[str]) -> set[int] | None:
        """Return what was reported under one of some names and not read yet; None if a look has to be made."""
        return None if self._told is None else self._told.reported(kind, names)

    def found(
        self, sought: Sought[Party], settles: Callable[[list[Party]], bool], *, may_trust_reports: bool = False
    ) -> list[Party]:
        """Return the records with the name or the mark.

        Records that the directory knows already cost one get each. A new look is made only if those do not suffice,
        and reports are not proven to tell the rest.

        Args:
            sought: What to look for.
            settles: Tells whether these records suffice to decide which one is the row's.
            may_trust_reports: Whether nothing of this row's may have been created already. Where a record has gone that
                was there is no question of what reports tell, either: then `sought.after` is the end of time.
        """
        if not self._directory.serves(self._pipedrive, sought.kind):
            ids = self._known(sought) | (sought.search() if sought.names else sought.search_mark())
            return self._as_sought(sought, ids)
        there: list[Party] = []
        asked: set[int] = set()
        for is_fresh in (False, True):
            ids = self._known(sought)
            if is_fresh:
                trusts = may_trust_reports and sought.after < END_OF_TIME
                told = self.reported(sought.kind, sought.names) if trusts else None
                if told is None:
                    self._directory.freshen(self._pipedrive, (sought.kind,), sought.after)
                ids = self._known(sought) | (told or set())
            there += self._as_sought(sought, ids - asked)
            if settles(there):
                break
            asked |= ids
        return there

    def _known(self, sought: Sought[Party]) -> set[int]:
        """Return the known ids for names and mark, even if the first listing is not complete."""
        names = filter(None, (sought.mark, *sought.names))
        return sought.seen.union(*(self._directory.known(sought.kind, name) for name in names))

    @staticmethod
    def _as_sought(sought: Sought[Party], ids: set[int]) -> list[Party]:
        """Return those of these records that exist and still have the name or the mark."""
        return [
            each
            for each in those_there(sought.get, ids)
            if each.id in sought.seen or sought.is_named(each) or bears(each, sought.mark)
        ]

    def _with_email(self, email: str) -> set[int]:
        found = (one for each in email_spellings(email) for one in self._pipedrive.search_persons(each))
        return {one.id for one in found if email_key(email) in map(email_key, one.emails)}

    def _of_name(self, name: str) -> set[int]:
        return {one.id for one in self._pipedrive.search_organizations(name) if key(one.name) == key(name)}

    def _with_mark(self, kind: RecordKind, mark: str) -> set[int]:
        if self._references.mark_code(kind) is None:
            return set()  # without that field, no record has a mark
        if kind == "person":
            return {one.id for one in self._pipedrive.search_persons(mark, field="custom_fields")}
        return {one.id for one in self._pipedrive.search_organizations(mark, field="custom_fields")}


def bears(record: Party, mark: str) -> bool:
    """Tell whether a record has this mark."""
    return mark in record.custom_fields.values()


def those_there(get: Callable[[int], Party], ids: Iterable[int]) -> list[Party]:
    """Return the records with these ids that exist and are not deleted, with one get each.

    Args:
        get: Gets a record by id.
        ids: The ids.
    """
    there = []
    for record_id in sorted(ids):
        try:
            record = get(record_id)
        except NotFound:
            continue
        if not record.is_deleted:
            there.append(record)
    return there
