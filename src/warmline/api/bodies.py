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
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from warmline.api import texts
from warmline.api.errors import MESSAGES, RefusedError, naming
from warmline.crm.activities import ActivityType
from warmline.crm.book import OrganizationDetails
from warmline.crm.fields import NAME_LENGTH, NOTE_LENGTH, PHONE_LENGTH
from warmline.crm.models import WARMEST
from warmline.sync.row_state import SyncState

LARGEST = 2**63 - 1  # what a BigAutoField holds
EMAIL_LENGTH = 254
LARGEST_IMPORT = 1000  # contacts; some tenths of a second


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


def _digits(value: object) -> object:
    # In an address; pydantic alone would take " 1_000 ".
    if isinstance(value, str) and not re.fullmatch(r"[0-9]{1,19}(\.0+)?", value):
        raise PydanticCustomError("int_parsing", MESSAGES["int_parsing"])
    return value


def _cursor(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch(texts.DIGITS[1:-1], value):
        raise PydanticCustomError("cursor", "This must be the `next` value of the previous page.")
    return value


def _flag(value: object) -> object:
    if isinstance(value, str) and value not in {"true", "false"}:
        raise PydanticCustomError("bool_parsing", "This must be true or false.")
    return value


def _unset() -> Any:
    """Return the default of a field that may be left out and must not be null; see `Body.given`: it is never read."""
    return Field(default_factory=lambda: None)


def _or_null(**schema: Any) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [{"type": "string", **schema}, {"type": "null"}]})


# The document tells these patterns and limits, and the models hold them; but the lengths are held here as well, because
# the models look at texts from whose ends white space was taken.
NULL_IS_EMPTY = AfterValidator(lambda text: text or "")
Whole = Annotated[StrictInt, BeforeValidator(_number)]
Id = Annotated[int, Field(ge=1, le=LARGEST), BeforeValidator(_digits)]
StrictId = Annotated[StrictInt, Field(ge=1, le=LARGEST), BeforeValidator(_number)]
Score = Annotated[Whole, Field(json_schema_extra={"minimum": 0, "maximum": WARMEST})]
Name = Annotated[StrictStr, Field(max_length=NAME_LENGTH, json_schema_extra={"minLength": 1, "pattern": texts.NAME})]
Line = Annotated[
    Annotated[StrictStr, Field(max_length=NAME_LENGTH, json_schema_extra={"pattern": texts.ONE_LINE})] | None,
    NULL_IS_EMPTY,
]
Phone = Annotated[
    Annotated[StrictStr, Field(max_length=PHONE_LENGTH, json_schema_extra={"pattern": texts.ONE_LINE})] | None,
    NULL_IS_EMPTY,
]
Email = Annotated[
    Annotated[StrictStr, Field(max_length=EMAIL_LENGTH)] | None,
    NULL_IS_EMPTY,
    _or_null(maxLength=EMAIL_LENGTH, anyOf=[{"format": "email"}, {"pattern": texts.BLANK}]),
]
Subject = Annotated[
    Annotated[StrictStr, Field(max_length=NAME_LENGTH)] | None,
    NULL_IS_EMPTY,
    _or_null(maxLength=NAME_LENGTH, anyOf=[{"pattern": texts.NAME}, {"pattern": texts.BLANK}]),
]
Note = Annotated[
    Annotated[StrictStr, Field(max_length=NOTE_LENGTH, json_schema_extra={"pattern": texts.LINES})] | None,
    NULL_IS_EMPTY,
]
AnyText = Annotated[StrictStr | None, NULL_IS_EMPTY]
Day = Annotated[date | None, BeforeValidator(_day), _or_null(format="date", pattern=texts.DAY)]
Time = Annotated[time | None, BeforeValidator(_time), _or_null(pattern=texts.TIME)]


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

    name: Name = _unset()
    sector: Line = _unset()
    country: Line = _unset()


class _WithOrganization(Body):
    def given(self) -> dict[str, Any]:
        """Return the fields that the caller named, as `crm.book` takes them."""
        values = super().given()
        if values.get("organization"):
            values["organization"] = OrganizationDetails(**values["organization"])
        return values


class ContactChanges(_WithOrganization):
    """Changes to a contact. Fields that are left out stay unchanged; null removes the organization."""

    name: Name = _unset()
    email: Email = _unset()
    phone: Phone = _unset()
    organization: OrganizationBody | None = _unset()
    warmness_score: Score = _unset()


class NewContact(ContactChanges):
    """A contact to add."""

    name: Name


class ImportedOrganization(Body):
    """The organization of an imported contact."""

    name: StrictStr
    sector: AnyText = ""
    country: AnyText = ""


class ImportedContact(_WithOrganization):
    """A contact to import. Invalid values are accepted here and reported in the row's outcome."""

    name: StrictStr
    email: AnyText = _unset()
    phone: AnyText = _unset()
    organization: ImportedOrganization | None = _unset()
    warmness_score: Whole = _unset()


class Import(Body):
    """Contacts to import."""

    contacts: Annotated[list[ImportedContact], Field(max_length=LARGEST_IMPORT)]


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

    type: ActivityType = _unset()
    subject: Name = _unset()
    note: Note = _unset()
    due_date: Day = _unset()
    due_time: Time = _unset()
    done: StrictBool = _unset()


class NewActivity(ActivityChanges):
    """An activity to log. Without a subject, it gets one."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"properties": {"due_time": {"type": "null"}}},
                {"required": ["due_date"], "properties": {"due_date": {"type": "string"}}},
            ]
        }
    )

    contact_id: StrictId
    type: ActivityType
    subject: Subject = _unset()  # type: ignore[assignment]  # a change cannot take it away


class Link(Body):
    """The record in Pipedrive that a row belongs to: an existing one, or a new one."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["pipedrive_id"]}, {"required": ["create"]}]})

    pipedrive_id: StrictId = _unset()
    create: Annotated[StrictBool, WithJsonSchema({"const": True})] = _unset()

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if len(self.model_fields_set) != 1 or self.create is False:
            raise PydanticCustomError("link", "Send either a pipedrive_id, or create with the value true.")
        return self

    @property
    def choice(self) -> int | None:
        """The id of the chosen record; None for a new one."""
        return self.pipedrive_id


class Filters(BaseModel):
    """The query parameters of all lists."""

    limit: Annotated[int, Field(ge=1, le=500, description="The maximum number of rows."), BeforeValidator(_digits)] = 50

    @model_validator(mode="before")
    @classmethod
    def _known(cls, data: Any, info: ValidationInfo) -> Any:
        # ninja hands over the parameters that it knows; a misspelt filter would be no filter.
        for name in (info.context or {})["request"].GET:
            if name not in cls.model_fields:
                raise RefusedError(422, "invalid", naming(name, MESSAGES["extra_forbidden"]), name)
        return data


class RowFilters(Filters):
    """The query parameters of all lists of rows."""

    state: Annotated[
        SyncState | None, WithJsonSchema({"type": "string", "enum": [str(state) for state in SyncState]})
    ] = None
    cursor: Annotated[
        Annotated[int, BeforeValidator(_cursor)] | None,
        WithJsonSchema({"type": "string", "pattern": texts.DIGITS}),
        Field(description="The `next` value of the previous page."),
    ] = None


Search = Annotated[
    str,
    Field(
        max_length=NAME_LENGTH,
        pattern=r"^[^\x00]*$",
        description="Starts of words, in any case and order; all of them must match. A word starts at the beginning "
        "of a name or e-mail, and after a space or a sign: `diaz`, `example.org` and `dana.d` find "
        "`dana.diaz@example.org`. Only the first 64 bytes of each are compared.",
    ),
]


class OrganizationFilters(RowFilters):
    """The filters of the list of organizations."""

    search: Search = ""


class ContactFilters(RowFilters):
    """The filters of the list of contacts."""

    search: Search = ""
    warm: Annotated[bool | None, BeforeValidator(_flag), WithJsonSchema({"type": "boolean"})] = None


class ActivityFilters(RowFilters):
    """The filters of the list of activities."""

    contact_id: Annotated[Id | None, WithJsonSchema({"type": "integer", "minimum": 1, "maximum": LARGEST})] = None


class NotificationFilters(Filters):
    """The filters of the list of notifications."""

    after: Annotated[
        int,
        Field(ge=0, le=LARGEST, description="The id of the last notification that you have seen."),
        BeforeValidator(_digits),
    ] = 0
