"""What is told of an audit: how it is, and the problems that it found."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, WithJsonSchema

from warmline.sync.audit_models import AuditState, Finding, Problem


class AuditCounts(BaseModel):
    """How many problems there are of each kind."""

    missing: int
    gone: int
    double: int
    different: int
    owner: int
    label: int
    organization: int
    activity: int


class AuditItem(BaseModel):
    """A problem: which row, its record in Pipedrive, what is wrong, and the fields in which both differ."""

    kind: Literal["contact", "organization", "activity"]
    row_id: int
    pipedrive_id: int | None
    # In the document without a name, because a row's sync has a `Problem`, too, and one would be told as the other.
    problem: Annotated[Problem, WithJsonSchema({"type": "string", "enum": Problem.values})]
    fields: list[str]

    @classmethod
    def of(cls, row: Finding) -> "AuditItem":
        """Return what is told of a problem."""
        kind: Any = row.kind
        return AuditItem(
            kind=kind,
            row_id=row.row_id,
            pipedrive_id=row.record_id,
            problem=Problem(row.problem),
            fields=row.fields,
        )


class AuditAnswer(BaseModel):
    """How the latest audit is, and the problems that there are; those of the caller's rows, and for admins all.

    `finished_at` is null until it is done, and `message` says why it pauses. `next` leads to the next problems.
    """

    state: AuditState
    started_at: datetime | None
    finished_at: datetime | None
    message: str
    compared: int
    problems: AuditCounts
    items: list[AuditItem]
    next: str | None
