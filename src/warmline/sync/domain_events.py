"""What happens in the sync that others want to hear of, such as the webhooks, without the sync knowing who listens."""

from enum import StrEnum
from typing import Any

from django.dispatch import Signal

from warmline.crm.activities import Activity, Row
from warmline.crm.models import Contact

# Sent within the transaction in which it happens: `what`, `row` (None for others than rows), and `more`, a dict.
happened = Signal()


class What(StrEnum):
    """What has happened."""

    CONTACT_SYNCED = "contact.synced"
    CONTACT_FAILED = "contact.failed"
    CONTACT_UNLINKED = "contact.unlinked"
    ACTIVITY_SYNCED = "activity.synced"
    CONNECTION_LOST = "connection.lost"
    CONNECTION_BACK = "connection.back"
    AUDIT_DONE = "audit.done"


def tell(what: What, row: Row | None = None, **more: Any) -> None:
    """Tell whoever listens.

    Args:
        what: What has happened.
        row: To which row; None for the connection and the audit.
        more: What is told beside the row, as JSON has it.
    """
    happened.send(What, what=what, row=row, more=more)


def tell_synced(row: Row, record_id: int) -> None:
    """Tell that a contact or an activity is in Pipedrive as it is here; of organizations nobody wants to know.

    Args:
        row: Which.
        record_id: The id of its record there.
    """
    if isinstance(row, Contact):
        tell(What.CONTACT_SYNCED, row, pipedrive_person_id=record_id)
    elif isinstance(row, Activity):
        tell(What.ACTIVITY_SYNCED, row, pipedrive_activity_id=record_id)
