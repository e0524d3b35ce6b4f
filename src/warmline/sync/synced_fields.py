"""The fields that go to Pipedrive and come back: one description of each, from which the rest is derived. Pure.

If Pipedrive holds a field's value as it is here, its description is all that is needed: mapping, snapshots, merge,
updates and taking over follow from it. The other fields need code of their own in mapping.py, reconcile/snapshots.py
and reconcile/update_fields.py. If that is missing, an error is raised; a field is never left out silently.

Details of contacts go to fields that an admin has chosen. The name of each says into which (`tags@9f…`), so what was
agreed on for one field of Pipedrive's is never taken for what another one holds.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from warmline.crm.activities import Activity, Row
from warmline.crm.models import Contact, Organization


class Form(Enum):
    """How two of Pipedrive's values are compared (see normal_forms.py)."""

    LINE = auto()  # a text; spaces do not matter
    EMAIL = auto()
    PHONE = auto()
    EMAILS = auto()  # several, each a pair of value and label
    PHONES = auto()
    LISTED = auto()  # an entry of a list, which Pipedrive may spell differently
    LINES = auto()  # a text of several lines; spaces and line breaks do not matter
    TAGS = auto()  # words with commas between them, in any order
    NOTE = auto()
    EXACT = auto()  # no text


@dataclass(frozen=True)
class SyncedField:
    """A field that goes to Pipedrive.

    Attributes:
        name: Its name in snapshots and messages.
        there: Pipedrive's field, if that holds our value as it is; None if the field needs code of its own.
        form: How two of Pipedrive's values are compared.
        taken_over: Whether Pipedrive's value can be stored here. If not, it cannot be mapped back, and people are only
            told about it.
        several: Whether a person in Pipedrive has one value for each of the contacts linked to it, and not one for all.
        columns: Our columns that it consists of, if that is not the one of its name.
        nulled: Pipedrive's fields that are set to null when it is empty here, which Pipedrive may refuse.
        label: What people call it, for the message when that is refused.
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
            "emails",
            form=Form.EMAILS,
            several=True,
            columns=frozenset({"email_label", "more_emails"}),
            identifies=True,
        ),
        SyncedField("phones", form=Form.PHONES, several=True, columns=frozenset({"phone_label", "more_phones"})),
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
DETAILS: Mapping[str, Form] = {  # our columns that can go to a field of Pipedrive's
    "job_title": Form.LINE,
    "linkedin": Form.LINE,
    "note": Form.LINES,
    "tags": Form.TAGS,
    "source": Form.LINE,
}
Codes = Mapping[str, str]  # for some details, the code of Pipedrive's field


@dataclass(frozen=True)
class Target:
    """Pipedrive's field for a detail.

    Attributes:
        code: Its code.
        options: The labels of its options by id, in their order; None for a field that holds a text.
        is_single: Whether it holds one option at most.
    """

    code: str
    options: Mapping[int, str] | None = None
    is_single: bool = False


Chosen = Mapping[str, Target]  # for some details, Pipedrive's field
NONE_CHOSEN: Chosen = {}
FIRST = {Form.EMAILS: "email", Form.PHONES: "phone"}  # of several, the field of the primary one
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
    """Return how a field's values are compared; fields with the same name have the same form in all kinds."""
    return DETAILS[column_of(name)] if is_detail(name) else _FORMS.get(name, Form.LINE)


def first_of(name: str) -> str:
    """Return the field of the primary value of several, such as `email` for `emails`; empty for any other field."""
    return FIRST.get(form_of(name), "")


def detail(column: str, code: str) -> str:
    """Return the name of the field of a detail.

    Args:
        column: Ours.
        code: Of Pipedrive's field.
    """
    return f"{column}@{code}"


def details(chosen: Chosen) -> dict[str, str]:
    """Return the names of the fields of details, each with our column.

    Args:
        chosen: The details that go to Pipedrive.
    """
    return {detail(column, target.code): column for column, target in chosen.items()}


def as_texts(codes: Codes) -> Chosen:
    """Return details with their fields as if these held texts: for when nobody has asked yet what they hold."""
    return {column: Target(code) for column, code in codes.items()}


def is_detail(name: str) -> bool:
    """Tell whether a field is a detail of contacts."""
    return "@" in name


def column_of(name: str) -> str:
    """Return our column of a field that has one of its own."""
    return name.partition("@")[0]


def called(name: str) -> str:
    """Return what people call a field."""
    return Contact.called(column_of(name)) if is_detail(name) else name


def is_taken_over(kind: type[Row], name: str) -> bool:
    """Tell whether Pipedrive's value of a field can be stored here."""
    return is_detail(name) or any(field.name == name and field.taken_over for field in FIELDS[kind])
