"""What is known of a row beside its name and how it is reached, and of a contact in particular.

A detail is a field of text. Whatever a new one needs follows from the field that stands here: form, page, API, import,
export and comparison read the names in DETAILS, and the label and the length of each. Contacts' details stay here
unless an admin chooses a field of Pipedrive's for them (see sync/synced_fields.py).
"""

import re
from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.db import models
from django.utils.text import capfirst

from warmline.crm import fields
from warmline.crm.keys import key
from warmline.crm.search_words import whole_word, words_of

MOST_TAGS, TAG_LENGTH = 50, 100
TAGS_LENGTH = MOST_TAGS * (TAG_LENGTH + 2)
BETWEEN_TAGS = ", "
TAG, SOURCE = "tag", "source"  # by which lists can be filtered
_SCHEME = re.compile(r"https?://(?:www\.)?", re.IGNORECASE)


class Detailed(models.Model):
    """A row with details.

    Attributes:
        DETAILS: The names of the fields, in the order in which they are shown.
    """

    DETAILS: ClassVar[tuple[str, ...]]

    class Meta:
        abstract = True

    @classmethod
    def called(cls, name: str) -> str:
        """Return what a field is called within a sentence."""
        return str(cls._meta.get_field(name).verbose_name)  # type: ignore[union-attr]  # it is a column

    @classmethod
    def label(cls, name: str) -> str:
        """Return what a field is called on pages and in files."""
        return capfirst(cls.called(name))

    @classmethod
    def length(cls, name: str) -> int | None:
        """Return how many characters the line of a detail can have; None for a text of several lines."""
        return cls._meta.get_field(name).max_length  # type: ignore[union-attr]  # it is a column

    @property
    def details(self) -> list[tuple[str, str]]:
        """What is known of it beside its name, each with what it is called; empty texts for what is not known."""
        return [(self.label(name), getattr(self, name)) for name in self.DETAILS]


class ContactDetails(Detailed):
    """The details of a contact.

    Attributes:
        job_title: What the contact does at the organization.
        linkedin: The address of the contact's profile there.
        note: Text of several lines.
        tags: Separated by commas, each once.
        source: Where the contact comes from, such as “LinkedIn, 12 Nov 2026”.
    """

    DETAILS = ("job_title", "linkedin", "note", "tags", "source")

    job_title = models.CharField(
        max_length=fields.NAME_LENGTH, blank=True, default="", validators=[fields.no_control_characters]
    )
    linkedin = models.CharField(
        "LinkedIn", max_length=fields.NAME_LENGTH, blank=True, default="", validators=[fields.no_control_characters]
    )
    note = models.TextField(
        blank=True,
        default="",
        validators=[
            MaxLengthValidator(fields.CONTACT_NOTE_LENGTH),
            fields.no_control_characters_but_line_breaks,
        ],
    )
    tags = models.CharField(max_length=TAGS_LENGTH, blank=True, default="", validators=[fields.no_control_characters])
    source = models.CharField(
        max_length=fields.NAME_LENGTH, blank=True, default="", validators=[fields.no_control_characters]
    )

    class Meta:
        abstract = True

    @property
    def further_words(self) -> set[bytes]:
        """The words of the details, for the search index."""
        return words_in({name: getattr(self, name) for name in self.DETAILS})

    @property
    def each_tag(self) -> list[str]:
        """The tags, one by one."""
        return split_tags(self.tags)

    def clean_fields(self, exclude: Collection[str] | None = None) -> None:
        """Settle note and tags, and check them.

        Raises:
            ValidationError: With the messages of each detail that is not valid, and of other fields.
        """
        self.note = fields.without_ends(self.note) if isinstance(self.note, str) else self.note
        tags = split_tags(self.tags) if isinstance(self.tags, str) else []
        self.tags = BETWEEN_TAGS.join(tags) if isinstance(self.tags, str) else self.tags
        errors: dict[str, Any] = {}
        try:
            super().clean_fields(exclude)
        except ValidationError as error:
            errors = error.error_dict
        if wrong := _wrong_with(tags):
            errors["tags"] = [ValidationError(wrong)]
        if errors:
            raise ValidationError(errors)


def words_in(details: Mapping[str, str]) -> set[bytes]:
    """Return the words under which a contact is found for its details: those in them, its tags, and its source.

    Args:
        details: By name.
    """
    tags, source = split_tags(details["tags"]), details["source"]
    texts = (details["job_title"], without_scheme(details["linkedin"]), *tags, source)
    whole = [*(whole_word(TAG, tag) for tag in tags), *([whole_word(SOURCE, source)] if source else [])]
    return {*words_of(*map(key, texts)), *whole}


def without_scheme(text: str) -> str:
    """Return a text in which addresses are as people say them, without `https://www.`."""
    return _SCHEME.sub("", text)


def further(name: str, given: str, present: str) -> str:
    """Return what of a detail is not there yet: of tags those that are missing, of anything else all of it.

    Args:
        name: Of the detail.
        given: What is said of it.
        present: What is known of it.
    """
    if name == "tags":
        known = set(map(key, split_tags(present)))
        return BETWEEN_TAGS.join(tag for tag in split_tags(given) if key(tag) not in known)
    is_known = key(given) == key(present) or (name == "note" and given in present)
    return "" if is_known else given


def completed(name: str, present: str, more: str) -> str:
    """Return a detail with what was not there yet (see `further`): tags are added, of others what is there stays."""
    return BETWEEN_TAGS.join(filter(None, (present, more))) if name == "tags" else present or more


def with_tags(present: str, more: str) -> str:
    """Return the tags of a text and those of another that it does not have yet."""
    return completed("tags", present, further("tags", more, present))


def without_tags(present: str, gone: str) -> str:
    """Return the tags of a text but for those of another."""
    return further("tags", present, gone)


def split_tags(text: str) -> list[str]:
    """Return the tags in a text, each once.

    Args:
        text: Tags with commas between them.
    """
    found: dict[str, str] = {}
    for tag in map(fields.without_ends, text.split(",")):
        if tag:
            found.setdefault(key(tag), tag)
    return list(found.values())


def _wrong_with(tags: list[str]) -> str:
    if len(tags) > MOST_TAGS:
        return f"A contact can have at most {MOST_TAGS} tags. Remove some."
    long = next((tag for tag in tags if len(tag) > TAG_LENGTH), "")
    return f"Shorten the tag “{long[:40]}…”: a tag can have at most {TAG_LENGTH} characters." if long else ""
