"""Request bodies and list filters. Only structure and types are checked here, and strictly.

A number is not accepted as text, nor "5" as a number. Unknown fields are refused, because a misspelt one would be
silently ignored otherwise. Which values are valid is decided by the models, so that API, pages and imports agree.
"""

import re
from datetime import date, time
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from warmline.api import texts
from warmline.api.errors import MESSAGES
from warmline.crm.activities import ActivityType
from warmline.crm.external_ids import ID_LENGTH, SOURCE_LENGTH, ExternalName
from warmline.crm.fields import NAME_LENGTH, NOTE_LENGTH
from warmline.crm.models import WARMEST
from warmline.webhooks.models import URL_LENGTH, Event

LARGEST = 2**63 - 1  # what a BigAutoField holds
LARGEST_BATCH = 1000  # calls; some seconds


def _day(value: object) -> object:
    # pydantic alone would take a number, or a whole moment, for a day.
    if value is None or (isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value)):
        try:
            return value and date.fromisoformat(str(value))
        except ValueError:
            pass
    raise PydanticCustomError("day", "This must be a date, as YYYY-MM-DD.")


def _time(value: object) -> object:
    if value is None or (isinstance(value, str) and re.fullmatch(texts.TIME[1:-1], value)):
        return value and time.fromisoformat(str(value))
    raise PydanticCustomError("time", "This must be a time of day, as HH:MM or HH:MM:SS.")


def _number(value: object) -> object:
    # To JSON, and to its schemas, 5.0 is as whole as 5.
    return int(value) if isinstance(value, float) and value.is_integer() else value


def digits(value: object) -> object:
    """Refuse what is no number in an address."""
    # In an address; pydantic alone would take " 1_000 ".
    if isinstance(value, str) and not re.fullmatch(r"[0-9]{1,19}(\.0+)?", value):
        raise PydanticCustomError("int_parsing", MESSAGES["int_parsing"])
    return value


def unset() -> Any:
    """Return the default of a field that may be left out and must not be null; see `Body.given`: it is never read."""
    return Field(default_factory=lambda: None)


def or_null(**schema: Any) -> WithJsonSchema:
    """Return how the document tells of a text that may be null, with what it says of the text."""
    return WithJsonSchema({"anyOf": [{"type": "string", **schema}, {"type": "null"}]})


# The document tells these patterns and limits, and the models hold them; but the lengths are held here as well, because
# the models look at texts from whose ends white space was taken.
NULL_IS_EMPTY = AfterValidator(lambda text: text or "")
Whole = Annotated[StrictInt, BeforeValidator(_number)]
Id = Annotated[int, Field(ge=1, le=LARGEST), BeforeValidator(digits)]
StrictId = Annotated[StrictInt, Field(ge=1, le=LARGEST), BeforeValidator(_number)]
Score = Annotated[Whole, Field(json_schema_extra={"minimum": 0, "maximum": WARMEST})]
Name = Annotated[StrictStr, Field(max_length=NAME_LENGTH, json_schema_extra={"minLength": 1, "pattern": texts.NAME})]
Line = Annotated[
    Annotated[StrictStr, Field(max_length=NAME_LENGTH, json_schema_extra={"pattern": texts.ONE_LINE})] | None,
    NULL_IS_EMPTY,
]
Subject = Annotated[
    Annotated[StrictStr, Field(max_length=NAME_LENGTH)] | None,
    NULL_IS_EMPTY,
    or_null(maxLength=NAME_LENGTH, anyOf=[{"pattern": texts.NAME}, {"pattern": texts.BLANK}]),
]
Note = Annotated[
    Annotated[StrictStr, Field(max_length=NOTE_LENGTH, json_schema_extra={"pattern": texts.LINES})] | None,
    NULL_IS_EMPTY,
]
AnyText = Annotated[StrictStr | None, NULL_IS_EMPTY]
Day = Annotated[date | None, BeforeValidator(_day), or_null(format="date", pattern=texts.DAY)]
Time = Annotated[time | None, BeforeValidator(_time), or_null(pattern=texts.TIME)]


Source = Annotated[
    str,
    Field(
        pattern=f"^[a-z0-9._-]{{1,{SOURCE_LENGTH}}}$",
        description="The program whose id it is, such as `n8n` or `website`.",
    ),
]
ExternalIdText = Annotated[
    str,
    Field(
        min_length=1,
        max_length=ID_LENGTH,
        pattern=f"^[^{texts.CONTROL}\ufffd]*$",  # in place of what is no UTF-8, servers read U+FFFD
        description="What the program calls it, percent-encoded; a `/` in it as `%2F`.",
    ),
]


class Body(BaseModel):
    """A JSON object without unknown fields."""

    model_config = ConfigDict(extra="forbid")

    def given(self) -> dict[str, Any]:
        """Return the fields that the caller sent, as `crm.book` takes them; the others stay unchanged."""
        return self.model_dump(exclude_unset=True)


class OrganizationBody(Body):
    """The organization of a contact: found by its name, or created."""

    name: Name
    sector: Line = ""
    country: Line = ""


class OrganizationChanges(Body):
    """Changes to an organization. Fields that are left out stay unchanged."""

    name: Name = unset()
    sector: Line = unset()
    country: Line = unset()


class ImportedOrganization(Body):
    """The organization of an imported contact. Invalid values are reported in the row's outcome."""

    name: StrictStr
    sector: AnyText = ""
    country: AnyText = ""


class Batch(Body):
    """Calls to be made one after the other. What is wrong with one is told in its own answer."""

    items: Annotated[
        list[Any],
        Field(
            max_length=LARGEST_BATCH,
            description="Each an object with `method`, `path` and, unless it is a GET, `body`.",
            examples=[[{"method": "POST", "path": "/api/contacts", "body": {"name": "Dana Diaz"}}]],
        ),
    ]


class ActivityChanges(Body):
    """Changes to an activity. Fields that are left out stay unchanged. A due time needs a due date."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"properties": {"due_time": {"type": "null"}}},
                {"properties": {"due_date": {"type": "string"}}},
            ]
        }
    )

    type: ActivityType = unset()
    subject: Name = unset()
    note: Note = unset()
    due_date: Day = unset()
    due_time: Time = unset()
    done: StrictBool = unset()


TIME_NEEDS_DATE: dict[str, Any] = {
    "anyOf": [
        {"properties": {"due_time": {"type": "null"}}},
        {"required": ["due_date"], "properties": {"due_date": {"type": "string"}}},
    ]
}


class NewActivity(ActivityChanges):
    """An activity to log. Without a subject, it gets one."""

    model_config = ConfigDict(json_schema_extra=TIME_NEEDS_DATE)

    contact_id: StrictId
    type: ActivityType
    subject: Subject = unset()  # type: ignore[assignment]  # a change cannot take it away


class ContactName(Body):
    """What another program calls a contact."""

    source: Source
    id: ExternalIdText

    @property
    def name(self) -> ExternalName:
        """The same, as `crm.external_ids` takes it."""
        return ExternalName(self.source, self.id)


class PutActivity(ActivityChanges):
    """An activity to be logged or changed. Its contact is named by `contact_id` or by `contact_external`."""

    model_config = ConfigDict(
        json_schema_extra={
            "allOf": [
                TIME_NEEDS_DATE,
                {"oneOf": [{"required": ["contact_id"]}, {"required": ["contact_external"]}]},
            ]
        }
    )

    contact_id: StrictId = unset()
    contact_external: ContactName = unset()
    type: ActivityType
    subject: Subject = unset()  # type: ignore[assignment]  # as in NewActivity

    @model_validator(mode="after")
    def _one_contact(self) -> Self:
        if len(self.model_fields_set & {"contact_id", "contact_external"}) != 1:
            raise PydanticCustomError("contact", "Send either a contact_id or a contact_external.")
        return self


class NewWebhook(Body):
    """A webhook to be added."""

    url: Annotated[StrictStr, Field(max_length=URL_LENGTH, json_schema_extra={"pattern": texts.WEB_ADDRESS})]
    events: Annotated[list[Event], Field(min_length=1, max_length=len(Event))]


class Link(Body):
    """The record in Pipedrive that a row belongs to: an existing one, or a new one."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["pipedrive_id"]}, {"required": ["create"]}]})

    pipedrive_id: StrictId = unset()
    create: Annotated[StrictBool, WithJsonSchema({"const": True})] = unset()

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if len(self.model_fields_set) != 1 or self.create is False:
            raise PydanticCustomError("link", "Send either a pipedrive_id, or create with the value true.")
        return self

    @property
    def choice(self) -> int | None:
        """The id of the chosen record; None for a new one."""
        return self.pipedrive_id
