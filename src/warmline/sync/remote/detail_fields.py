"""The fields of Pipedrive's that an admin chose for details of contacts: which can be, and what is wrong with them.

A field that is gone, or has another type by now, is left alone and told once. It holds nothing else back.
"""

from collections.abc import Iterable

from warmline.crm.keys import key
from warmline.crm.models import Contact
from warmline.pipedrive import Field, Person
from warmline.sync import mapping
from warmline.sync.synced_fields import DETAILS, Chosen, Form, details

LINE, LINES = frozenset({"varchar", "varchar_auto", "text"}), frozenset({"text"})  # the types that hold all of one
MARK = "Warmline ID"


def suitable(detail: str, fields: Iterable[Field]) -> list[Field]:
    """Return the account's fields of persons that can hold a detail.

    Args:
        detail: Our column.
        fields: The account's fields of persons.
    """
    return [
        field
        for field in fields
        if field.type in (LINE if DETAILS[detail] == Form.LINE else LINES)
        and (field.is_custom or detail == field.code == mapping.JOB_TITLE)
        and key(field.name) != key(MARK)
    ]


def usable(chosen: Chosen, fields: Iterable[Field]) -> Chosen:
    """Return what was chosen, without the fields that are gone or cannot hold their detail any more."""
    known = list(fields)
    return {
        detail: code for detail, code in chosen.items() if any(each.code == code for each in suitable(detail, known))
    }


def wrong(chosen: Chosen, fields: Iterable[Field]) -> list[str]:
    """Return what is wrong with what was chosen, and what to do, each in a sentence or two."""
    known = list(fields)
    names = {field.code: field for field in known}
    good = usable(chosen, known)
    return [_said(detail, names.get(code)) for detail, code in chosen.items() if detail not in good]


def are_emptied(chosen: Chosen, contact: Contact, person: Person) -> bool:
    """Tell whether one of the fields is empty in Pipedrive, and was not when the two sides last agreed."""
    then = contact.pipedrive_agreed.get("theirs", {})
    here = {name: chosen[column] for name, column in details(chosen).items()}
    return any(then.get(name) and not mapping.detail_there(person, code) for name, code in here.items())


def _said(detail: str, field: Field | None) -> str:
    what, cure = Contact.label(detail), "Choose another one on the Settings page, under Contact details."
    if field is None:
        return f"{what}: the field that was chosen in Pipedrive is not there any more. {cure}"
    return f"{what}: the field “{field.name}” in Pipedrive is of type {field.type}, which cannot hold it. {cure}"
