"""Search: the rows in which each term begins a word, at a cost that does not grow with the book.

What is rare is read from the index of words. What is common is looked for row by row in the order of the ids, where
a page is soon full. Which of the two is tried first, by counting matches up to a bound.
"""

from typing import Any, TypeVar

from django.db.models import Exists, OuterRef, Q, QuerySet

from warmline.crm.models import Contact, Organization
from warmline.crm.search_index import ContactWord, OrganizationWord, beginning_with
from warmline.crm.words import terms_of

RowType = TypeVar("RowType", Contact, Organization)
RARE = 2000  # matches, up to which they are all read: some milliseconds
COUNTED = 5  # terms, the longest ones, whose matches are counted


def search(rows: QuerySet[RowType], text: str) -> tuple[QuerySet[RowType], bool]:
    """Return the rows in which each term of a text begins a word, and whether they are few.

    Few rows should be sorted, and many be read in their order until there are enough.

    Args:
        rows: Contacts, which are found by their organization's name as well, or organizations.
        text: As a person typed it; without any term it finds all.
    """
    terms = terms_of(text)
    rare = next((term for term in terms[:COUNTED] if _is_rare(rows.model, term)), None)
    for term in terms:
        rows = rows.filter(Q(pk__in=_matches(rows.model, term)) if term == rare else _has(rows.model, term))
    return rows, rare is not None


def _is_rare(model: type[Contact | Organization], term: bytes) -> bool:
    return all(some[: RARE + 1].count() <= RARE for some in _found(model, term))


def _matches(model: type[Contact | Organization], term: bytes) -> QuerySet[Any]:
    first, *others = _found(model, term)
    return first.union(*others)


def _found(model: type[Contact | Organization], term: bytes) -> list[QuerySet[Any]]:
    """Return the ids of what has a word that begins so, as queries that the index of words serves."""
    if model is Organization:
        return [OrganizationWord.objects.filter(beginning_with(term)).values("organization")]
    of_contacts = ContactWord.objects.filter(beginning_with(term)).values("contact")
    # A join and no subquery, so that counting up to a bound reads no further.
    of_organizations = Contact.objects.filter(beginning_with(term, "organization__words__word")).values("pk")
    return [of_contacts, of_organizations]


def _has(model: type[Contact | Organization], term: bytes) -> Q:
    """Return the condition of a row that has a word that begins so."""
    # (That each is named twice changes nothing. It keeps PostgreSQL from reading all words that begin so beforehand.)
    row = OuterRef("pk" if model is Organization else "organization")
    words = OrganizationWord.objects.filter(beginning_with(term), organization=row, organization__gte=row)
    if model is Organization:
        return Q(Exists(words))
    row = OuterRef("pk")
    own = ContactWord.objects.filter(beginning_with(term), contact=row, contact__gte=row)
    return Q(Exists(own)) | Q(Exists(words))
