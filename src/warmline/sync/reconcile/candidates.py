"""Which records are there under a row's names, at the least price: by the directory, while it is not full by search.

Whether one of them is the row's, `matching.py` decides. A look that fails raises; it is never taken for "not found".
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from warmline.crm.keys import email_key, email_spellings, key
from warmline.crm.models import Contact, Organization
from warmline.pipedrive import NotFound, Person, Pipedrive
from warmline.pipedrive import Organization as PipedriveOrganization
from warmline.sync.models import DirectoryKind
from warmline.sync.remote.directory import Directory
from warmline.sync.remote.references import References, RecordKind

Party = TypeVar("Party", Person, PipedriveOrganization)


@dataclass(frozen=True)
class Sought(Generic[Party]):
    """What is looked for.

    Attributes:
        kind: Of which kind.
        mark: Our own mark of it.
        name: The key of the e-mail or name that people know; empty for none.
        after: Since when the row is waiting: a look that began earlier does not serve it.
        get: Gets one: directory and search may still show what was deleted, merged or changed since.
        is_named: Tells whether a record bears the name.
        search: Searches for the name.
        search_mark: Searches for the mark.
        seen: Ids of records that could be meant, and that directory and search may not know yet.
    """

    kind: DirectoryKind
    mark: str
    name: str
    after: datetime
    get: Callable[[int], Party]
    is_named: Callable[[Party], bool]
    search: Callable[[], set[int]]
    search_mark: Callable[[], set[int]]
    seen: set[int] = field(default_factory=set)


class There:
    """Finds what is there, for one piece of work.

    Args:
        pipedrive: The client.
        directory: What Pipedrive holds.
        references: Knows the field of our mark.
    """

    def __init__(self, pipedrive: Pipedrive, directory: Directory, references: References) -> None:
        self._pipedrive = pipedrive
        self._directory = directory
        self._references = references

    def person(self, contact: Contact) -> Sought[Person]:
        """Return what to look for to find a contact's person, which an e-mail tells, or our own mark."""
        return Sought(
            DirectoryKind.PERSON,
            mark=str(contact.warmline_id),
            name=contact.email_key,
            after=contact.next_pipedrive_sync_attempt,
            get=self._pipedrive.person,
            is_named=lambda person: contact.email_key in {email_key(each.value) for each in person.emails},
            search=lambda: self._with_email(contact.email),
            search_mark=lambda: self._with_mark("person", str(contact.warmline_id)),
        )

    def organization(self, organization: Organization, after: datetime) -> Sought[PipedriveOrganization]:
        """Return what to look for to find one of our organizations, which its name tells, or our own mark.

        Args:
            organization: Ours.
            after: Since when it is wanted.
        """
        return Sought(
            DirectoryKind.ORGANIZATION,
            mark=str(organization.warmline_id),
            name=organization.name_key,
            after=after,
            get=self._pipedrive.organization,
            is_named=lambda theirs: key(theirs.name) == organization.name_key,
            search=lambda: self._of_name(organization.name),
            search_mark=lambda: self._with_mark("organization", str(organization.warmline_id)),
        )

    def persons(self, *, email: str, name: str, after: datetime) -> list[Person]:
        """Return the persons with an e-mail; without one those of exactly a name, which the directory does not know.

        Args:
            email: Empty for none.
            name: In any case.
            after: A look that began earlier does not serve.
        """
        if not email:
            ids = {one.id for one in self._pipedrive.search_persons(name, field="name")}
        elif self._directory.serves(self._pipedrive, DirectoryKind.PERSON):
            ids = self._directory.find(self._pipedrive, DirectoryKind.PERSON, email_key(email), after)
        else:
            ids = self._with_email(email)
        return those_there(self._pipedrive.person, ids)

    def organizations(self, *, name: str, after: datetime) -> list[PipedriveOrganization]:
        """Return the organizations of a name; see `persons`."""
        if self._directory.serves(self._pipedrive, DirectoryKind.ORGANIZATION):
            ids = self._directory.find(self._pipedrive, DirectoryKind.ORGANIZATION, key(name), after)
        else:
            ids = self._of_name(name)
        return those_there(self._pipedrive.organization, ids)

    def knows_mark(self, sought: Sought[Party]) -> bool:
        """Tell whether a record bore our mark at the last look."""
        return bool(self._directory.known(sought.kind, sought.mark))

    def marked(self, sought: Sought[Party]) -> list[Party]:
        """Return the records that bear our mark, by a look that is fresh enough."""
        if self._directory.serves(self._pipedrive, sought.kind):
            ids = self._directory.find(self._pipedrive, sought.kind, sought.mark, sought.after)
        else:
            ids = sought.search_mark()
        return [each for each in those_there(sought.get, ids) if bears(each, sought.mark)]

    def found(self, sought: Sought[Party], settles: Callable[[list[Party]], bool]) -> list[Party]:
        """Return the records under either name.

        What the directory knows already costs a get each; only if that does not settle the matter is a look taken.

        Args:
            sought: What is looked for.
            settles: Tells whether some records are enough to know which one is meant.
        """
        if not self._directory.serves(self._pipedrive, sought.kind):
            ids = self._known(sought) | (sought.search() if sought.name else sought.search_mark())
            return self._as_sought(sought, ids)
        there: list[Party] = []
        asked: set[int] = set()
        for is_fresh in (False, True):
            if is_fresh:
                self._directory.freshen(self._pipedrive, (sought.kind,), sought.after)
            ids = self._known(sought)
            there += self._as_sought(sought, ids - asked)
            if settles(there):
                break
            asked |= ids
        return there

    def _known(self, sought: Sought[Party]) -> set[int]:
        """Return the ids under either name as far as they are known, also of a listing that is not at its end."""
        names = filter(None, (sought.mark, sought.name))
        return sought.seen.union(*(self._directory.known(sought.kind, name) for name in names))

    @staticmethod
    def _as_sought(sought: Sought[Party], ids: set[int]) -> list[Party]:
        """Return those of these records that are there and still bear one of the names."""
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
            return set()  # where no record has such a field, none bears a mark
        if kind == "person":
            return {one.id for one in self._pipedrive.search_persons(mark, field="custom_fields")}
        return {one.id for one in self._pipedrive.search_organizations(mark, field="custom_fields")}


def bears(record: Party, mark: str) -> bool:
    """Tell whether a record bears a mark of ours."""
    return mark in record.custom_fields.values()


def those_there(get: Callable[[int], Party], ids: Iterable[int]) -> list[Party]:
    """Return the records of these ids that exist and are not deleted, by one get each.

    Args:
        get: Gets one.
        ids: Which ones.
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
