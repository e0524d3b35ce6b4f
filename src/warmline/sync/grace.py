"""How long a contact that a person has just made warm waits before it is sent, so that a slip can be undone.

The time is stored as the moment of its next attempt, like every other wait.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from warmline import database_time
from warmline.crm import preferences
from warmline.crm.activities import Row
from warmline.crm.models import Contact
from warmline.sync import trusted_reports


def wait_for_grace(contact: Contact, grace: timedelta, **_: Any) -> None:
    """Have a warm contact that is about to be added by hand wait before it is sent. Receives `contact_adding`."""
    grace = max(grace, trusted_reports.wait())
    if contact.is_warm and grace:
        contact.next_pipedrive_sync_attempt = database_time.now() + grace


def end_of_grace(row: Row, before: Mapping[str, Any], grace: timedelta) -> datetime | None:
    """Return until when a changed row waits so that a slip can be undone; None if it does not.

    A contact that becomes warm waits from now on. One that waits already, and was never tried, goes on waiting: an edit
    of its details cuts the time short for nobody.
    """
    if not isinstance(row, Contact) or row.is_linked or not row.is_warm:
        return None
    if before.get("warmness_score", row.warmness_score) < preferences.current().threshold:
        return database_time.now() + grace if grace else None
    waits = not row.pipedrive_sync_attempts and row.last_pipedrive_sync_attempt is None
    return row.next_pipedrive_sync_attempt if waits else None
