"""What goes to Pipedrive and comes back: one description for each field, from which the rest is derived. Pure.

A field that Pipedrive holds as it is here is complete once it is described: mapping, snapshots, merge, updates and
taking over follow. Others are said and read in a way of their own, in mapping.py, reconcile/snapshots.py and
reconcile/update_fields.py. One that is missing there is an error, and never left out without a word.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from warmline.crm.activities import Activity, Row
from warmline.crm.models import Contact, Organization


class Form(Enum):
    """What of a value counts when two of Pipedrive's are compared (see normal_forms.py)."""

    LINE = auto()  # a text, whatever its spaces
    EMAIL = auto()
    PHONE = auto()
    LISTED = auto()  # a word of a list, which Pipedrive spells its own way
    NOTE = auto()
    EXACT = auto()  # no text


@dataclass(frozen=True)
class SyncedField:
    """A field that goes to Pipedrive.

    Attributes:
        name: What it is called in snapshots, and in messages.
        there: Pipedrive's field, where it holds our value as it is; None where it is said and read in a way of its own.
        form: How two values of Pipedrive's are compared.
        taken_over: Whether Pipedrive's value can be taken over here. If not, its words do not map back onto ours, and
            it is only told.
        several: Whether a person has one for each of the contacts that it is, and not one for all of them.
        columns: Our columns that it is made of, where it is not the one of its name.
        nulled: Pipedrive's fields that are set to null where it is empty here, which Pipedrive may refuse.
        label: What people call it when that is refused.
        identifies: Whether a record is looked for by it, so that another value may mean another record.
    """

    name: str
    there: str | None = None
    form: Form = Form.LINE
    taken_over: bool = True
    several: bool = False
    columns: frozenset[str] = frozenset()
    nulled: frozenset[str] = frozenset()
    label: str = ""
    identifies: bool = False


def _columns(fields: Iterable[SyncedField]) -> frozenset[str]:
    return frozenset[str]().union(*(field.columns or {field.name} for field in fields))


FIELDS: Mapping[type[Row], tuple[SyncedField, ...]] = {
    Contact: (
        SyncedField("name", there="name", identifies=True),
        SyncedField("email", form=Form.EMAIL, several=True, identifies=True),
        SyncedField("phone", form=Form.PHONE, several=True),
        SyncedField(
            "organization", form=Form.EXACT, taken_over=False, nulled=frozenset({"org_id"}), label="organization"
        ),
    ),
    Organization: (
        SyncedField("name", there="name", identifies=True),
        SyncedField("sector", form=Form.LISTED),
        SyncedField("country", form=Form.LISTED),
    ),
    Activity: (
        SyncedField("subject", there="subject"),
        SyncedField("type", taken_over=False),
        SyncedField("note", form=Form.NOTE),
        SyncedField(
            "due",
            taken_over=False,
            columns=frozenset({"due_date", "due_time"}),
            nulled=frozenset({"due_date", "due_time"}),
            label="due date or time",
        ),
        SyncedField("done", there="done", form=Form.EXACT),
    ),
}
_FORMS = {field.name: field.form for fields in FIELDS.values() for field in fields}
_SENT = {kind: _columns(fields) for kind, fields in FIELDS.items()}
_FOUND_BY = {kind: _columns(field for field in fields if field.identifies) for kind, fields in FIELDS.items()}


def columns_sent(kind: type[Row]) -> frozenset[str]:
    """Return our columns of which Pipedrive is told: a change to one of them makes a linked row pending."""
    return _SENT[kind]


def columns_found_by(kind: type[Row]) -> frozenset[str]:
    """Return our columns by which a record is looked for in Pipedrive; none for activities."""
    return _FOUND_BY[kind]


def form_of(name: str) -> Form:
    """Return how the values of a field are compared; fields of one name are alike in all kinds."""
    return _FORMS.get(name, Form.LINE)
