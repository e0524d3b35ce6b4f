"""Who is who in the tests of it: several people who share one mailbox, and how they stand by now."""

from typing import Any

from django.utils import timezone

from warmline.crm.book import add_contact
from warmline.crm.models import Contact, Organization
from warmline.crm.users import User
from warmline.sync.row_state import with_state

OFFICE = "office@acme.example.com"


def klaus(owner: User, name: str = "Klaus Petersen", **more: Any) -> Contact:
    """Return Klaus, who is warm and has the office's address."""
    return add_contact(owner, name=name, email=OFFICE, warmness_score=5, **more)


def stated(row: Contact | Organization) -> Any:
    """Return a row as it is by now, with its state."""
    return with_state(type(row)._default_manager.filter(pk=row.pk), threshold=4, now=timezone.now()).get()


def emails_of(person: dict[str, Any]) -> list[str]:
    """Return a person's e-mails."""
    return [each["value"] for each in person["emails"]]
