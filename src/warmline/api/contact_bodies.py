"""What is sent of contacts: the primary e-mail and phone alone, or all of them, with labels."""

from typing import Annotated, Any, Self

from pydantic import AfterValidator, ConfigDict, Field, StrictStr, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from warmline.api import texts
from warmline.api.bodies import (
    NULL_IS_EMPTY,
    AnyText,
    Body,
    ImportedOrganization,
    Line,
    Name,
    OrganizationBody,
    Score,
    Whole,
    or_null,
    unset,
)
from warmline.crm.book import OrganizationDetails
from warmline.crm.contact_details import BETWEEN_TAGS, MOST_TAGS, TAG_LENGTH
from warmline.crm.emails_phones import MOST, Label, Labelled
from warmline.crm.fields import CONTACT_NOTE_LENGTH, EMAIL_LENGTH, PHONE_LENGTH


def _tag(text: str) -> str:
    if "," in text:
        raise PydanticCustomError("tag", "Remove the comma: it would make two tags.")
    return text


LARGEST_IMPORT = 1000  # contacts; some tenths of a second
Phone = Annotated[
    Annotated[StrictStr, Field(max_length=PHONE_LENGTH, json_schema_extra={"pattern": texts.ONE_LINE})] | None,
    NULL_IS_EMPTY,
]
Email = Annotated[
    Annotated[StrictStr, Field(max_length=EMAIL_LENGTH)] | None,
    NULL_IS_EMPTY,
    or_null(maxLength=EMAIL_LENGTH, anyOf=[{"format": "email"}, {"pattern": texts.BLANK}]),
]


ContactNote = Annotated[
    Annotated[StrictStr, Field(max_length=CONTACT_NOTE_LENGTH, json_schema_extra={"pattern": texts.LINES})] | None,
    NULL_IS_EMPTY,
]
Tag = Annotated[StrictStr, Field(max_length=TAG_LENGTH, json_schema_extra={"pattern": texts.TAG}), AfterValidator(_tag)]


class LabelledEmail(Body):
    """One of a contact's e-mails. The same one twice, and an empty one, are left out."""

    value: Annotated[
        StrictStr,
        Field(max_length=EMAIL_LENGTH),
        WithJsonSchema(
            {
                "type": "string",
                "maxLength": EMAIL_LENGTH,
                "anyOf": [{"format": "email"}, {"pattern": texts.BLANK}],
            }
        ),
    ]
    label: Label = Label.WORK


class LabelledPhone(Body):
    """One of a contact's phones. The same one twice, and an empty one, are left out."""

    value: Annotated[StrictStr, Field(max_length=PHONE_LENGTH, json_schema_extra={"pattern": texts.ONE_LINE})]
    label: Label = Label.WORK


ONE_OR_ALL: dict[str, Any] = {
    "allOf": [{"not": {"required": [name, f"{name}s"]}} for name in ("email", "phone")],
}


class _WithValues(Body):
    model_config = ConfigDict(json_schema_extra=ONE_OR_ALL)

    @model_validator(mode="after")
    def _one_or_all(self) -> Self:
        for name in ("email", "phone"):
            if {name, f"{name}s"} <= self.model_fields_set:
                text = f"Send either {name}, which is the primary one, or {name}s, which are all."
                raise PydanticCustomError("one_or_all", text)
        return self

    def given(self) -> dict[str, Any]:
        """Return the fields that the caller named, as `crm.book` takes them."""
        values = super().given()
        if values.get("organization"):
            values["organization"] = OrganizationDetails(**values["organization"])
        for name in ("emails", "phones"):
            if name in values:
                values[name] = tuple(Labelled(**each) for each in values[name])
        if "tags" in values:
            values["tags"] = BETWEEN_TAGS.join(values["tags"])
        return values


class ContactChanges(_WithValues):
    """Changes to a contact. Fields that are left out stay unchanged; null removes the organization.

    `email` and `phone` are the primary ones: without one, the next takes its place. `emails` and `phones` are all, the
    primary one first.
    """

    name: Name = unset()
    email: Email = unset()
    phone: Phone = unset()
    emails: Annotated[list[LabelledEmail], Field(max_length=MOST)] = unset()
    phones: Annotated[list[LabelledPhone], Field(max_length=MOST)] = unset()
    organization: OrganizationBody | None = unset()
    warmness_score: Score = unset()
    job_title: Line = unset()
    linkedin: Annotated[Line, Field(description="The address of the contact's profile at LinkedIn.")] = unset()
    note: ContactNote = unset()
    tags: Annotated[list[Tag], Field(max_length=MOST_TAGS)] = unset()
    source: Annotated[Line, Field(description="Where the contact comes from, such as `LinkedIn, 12 Nov 2026`.")] = (
        unset()
    )


class _WithOwner(Body):
    owner: Annotated[
        StrictStr,
        Field(
            max_length=EMAIL_LENGTH, description="The e-mail of whose it becomes; admins and programs can name others."
        ),
    ] = unset()

    @property
    def owner_email(self) -> str | None:
        """Whom it names; None for nobody."""
        return self.owner if "owner" in self.model_fields_set else None

    def given(self) -> dict[str, Any]:
        """Return the fields that the caller named, as `crm.book` takes them, without the owner."""
        values = super().given()
        values.pop("owner", None)
        return values


class NewContact(_WithOwner, ContactChanges):
    """A contact to add."""

    name: Name


class ImportedValue(Body):
    """One of the e-mails or phones of an imported contact."""

    value: StrictStr
    label: Label = Label.WORK


class ImportedContact(_WithValues):
    """A contact to import. Invalid values are accepted here and reported in the row's outcome."""

    name: StrictStr
    email: AnyText = unset()
    phone: AnyText = unset()
    emails: list[ImportedValue] = unset()
    phones: list[ImportedValue] = unset()
    organization: ImportedOrganization | None = unset()
    warmness_score: Whole = unset()
    job_title: AnyText = unset()
    linkedin: AnyText = unset()
    note: AnyText = unset()
    tags: list[StrictStr] = unset()
    source: AnyText = unset()


class Import(_WithOwner):
    """Contacts to import."""

    contacts: Annotated[list[ImportedContact], Field(max_length=LARGEST_IMPORT)]
