"""The keys of leases and intents: what is being created in Pipedrive, under the same name for every worker."""

from uuid import UUID

from warmline.crm.keys import key
from warmline.crm.models import Contact, Organization
from warmline.crm.sync_columns import Synced

OF_PERSONS = "person:"


def person_key(contact: Contact) -> str:
    """Return `person:<email key>` of the primary e-mail, or a key of the contact's own if it has none."""
    return f"{OF_PERSONS}{contact.email_key}" if contact.email_key else f"{OF_PERSONS}/contact/{contact.pk}"


def person_keys(contact: Contact) -> tuple[str, ...]:
    """Return `person_key`, and the same of each other e-mail: who has one of them may be the same person."""
    return person_key(contact), *(f"{OF_PERSONS}{key}" for key in contact.email_keys if key != contact.email_key)


def organization_key(organization: Organization) -> str:
    """Return `organization:<name key>`."""
    return f"organization:{organization.name_key}"


def activities_key(contact: Contact) -> str:
    """Return `activities:<person id>`, because the activities of one person are sent one after the other."""
    person_id = contact.pipedrive_person_id
    return f"activities:/contact/{contact.pk}" if person_id is None else f"activities:{person_id}"


def row_key(kind: str, row_id: int) -> str:
    """Return a row's own key, such as `contact 12`.

    Args:
        kind: The row's table: "contact", "organization" or "activity".
        row_id: The row's id.
    """
    return f"{kind} {row_id}"


def update_key(row: Synced) -> str:
    """Return `update <row key>`, the key of the intent to change a row's record."""
    return f"update {row_key(str(row._meta.model_name), row.pk)}"  # noqa: SLF001 (Django documents _meta as public)


def label_key(label: str) -> str:
    """Return `label:<name>`."""
    return f"label:{key(label)}"


def option_key(code: str, label: str) -> str:
    """Return `option:<code of the field>:<name>`."""
    return f"option:{code}:{key(label)}"


def field_key(kind: str, name: str) -> str:
    """Return `field:<kind>:<name>`; the kind is "person" or "organization"."""
    return f"field:{kind}:{key(name)}"


def is_mark(text: str) -> bool:
    """Tell whether a text can be a row's mark (its `warmline_id`)."""
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
