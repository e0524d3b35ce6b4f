"""A book of any size for the tests of growth: what is common grows with it, what is open or rare does not."""

from datetime import timedelta

from django.utils import timezone

from warmline.crm import search_index
from warmline.crm.activities import Activity
from warmline.crm.models import Contact, Organization
from warmline.crm.users import User

OPEN = 8  # of every hundred in the smallest book, and no more in a larger one


def fill(owner: User, first: int, last: int) -> None:
    """Add contacts with an activity each, and an organization for every fifth.

    Args:
        owner: Whose contacts they become.
        first: The number of the first one; those below OPEN are warm and wait, or have failed.
        last: The number after the last one.
    """
    now = timezone.now()
    organizations = Organization.objects.bulk_create(
        Organization(name=f"Mills {number}", pipedrive_org_id=number if number % 10 else None)
        for number in range(first, last, 5)
    )
    search_index.fill(organizations)
    contacts = Contact.objects.bulk_create(
        Contact(
            owner=owner,
            name=f"Dana Diaz{number}",
            email=f"dana{number}@example.org",
            organization=organizations[number % len(organizations)],
            job_title="Buyer" if number % 3 else "",
            tags="fair" if number % 2 else "rare" if number < OPEN else "",
            source="Fair 2026" if number % 4 else "",
            warmness_score=5 if number < OPEN or number % 2 else 2,
            pipedrive_person_id=number if number >= OPEN and number % 2 else None,
            pipedrive_sync_failed=number < OPEN // 2,
            next_pipedrive_sync_attempt=now - timedelta(minutes=1),
        )
        for number in range(first, last)
    )
    search_index.fill(contacts)
    Activity.objects.bulk_create(
        Activity(
            contact=contact,
            type="CALL",
            subject="Call",
            time_zone="UTC",
            logged_while_warm=contact.is_warm,
            replicate=contact.is_linked or None,
            pipedrive_activity_id=contact.pipedrive_person_id,
            replicated_to_pipedrive=contact.is_linked,
        )
        for contact in contacts
    )
