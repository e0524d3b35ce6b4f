"""The search index: each word of a contact or organization is a row, because searching inside texts reads every row.

An organization's words are stored only with itself, so renaming it does not touch its contacts. Words are stored as
bytes, which sort the same in every database, whatever its collation.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from django.db import models

from warmline.crm.search_words import WORD_BYTES, words_of


class Searched(Protocol):
    """A row in the search index: a contact or an organization."""

    words: Any

    @property
    def texts(self) -> tuple[str, ...]:
        """The keys of the texts whose words are indexed."""


class Word(models.Model):
    """A word of a row; see the subclasses."""

    word = models.BinaryField(max_length=WORD_BYTES)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return bytes(self.word).decode(errors="replace")


class ContactWord(Word):
    """A word of a contact's name or e-mail. The primary key serves the query whether a contact has a word."""

    pk = models.CompositePrimaryKey("contact_id", "word")
    contact = models.ForeignKey("crm.Contact", on_delete=models.CASCADE, related_name="words", db_index=False)

    class Meta:
        # crm.search: the contacts with a word that starts with a term.
        indexes = [models.Index(fields=["word", "contact"], name="contact_word")]


class OrganizationWord(Word):
    """A word of an organization's name. The primary key serves the query whether an organization has a word."""

    pk = models.CompositePrimaryKey("organization_id", "word")
    organization = models.ForeignKey("crm.Organization", on_delete=models.CASCADE, related_name="words", db_index=False)

    class Meta:
        # crm.search: the organizations with a word that starts with a term.
        indexes = [models.Index(fields=["word", "organization"], name="organization_word")]


def beginning_with(term: bytes, path: str = "word") -> models.Q:
    """Return the condition that a word starts with a term.

    Args:
        term: One of `terms_of`.
        path: The lookup of the word from the filtered rows.
    """
    # UTF-8 never contains the byte 0xff, so this is the end of the range.
    return models.Q((f"{path}__gte", term), (f"{path}__lt", term + b"\xff"))


def keep(row: Searched) -> None:
    """Update the words of a row after its texts have changed.

    Args:
        row: The row, as it is stored now.
    """
    present, wanted = {bytes(word) for word in row.words.values_list("word", flat=True)}, words_of(*row.texts)
    if gone := present - wanted:
        row.words.filter(word__in=gone).delete()
    _add((row, word) for word in wanted - present)


def fill(rows: Sequence[Searched]) -> None:
    """Store the words of new rows.

    Args:
        rows: Rows of one table, with ids.
    """
    _add((row, word) for row in rows for word in words_of(*row.texts))


def _add(found: Iterable[tuple[Searched, bytes]]) -> None:
    pairs = list(found)
    if pairs:
        words = pairs[0][0].words
        made = [words.model(**{words.field.name: row, "word": word}) for row, word in pairs]
        words.model.objects.bulk_create(made, ignore_conflicts=True)
