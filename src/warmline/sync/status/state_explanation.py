"""Why a row is, or is not, in Pipedrive, in plain words: the one explanation, for pages and command line alike.

Each sentence about a state or its cause stands here, once. Why an attempt failed is the row's own message, which
`retries.py` makes and the API returns as well. What the command line prints besides is in `contact_report.py`.
"""

from dataclasses import dataclass
from datetime import datetime

from warmline import database_time
from warmline.crm.activities import Activity, Row
from warmline.crm.keys import key
from warmline.crm.models import Contact, Organization
from warmline.crm.name_agreement import agree
from warmline.sync.models import ConnectionState
from warmline.sync.policy import Policy
from warmline.sync.remote import connection_health, reconcile_first
from warmline.sync.row_state import OPEN, Sync, SyncState, describe
from warmline.sync.status import restore_report


@dataclass(frozen=True)
class Explanation:
    """Why a row stands as it does, and what follows.

    Attributes:
        sync: Its state, attempts, error and candidates.
        text: Where it stands and why, in a sentence or two.
        next_attempt_at: When it is tried again automatically; None when it is not, or when it is due at once.
        can_be_retried: Whether trying again by hand makes sense.
        pause: Why nothing is being sent at the moment; empty when nothing is to be sent for this row, or nothing
        pauses.
    """

    sync: Sync
    text: str
    next_attempt_at: datetime | None
    can_be_retried: bool
    pause: str


def explain(row: Row, policy: Policy) -> Explanation:
    """Explain where a row stands.

    Args:
        row: Read `with_state`; an activity with its contact.
        policy: What counts as warm, and how many attempts are made.
    """
    sync = describe(row)
    is_open = sync.state in OPEN
    tried = sync.attempts > 0 or sync.state is SyncState.FAILED
    return Explanation(
        sync=sync,
        text=sentence(row, sync, policy),
        next_attempt_at=sync.next_attempt_at if is_open and tried and not sync.candidates else None,
        can_be_retried=sync.state is SyncState.FAILED and not sync.candidates,
        pause=pause() if is_open else "",
    )


def pause() -> str:
    """Say why nothing is being sent at the moment; empty when the connection works."""
    status = connection_health.status()
    if status.state == ConnectionState.OK and reconcile_first.is_on():
        return f"Sending is paused. {restore_report.UNTIL_THEN}"
    return "" if status.state == ConnectionState.OK else f"Sending is paused. {status.message}"


def sentence(row: Row, sync: Sync, policy: Policy) -> str:
    """Say where a row stands and why, in a sentence or two.

    Args:
        row: An activity with its contact.
        sync: What `describe` returns for it.
        policy: What counts as warm, and how many attempts are made.
    """
    match sync.state:
        case SyncState.SYNCED:
            named = _name_there(row)
            there = f"In Pipedrive as “{named}”" if named else "In Pipedrive"
            return f"{there}, with all {'other ' * bool(named)}changes made here."
        case SyncState.NOT_WANTED:
            return _not_wanted(row, policy)
        case SyncState.IN_PROGRESS:
            return "Being sent to Pipedrive now."
        case SyncState.FAILED:
            reason = sync.error.message if sync.error else "No reason was recorded."
            there = "In Pipedrive, but without the latest changes. " if row.is_linked else ""
            return f"{there}{reason}"
    going = "In Pipedrive. The latest changes are waiting to be sent." if row.is_linked else _on_its_way(row, policy)
    if not sync.attempts:
        return going
    reason = f" {sync.error.message}" if sync.error else ""
    return f"{going} {sync.attempts} of {policy.attempts} attempts have failed so far.{reason}"


def _name_there(row: Row) -> str:
    """Return a linked row's name in Pipedrive if it is a different one there, else an empty text."""
    theirs = row.pipedrive_agreed.get("theirs", {})
    match row:
        case Contact():
            named = str(theirs.get("name", row.name))
            emails = [*(each.value for each in row.emails), *(each for each, _ in theirs.get("emails", ()))]
            return "" if agree(row.name, named, [*emails, str(theirs.get("email", ""))]) else named
        case Organization():
            named = str(theirs.get("name", row.name))
            return "" if key(row.name) == key(named) else named
    return ""


def _on_its_way(row: Row, policy: Policy) -> str:
    match row:
        case Contact():
            left = (row.next_pipedrive_sync_attempt - database_time.now()).total_seconds()
            when = f" in {left:.0f} seconds" if left >= 1 and not row.pipedrive_sync_attempts else ""
            return f"Waiting to be sent to Pipedrive as a {policy.label}{when}."
        case Activity() if not row.contact.is_linked:
            return f"Waiting until {row.contact.name} is in Pipedrive."
    return "Waiting to be sent to Pipedrive."


def _not_wanted(row: Row, policy: Policy) -> str:
    match row:
        case Contact():
            return (
                f"Not sent: warmness is {row.warmness_score}. "
                f"From {policy.threshold}, it is sent to Pipedrive automatically as a {policy.label}."
            )
        case Organization():
            return "Not sent: no warm contact needs it yet. It is sent with its first warm contact."
    if row.replicate is False:
        return f"Not sent: logged before {row.contact.name} was warm."
    return f"Not sent: {row.contact.name} is not warm."
