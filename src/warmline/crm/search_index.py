"""The search index: the words of each row as rows of their own, because a search inside of texts reads every row.

An organization's words are its own, so that a new name costs one row and not all of its contacts'. Words are stored
as bytes, whose order is the same in every database, whatever its collation.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from django.db import models

from warmline.crm.search_words import WORD_BYTES, words_of


class Searched(Protocol):
    """A row that is found by words: a contact or an organization."""

    words: Any

    @property
    def texts(self) -> tuple[str, ...]:
        """The keys of the texts that its words are taken from."""


class Word(models.Model):
    """A word of a row, see the subclasses."""

    word = models.BinaryField(max_length=WORD_BYTES)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return bytes(self.word).decode(errors="replace")


class ContactWord(Word):
    """A word of a contact's name or e-mail. The primary key serves the question whether a contact has such a word."""

    pk = models.CompositePrimaryKey("contact_id", "word")
    contact = models.ForeignKey("crm.Contact", on_delete=models.CASCADE, related_name="words", db_index=False)

    class Meta:
        # crm.search: the contacts with a word that begins so.
        indexes = [models.Index(fields=["word", "contact"], name="contact_word")]


class OrganizationWord(Word):
    """A word of an organization's name. The primary key serves the question whether one has such a word."""

    pk = models.CompositePrimaryKey("organization_id", "word")
    organization = models.ForeignKey("crm.Organization", on_delete=models.CASCADE, related_name="words", db_index=False)

    class Meta:
        # crm.search: the organizations with a word that begins so.
        indexes = [models.Index(fields=["word", "organization"], name="organization_word")]


def beginning_with(term: bytes, path: str = "word") -> models.Q:
    """Return the condition of the words that begin with a term.

    Args:
        term: Of `terms_of`.
        path: The lookup of the word, from the rows that are filtered.
    """
    # No byte of UTF-8 is 0xff, so this is the end of the range of all that begins so.
    return models.Q((f"{path}__gte", term), (f"{path}__lt", term + b"\xff"))


def keep(row: Searched) -> None:
    """Have the words of a row that was changed be those of its texts.

    Args:
        row: As it is stored now.
    """
    present, wanted = {bytes(word) for word in row.words.values_list("word", flat=True)}, words_of(*row.texts)
    if gone := present - wanted:
        row.words.filter(word__in=gone).delete()
    _add((row, word) for word in wanted - present)


def fill(rows: Sequence[Searched]) -> None:
    """Store the words of rows that were made just now.

    Args:
        rows: All of one table, with their ids.
    """
    _add((row, word) for row in rows for word in words_of(*row.texts))


def _add(found: Iterable[tuple[Searched, bytes]]) -> None:
    pairs = list(found)
    if pairs:
        words = pairs[0][0].words
        made = [words.model(**{words.field.name: row, "word": word}) for row, word in pairs]
        words.model.objects.bulk_create(made, ignore_conflicts=True)
