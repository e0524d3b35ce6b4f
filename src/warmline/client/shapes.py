"""The shapes of what is sent and answered, as the API's document has them."""

from collections.abc import Mapping
from typing import Any, Literal, NotRequired, TypedDict


class ExternalId(TypedDict):
    """What another program calls a row."""

    source: str
    id: str


class Problem(TypedDict):
    """Why something could not be done: a code for programs, and what to do in words."""

    code: str
    message: str
    field: str | None


class Sync(TypedDict):
    """How far a row is on its way to Pipedrive."""

    state: Literal["not_wanted", "wanted", "in_progress", "synced", "failed"]
    attempts: int
    last_attempt_at: str | None
    next_attempt_at: str | None
    error: Problem | None
    candidates: list[dict[str, Any]]


class Owner(TypedDict):
    """Whose a contact is."""

    id: int
    name: str
    email: str


class OrganizationPart(TypedDict):
    """An organization as told beside its contact."""

    id: int
    name: str
    sector: str | None
    country: str | None
    pipedrive_org_id: int | None


class Organization(OrganizationPart):
    """An organization."""

    external_ids: list[ExternalId]
    sync: Sync


class LabelledValue(TypedDict):
    """An e-mail or a phone. Its label is work, mobile, home or other."""

    value: str
    label: str


class Contact(TypedDict):
    """A contact. Its `email` and `phone` are the first of `emails` and `phones`."""

    id: int
    name: str
    email: str | None
    phone: str | None
    emails: list[LabelledValue]
    phones: list[LabelledValue]
    warmness_score: int
    job_title: str | None
    linkedin: str | None
    note: str | None
    tags: list[str]
    source: str | None
    owner: Owner
    pipedrive_person_id: int | None
    organization: OrganizationPart | None
    external_ids: list[ExternalId]
    sync: Sync


class Activity(TypedDict):
    """An activity."""

    id: int
    contact_id: int
    type: str
    subject: str
    note: str | None
    due_date: str | None
    due_time: str | None
    done: bool
    pipedrive_activity_id: int | None
    replicated_to_pipedrive: bool
    pipedrive_sync_attempts: int
    last_pipedrive_sync_attempt: str | None
    external_ids: list[ExternalId]
    sync: Sync


class NewOrganization(TypedDict):
    """An organization as it is sent."""

    name: str
    sector: NotRequired[str | None]
    country: NotRequired[str | None]


class NewValue(TypedDict):
    """An e-mail or a phone as it is sent."""

    value: str
    label: NotRequired[str]


class NewContact(TypedDict):
    """A contact as it is sent, with its primary `email` or all `emails`.

    Only admins and programs can name its `owner`, by e-mail.
    """

    name: str
    email: NotRequired[str | None]
    phone: NotRequired[str | None]
    emails: NotRequired[list[NewValue]]
    phones: NotRequired[list[NewValue]]
    warmness_score: NotRequired[int]
    job_title: NotRequired[str | None]
    linkedin: NotRequired[str | None]
    note: NotRequired[str | None]
    tags: NotRequired[list[str]]
    source: NotRequired[str | None]
    organization: NotRequired[NewOrganization | None]
    owner: NotRequired[str]


class NewActivity(TypedDict):
    """An activity as it is sent. Its contact is named by `contact_id` or by `contact_external`."""

    type: str
    contact_id: NotRequired[int]
    contact_external: NotRequired[ExternalId]
    subject: NotRequired[str | None]
    note: NotRequired[str | None]
    due_date: NotRequired[str | None]
    due_time: NotRequired[str | None]
    done: NotRequired[bool]


class Call(TypedDict):
    """One call of a batch."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    body: NotRequired[Mapping[str, Any]]


class Outcome(TypedDict):
    """What one call of a batch was answered."""

    status: int
    body: Any
