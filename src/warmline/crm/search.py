"""Search: finds rows in which every term is in a word, at a cost that does not grow with the contact book.

A term of three letters or more may be anywhere in a word; any other has to be its beginning.

Matches of a rare term are read from the search index. Common terms are tested row by row in id order, where a page
fills quickly. Counting matches up to a limit decides which of the two applies.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_
from typing import Any, TypeVar

from django.db.models import Exists, OuterRef, Q, QuerySet

from warmline.crm import phone_numbers
from warmline.crm.contact_details import without_scheme
from warmline.crm.models import Contact, Organization
from warmline.crm.search_index import ContactWord, Holds, OrganizationWord, StemEnding, beginning_with
from warmline.crm.search_words import is_stem, terms_of

RowType = TypeVar("RowType", Contact, Organization)
RARE = 2000  # matches; up to this many are all read, in a few milliseconds
MOST_STEMS = 500  # with one term in them; a term with more is common
FEW_STEMS = 5
TERMS_COUNTED = 5  # the longest terms, whose matches are counted


@dataclass(frozen=True)
class Term:
    """What is looked for in the words of rows.

    Attributes:
        text: The beginning of a word, or any part of it.
        stems: The words that have it, if it may be anywhere in them; None if it has to be the beginning.
    """

    text: bytes
    stems: tuple[bytes, ...] | None = None

    @classmethod
    def of(cls, text: bytes) -> "Term":
        """Read one of `terms_of`."""
        if not is_stem(text):
            return cls(text)
        found = StemEnding.objects.filter(beginning_with(text, "ending")).values_list("stem", flat=True).distinct()
        return cls(text, tuple(map(bytes, found[: MOST_STEMS + 1])))

    @property
    def may_be_rare(self) -> bool:
        """Whether its matches can be counted."""
        return self.stems is None or len(self.stems) <= MOST_STEMS

    def among_all(self, path: str = "word") -> Q:
        """Return the condition that a word has it, for a look at the words of all rows."""
        return beginning_with(self.text, path) if self.stems is None else Q((f"{path}__in", self.stems))

    def in_row(self) -> Q:
        """Return the condition that a word has it, for a look at the words of one row."""
        if self.stems is None:
            return beginning_with(self.text)
        # A few are looked up; of more, each word of the row is looked at.
        return Q(word__in=self.stems) if len(self.stems) <= FEW_STEMS else Q(Holds("word", self.text))


@dataclass(frozen=True)
class Search:
    """How the rows are found in which every term of a text is in a word.

    Attributes:
        condition: What holds of them.
        few: Whether they are few. Then the caller should sort them, and read others along an order until it has enough.
    """

    condition: Q
    few: bool
    _model: type[Contact | Organization]
    _terms: "Sequence[Term]"

    @classmethod
    def of(cls, model: type[Contact | Organization], text: str, whole: Iterable[bytes] = ()) -> "Search":
        """Find out how.

        Args:
            model: What is looked for: organizations, or contacts, which are also found by their organization's name.
            text: The text as typed; without any term it matches all rows.
            whole: Words that each row must have as they are (see `whole_word`).
        """
        terms = [*map(Term, whole), *_terms(model, text)]
        rare = next((term for term in terms[:TERMS_COUNTED] if _is_rare(model, term)), None)
        each = (Q(pk__in=_matches(model, term)) if term == rare else _has(model, term) for term in terms)
        return cls(reduce(and_, each, Q()), rare is not None, model, terms)

    def least(self, most: int) -> "tuple[QuerySet[Any], ...]":
        """Return the ids of the rows that have the term that fewest have, as several queries; none if these are more.

        Args:
            most: How many each may find.
        """
        counted = [
            (max(some[: most + 1].count() for some in _found(self._model, term)), at)
            for at, term in enumerate(self._terms[:TERMS_COUNTED])
            if term.may_be_rare
        ]
        fewest, at = min(counted, default=(most + 1, 0))
        return tuple(_found(self._model, self._terms[at])) if fewest <= most else ()


def search(rows: QuerySet[RowType], text: str, whole: Iterable[bytes] = ()) -> tuple[QuerySet[RowType], bool]:
    """Return the rows in which every term of a text is in a word, and whether they are few; see `Search`."""
    found = Search.of(rows.model, text, whole)
    return rows.filter(found.condition), found.few


def _terms(model: type[Contact | Organization], text: str) -> list[Term]:
    """Return what is in a word of each row that is looked for: of a phone the number, however it is written."""
    number = phone_numbers.term_of(text).encode() if model is Contact else b""
    has_number = number and ContactWord.objects.filter(beginning_with(number)).exists()
    return [Term(number)] if has_number else list(map(Term.of, terms_of(without_scheme(text))))


def _is_rare(model: type[Contact | Organization], term: Term) -> bool:
    return term.may_be_rare and all(some[: RARE + 1].count() <= RARE for some in _found(model, term))


def _matches(model: type[Contact | Organization], term: Term) -> QuerySet[Any]:
    first, *others = _found(model, term)
    return first.union(*others)


def _found(model: type[Contact | Organization], term: Term) -> list[QuerySet[Any]]:
    """Return the ids of rows with a word that has the term, as queries on the search index."""
    if model is Organization:
        return [OrganizationWord.objects.filter(term.among_all()).values("organization")]
    of_contacts = ContactWord.objects.filter(term.among_all()).values("contact")
    # A join rather than a subquery, so that counting can stop at the limit.
    of_organizations = Contact.objects.filter(term.among_all("organization__words__word")).values("pk")
    return [of_contacts, of_organizations]


def _has(model: type[Contact | Organization], term: Term) -> Q:
    """Return the condition that a row has a word with the term."""
    # (That each is named twice changes nothing. It keeps PostgreSQL from reading all words that begin so beforehand.)
    row = OuterRef("pk" if model is Organization else "organization")
    words = OrganizationWord.objects.filter(term.in_row(), organization=row, organization__gte=row)
    if model is Organization:
        return Q(Exists(words))
    row = OuterRef("pk")
    own = ContactWord.objects.filter(term.in_row(), contact=row, contact__gte=row)
    return Q(Exists(own)) | Q(Exists(words))
