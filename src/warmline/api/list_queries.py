"""What may follow the `?` of a list: filters, and where its page begins. Shapes and types are checked, strictly."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, ValidationInfo, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from warmline.api import texts
from warmline.api.bodies import LARGEST, Id, digits
from warmline.api.errors import MESSAGES, RefusedError, naming
from warmline.crm.change_feed import Since
from warmline.crm.contact_details import SOURCE, TAG, TAG_LENGTH
from warmline.crm.fields import NAME_LENGTH
from warmline.crm.search_words import whole_word
from warmline.sync.row_state import SyncState


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


class Filters(BaseModel):
    """The query parameters of all lists."""

    limit: Annotated[int, Field(ge=1, le=500, description="The maximum number of rows."), BeforeValidator(digits)] = 50

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
        description="Starts of words, in any case and order, with or without accents; all of them must match. A word "
        "starts at the beginning "
        "of a name, an e-mail or a detail, and after a space or a sign: `diaz`, `example.org` and `dana.d` find "
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
    tag: Annotated[
        str,
        Field(max_length=TAG_LENGTH, pattern=r"^[^\x00]*$", description="Only contacts with this tag, in any case."),
    ] = ""
    source: Annotated[
        str,
        Field(
            max_length=NAME_LENGTH, pattern=r"^[^\x00]*$", description="Only contacts from this source, in any case."
        ),
    ] = ""

    @property
    def whole(self) -> list[bytes]:
        """The words that each contact must have as they are."""
        return [whole_word(kind, text) for kind, text in ((TAG, self.tag), (SOURCE, self.source)) if text]


class ActivityFilters(RowFilters):
    """The filters of the list of activities."""

    contact_id: Annotated[Id | None, WithJsonSchema({"type": "integer", "minimum": 1, "maximum": LARGEST})] = None


class AuditFilters(Filters):
    """The query parameters of the audit's problems."""

    cursor: Annotated[
        int | None,
        Field(ge=0, le=LARGEST, description="The `next` value of the previous page."),
        BeforeValidator(digits),
        WithJsonSchema({"type": "string", "pattern": texts.DIGITS}),
    ] = None


class NotificationFilters(Filters):
    """The filters of the list of notifications."""

    after: Annotated[
        int,
        Field(ge=0, le=LARGEST, description="The id of the last notification that you have seen."),
        BeforeValidator(digits),
    ] = 0
