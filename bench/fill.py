"""Fills a contact book with as many contacts as asked for, five activities each.

Runs in a process of its own, once Django is set up there: the database is that of its environment. Nine in ten contacts
are cold. The others are linked with records that no sandbox has, with the attempts and notifications that belong to
that; ten have failed, as many in a large book as in a small one, because what is open is not a matter of the book's
size; none is on its way.
"""

from collections.abc import Iterator
from datetime import timedelta
from random import Random

from django.db import transaction
from django.utils import timezone

from warmline.crm import search_index
from warmline.crm.activities import Activity, ActivityType
from warmline.crm.keys import key
from warmline.crm.models import NOT_CONTACTED, Contact, Organization
from warmline.crm.users import User
from warmline.sync.models import Attempt, Notification, NotificationKind

OWNERS = 10
ACTIVITIES_EACH = 5
CONTACTS_EACH = 5  # of an organization
ONE_WARM_IN, ONE_FAILED_IN, LAST_FAILED = 10, 100, 1_000  # contacts; what has failed is warm as well
FIRST_ID = 10_000_000  # of records in Pipedrive
CHUNK = 5_000
TYPES = list(ActivityType)


def fill(contacts: int) -> None:
    """Add contacts, spread over the members and a few more, with their organizations and activities.

    Args:
        contacts: How many.
    """
    owners = [*User.objects.all()]
    owners += [User.objects.create_user(f"user{n}@example.com", f"User {n}") for n in range(OWNERS - len(owners))]
    with transaction.atomic():
        for first in range(0, contacts, CHUNK):
            numbers = range(first, min(first + CHUNK, contacts))
            organizations = Organization.objects.bulk_create(_organizations(numbers))
            made = Contact.objects.bulk_create(_contacts(numbers, owners, organizations))
            search_index.fill(organizations)
            search_index.fill(made)
            Activity.objects.bulk_create(_activities(numbers, made))
            Attempt.objects.bulk_create(_attempts(made))
            Notification.objects.bulk_create(_notifications(made))


def _organizations(numbers: range) -> Iterator[Organization]:
    for number in numbers[::CONTACTS_EACH]:
        name = f"Alder Mills {number}"
        yield Organization(
            name=name,
            name_key=key(name),
            sector="Manufacturing",
            pipedrive_org_id=_link(number),
            created_at=timezone.now(),
        )


def _contacts(numbers: range, owners: list[User], organizations: list[Organization]) -> Iterator[Contact]:
    today, tomorrow, chance = timezone.now().date(), timezone.now() + timedelta(days=1), Random(numbers[0])
    for number in numbers:
        name, email = f"Person {number}", f"person{number}@example.net"
        contact = Contact(
            owner=chance.choice(owners),
            name=name,
            name_key=key(name),
            email=email,
            email_key=key(email),
            organization=organizations[(number - numbers[0]) // CONTACTS_EACH],
            warmness_score=6 if number % ONE_WARM_IN == 0 else number % 4,
            last_contacted_on=today - timedelta(days=chance.randrange(1000)) if number % 2 else NOT_CONTACTED,
            pipedrive_person_id=_link(number),
        )
        if _has_failed(number):
            contact.pipedrive_sync_failed = True
            contact.pipedrive_sync_error_code, contact.pipedrive_sync_attempts = "rejected", 1
            contact.next_pipedrive_sync_attempt = tomorrow
        yield contact


def _activities(numbers: range, contacts: list[Contact]) -> Iterator[Activity]:
    for number, contact in zip(numbers, contacts, strict=True):
        link = _link(number)
        for nth in range(ACTIVITIES_EACH):
            replicated = link is not None and nth > 0  # the first is from before the contact was warm
            yield Activity(
                contact=contact,
                type=TYPES[nth],
                subject=f"{TYPES[nth].label} with {contact.name}",
                time_zone="UTC",
                logged_while_warm=replicated,
                replicate=None if link is None else replicated,
                replicated_to_pipedrive=replicated,
                pipedrive_activity_id=link * ACTIVITIES_EACH + nth if link is not None and nth > 0 else None,
            )


def _attempts(contacts: list[Contact]) -> Iterator[Attempt]:
    """Yield one attempt for each contact that was tried, spread over the last two days."""
    now, chance = timezone.now(), Random(len(contacts))
    for contact in contacts:
        if contact.is_linked or contact.pipedrive_sync_failed:
            at, ok = now - timedelta(hours=48 * chance.random()), contact.is_linked
            text = "Created in Pipedrive." if ok else "Pipedrive refused this: Name is too short"
            yield Attempt(kind="contact", row_id=contact.pk, owner=contact.owner, at=at, ok=ok, waited=1, text=text)


def _notifications(contacts: list[Contact]) -> Iterator[Notification]:
    """Yield what was told of each contact that arrived."""
    now, kind = timezone.now(), NotificationKind.CONTACT_SYNCED
    for contact in contacts:
        if contact.is_linked:
            text = f"{contact.name} is in Pipedrive as a Warm Lead."
            yield Notification(user=contact.owner, contact=contact, kind=kind, text=text, at=now)


def _link(number: int) -> int | None:
    """Return the id in Pipedrive of a contact, or of an organization that is numbered by its first contact."""
    return FIRST_ID + number if number % ONE_WARM_IN == 0 and not _has_failed(number) else None


def _has_failed(number: int) -> bool:
    return number < LAST_FAILED and number % ONE_FAILED_IN == 0
