"""The search index: each word of a contact or organization is a row, because searching inside texts reads every row.

An organization's words are stored only with itself, so renaming it does not touch its contacts. Words are stored as
bytes, which sort the same in every database, whatever its collation.

What is found anywhere in a word is found by the endings of stems, which all rows share: a common name has its endings
once. So a row costs little more to save, and a search reads no more than what it finds.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Protocol

from django.db import connection, models

from warmline.crm.chunks import in_pieces
from warmline.crm.search_words import WORD_BYTES, endings_of, is_stem, words_of


class Searched(Protocol):
    """A row in the search index: a contact or an organization."""

    words: Any

    @property
    def texts(self) -> tuple[str, ...]:
        """The keys of the texts whose words are indexed."""

    @property
    def further_words(self) -> Collection[bytes]:
        """Other words under which it is found."""


class Word(models.Model):
    """A word of a row; see the subclasses."""

    word = models.BinaryField(max_length=WORD_BYTES)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return bytes(self.word).decode(errors="replace")


class ContactWord(Word):
    """A word of a contact's name, e-mail or details. The primary key serves the query whether a contact has a word."""

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


class StemEnding(models.Model):
    """An end of a stem that rows have as a word, or had until lately; the stem is one of its own.

    Two processes that save a new name at once may both store its endings. Nothing in the database keeps them from it,
    because then each would have to wait for the other to commit; a search takes each stem once.
    """

    ending = models.BinaryField(max_length=WORD_BYTES)
    stem = models.BinaryField(max_length=WORD_BYTES)

    class Meta:
        # crm.search: the stems with an ending that starts with a term; and here, whether a stem is known.
        indexes = [models.Index(fields=["ending", "stem"], name="stem_ending")]

    def __str__(self) -> str:
        return bytes(self.ending).decode(errors="replace")


class Holds(models.Func):
    """The condition that a word has a term anywhere."""

    output_field = models.BooleanField()

    def __init__(self, path: str, term: bytes) -> None:
        super().__init__(models.F(path), models.Value(term, output_field=models.BinaryField()))

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """Return the condition for SQLite."""
        return self.as_sql(compiler, connection, template="INSTR(%(expressions)s) > 0", **context)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """Return the condition for PostgreSQL."""
        swapped = self.copy()
        swapped.set_source_expressions(self.get_source_expressions()[::-1])
        template = "POSITION(%(expressions)s) > 0"
        return swapped.as_sql(compiler, connection, template=template, arg_joiner=" IN ", **context)


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
    present, wanted = {bytes(word) for word in row.words.values_list("word", flat=True)}, _words(row)
    if gone := present - wanted:
        row.words.filter(word__in=gone).delete()
    _add((row, word) for word in wanted - present)


def fill(rows: Sequence[Searched]) -> None:
    """Store the words of new rows.

    Args:
        rows: Rows of one table, with ids.
    """
    _add((row, word) for row in rows for word in _words(row))


def _words(row: Searched) -> set[bytes]:
    return {*words_of(*row.texts), *row.further_words}


def _add(found: Iterable[tuple[Searched, bytes]]) -> None:
    pairs = list(found)
    if pairs:
        words = pairs[0][0].words
        made = [words.model(**{words.field.name: row, "word": word}) for row, word in pairs]
        words.model.objects.bulk_create(made, ignore_conflicts=True)
        _add_endings({word for _, word in pairs if is_stem(word)})


def _add_endings(stems: set[bytes]) -> None:
    """Store the endings of stems that are not known; their words are stored (see `forget_unused`)."""
    if stems:
        known = StemEnding.objects.filter(ending__in=stems, stem=models.F("ending")).values_list("stem", flat=True)
        new = sorted(stems - set(map(bytes, known)))
        made = [StemEnding(ending=ending, stem=stem) for stem in new for ending in endings_of(stem)]
        StemEnding.objects.bulk_create(made)


def forget_unused() -> None:
    """Delete the endings of stems that no row has any more, some at a time."""
    in_pieces(list(_unused().values_list("pk", flat=True)), _forget)


def _unused() -> models.QuerySet[StemEnding]:
    stem = models.OuterRef("stem")
    used = (models.Exists(model.objects.filter(word=stem)) for model in (ContactWord, OrganizationWord))
    return StemEnding.objects.filter(~next(used), ~next(used), ending=models.F("stem"))


def _forget(ids: Sequence[int]) -> None:
    if connection.vendor == "postgresql":
        # Who is storing a word has done so before they look whether its stem is known. So whoever relies on a stem is
        # waited for here, and whoever comes later waits, and finds it gone. (Organizations first, as they are saved.)
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE crm_organizationword, crm_contactword IN SHARE MODE")
    for stem in map(bytes, _unused().filter(pk__in=ids).values_list("stem", flat=True)):
        StemEnding.objects.filter(ending__in=endings_of(stem), stem=stem).delete()
