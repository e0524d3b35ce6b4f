"""The fields of Pipedrive's that an admin chose for details of contacts: which can be, and what is wrong with them.

A field that is gone, or has another type by now, is left alone and told once. It holds nothing else back.
"""

from collections.abc import Iterable

from warmline.crm.keys import key
from warmline.crm.models import Contact
from warmline.pipedrive import Field, Person
from warmline.sync import mapping, tag_options
from warmline.sync.synced_fields import DETAILS, Chosen, Codes, Form, Target, detail

OFFERING = frozenset({"set", "enum"})  # the types that offer options, of which one holds several
SINGLE = "enum"
LINE, LINES = frozenset({"varchar", "varchar_auto", "text"}), frozenset({"text"})  # the types that hold all of one
MARK = "Warmline ID"


def suitable(column: str, fields: Iterable[Field]) -> list[Field]:
    """Return the account's fields of persons that can hold a detail.

    Args:
        column: Our column.
        fields: The account's fields of persons.
    """
    form = DETAILS[column]
    types = LINE if form == Form.LINE else LINES | OFFERING if form == Form.TAGS else LINES
    return [
        field
        for field in fields
        if field.type in types
        and (field.is_custom or column == field.code == mapping.JOB_TITLE)
        and key(field.name) != key(MARK)
    ]


def usable(chosen: Codes, fields: Iterable[Field]) -> Chosen:
    """Return what was chosen, without the fields that are gone or cannot hold their detail any more."""
    known = list(fields)
    found = {column: {each.code: each for each in suitable(column, known)}.get(code) for column, code in chosen.items()}
    return {column: target(field) for column, field in found.items() if field}


def target(field: Field) -> Target:
    """Return a field as what a detail goes to."""
    # A comma would make two tags of one option.
    labels = {each.id: " ".join(each.label.replace(",", " ").split()) for each in field.options}
    options = {int(option): label for option, label in labels.items() if str(option).isdecimal()}
    return Target(field.code, options if field.type in OFFERING else None, is_single=field.type == SINGLE)


def wrong(chosen: Codes, fields: Iterable[Field]) -> list[str]:
    """Return what is wrong with what was chosen, and what to do, each in a sentence or two."""
    known = list(fields)
    names = {field.code: field for field in known}
    good = usable(chosen, known)
    return [_said(column, names.get(code)) for column, code in chosen.items() if column not in good]


def are_emptied(chosen: Chosen, contact: Contact, person: Person) -> bool:
    """Tell whether one of the fields is empty in Pipedrive, and was not when the two sides last agreed."""
    then = contact.pipedrive_agreed.get("theirs", {})
    return any(
        then.get(detail(column, field.code)) and not mapping.detail_there(person, field)
        for column, field in chosen.items()
    )


def have_new_options(chosen: Chosen, person: Person) -> bool:
    """Tell whether a person has an option that its field did not have yet when it was asked for."""
    return any(
        tag_options.without_option(mapping.detail_there(person, field), field)
        for field in chosen.values()
        if field.options is not None
    )


def missing_options(chosen: Chosen, contact: Contact) -> dict[str, list[str]]:
    """Return the tags that no option has, by the field's code, of a contact whose tags were changed.

    Args:
        chosen: The details that go over.
        contact: The contact.
    """
    then, found = contact.pipedrive_agreed.get("ours", {}), {}
    for column, field in chosen.items():
        text = getattr(contact, column)
        if field.options is not None and text != then.get(detail(column, field.code)):
            found[field.code] = tag_options.without_option(text, field)
    return {code: tags for code, tags in found.items() if tags}


def _said(column: str, field: Field | None) -> str:
    what, cure = Contact.label(column), "Choose another one on the Settings page, under Contact details."
    if field is None:
        return f"{what}: the field that was chosen in Pipedrive is not there any more. {cure}"
    return f"{what}: the field “{field.name}” in Pipedrive is of type {field.type}, which cannot hold it. {cure}"
