"""Adding many contacts at once: what `book.add_contact` does for one, in few queries and small transactions.

Whatever was added is kept when a later chunk fails, and adding the same rows again adds nothing, so an import that was
cut off is simply done again. Its contacts go to Pipedrive after what a person waits for. Who is known already is
decided in known_people.py.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain, islice
from typing import Any

from django.core.exceptions import ValidationError

from warmline.crm import book, row_changes, search_index
from warmline.crm.activities import Activity
from warmline.crm.chunks import Pace
from warmline.crm.contact_details import completed
from warmline.crm.emails_phones import KEYS
from warmline.crm.emails_phones_columns import COLUMNS
from warmline.crm.imports.known_people import Comparison, Person, Seen, compare, further
from warmline.crm.keys import key
from warmline.crm.models import Contact, Organization
from warmline.crm.signals import contacts_warmed, rows_imported, rows_importing
from warmline.crm.users import User

VALUES = tuple(dict.fromkeys(chain(*COLUMNS.values())))
GIVEN = ("name", *VALUES, "warmness_score", *Contact.DETAILS)


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
        namesake: Of a contact that is added, who has its name and organization already, with another phone.
        comparison: What the row says beside what the contact, or the team's organization, has.
        known_as: The known contact's name, where the row spells it otherwise.
    """

    result: Result
    contact_id: int | None = None
    errors: dict[str, list[str]] = field(default_factory=dict)
    shares_with: str = ""
    namesake: str = ""
    comparison: Comparison = field(default_factory=Comparison)
    known_as: str = ""


def import_contacts(
    owner: User, rows: Iterable[Mapping[str, Any]], *, chunk: int | None = None
) -> Iterator[list[Outcome]]:
    """Add contacts of a user's, a chunk in each transaction.

    Args:
        owner: Whose contacts they become.
        rows: Each with the arguments of `book.add_contact`; with `is_another` set, if somebody decided that it is
            nobody who is known; and with `origin`, the source of somebody new unless it is given.
        chunk: How many rows in a transaction; None for as many as are quick.

    Yields:
        The outcomes of each chunk's rows in their order, as soon as they are stored.
    """
    rest, pace = iter(rows), Pace()
    while some := list(islice(rest, chunk or pace.size)):
        given = [_given(owner, **row) for row in some]
        with pace.piece():
            contacts = _stored(owner, [row for row in given if isinstance(row, Person)])
            rows_imported.send(Contact)
        outcomes = iter(contacts)
        yield [next(outcomes) if isinstance(row, Person) else row for row in given]


def foresee(owner: User, rows: Iterable[Mapping[str, Any]], seen: Seen) -> list[Outcome]:
    """Tell what would become of rows, and write nothing.

    Args:
        owner: Whose contacts they would become.
        rows: Each with the arguments of `book.add_contact`, and `is_another` as for `import_contacts`.
        seen: Who the rows before these are; who these are is added.

    Returns:
        The outcomes in order. What would be added has no contact yet, nor has what is known by a row before it.
    """
    given = [_given(owner, **row) for row in rows]
    valid = [row for row in given if isinstance(row, Person)]
    known = _known(owner, valid)
    told = [row.organization for row in valid if row.organization]
    organizations = _by_key({one.name_key for one in told if any(getattr(one, name) for name in one.DETAILS)})
    return [
        row if isinstance(row, Outcome) else _foreseen(row, known, seen, organizations.get(row.by_name[1]))
        for row in given
    ]


def complete(owner: User, row: Mapping[str, Any]) -> int | None:
    """Take over what a row says that the contact which it is has no value for, within a transaction.

    Args:
        owner: Whose contact it is.
        row: With the arguments of `book.add_contact`.

    Returns:
        The contact; None when there is none any more, or the row is not valid.
    """
    User.objects.select_for_update(no_key=True).get(pk=owner.pk)
    given = _given(owner, **row)
    if isinstance(given, Outcome):
        return None
    known = _known(owner, [given])
    who = known.who(given) or known.incomplete(given)
    if who is None:
        return None
    missing = compare(given, who).completes
    changes: dict[str, Any] = {}
    if "warmness" in missing:
        changes["warmness_score"] = given.contact.warmness_score
    if given.organization and ("organization" in missing or given.by_name[1] == who.by_name[1]):
        organization = _organizations([given.organization])[given.organization.name_key]
        if "organization" in missing:
            changes["organization"] = organization
    # Locked, so that what somebody adds at this moment is not taken away (see `row_changes.locked` for the order).
    contact = Contact.objects.select_for_update(no_key=True).get(pk=who.contact.pk)
    there = Person(contact)
    changes |= {
        f"{kind}s": (*getattr(contact, f"{kind}s"), *further(given, there, kind)) for kind in KEYS if kind in missing
    }
    changes |= {
        name: completed(name, getattr(contact, name), missing[name]) for name in Contact.DETAILS if name in missing
    }
    if changes:
        row_changes.change_row(contact, changes, in_bulk=True)
    return contact.pk


def untouched(owner: User, rows: Mapping[int, Mapping[str, Any]]) -> list[int]:
    """Return which contacts are still as they were added, without an activity; within a transaction, which locks them.

    Args:
        owner: Whose contacts they became.
        rows: What `import_contacts` was given of them, by their ids.
    """
    busy = set(Activity.objects.filter(contact__in=rows).values_list("contact", flat=True))
    some = Contact.objects.filter(pk__in=rows, owner=owner).exclude(pk__in=busy).order_by("pk")
    locked = some.select_for_update(of=("self",)).select_related("organization")
    return [contact.pk for contact in locked if _is_as_given(contact, _given(owner, **rows[contact.pk]))]


def _is_as_given(contact: Contact, given: Person | Outcome) -> bool:
    if isinstance(given, Outcome):
        return False
    _note_origin(given)
    is_same = all(getattr(contact, name) == getattr(given.contact, name) for name in GIVEN)
    organization = key(contact.organization.name) if contact.organization else ""
    return is_same and organization == given.by_name[1]


def _note_origin(row: Person) -> None:
    # Not before it is known to be somebody new: it completes nobody.
    row.contact.source = row.contact.source or row.origin


def _foreseen(row: Person, known: Seen, seen: Seen, organization: Organization | None) -> Outcome:
    """Tell what would become of one row, and note who it is.

    Args:
        row: A valid one.
        known: The contacts that are there.
        seen: Those that rows before were.
        organization: The team's of that name, as it is stored.
    """
    who = None if row.is_another else known.who(row) or seen.who(row) or known.incomplete(row) or seen.incomplete(row)
    comparison = compare(row, who) if who else Comparison()
    if row.organization:
        present = seen.details(row.organization)
        for name in Organization.DETAILS:
            said, had = getattr(row.organization, name), getattr(organization, name, "") or present.get(name, "")
            if said and had and key(said) != key(had):
                comparison.differs[name] = said, had
            elif said and not had and who:
                comparison.completes[name] = said
    if who:
        other = who.contact.name if key(who.contact.name) != row.contact.name_key else ""
        return Outcome(Result.KNOWN, who.contact.pk, comparison=comparison, known_as=other)
    shared = known.first(row) or seen.first(row)
    seen.add(row)
    return _added(row, shared, comparison)


def _added(row: Person, shared: str, comparison: Comparison) -> Outcome:
    """Return the outcome of a row that is somebody new, with whom it has its e-mail, or else its name, in common."""
    has_email = bool(row.contact.email_key)
    return Outcome(
        Result.ADDED,
        row.contact.pk,
        shares_with=shared if has_email else "",
        namesake="" if has_email else shared,
        comparison=comparison,
    )


def _given(
    owner: User,
    *,
    organization: book.OrganizationDetails | None = None,
    is_another: bool = False,
    origin: str = "",
    **values: Any,
) -> Person | Outcome:
    contact = Contact(owner=owner, **values)
    try:
        with row_changes.as_given(values):
            row_changes.validate(contact)
        given = book.given_organization(organization) if organization else None
    except ValidationError as error:
        return Outcome(Result.INVALID, errors=error.message_dict)
    contact.complete()
    return Person(contact, given, is_another, origin)


def _stored(owner: User, rows: Sequence[Person]) -> list[Outcome]:
    """Add those that are not known yet, and tell the outcome of each."""
    # Two imports of one user's take turns, so that neither adds what the other does (SQLite: one writer at a time).
    User.objects.select_for_update(no_key=True).get(pk=owner.pk)
    seen = _known(owner, rows)
    found = []
    for row in rows:
        known, shared = None if row.is_another else seen.who(row), seen.first(row)
        if known is None:
            seen.add(row)
        found.append((row, known, shared))
    new = [row for row, known, _ in found if known is None]
    organizations = _organizations([row.organization for row in new if row.organization])
    for row in new:
        row.contact.organization = organizations[row.organization.name_key] if row.organization else None
        _note_origin(row)
    contacts = [row.contact for row in new]
    rows_importing.send(Contact, rows=contacts)
    Contact.index(Contact.objects.bulk_create(contacts))
    if warm := [contact for contact in contacts if contact.is_warm]:
        contacts_warmed.send(Contact, contacts=warm)
    return [
        Outcome(Result.KNOWN, known.contact.pk, comparison=compare(row, known))
        if known
        else _added(row, shared, Comparison())
        for row, known, shared in found
    ]


def _known(owner: User, rows: Sequence[Person]) -> Seen:
    """Return the owner's contacts that the rows may name, the oldest first."""
    emails = {key for row in rows for key in row.contact.email_keys}
    # A row with an e-mail may be who has none yet.
    names = {row.contact.name_key for row in rows if not row.contact.email_key or row.organization}
    own = Contact.objects.filter(owner=owner)
    said = ("pk", "name_key", "email_key", *GIVEN)
    found = {
        each[0]: each
        for some in (own.with_email(emails), own.filter(name_key__in=names))
        for each in some.values_list(*said, "organization__name")
    }
    known = Seen()
    # Not sorted by the database, which would then read all of the owner's contacts in that order.
    for pk in sorted(found):
        *values, organization = found[pk]
        contact = Contact(**dict(zip(said, values, strict=True)))
        # By its name: of two linked organizations that read alike, one has another key in the database.
        there = Organization(name=organization, name_key=key(organization)) if organization else None
        known.add(Person(contact, there))
    return known


def _organizations(given: Sequence[Organization]) -> dict[str, Organization]:
    """Return the team's organizations of these names by key, made and completed where needed."""
    named: dict[str, Organization] = {}
    for one in given:
        first = named.setdefault(one.name_key, one)
        for detail in Organization.DETAILS:
            setattr(first, detail, getattr(first, detail) or getattr(one, detail))
    found = _by_key(named)
    # By name, and below by id, so that two imports of the same rows never wait for each other in a circle.
    missing = [named[name_key] for name_key in sorted(named.keys() - found.keys())]
    rows_importing.send(Organization, rows=missing)
    # Another process may make the same at this moment; whose it is does not matter.
    Organization.objects.bulk_create(missing, ignore_conflicts=True)
    made = _by_key(one.name_key for one in missing)
    search_index.fill(list(made.values()))
    for present in sorted(found.values(), key=lambda one: one.pk):
        book.fill_empty_fields(present, named[present.name_key], in_bulk=True)
    return found | made


def _by_key(keys: Iterable[str]) -> dict[str, Organization]:
    return {one.name_key: one for one in Organization.objects.filter(name_key__in=list(keys))}
