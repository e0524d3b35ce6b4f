"""What happens in the sync that others want to hear of, such as the webhooks, without the sync knowing who listens."""

from enum import StrEnum
from typing import Any

from django.dispatch import Signal

from warmline.crm.activities import Row

# Sent within the transaction in which it happens: `what`, `row` (None for the connection), and `more`, a dictionary.
happened = Signal()


class What(StrEnum):
    """What has happened."""

    CONTACT_SYNCED = "contact.synced"
    CONTACT_FAILED = "contact.failed"
    CONTACT_UNLINKED = "contact.unlinked"
    ACTIVITY_SYNCED = "activity.synced"
    CONNECTION_LOST = "connection.lost"
    CONNECTION_BACK = "connection.back"


def tell(what: What, row: Row | None = None, **more: Any) -> None:
    """Tell whoever listens.

    Args:
        what: What has happened.
        row: To which row; None for the connection.
        more: What is told beside the row, as JSON has it.
    """
    happened.send(What, what=what, row=row, more=more)
