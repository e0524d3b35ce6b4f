"""Search: finds rows in which every term starts a word, at a cost that does not grow with the contact book.

Matches of a rare term are read from the search index. Common terms are tested row by row in id order, where a page
fills quickly. Counting matches up to a limit decides which of the two applies.
"""

from typing import Any, TypeVar

from django.db.models import Exists, OuterRef, Q, QuerySet

from warmline.crm import phone_numbers
from warmline.crm.models import Contact, Organization
from warmline.crm.search_index import ContactWord, OrganizationWord, beginning_with
from warmline.crm.search_words import terms_of

RowType = TypeVar("RowType", Contact, Organization)
RARE = 2000  # matches; up to this many are all read, in a few milliseconds
TERMS_COUNTED = 5  # the longest terms, whose matches are counted


def search(rows: QuerySet[RowType], text: str) -> tuple[QuerySet[RowType], bool]:
    """Return the rows in which every term of a text starts a word, and whether they are few.

    The caller should sort few rows, and read many in id order until it has enough.

    Args:
        rows: Organizations, or contacts, which are also found by their organization's name.
        text: The text as typed; without any term it matches all rows.
    """
    terms = _terms(rows.model, text)
    rare = next((term for term in terms[:TERMS_COUNTED] if _is_rare(rows.model, term)), None)
    for term in terms:
        rows = rows.filter(Q(pk__in=_matches(rows.model, term)) if term == rare else _has(rows.model, term))
    return rows, rare is not None


def _terms(model: type[Contact | Organization], text: str) -> list[bytes]:
    """Return what begins a word of each row that is looked for: of a phone the number, however it is written."""
    number = phone_numbers.term_of(text).encode() if model is Contact else b""
    has_number = number and ContactWord.objects.filter(beginning_with(number)).exists()
    return [number] if has_number else terms_of(text)


def _is_rare(model: type[Contact | Organization], term: bytes) -> bool:
    return all(some[: RARE + 1].count() <= RARE for some in _found(model, term))


def _matches(model: type[Contact | Organization], term: bytes) -> QuerySet[Any]:
    first, *others = _found(model, term)
    return first.union(*others)


def _found(model: type[Contact | Organization], term: bytes) -> list[QuerySet[Any]]:
    """Return the ids of rows with a word that starts with the term, as queries on the search index."""
    if model is Organization:
        return [OrganizationWord.objects.filter(beginning_with(term)).values("organization")]
    of_contacts = ContactWord.objects.filter(beginning_with(term)).values("contact")
    # A join rather than a subquery, so that counting can stop at the limit.
    of_organizations = Contact.objects.filter(beginning_with(term, "organization__words__word")).values("pk")
    return [of_contacts, of_organizations]


def _has(model: type[Contact | Organization], term: bytes) -> Q:
    """Return the condition that a row has a word starting with the term."""
    # (That each is named twice changes nothing. It keeps PostgreSQL from reading all words that begin so beforehand.)
    row = OuterRef("pk" if model is Organization else "organization")
    words = OrganizationWord.objects.filter(beginning_with(term), organization=row, organization__gte=row)
    if model is Organization:
        return Q(Exists(words))
    row = OuterRef("pk")
    own = ContactWord.objects.filter(beginning_with(term), contact=row, contact__gte=row)
    return Q(Exists(own)) | Q(Exists(words))
