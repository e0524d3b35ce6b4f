"""Who a row of an import is: a contact that its owner has already, or somebody new. Pure: no database.

A row is known by its e-mail if the names agree; without one, by name and organization, unless the phones differ.
Several people can have one mailbox or one name, and none of them is left out. What a known row says beside that is
compared: what the contact has no value for would complete it, and what differs is told.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice

from warmline.crm import contact_details
from warmline.crm.emails_phones import Labelled
from warmline.crm.imports.cells import is_same_phone
from warmline.crm.keys import email_key
from warmline.crm.models import Contact, Organization
from warmline.crm.name_agreement import agree

Identity = tuple[str, ...]
COMPARED = 50  # contacts of one mailbox whose names are compared by more than their keys


@dataclass(frozen=True)
class Person:
    """A contact, of a row or of the contact book.

    Attributes:
        contact: With its name, e-mail, phone and score, and their keys; its id when it is stored.
        organization: As it is named there, with its details and its key; None for none.
        is_another: Whether somebody decided that a row is nobody who is known.
        origin: Where somebody new comes from, unless the row says it.
    """

    contact: Contact
    organization: Organization | None = None
    is_another: bool = False
    origin: str = ""

    @property
    def by_name(self) -> Identity:
        """Its name and the organization's."""
        return self.contact.name_key, self.organization.name_key if self.organization else ""

    @property
    def identities(self) -> tuple[Identity, ...]:
        """By what it is known again: each of its e-mails; without one, its name and the organization's."""
        return tuple((key,) for key in self.contact.email_keys) or (self.by_name,)

    @property
    def emails(self) -> list[str]:
        """Its e-mails."""
        return [each.value for each in self.contact.emails]

    @property
    def phones(self) -> list[str]:
        """Its phones."""
        return [each.value for each in self.contact.phones]


@dataclass(frozen=True)
class Comparison:
    """What a row says beside what a known contact has.

    Attributes:
        completes: What the contact has no value for, by field.
        differs: What it has another value for: what the row says, and what the contact has, by field.
    """

    completes: dict[str, str] = field(default_factory=dict)
    differs: dict[str, tuple[str, str]] = field(default_factory=dict)


class Seen:
    """Who was seen by now: the contacts that are there, and those that rows before were."""

    def __init__(self) -> None:
        # By identity, and by the keys of their names; the first one first.
        self._people: dict[Identity, dict[str, list[Person]]] = {}
        self._added: list[list[Person]] = []
        self._organizations: dict[str, dict[str, str]] = {}

    @contextmanager
    def undone_if_broken(self) -> Iterator[None]:
        """Forget whom the block adds if it raises."""
        before = len(self._added)
        try:
            yield
        except BaseException:
            while len(self._added) > before:
                self._added.pop().pop()
            raise
        self._added.clear()

    def add(self, person: Person) -> None:
        """Add one."""
        for identity in {*person.identities, person.by_name}:
            some = self._people.setdefault(identity, {}).setdefault(person.contact.name_key, [])
            some.append(person)
            self._added.append(some)

    def details(self, organization: Organization) -> dict[str, str]:
        """Return what is known of an organization by now; what it tells beside that is known from then on."""
        known = self._organizations.setdefault(organization.name_key, {})
        before = dict(known)
        for name in Organization.DETAILS:
            known[name] = known.get(name, "") or getattr(organization, name)
        return before

    def first(self, row: Person) -> str:
        """Return the name of the first who has an e-mail of a row's, or its name and organization; empty for none."""
        found = (self._people.get(identity, {}) for identity in row.identities)
        return next((some[0].contact.name for people in found for some in people.values() if some), "")

    def who(self, row: Person) -> Person | None:
        """Return who a row is: one of the same name, else one whose name agrees; None for nobody who is known."""
        found = (self._who(row, self._people.get(identity, {})) for identity in row.identities)
        return next((one for one in found if one), None)

    @staticmethod
    def _who(row: Person, people: dict[str, list[Person]]) -> Person | None:
        same = people.get(row.contact.name_key, [])
        alike = next((one for one in same if not _phones_differ(one, row)), None)
        if alike or not row.contact.email_key:
            return alike
        some = (one for each in islice(people.values(), COMPARED) for one in each[:1])
        agreeing = (one for one in some if agree(row.contact.name, one.contact.name, row.emails))
        return same[0] if same else next(agreeing, None)

    def incomplete(self, row: Person) -> Person | None:
        """Return who a row with an e-mail can be, of the same name and organization, but without an e-mail."""
        if not row.contact.email_key or not row.organization:
            return None
        same = self._people.get(row.by_name, {}).get(row.contact.name_key, [])
        return next((one for one in same if not one.contact.email_key and not _phones_differ(one, row)), None)


def compare(row: Person, known: Person) -> Comparison:
    """Compare what a row says with what the contact has that it is.

    Args:
        row: The row.
        known: Who it is.
    """
    found = Comparison()
    for name, values, had in (
        ("email", further(row, known, "email"), known.emails),
        ("phone", further(row, known, "phone"), known.phones),
    ):
        text = ", ".join(each.value for each in values)
        # Of several phones one is the same: it is this person. If none is, it may be somebody else.
        if text and name == "phone" and _phones_differ(row, known):
            found.differs[name] = text, ", ".join(had)
        elif text:
            found.completes[name] = text
    said = (
        ("organization", _name(row), _name(known), row.by_name[1] == known.by_name[1]),
        ("warmness", _score(row), _score(known), False),
    )
    for name, ours, theirs, is_same in said:
        if ours and not theirs:
            found.completes[name] = ours
        elif ours and ours != theirs and not is_same:
            found.differs[name] = ours, theirs
    for name in Contact.DETAILS:
        present = getattr(known.contact, name)
        if more := contact_details.further(name, getattr(row.contact, name), present):
            if present and name != "tags":
                found.differs[name] = more, present
            else:
                found.completes[name] = more
    return found


def further(row: Person, known: Person, kind: str) -> list[Labelled]:
    """Return the e-mails or phones of a row that a known contact does not have.

    Args:
        row: The row.
        known: Who it is.
        kind: "email" or "phone".
    """
    if kind == "email":
        return [each for each in row.contact.emails if email_key(each.value) not in known.contact.email_keys]
    had = known.phones
    return [each for each in row.contact.phones if not any(is_same_phone(each.value, one) for one in had)]


def _phones_differ(one: Person, other: Person) -> bool:
    some, others = one.phones, other.phones
    return bool(some and others) and not any(is_same_phone(phone, each) for phone in some for each in others)


def _name(person: Person) -> str:
    return person.organization.name if person.organization else ""


def _score(person: Person) -> str:
    return str(person.contact.warmness_score or "")
