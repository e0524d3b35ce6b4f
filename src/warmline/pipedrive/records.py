"""What Pipedrive holds, as typed records, in Pipedrive's own words.

Records that are read and records that are written have different shapes (see record_bases.py). None knows about HTTP.
"""

from collections.abc import Mapping
from datetime import date, time
from typing import Annotated, Any

from pydantic import AliasPath, BeforeValidator, ConfigDict, ValidationError, model_validator
from pydantic import Field as Spec

from warmline.pipedrive.record_bases import Changes, Id, Instant, New, Read


class _Contact(Read):
    """One e-mail address or phone number of a person; read and written in the same shape.

    A PATCH replaces all of a person's entries, so fields that we do not know are kept and sent back.
    """

    model_config = ConfigDict(extra="allow")

    value: str
    primary: bool = True
    label: str = "work"


class Email(_Contact):
    """An e-mail address of a person."""


class Phone(_Contact):
    """A phone number of a person."""


def _with_value(items: Any) -> Any:
    """Leave out entries without a value, which persons can have in their lists."""
    if not isinstance(items, list):
        return items
    return [item for item in items if not isinstance(item, Mapping) or item.get("value")]


def _day(moment: Any) -> Any:
    """Return the day of a date that comes with a time of day, whatever that is."""
    return moment[:10] if isinstance(moment, str) else moment


Day = Annotated[date, BeforeValidator(_day)]
Emails = Annotated[tuple[Email, ...], BeforeValidator(_with_value)]
Phones = Annotated[tuple[Phone, ...], BeforeValidator(_with_value)]


SEE_ALL = ("global", "sales")  # the parts of an account whose administrators see all persons and organizations


class User(Read):
    """A user of the company. Only the token's own user comes with the company's id, name and domain.

    Attributes:
        is_admin: Whether they administer the account or its sales, and so see all records; None if that is not said.
    """

    id: Id
    name: str = ""
    email: str = ""
    active: bool = True
    company_id: Id | None = None
    company_name: str = ""
    company_domain: str = ""
    is_admin: bool | None = None

    @model_validator(mode="before")
    @classmethod
    def _admin(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and isinstance(data.get("access"), list):
            parts = [each for each in data["access"] if isinstance(each, Mapping) and each.get("app") in SEE_ALL]
            return {**data, "is_admin": any(each.get("admin") is True for each in parts) if parts else None}
        return data

    @model_validator(mode="before")
    @classmethod
    def _active(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and "active_flag" in data:
            return {**data, "active": bool(data["active_flag"]) and not data.get("is_deleted")}
        return data


class ActivityType(Read):
    """A kind of activity; activities name it by its `key`."""

    id: Id
    name: str = ""
    key: str = Spec(default="", validation_alias="key_string")
    active: bool = Spec(default=True, validation_alias="active_flag")


class Option(Read):
    """A choice that a field offers. Built-in fields can have texts for ids."""

    id: Id | str
    label: str = ""


def _that_can_be_chosen(items: Any) -> Any:
    """Leave out choices that cannot be read: the field serves with the others."""
    return [item for item in items if _can_be_chosen(item)] if isinstance(items, list | tuple) else []


def _can_be_chosen(item: Any) -> bool:
    try:
        Option.model_validate(item)
    except ValidationError:
        return False
    return True


Options = Annotated[tuple[Option, ...], BeforeValidator(_that_can_be_chosen)]
Said = Annotated[str, BeforeValidator(lambda said: said if isinstance(said, str) else "")]  # anything else is nothing


class Field(Read):
    """A field of persons or organizations; `code` is its key in records (40 hex digits if custom).

    Only the code has to be readable, so that a field is not taken for one that is missing, and made again.
    """

    name: Said = Spec(default="", validation_alias="field_name")
    code: str = Spec(validation_alias="field_code")
    type: Said = Spec(default="", validation_alias="field_type")
    options: Options = ()
    is_custom: bool = Spec(default=False, validation_alias="is_custom_field")


class FieldV1(Read):
    """A field of persons as v1 returns it, with a number for an id. All of its options are written at once."""

    id: Id
    key: str = ""
    options: tuple[Option, ...] = ()


class Person(Read):
    """A person."""

    id: Id
    name: str = ""
    owner_id: Id | None = None
    org_id: Id | None = None
    emails: Emails = ()
    phones: Phones = ()
    label_ids: tuple[int, ...] = ()
    job_title: str = ""
    add_time: Instant | None = None
    update_time: Instant | None = None
    is_deleted: bool = False
    custom_fields: dict[str, Any] = {}


class Address(Read):
    """An organization's address: one line of text, and its parts, among them the country's name.

    A PATCH replaces the whole address and empties the parts that are not sent: read it, change it, and send it back.
    Parts that we do not know are kept and sent back as well.
    """

    model_config = ConfigDict(extra="allow")

    value: str | None = None
    country: str | None = None
    admin_area_level_1: str | None = None
    admin_area_level_2: str | None = None
    locality: str | None = None
    sublocality: str | None = None
    route: str | None = None
    street_number: str | None = None
    subpremise: str | None = None
    postal_code: str | None = None


class Organization(Read):
    """An organization; `industry` is the id of an option of the built-in field of that name."""

    id: Id
    name: str = ""
    owner_id: Id | None = None
    industry: int | None = None
    address: Address = Address()
    add_time: Instant | None = None
    update_time: Instant | None = None
    is_deleted: bool = False
    custom_fields: dict[str, Any] = {}


class Activity(Read):
    """An activity. `due_time` is in UTC; `person_id` is the primary participant."""

    id: Id
    type: str = ""
    subject: str = ""
    note: str = ""
    done: bool = False
    owner_id: Id | None = None
    creator_user_id: Id | None = None
    person_id: Id | None = None
    org_id: Id | None = None
    due_date: Day | None = None
    due_time: time | None = None
    add_time: Instant | None = None
    update_time: Instant | None = None
    is_deleted: bool = False

    @model_validator(mode="before")
    @classmethod
    def _primary_participant(cls, data: Any) -> Any:
        """Fill in `person_id`. Responses name the flag `primary` or `primary_flag`."""
        if not isinstance(data, Mapping) or data.get("person_id"):
            return data
        participants = data.get("participants")
        for participant in participants if isinstance(participants, list) else ():
            if isinstance(participant, Mapping) and (participant.get("primary") or participant.get("primary_flag")):
                return {**data, "person_id": participant.get("person_id")}
        return data


class FoundPerson(Read):
    """A person as a search returns it."""

    id: Id
    name: str = ""
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    owner_id: Id | None = Spec(default=None, validation_alias=AliasPath("owner", "id"))
    organization_id: Id | None = Spec(default=None, validation_alias=AliasPath("organization", "id"))
    organization_name: str = Spec(default="", validation_alias=AliasPath("organization", "name"))


class FoundOrganization(Read):
    """An organization as a search returns it."""

    id: Id
    name: str = ""
    owner_id: Id | None = Spec(default=None, validation_alias=AliasPath("owner", "id"))


class NewPerson(New):
    """A person to create."""

    name: str
    owner_id: int
    org_id: int | None = None
    emails: tuple[Email, ...] = ()
    phones: tuple[Phone, ...] = ()
    label_ids: tuple[int, ...] = ()
    job_title: str | None = None
    custom_fields: dict[str, Any] | None = None


class PersonChanges(Changes):
    """What to change of a person. Lists replace the whole list: read, add, then write."""

    name: str | None = None
    owner_id: int | None = None
    org_id: int | None = None
    emails: tuple[Email, ...] | None = None
    phones: tuple[Phone, ...] | None = None
    label_ids: tuple[int, ...] | None = None
    job_title: str | None = None
    custom_fields: dict[str, Any] | None = None


class NewOrganization(New):
    """An organization to create."""

    name: str
    owner_id: int
    industry: int | None = None
    address: Address | None = None
    custom_fields: dict[str, Any] | None = None


class OrganizationChanges(Changes):
    """What to change of an organization. Custom fields that are not named stay; the address is replaced as a whole."""

    name: str | None = None
    owner_id: int | None = None
    industry: int | None = None
    address: Address | None = None
    custom_fields: dict[str, Any] | None = None


class NewActivity(New):
    """An activity to create; `due_date` and `due_time` are both in UTC."""

    subject: str
    type: str
    owner_id: int
    person_id: int | None = None
    org_id: int | None = None
    due_date: date | None = None
    due_time: time | None = None
    note: str | None = None
    done: bool = False

    def body(self) -> dict[str, Any]:
        """Return the JSON object to send.

        The person is sent as the primary participant: an activity's own `person_id` is read-only, although
        the OpenAPI document lists it (n8n-io/n8n#31684).
        """
        sent = super().body()
        person_id = sent.pop("person_id", None)
        if person_id is not None:
            sent["participants"] = [{"person_id": person_id, "primary": True}]
        if self.due_time is not None:
            sent["due_time"] = self.due_time.strftime("%H:%M")
        return sent


class ActivityChanges(Changes):
    """What to change of an activity; `due_date` and `due_time` are both in UTC."""

    subject: str | None = None
    type: str | None = None
    org_id: int | None = None
    due_date: date | None = None
    due_time: time | None = None
    note: str | None = None
    done: bool | None = None

    def body(self) -> dict[str, Any]:
        """Return the JSON object to send, the time of day as `HH:MM`."""
        sent = super().body()
        if self.due_time is not None:
            sent["due_time"] = self.due_time.strftime("%H:%M")
        return sent
