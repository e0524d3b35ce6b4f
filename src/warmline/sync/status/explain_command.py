"""Why a contact is, or is not, in Pipedrive, in plain words."""

from datetime import datetime

from django.utils import timezone

from warmline.crm.activities import Activity
from warmline.crm.models import Contact, Organization
from warmline.sync.models import ConnectionState
from warmline.sync.policy import Policy
from warmline.sync.remote import connection_health
from warmline.sync.row_state import Sync, SyncState, describe, with_state
from warmline.sync.status.explanation import other_name


def explain(contact_id: int, policy: Policy) -> list[str]:
    """Return what there is to say of a contact, a sentence or two a line.

    Args:
        contact_id: Which one.
        policy: What counts as warm.

    Raises:
        Contact.DoesNotExist: When there is none.
    """
    now = timezone.now()
    contacts = Contact.objects.select_related("owner", "organization")
    contact = with_state(contacts, threshold=policy.threshold, now=now).get(pk=contact_id)
    sync = describe(contact)
    lines = [_standing(contact, sync, policy)]
    lines += _organization(contact, policy, now)
    lines += _activities(contact, policy, now)
    status = connection_health.status()
    if sync.state is not SyncState.SYNCED and status.state != ConnectionState.OK:
        lines.append(f"Sending is paused: {status.message}")
    return lines


def _standing(contact: Contact, sync: Sync, policy: Policy) -> str:
    who, score = f"{contact.name} (contact {contact.pk})", contact.warmness_score
    match sync.state:
        case SyncState.SYNCED:
            named = other_name(contact)
            there = f", named “{named}” there" if named else ""
            return f"{who} is in Pipedrive: linked to person {contact.pipedrive_person_id}{there}."
        case SyncState.NOT_WANTED:
            return f"{who} is not in Pipedrive: warmness is {score}, and {policy.threshold} is needed."
        case SyncState.IN_PROGRESS:
            return f"{who} is being sent to Pipedrive now."
        case SyncState.FAILED:
            return f"{who} is warm ({score}), but could not be synced. {_failure(contact, sync)}"
    attempts = f" {sync.attempts} of {policy.attempts} attempts have failed." if sync.attempts else ""
    reason = f" Last error: {sync.error.message}" if sync.error else ""
    when = f" Next attempt: {_at(contact, sync.next_attempt_at)}." if sync.attempts else ""
    return f"{who} is warm ({score}) and waiting to be sent to Pipedrive.{attempts}{reason}{when}"


def _failure(contact: Contact, sync: Sync) -> str:
    reason = sync.error.message if sync.error else "No reason was recorded."
    found = "; ".join(f"{each['name']} (id {each['pipedrive_id']})" for each in sync.candidates)
    candidates = f" Candidates: {found}." if found else ""
    when = sync.next_attempt_at
    by_itself = f" Next automatic attempt: {_at(contact, when)}; `warmline sync retry` tries now." if when else ""
    return f"{reason}{candidates}{by_itself}"


def _organization(contact: Contact, policy: Policy, now: datetime) -> list[str]:
    if contact.organization is None:
        return ["The contact has no organization."]
    rows = with_state(Organization.objects.all(), threshold=policy.threshold, now=now)
    organization = rows.get(pk=contact.organization.pk)
    sync = describe(organization)
    match sync.state:
        case SyncState.SYNCED:
            linked = f"linked to organization {organization.pipedrive_org_id}"
            return [f"Organization {organization.name} is in Pipedrive: {linked}."]
        case SyncState.FAILED:
            return [f"Organization {organization.name} could not be synced. {_failure(contact, sync)}"]
        case SyncState.NOT_WANTED:
            return [f"Organization {organization.name} is not in Pipedrive: no waiting contact needs it."]
    return [f"Organization {organization.name} is sent before the contact. It is waiting to be sent."]


def _activities(contact: Contact, policy: Policy, now: datetime) -> list[str]:
    rows = with_state(Activity.objects.filter(contact=contact), threshold=policy.threshold, now=now).order_by("pk")
    syncs = [(row, describe(row)) for row in rows]
    if not syncs:
        return ["No activities are logged."]
    there = sum(sync.state is SyncState.SYNCED for _, sync in syncs)
    lines = [f"Activities in Pipedrive: {there} of {len(syncs)}."]
    left_out = sum(sync.state is SyncState.NOT_WANTED for _, sync in syncs)
    if left_out:
        lines.append(f"Not sent, because logged before the contact was warm: {left_out} (WARMLINE_EARLIER_ACTIVITIES).")
    lines += [
        f"“{row.subject}” (activity {row.pk}) could not be synced. {_failure(contact, sync)}"
        for row, sync in syncs
        if sync.state is SyncState.FAILED
    ]
    return lines


def _at(contact: Contact, moment: datetime | None) -> str:
    return "an unknown time" if moment is None else f"{moment.astimezone(contact.owner.zone):%Y-%m-%d %H:%M:%S %Z}"
