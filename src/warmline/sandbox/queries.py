"""The documented shape of every query: nothing unknown, and numbers and switches read from their text.

Filters left empty filter nothing. What bodies look like is in shapes.py, and so is what reads both.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from warmline.sandbox.shapes import Moment, Switch


class Query(BaseModel):
    """A query string: nothing unknown; numbers are read from their text."""

    model_config = ConfigDict(extra="forbid")


class Page(Query):
    """What every v2 list takes."""

    limit: int = Field(default=100, ge=1, le=500)
    cursor: str = ""


class V1Page(Query):
    """What a v1 list takes."""

    start: int = Field(default=0, ge=0)
    limit: int = Field(default=100, ge=1, le=500)


class NoteListing(V1Page):
    """GET /v1/notes."""

    person_id: int | None = None
    org_id: int | None = None
    user_id: int | None = None


class FieldPage(Page):
    """GET of fields."""

    include_fields: str = ""


class Listing(Page):
    """What the lists of records have in common. Filters left empty filter nothing."""

    ids: str = Field(default="", pattern=r"^\d{1,18}(,\d{1,18}){0,99}$")
    owner_id: int | None = None
    updated_since: Moment = ""
    updated_until: Moment = ""
    sort_by: str = Field(default="id", pattern="^(id|update_time|add_time)$")
    sort_direction: Literal["asc", "desc"] = "asc"
    include_fields: str = ""


class RecordListing(Listing):
    """GET /api/v2/organizations."""

    custom_fields: str = ""
    include_labels: Switch = False
    include_option_labels: Switch = False


class PersonListing(RecordListing):
    """GET /api/v2/persons."""

    org_id: int | None = None


class ActivityListing(Listing):
    """GET /api/v2/activities. An activity has no custom fields or labels to choose from."""

    sort_by: str = Field(default="id", pattern="^(id|update_time|add_time|due_date)$")
    person_id: int | None = None
    org_id: int | None = None
    done: Switch | None = None


class One(Query):
    """GET of one person or organization."""

    custom_fields: str = ""
    include_fields: str = ""
    include_labels: Switch = False
    include_option_labels: Switch = False


class OneActivity(Query):
    """GET of one activity."""

    include_fields: str = ""


class OneField(Query):
    """GET of one field."""

    include_fields: str = ""


class Search(Page):
    """GET /api/v2/organizations/search."""

    term: str
    fields: str = ""
    exact_match: Switch = False


class PersonSearch(Search):
    """GET /api/v2/persons/search."""

    organization_id: int | None = None
    include_fields: str = ""


class ItemSearch(Query):
    """GET /api/v2/itemSearch."""

    term: str
    item_types: str = ""
    fields: str = ""
    search_for_related_items: Switch = False
    exact_match: Switch = False
    include_fields: str = ""
    limit: int = Field(default=100, ge=1, le=100)
    cursor: str = ""


class FieldSearch(Page):
    """GET /api/v2/itemSearch/field."""

    term: str
    entity_type: Literal["deal", "lead", "person", "organization", "product", "project"]
    match: Literal["exact", "beginning", "middle"] = "exact"
    field: str


class Nothing(Query):
    """A call that takes no query."""


class UserSearch(Query):
    """GET /v1/users/find."""

    term: str = Field(min_length=1)
    search_by_email: Literal["0", "1"] = "0"
