"""Adding many contacts at once: what `book.add_contact` does for one, in few queries and small transactions.

Whatever was added is kept when a later batch fails, and adding the same rows again adds nothing, so an import that was
cut off is simply done again. Its contacts go to Pipedrive after what a person waits for.

A row is known by its e-mail if the names agree: several people can have one mailbox, and none of them is left out.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import Any

from django.core.exceptions import ValidationError

from warmline.crm import book, row_changes, search_index
from warmline.crm.chunks import Pace
from warmline.crm.keys import key
from warmline.crm.models import Contact, Organization
from warmline.crm.names import agree
from warmline.crm.signals import contacts_warmed, rows_saved
from warmline.crm.users import User

Identity = tuple[str, ...]
COMPARED = 50  # contacts of one mailbox whose names are compared by more than their keys


class Result(StrEnum):
    """What became of a row."""

    ADDED = "added"
    KNOWN = "known"
    INVALID = "invalid"


@dataclass(frozen=True)
class Outcome:
    """What became of a row, and why.

    Attributes:
        result: Added; known, when the owner has this contact already and nothing was changed; or invalid.
        contact_id: The contact that was added or is known; None for an invalid row.
        errors: The messages by field, `organization.name` and the like among them; empty for a valid row.
        shares_with: Of a contact that is added, who has its e-mail already, under another name.
    """

    result: Result
    contact_id: int | None = None
    errors: dict[str, list[str]] = field(default_factory=dict)
    shares_with: str = ""


@dataclass(frozen=True)
class _Given:
    """A valid row: a contact without its organization, and the organization as it was named."""

    contact: Contact
    organization: Organization | None

    @property
    def identity(self) -> Identity:
        """By what a contact is known again: its e-mail; without one, its name and the organization's."""
        if self.contact.email_key:
            return (self.contact.email_key,)
        return self.contact.name_key, self.organization.name_key if self.organization else ""


class Seen:
    """Who was seen by now: the contacts that are there, and those that rows before were."""

    def __init__(self) -> None:
        self._people: dict[Identity, dict[str, Contact]] = {}  # by the keys of their names, the first one first

    def copy(self) -> "Seen":
        """Return one that goes on by itself."""
        copied = Seen()
        copied._people = {identity: dict(people) for identity, people in self._people.items()}
        return copied

    def add(self, identity: Identity, contact: Contact) -> None:
        """Add one, unless an earlier one is named the same."""
        self._people.setdefault(identity, {}).setdefault(key(contact.name), contact)

    def first(self, identity: Identity) -> str:
        """Return the name of the first with an identity; empty when there is none."""
        return next((one.name for one in self._people.get(identity, {}).values()), "")

    def who(self, row: _Given) -> Contact | None:
        """Return who a row is: one of the same name, else one whose name agrees."""
        people = self._people.get(row.identity, {})
        some = islice(people.values(), COMPARED)
        agreeing = (one for one in some if agree(row.contact.name, one.name, [row.contact.email]))
        return people.get(row.contact.name_key) or next(agreeing, None)


def import_contacts(
    owner: User, rows: Iterable[Mapping[str, Any]], *, batch: int | None = None
) -> Iterator[list[Outcome]]:
    """Add contacts of a user's, a batch in each transaction.

    Args:
        owner: Whose contacts they become.
        rows: Each with the arguments of `book.add_contact`.
        batch: How many rows in a transaction; None for as many as are quick.

    Yields:
        The outcomes of each batch's rows in their order, as soon as they are stored.
    """
    rest, pace = iter(rows), Pace()
    while some := list(islice(rest, batch or pace.size)):
        given = [_given(owner, **row) for row in some]
        with pace.piece():
            contacts = _stored(owner, [row for row in given if isinstance(row, _Given)])
            rows_saved.send(Contact)
        outcomes = iter(contacts)
        yield [next(outcomes) if isinstance(row, _Given) else row for row in given]


def foresee(owner: User, rows: Iterable[Mapping[str, Any]], seen: Seen) -> list[Outcome]:
    """Tell what would become of rows, and write nothing.

    Args:
        owner: Whose contacts they would become.
        rows: Each with the arguments of `book.add_contact`.
        seen: Who the rows before these are; who these are is added.

    Returns:
        The outcomes in order. What would be added has no contact yet, nor has what is known by a row before it.
    """
    given = [_given(owner, **row) for row in rows]
    known = _known(owner, [row for row in given if isinstance(row, _Given)])
    outcomes = []
    for row in given:
        if isinstance(row, Outcome):
            outcomes.append(row)
            continue
        who = known.who(row) or seen.who(row)
        shares_with = known.first(row.identity) or seen.first(row.identity)
        outcomes.append(Outcome(Result.KNOWN, who.pk) if who else Outcome(Result.ADDED, shares_with=shares_with))
        if who is None:
            seen.add(row.identity, row.contact)
    return outcomes


def _given(owner: User, *, organization: book.OrganizationDetails | None = None, **values: Any) -> _Given | Outcome:
    contact = Contact(owner=owner, pipedrive_in_bulk=True, **values)
    try:
        row_changes.validate(contact)
        given = book.given_organization(organization) if organization else None
    except ValidationError as error:
        return Outcome(Result.INVALID, errors=error.message_dict)
    contact.complete()
    return _Given(contact, given)


def _stored(owner: User, rows: Sequence[_Given]) -> list[Outcome]:
    """Add those that are not known yet, and tell the outcome of each."""
    # Two imports of one user's take turns, so that neither adds what the other does (SQLite: one writer at a time).
    User.objects.select_for_update().get(pk=owner.pk)
    seen = _known(owner, rows)
    found = []
    for row in rows:
        known, shares_with = seen.who(row), seen.first(row.identity)
        if known is None:
            seen.add(row.identity, row.contact)
        found.append((row, known, shares_with))
    new = [row for row, known, _ in found if known is None]
    organizations = _organizations([row.organization for row in new if row.organization])
    for row in new:
        row.contact.organization = organizations[row.organization.name_key] if row.organization else None
    search_index.fill(Contact.objects.bulk_create(row.contact for row in new))
    if warm := [row.contact for row in new if row.contact.is_warm]:
        contacts_warmed.send(Contact, contacts=warm)
    return [
        Outcome(Result.KNOWN, known.pk) if known else Outcome(Result.ADDED, row.contact.pk, shares_with=shares_with)
        for row, known, shares_with in found
    ]


def _known(owner: User, rows: Sequence[_Given]) -> Seen:
    """Return the owner's contacts that the rows may name, the oldest first."""
    emails = {row.contact.email_key for row in rows if row.contact.email_key}
    names = {row.contact.name_key for row in rows if not row.contact.email_key}
    own = Contact.objects.filter(owner=owner)
    by_email = own.filter(email_key__in=emails)
    by_name = own.filter(name_key__in=names)
    found: list[tuple[int, str, Identity]] = [
        (pk, name, (email,)) for pk, name, email in by_email.values_list("pk", "name", "email_key")
    ]
    for pk, name, organization in by_name.values_list("pk", "name", "organization__name_key"):
        found.append((pk, name, (key(name), key(organization or ""))))
    known = Seen()
    # Not sorted by the database, which would then read all of the owner's contacts in that order.
    for pk, name, identity in sorted(found):
        known.add(identity, Contact(pk=pk, name=name))
    return known


def _organizations(given: Sequence[Organization]) -> dict[str, Organization]:
    """Return the team's organizations of these names by key, made and completed where needed."""
    named: dict[str, Organization] = {}
    for one in given:
        first = named.setdefault(one.name_key, one)
        for detail in Organization.DETAILS:
            setattr(first, detail, getattr(first, detail) or getattr(one, detail))
    found = _by_key(named)
    missing = [one for name_key, one in named.items() if name_key not in found]
    for one in missing:
        one.pipedrive_in_bulk = True
    # Another process may make the same at this moment; whose it is does not matter.
    Organization.objects.bulk_create(missing, ignore_conflicts=True)
    made = _by_key(one.name_key for one in missing)
    search_index.fill(list(made.values()))
    for name_key, one in named.items():
        if name_key in found:
            book.fill_empty_fields(found[name_key], one, in_bulk=True)
    return found | made


def _by_key(keys: Iterable[str]) -> dict[str, Organization]:
    return {one.name_key: one for one in Organization.objects.filter(name_key__in=list(keys))}
