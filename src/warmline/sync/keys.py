"""The names of what is made in Pipedrive, by which claims and intents meet."""

from warmline.crm.keys import key
from warmline.crm.models import Activity, Contact, Organization


def person_key(contact: Contact) -> str:
    """Return `person:<email key>`, or a name of its own for a contact that has no e-mail to be told by."""
    return f"person:{contact.email_key}" if contact.email_key else f"person:/contact/{contact.pk}"


def organization_key(organization: Organization) -> str:
    """Return `organization:<name key>`."""
    return f"organization:{organization.name_key}"


def activities_key(person_id: int) -> str:
    """Return `activities:<person id>`: the activities of one person are made one after the other."""
    return f"activities:{person_id}"


def activity_key(activity: Activity) -> str:
    """Return `activity:<row id>`, the name of an activity's intent."""
    return f"activity:{activity.pk}"


def label_key(label: str) -> str:
    """Return `label:<name>`."""
    return f"label:{key(label)}"


def field_key(name: str) -> str:
    """Return `field:<name>`."""
    return f"field:{key(name)}"
