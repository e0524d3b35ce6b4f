"""What callers send: bodies and list filters. Shapes and types are checked here, strictly, and nothing else.

A number is no text and "5" is no number; a field that nobody knows is refused, because a misspelt one would be lost
without a word. What a value may be is the models' business, so that API, pages and imports all agree.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, time
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
from warmline.crm.external_ids import ID_LENGTH, SOURCE_LENGTH, ExternalName
from warmline.crm.fields import NAME_LENGTH, NOTE_LENGTH, PHONE_LENGTH
from warmline.crm.following import Since
from warmline.crm.models import WARMEST
from warmline.sync.row_state import SyncState
from warmline.webhooks.models import URL_LENGTH, Event

LARGEST = 2**63 - 1  # what a BigAutoField holds
EMAIL_LENGTH = 254
LARGEST_IMPORT = 1000  # contacts; some tenths of a second
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


def _digits(value: object) -> object:
    # In an address; pydantic alone would take " 1_000 ".
    if isinstance(value, str) and not re.fullmatch(r"[0-9]{1,19}(\.0+)?", value):
        raise PydanticCustomError("int_parsing", MESSAGES["int_parsing"])
    return value


@dataclass(frozen=True)
class Cursor:
    """Where a page of a list begins.

    Attributes:
        after: The id of the last row of the page before.
        until: What the first page said of `until`; it holds for all of them.
    """

    after: int = 0
    until: int | None = None

    def __str__(self) -> str:
        return f"{self.after}.{self.until}"


def _cursor(value: object) -> object:
    if not isinstance(value, str):
        return value
    if not re.fullmatch(texts.CURSOR[1:-1], value):
        raise PydanticCustomError("cursor", "This must be the `next` value of the previous page.")
    after, _, until = value.partition(".")
    return Cursor(int(after), int(until) if until else None)


def _since(value: object) -> object:
    if not isinstance(value, str):
        return value
    if re.fullmatch(texts.DIGITS[1:-1], value):
        return Since(position=int(value))
    moment = value.replace(" ", "+")  # what becomes of a plus sign that is not percent-encoded
    try:
        if re.fullmatch(texts.MOMENT[1:-1], moment):
            return Since(at=datetime.fromisoformat(moment))
    except (ValueError, OverflowError):
        pass
    text = "This must be the `until` value of an earlier answer, or a moment such as 2026-11-27T09:30:00Z."
    raise PydanticCustomError("since", text)


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
    """A JSON object in which every field is known."""

    model_config = ConfigDict(extra="forbid")

    def given(self) -> dict[str, Any]:
        """Return the fields that the caller named, as `crm.book` takes them; the others stay as they are."""
        return self.model_dump(exclude_unset=True)


class OrganizationBody(Body):
    """The organization of a contact, found among the team's by its name, else made."""

    name: Name
    sector: Line = ""
    country: Line = ""


class OrganizationChanges(Body):
    """Changes of an organization; what is left out stays."""

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
    """Changes of a contact; what is left out stays. A null takes the organization away."""

    name: Name = _unset()
    email: Email = _unset()
    phone: Phone = _unset()
    organization: OrganizationBody | None = _unset()
    warmness_score: Score = _unset()


class _WithOwner(Body):
    owner: Annotated[
        StrictStr,
        Field(
            max_length=EMAIL_LENGTH, description="The e-mail of whose it becomes; admins and programs can name others."
        ),
    ] = _unset()

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
    """A contact to be added."""

    name: Name


class ImportedOrganization(Body):
    """The organization of an imported contact."""

    name: StrictStr
    sector: AnyText = ""
    country: AnyText = ""


class ImportedContact(_WithOrganization):
    """A contact of an import, whose values may be any: what is wrong with them is told in its outcome."""

    name: StrictStr
    email: AnyText = _unset()
    phone: AnyText = _unset()
    organization: ImportedOrganization | None = _unset()
    warmness_score: Whole = _unset()


class Import(_WithOwner):
    """Contacts to be added at once."""

    contacts: Annotated[list[ImportedContact], Field(max_length=LARGEST_IMPORT)]


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
    """Changes of an activity; what is left out stays. Its contact cannot be changed. A due time needs a due date."""

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


TIME_NEEDS_DATE: dict[str, Any] = {
    "anyOf": [
        {"properties": {"due_time": {"type": "null"}}},
        {"required": ["due_date"], "properties": {"due_date": {"type": "string"}}},
    ]
}


class NewActivity(ActivityChanges):
    """An activity to be logged; without a subject it gets one."""

    model_config = ConfigDict(json_schema_extra=TIME_NEEDS_DATE)

    contact_id: StrictId
    type: ActivityType
    subject: Subject = _unset()  # type: ignore[assignment]  # a change cannot take it away


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

    contact_id: StrictId = _unset()
    contact_external: ContactName = _unset()
    type: ActivityType
    subject: Subject = _unset()  # type: ignore[assignment]  # as in NewActivity

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
    """Which record in Pipedrive a row is: one that is there, or a new one."""

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
        """The record's id; None for a new one."""
        return self.pipedrive_id


class Filters(BaseModel):
    """What may follow the `?` of a list."""

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
    """The filters that all lists of rows have."""

    state: Annotated[
        SyncState | None, WithJsonSchema({"type": "string", "enum": [str(state) for state in SyncState]})
    ] = None
    cursor: Annotated[
        Annotated[Cursor, BeforeValidator(_cursor)] | None,
        WithJsonSchema({"type": "string", "pattern": texts.CURSOR}),
        Field(description="The `next` value of the previous page."),
    ] = None
    updated_since: Annotated[
        Annotated[Since, BeforeValidator(_since)] | None,
        WithJsonSchema({"type": "string", "anyOf": [{"pattern": texts.DIGITS}, {"pattern": texts.MOMENT}]}),
        Field(
            description="The `until` value of an earlier answer: only what has changed since, some of it perhaps once "
            "more; what was deleted or handed over since comes as `{id, deleted: true}`. Or a moment to begin at."
        ),
    ] = None


Search = Annotated[
    str,
    Field(
        max_length=NAME_LENGTH,
        pattern=r"^[^\x00]*$",
        description="Beginnings of words, in any case and order; all of them must match. A word begins at the start "
        "of a name or e-mail, after a space and after a sign: `diaz`, `example.org` and `dana.d` find "
        "`dana.diaz@example.org`. The first 64 bytes of each are compared.",
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
        int, Field(ge=0, le=LARGEST, description="The id of the last one that you have seen."), BeforeValidator(_digits)
    ] = 0
