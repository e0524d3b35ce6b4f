"""The moment a row is linked: its id is stored, its intent ends, and what waited for it becomes due, all at once."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, Value

from warmline.crm.models import Activity, Contact, Organization
from warmline.sync import notify, wake
from warmline.sync.intents import Intents
from warmline.sync.keys import activity_key, organization_key, person_key
from warmline.sync.models import NotificationKind
from warmline.sync.policy import Policy


def link_contact(contact: Contact, person_id: int, *, policy: Policy, now: datetime) -> None:
    """Store a contact's person, and decide which of its activities follow.

    Args:
        contact: The row, as read.
        person_id: Pipedrive's id.
        policy: Whether activities from before the contact was warm follow; decided here and remembered on them.
        now: When the attempt was made.
    """
    with transaction.atomic():
        # This UPDATE comes first: it takes the row's lock, on which book.log_activity waits (see there).
        Contact.objects.filter(pk=contact.pk).update(pipedrive_person_id=person_id, **_succeeded(now))
        undecided = Activity.objects.filter(contact=contact, replicate=None)
        undecided.update(replicate=Value(value=True) if policy.earlier_activities else F("logged_while_warm"))
        Intents.end(person_key(contact))
        notify.tell(
            NotificationKind.CONTACT_SYNCED,
            f"{contact.name} is in Pipedrive as a {policy.label}.",
            now=now,
            user=contact.owner,
            contact=contact,
        )
        wake.after_commit()


def link_organization(organization: Organization, org_id: int, *, now: datetime) -> None:
    """Store an organization's id, and let the contacts go on that failed because of it.

    Args:
        organization: The row, as read.
        org_id: Pipedrive's id.
        now: When the attempt was made.
    """
    with transaction.atomic():
        Organization.objects.filter(pk=organization.pk).update(pipedrive_org_id=org_id, **_succeeded(now))
        Intents.end(organization_key(organization))
        let_contacts_go_on(organization, now)
        wake.after_commit()


def link_activity(activity: Activity, activity_id: int, *, now: datetime) -> None:
    """Store an activity's id and mark it replicated.

    Args:
        activity: The row, as read, with its contact.
        activity_id: Pipedrive's id.
        now: When the attempt was made.
    """
    contact = activity.contact
    with transaction.atomic():
        Activity.objects.filter(pk=activity.pk).update(
            pipedrive_activity_id=activity_id, replicated_to_pipedrive=True, **_succeeded(now)
        )
        Intents.end(activity_key(activity))
        notify.tell(
            NotificationKind.ACTIVITY_SYNCED,
            f"“{activity.subject}” is in Pipedrive, with {contact.name}.",
            now=now,
            user=contact.owner,
            contact=contact,
        )


def let_contacts_go_on(organization: Organization, now: datetime) -> None:
    """Give fresh attempts to the contacts that failed only because their organization had.

    Args:
        organization: The one that is mended, or is about to be tried again.
        now: From when they are due.
    """
    Contact.objects.filter(organization=organization, pipedrive_sync_error_code="organization_failed").update(
        **Contact.fresh_attempts(now)
    )


def _succeeded(now: datetime) -> dict[str, Any]:
    return {
        **Contact.fresh_attempts(now),
        "pipedrive_sync_attempts": F("pipedrive_sync_attempts") + 1,
        "last_pipedrive_sync_attempt": now,
    }
