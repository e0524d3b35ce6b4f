"""The documented shape of every body: which fields there are, and of which type. Queries are in queries.py.

As strict as v2 is: a number sent as a string is refused, a boolean is not a number, and an unknown field is an error.
Whether a value makes sense (an owner who exists, an option of that field) is decided in `records`, not here.
Every field has a default that is never used: only what was sent is kept, and null is refused where the document does
not allow it, but for the fields that nothing else could empty (see UNDOCUMENTED_NULLS).
"""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from warmline.sandbox.answers import Json, Refused, invalid

_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def _moment(text: str) -> str:
    if not _RFC_3339.fullmatch(text):
        raise ValueError("must be a time in RFC 3339 format")
    return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _day(text: str) -> str:
    return date.fromisoformat(text).isoformat()


def _seconds(text: str) -> str:
    return text if text.count(":") > 1 else f"{text}:00"


def _named(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be empty")
    return text


def _switch(value: object) -> object:
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value


# The document says neither how these are emptied nor that they cannot be. The sandbox does either (`refuse_nulls`).
UNDOCUMENTED_NULLS = frozenset({"org_id", "due_date", "due_time"})

Name = Annotated[str, AfterValidator(_named)]
Moment = Annotated[str, AfterValidator(_moment)]
Day = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$"), AfterValidator(_day)]
Clock = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$"), AfterValidator(_seconds)]
Switch = Annotated[bool, Field(strict=True), BeforeValidator(_switch)]


class Shape(BaseModel):
    """A body: nothing unknown, nothing converted."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Address(Shape):
    """`address`, `postal_address` and `location`: strings all through, also in parts that no document names."""

    model_config = ConfigDict(extra="allow", strict=True)
    __pydantic_extra__: dict[str, str] = Field(init=False)

    value: str = ""
    country: str = ""
    admin_area_level_1: str = ""
    admin_area_level_2: str = ""
    locality: str = ""
    sublocality: str = ""
    route: str = ""
    street_number: str = ""
    subpremise: str = ""
    postal_code: str = ""


class Reach(Shape):
    """One of `emails`, `phones` or `im`."""

    value: str
    primary: bool = False
    label: str = ""


class Person(Shape):
    """PATCH /api/v2/persons/{id}."""

    name: Name = ""
    owner_id: int = 0
    org_id: int | None = None
    add_time: Moment = ""
    emails: list[Reach] = []
    phones: list[Reach] = []
    visible_to: int = 0
    label_ids: list[int] = []
    postal_address: Address = Address()
    notes: str = Field(default="", max_length=10_000)
    im: list[Reach] = []
    birthday: Day = ""
    job_title: str = ""
    marketing_status: Literal["no_consent", "unsubscribed", "subscribed", "archived"] = "no_consent"
    custom_fields: Json = {}


class NewPerson(Person):
    """POST /api/v2/persons."""

    name: Name


class Organization(Shape):
    """PATCH /api/v2/organizations/{id}."""

    name: Name = ""
    owner_id: int = 0
    add_time: Moment = ""
    visible_to: int = 0
    label_ids: list[int] = []
    address: Address = Address()
    website: str | None = None
    linkedin: str | None = None
    industry: int | None = None
    annual_revenue: int | None = None
    employee_count: int | None = None
    custom_fields: Json = {}


class NewOrganization(Organization):
    """POST /api/v2/organizations."""

    name: Name


class Participant(Shape):
    """A person who takes part in an activity."""

    person_id: int
    primary: bool = False


class Attendee(Shape):
    """Somebody invited to an activity."""

    email: str = ""
    name: str = ""
    status: str = ""
    is_organizer: bool = False
    person_id: int = 0
    user_id: int = 0


class Activity(Shape):
    """POST and PATCH of /api/v2/activities. `person_id` is refused before it gets here (see docs/pipedrive.md)."""

    subject: str = ""
    type: str = ""
    owner_id: int = 0
    deal_id: int = 0
    lead_id: str = ""
    org_id: int | None = None
    project_id: int = 0
    due_date: Day | None = None
    due_time: Clock | None = None
    duration: Clock = ""
    busy: bool = False
    done: bool = False
    location: Address = Address()
    participants: list[Participant] = []
    attendees: list[Attendee] = []
    public_description: str = ""
    priority: int = 0
    note: str = ""


class NewOption(Shape):
    """One option to add to a field."""

    label: Name


class NewField(Shape):
    """POST /api/v2/personFields and organizationFields. The display settings are taken and forgotten."""

    field_name: Name = Field(max_length=255)
    field_type: Literal[
        "varchar", "text", "double", "phone", "date", "daterange", "time", "timerange", "set", "enum",
        "varchar_auto", "address", "monetary", "org", "people", "user",
    ]  # fmt: skip
    options: list[NewOption] = []
    ui_visibility: Json = {}
    important_fields: Json = {}
    required_fields: Json = {}


class KeptOption(Shape):
    """An option in a v1 PUT: one that stays (with its id) or a new one (without)."""

    id: int = 0
    label: Name


class FieldChange(Shape):
    """PUT /v1/personFields/{id}: the options sent are all the options there will be."""

    name: Name = ""
    options: list[KeptOption] = []


class KnownOption(Shape):
    """One option to rename."""

    id: int
    label: Name


class GoneOption(Shape):
    """One option to remove."""

    id: int


class CustomFieldChange(Shape):
    """PATCH /api/v2/personFields/{field_code}. The display settings are taken and forgotten."""

    field_name: Name = Field(default="", max_length=255)
    ui_visibility: Json = {}
    important_fields: Json = {}
    required_fields: Json = {}


class NewWebhook(Shape):
    """POST /v1/webhooks."""

    subscription_url: str
    event_action: Literal["create", "change", "delete", "*"]
    event_object: Literal[
        "activity", "deal", "lead", "note", "organization", "person", "pipeline", "product", "stage", "user", "*"
    ]
    name: str = Field(max_length=255)
    user_id: int = 0
    http_auth_user: str | None = None
    http_auth_password: str | None = None
    version: Literal["2.0"] = "2.0"


class Note(Shape):
    """PUT /v1/notes/{id}."""

    content: Name = ""
    person_id: int | None = None
    org_id: int | None = None
    user_id: int = 0


class NewNote(Note):
    """POST /v1/notes."""

    content: Name


class Merge(Shape):
    """PUT /v1/persons/{id}/merge and organizations/{id}/merge: the record that stays."""

    merge_with_id: int


AnyShape = TypeVar("AnyShape", bound=BaseModel)


def read(shape: type[AnyShape], value: Any) -> AnyShape:
    """Return `value` in its shape.

    Raises:
        Refused: It does not fit; the message names the first field at fault.
    """
    if not isinstance(value, Mapping):
        raise Refused("The body must be a JSON object")
    try:
        return shape.model_validate(dict(value))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        raise invalid(where, first["msg"]) from None


def sent(shape: BaseModel) -> Json:
    """Return only what was sent, checked."""
    return shape.model_dump(exclude_unset=True)
