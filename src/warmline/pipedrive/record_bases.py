"""The base classes of records: one for those that are read, and two for those that are written.

A record that is read ignores fields it does not know, and treats absent, null and empty as the same, because v2 leaves
out fields without a value. A record that is written has only the fields that it declares, and sends only those that
were set, because Pipedrive empties a field that is sent as null.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator
from pydantic import Field as Spec

LARGEST_ID = 2**63 - 1  # what a database's column can hold


def _in_utc(moment: datetime) -> datetime:
    """Return the same instant in UTC; Pipedrive's times without a zone (v1's) are UTC."""
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("there is no such instant in UTC") from None


Instant = Annotated[datetime, AfterValidator(_in_utc)]
Id = Annotated[int, Spec(ge=-LARGEST_ID, le=LARGEST_ID)]


class Read(BaseModel):
    """A record as Pipedrive returns it."""

    # Pydantic's messages would otherwise quote the data of real persons.
    model_config = ConfigDict(
        frozen=True, extra="ignore", validate_by_name=True, hide_input_in_errors=True, coerce_numbers_to_str=True
    )

    @model_validator(mode="before")
    @classmethod
    def _without_nothing(cls, data: Any) -> Any:
        return _without_nothing(data)


def _without_nothing(data: Any) -> Any:
    """Drop nulls and empty texts from an object, and from the objects in it; from lists only nulls."""
    if isinstance(data, Mapping):
        return {key: _without_nothing(value) for key, value in data.items() if value is not None and value != ""}
    if isinstance(data, list):
        return [_without_nothing(value) for value in data if value is not None]
    return data


class Written(BaseModel):
    """A record as we send it."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    def body(self) -> dict[str, Any]:
        """Return the JSON object to send: only what was set, and nothing that is None."""
        sent = self.model_dump(mode="json", exclude_none=True)
        return {name: value for name, value in sent.items() if name in self.model_fields_set}


class Changes(Written):
    """Changes to a record: fields that are set are sent, and a field that is set to None is emptied."""

    def body(self) -> dict[str, Any]:
        """Return the JSON object to send: only what was set."""
        return self.model_dump(mode="json", exclude_unset=True)


class New(Written):
    """A record to create; empty lists are left out, because they mean the same as no list."""

    def body(self) -> dict[str, Any]:
        """Return the JSON object to send: only what was set, and nothing that is None or empty."""
        return {name: value for name, value in super().body().items() if value not in ([], {})}
