"""What `warmline explain contact` prints: a contact, its organization and its activities, a line each.

`state_explanation.py` says why each of them stands as it does, in the words of the pages. Only what a terminal needs
besides is added here: ids, attempts, moments and candidates.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils import timezone

from warmline.crm.activities import Activity, Row
from warmline.crm.models import Contact, Organization
from warmline.sync.policy import Policy
from warmline.sync.row_state import OPEN, Sync, SyncState, describe, with_state
from warmline.sync.status.state_explanation import pause, sentence


def report(contact_id: int, policy: Policy) -> list[str]:
    """Return the lines about a contact and what belongs to it.

    Args:
        contact_id: The contact's id.
        policy: What counts as warm, and how many attempts are made.

    Raises:
        Contact.DoesNotExist: When there is none.
    """
    now = timezone.now()
    contacts = Contact.objects.select_related("owner", "organization")
    contact = with_state(contacts, threshold=policy.threshold, now=now).get(pk=contact_id)
    sync = describe(contact)
    lines = [f"{contact.name} (contact {contact.pk}): {_line(contact, sync, policy, contact.owner.zone)}"]
    lines += _organization(contact, policy, now)
    lines += _activities(contact, policy, now)
    if sync.state in OPEN and (paused := pause()):
        lines.append(paused)
    return lines


def _organization(contact: Contact, policy: Policy, now: datetime) -> Iterator[str]:
    if contact.organization is None:
        yield "The contact has no organization."
        return
    rows = with_state(Organization.objects.all(), threshold=policy.threshold, now=now)
    row = rows.get(pk=contact.organization.pk)
    yield f"Organization {row.name}: {_line(row, describe(row), policy, contact.owner.zone)}"


def _activities(contact: Contact, policy: Policy, now: datetime) -> Iterator[str]:
    rows = list(
        with_state(Activity.objects.filter(contact=contact), threshold=policy.threshold, now=now).order_by("pk")
    )
    if not rows:
        yield "No activities are logged."
        return
    counted: Counter[str] = Counter()
    tried, there = [], 0
    for row in rows:
        row.contact = contact
        sync = describe(row)
        if sync.state is SyncState.SYNCED:
            there += 1
        elif sync.attempts or sync.error:
            line = _line(row, sync, policy, contact.owner.zone)
            tried.append(f"“{row.subject}” (activity {row.pk}): {line}")
        else:  # there may be many, and nothing to tell of each
            counted[sentence(row, sync, policy)] += 1
    yield f"Activities in Pipedrive: {there} of {len(rows)}."
    for text, number in counted.items():
        yield f"{number} {'activity' if number == 1 else 'activities'}: {text}"
    yield from tried


def _line(row: Row, sync: Sync, policy: Policy, zone: ZoneInfo) -> str:
    """Return the explanation of a row, with its id in Pipedrive, its candidates and its attempts."""
    return " ".join([sentence(row, sync, policy), *_details(row, sync, zone)])


def _details(row: Row, sync: Sync, zone: ZoneInfo) -> Iterator[str]:
    if row.is_linked:
        kind = {Contact: "person", Organization: "organization", Activity: "activity"}[type(row)]
        yield f"Linked to {kind} {getattr(row, row.LINK)}."
    if sync.candidates:
        found = "; ".join(f"{each['name']} (id {each['pipedrive_id']})" for each in sync.candidates)
        yield f"Candidates: {found}."
    if sync.state in OPEN and sync.last_attempt_at is not None:
        yield f"Last attempt: {_at(sync.last_attempt_at, zone)}."
    if sync.next_attempt_at is not None and (sync.attempts or sync.state is SyncState.FAILED):
        yield f"Next automatic attempt: {_at(sync.next_attempt_at, zone)}."
        if sync.state is SyncState.FAILED and not sync.candidates:
            yield "`warmline sync retry` tries again now."


def _at(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}"
