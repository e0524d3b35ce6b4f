"""What callers send: bodies and list filters. Shapes and types are checked here, strictly, and nothing else.

A number is no text and "5" is no number; a field that nobody knows is refused, because a misspelt one would be lost
without a word. What a value may be is the models' business, so that API, pages and imports all agree.
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

from warmline.api.errors import MESSAGES, RefusedError
from warmline.crm.book import OrganizationDetails
from warmline.crm.fields import NAME_LENGTH
from warmline.crm.models import WARMEST, ActivityType
from warmline.sync.state import SyncState

LARGEST = 2**63 - 1  # what a BigAutoField holds
LARGEST_IMPORT = 1000  # contacts; some tenths of a second
TIME = r"^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$"


def _day(value: object) -> object:
    # pydantic alone would take a number, or a whole moment, for a day.
    if value is None or (isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value)):
        try:
            return value and date.fromisoformat(str(value))
        except ValueError:
            pass
    raise PydanticCustomError("day", "This must be a day of the calendar, as YYYY-MM-DD.")


def _time(value: object) -> object:
    if value is None or (isinstance(value, str) and re.fullmatch(TIME, value)):
        return value and time.fromisoformat(str(value))
    raise PydanticCustomError("time", "This must be a time of day, as HH:MM or HH:MM:SS.")


def _unset() -> Any:
    """Return the default of a field that may be left out and must not be null; see `Body.given`: it is never read."""
    return Field(default_factory=lambda: None)


Id = Annotated[int, Field(ge=1, le=LARGEST)]
StrictId = Annotated[StrictInt, Field(ge=1, le=LARGEST)]
# The document tells these limits, and the models hold them.
Name = Annotated[StrictStr, Field(json_schema_extra={"minLength": 1, "maxLength": NAME_LENGTH})]
Score = Annotated[StrictInt, Field(json_schema_extra={"minimum": 0, "maximum": WARMEST})]
OptionalText = Annotated[StrictStr | None, AfterValidator(lambda text: text or "")]
Day = Annotated[date | None, BeforeValidator(_day, json_schema_input_type=date | None)]
Time = Annotated[
    time | None,
    BeforeValidator(_time),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": TIME}, {"type": "null"}]}),
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
    sector: OptionalText = ""
    country: OptionalText = ""


class OrganizationChanges(Body):
    """Changes of an organization; what is left out stays."""

    name: Name = _unset()
    sector: OptionalText = _unset()
    country: OptionalText = _unset()


class ContactChanges(Body):
    """Changes of a contact; what is left out stays. A null takes the organization away."""

    name: Name = _unset()
    email: OptionalText = _unset()
    phone: OptionalText = _unset()
    organization: OrganizationBody | None = _unset()
    warmness_score: Score = _unset()

    def given(self) -> dict[str, Any]:
        """Return the fields that the caller named, as `crm.book` takes them."""
        values = super().given()
        if values.get("organization"):
            values["organization"] = OrganizationDetails(**values["organization"])
        return values


class NewContact(ContactChanges):
    """A contact to be added."""

    name: Name


class Import(Body):
    """Contacts to be added at once."""

    contacts: Annotated[list[NewContact], Field(max_length=LARGEST_IMPORT)]


class ActivityChanges(Body):
    """Changes of an activity; what is left out stays. Its contact cannot be changed."""

    type: ActivityType = _unset()
    subject: OptionalText = _unset()
    note: OptionalText = _unset()
    due_date: Day = _unset()
    due_time: Time = _unset()
    done: StrictBool = _unset()


class NewActivity(ActivityChanges):
    """An activity to be logged."""

    contact_id: StrictId
    type: ActivityType


class Link(Body):
    """Which record in Pipedrive a row is: one that is there, or a new one."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["pipedrive_id"]}, {"required": ["create"]}]})

    pipedrive_id: StrictId = _unset()
    create: Annotated[StrictBool, WithJsonSchema({"const": True})] = _unset()

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if len(self.model_fields_set) != 1 or self.create is False:
            raise PydanticCustomError("link", "Give either a pipedrive_id, or create with the value true.")
        return self

    @property
    def choice(self) -> int | None:
        """The record's id; None for a new one."""
        return self.pipedrive_id


class Filters(BaseModel):
    """What may follow the `?` of a list."""

    limit: Annotated[int, Field(ge=1, le=500, description="How many rows at the most.")] = 50

    @model_validator(mode="before")
    @classmethod
    def _known(cls, data: Any, info: ValidationInfo) -> Any:
        # ninja hands over the parameters that it knows; a misspelt filter would be no filter.
        for name in (info.context or {})["request"].GET:
            if name not in cls.model_fields:
                raise RefusedError(422, "invalid", MESSAGES["extra_forbidden"], name)
        return data


class RowFilters(Filters):
    """The filters that all lists of rows have."""

    state: SyncState | None = None
    cursor: Annotated[
        Annotated[int, Field(ge=0, le=LARGEST)] | None,
        WithJsonSchema({"type": "string"}),
        Field(description="The `next` of the page before."),
    ] = None


Search = Annotated[
    str,
    Field(
        max_length=NAME_LENGTH,
        pattern=r"^[^\x00]*$",
        description="Beginnings of words, in any case and order; all of them must be found. A word begins at the start "
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
    warm: bool | None = None


class ActivityFilters(RowFilters):
    """The filters of the list of activities."""

    contact_id: Id | None = None


class NotificationFilters(Filters):
    """The filters of the list of notifications."""

    after: Annotated[int, Field(ge=0, le=LARGEST, description="The id of the last one that you know.")] = 0
