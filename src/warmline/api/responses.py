"""Responses: rows as JSON, with empty texts as null and times in UTC."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated, Any, Generic, Literal, Self, TypeVar

from pydantic import BaseModel, Field

from warmline.api.texts import TIME
from warmline.crm.activities import Activity, ActivityType
from warmline.crm.contact_details import split_tags
from warmline.crm.emails_phones import Label, Labelled
from warmline.crm.imports.bulk import Outcome, Result
from warmline.crm.models import Contact, Organization
from warmline.sync.models import Notification, NotificationKind
from warmline.sync.remote.connection_health import Status
from warmline.sync.row_state import Sync, describe
from warmline.webhooks.models import Endpoint, Event

ItemType = TypeVar("ItemType")
SPELLED = {"warmness": "warmness_score"}  # what an import calls otherwise


class Page(BaseModel, Generic[ItemType]):
    """One page of a list; `next` leads to the next page, and is null on the last one."""

    items: list[ItemType]
    next: str | None


class GoneAnswer(BaseModel):
    """A row that the caller may no longer see: it was deleted, or handed over to a colleague."""

    id: int
    deleted: Literal[True] = True


class RowPage(BaseModel, Generic[ItemType]):
    """A part of a list of rows; `next` leads to the next one and is null at the end.

    `until` is the `updated_since` of the next call that asks what has changed; it is the same on all pages of a list.
    """

    items: list[ItemType | GoneAnswer]
    next: str | None
    until: str


class ExternalIdAnswer(BaseModel):
    """What another program calls a row."""

    source: str
    id: str

    @classmethod
    def all_of(cls, row: Contact | Organization | Activity) -> "list[ExternalIdAnswer]":
        """Return all ids of a row; they are few."""
        named = [ExternalIdAnswer(source=each.source, id=each.external_id) for each in row.external_ids.all()]
        return sorted(named, key=lambda each: (each.source, each.id))


class OwnerAnswer(BaseModel):
    """The owner of a contact."""

    id: int
    name: str
    email: str


class OrganizationPart(BaseModel):
    """An organization, as part of a contact."""

    id: int
    name: str
    sector: str | None
    country: str | None
    pipedrive_org_id: int | None

    @classmethod
    def part_of(cls, row: Organization) -> "OrganizationPart":
        """Return what is told of an organization beside its contact."""
        return OrganizationPart(
            id=row.pk,
            name=row.name,
            sector=row.sector or None,
            country=row.country or None,
            pipedrive_org_id=row.pipedrive_org_id,
        )


class OrganizationAnswer(OrganizationPart):
    """An organization."""

    external_ids: list[ExternalIdAnswer]
    sync: Sync

    @classmethod
    def of(cls, row: Organization) -> Self:
        """Return what is told of an organization that was read with its state."""
        return cls(**dict(cls.part_of(row)), external_ids=ExternalIdAnswer.all_of(row), sync=describe(row))


class LabelledAnswer(BaseModel):
    """One of a contact's e-mails or phones."""

    value: str
    label: Label

    @classmethod
    def all_of(cls, values: Iterable[Labelled]) -> "list[LabelledAnswer]":
        """Return what is told of them, the primary one first."""
        return [LabelledAnswer(value=each.value, label=Label(each.label)) for each in values]


class ContactAnswer(BaseModel):
    """A contact with its organization. `email` and `phone` are the first of `emails` and `phones`."""

    id: int
    name: str
    email: str | None
    phone: str | None
    emails: list[LabelledAnswer]
    phones: list[LabelledAnswer]
    warmness_score: int
    job_title: str | None
    linkedin: str | None
    note: str | None
    tags: list[str]
    source: str | None
    owner: OwnerAnswer
    pipedrive_person_id: int | None
    organization: OrganizationPart | None
    external_ids: list[ExternalIdAnswer]
    sync: Sync

    @classmethod
    def of(cls, row: Contact) -> Self:
        """Return what is told of a contact that was read with its state, owner and organization."""
        return cls(
            id=row.pk,
            name=row.name,
            email=row.email or None,
            phone=row.phone or None,
            emails=LabelledAnswer.all_of(row.emails),
            phones=LabelledAnswer.all_of(row.phones),
            warmness_score=row.warmness_score,
            job_title=row.job_title or None,
            linkedin=row.linkedin or None,
            note=row.note or None,
            tags=split_tags(row.tags),
            source=row.source or None,
            owner=OwnerAnswer(id=row.owner.pk, name=row.owner.name, email=row.owner.email),
            pipedrive_person_id=row.pipedrive_person_id,
            organization=OrganizationPart.part_of(row.organization) if row.organization else None,
            external_ids=ExternalIdAnswer.all_of(row),
            sync=describe(row),
        )


class ImportOutcome(BaseModel):
    """The result of an imported row. `errors` has the messages by field, and is empty for a valid row.

    `left_out` has what a row says of a known contact that the contact does not have, by field: it was not stored.
    """

    result: Result
    contact_id: int | None
    errors: dict[str, list[str]]
    left_out: dict[str, str]

    @classmethod
    def of(cls, outcome: Outcome) -> Self:
        """Return what is told of an outcome."""
        told = outcome.comparison
        said = {**told.completes, **{name: said for name, (said, _) in told.differs.items()}}
        left_out = {SPELLED.get(name, name): text for name, text in said.items()}
        return cls(result=outcome.result, contact_id=outcome.contact_id, errors=outcome.errors, left_out=left_out)


class ImportAnswer(BaseModel):
    """The outcomes of all rows, in the order of the request."""

    outcomes: list[ImportOutcome]


class BatchOutcome(BaseModel):
    """What one call of a batch was answered."""

    status: int
    body: Any


class BatchAnswer(BaseModel):
    """The answers of all calls, in the order in which they were sent."""

    items: list[BatchOutcome]


class ActivityAnswer(BaseModel):
    """An activity; its due date and time are in the time zone of the user who logged it."""

    id: int
    contact_id: int
    type: ActivityType
    subject: str
    note: str | None
    due_date: date | None
    due_time: Annotated[str, Field(pattern=TIME)] | None
    done: bool
    pipedrive_activity_id: int | None
    replicated_to_pipedrive: bool
    pipedrive_sync_attempts: int
    last_pipedrive_sync_attempt: datetime | None
    external_ids: list[ExternalIdAnswer]
    sync: Sync

    @classmethod
    def of(cls, row: Activity) -> Self:
        """Return what is told of an activity that was read with its state."""
        due = row.due_time
        return cls(
            id=row.pk,
            contact_id=row.contact_id,
            type=ActivityType(row.type),
            subject=row.subject,
            note=row.note or None,
            due_date=row.due_date,
            due_time=None if due is None else due.isoformat("seconds" if due.second else "minutes"),
            done=row.done,
            pipedrive_activity_id=row.pipedrive_activity_id,
            replicated_to_pipedrive=row.replicated_to_pipedrive,
            pipedrive_sync_attempts=row.pipedrive_sync_attempts,
            last_pipedrive_sync_attempt=row.last_pipedrive_sync_attempt,
            external_ids=ExternalIdAnswer.all_of(row),
            sync=describe(row),
        )


class WebhookAnswer(BaseModel):
    """A webhook: where what is sent. `off_because` says why nothing is sent any more, and is null while it is."""

    id: int
    url: str
    events: list[Event]
    created_at: datetime
    off_because: str | None

    @classmethod
    def of(cls, row: Endpoint) -> "WebhookAnswer":
        """Return what is told of an endpoint."""
        return WebhookAnswer(
            id=row.pk, url=row.url, events=row.events, created_at=row.created_at, off_because=row.off_because or None
        )


class NewWebhookAnswer(WebhookAnswer):
    """A webhook that was added, and the secret with which its deliveries are signed."""

    secret: str


class WebhooksAnswer(BaseModel):
    """All webhooks."""

    items: list[WebhookAnswer]


class LinkCheckAnswer(BaseModel):
    """The check of all links to Pipedrive after a restore; until it has ended, nothing is sent.

    `figures` counts the outcomes by kind of row: kept, moved, gone, doubtful, unreadable.
    """

    reason: str
    began_at: datetime
    ended_at: datetime | None
    checked: int
    total: int
    figures: dict[str, dict[str, int]]


class SyncAnswer(BaseModel):
    """How many of the caller's rows are waiting, in progress or failed, and the state of the connection.

    `still_there` counts the activities that were deleted here and are still to be deleted in Pipedrive.
    """

    wanted: int
    in_progress: int
    failed: int
    still_there: int
    connection: Status
    link_check: LinkCheckAnswer | None


class RetryAnswer(BaseModel):
    """How many rows are tried again."""

    retried: int


class NotificationAnswer(BaseModel):
    """A notification."""

    id: int
    kind: NotificationKind
    text: str
    contact_id: int | None
    at: datetime

    @classmethod
    def of(cls, row: Notification) -> Self:
        """Return what is told of a notification."""
        kind = NotificationKind(row.kind)
        return cls(id=row.cursor, kind=kind, text=row.text, contact_id=row.contact_id, at=row.at)
