"""Writes down what is to be told, in the transaction of what happened: both are stored, or neither is."""

import json
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.db import transaction

from warmline import database_time
from warmline.crm.activities import Activity, Row
from warmline.crm.models import Contact
from warmline.crm.retention import delete_in_pieces
from warmline.crm.signals import contacts_warmed, day_passed
from warmline.sync.domain_events import What, happened
from warmline.webhooks import waking
from warmline.webhooks.models import Delivery, Endpoint, Event
from warmline.webhooks.retention import outdated

CONNECTION = "connection"
AUDIT = "audit"


def connect() -> None:
    """Begin to listen."""
    happened.connect(_happened, dispatch_uid="warmline.webhooks.happened")
    contacts_warmed.connect(_warmed, dispatch_uid="warmline.webhooks.warmed")
    day_passed.connect(_forget_old, dispatch_uid="warmline.webhooks.old")


def record(event: Event, record: str, data: dict[str, Any]) -> None:
    """Have all endpoints told that want to know; within the transaction of what happened.

    Args:
        event: What happened.
        record: To what, such as `contact:12`.
        data: What is told.
    """
    endpoints = [each for each in Endpoint.objects.filter(off_because="").order_by("pk") if event in each.events]
    if not endpoints:
        return
    now = database_time.now()
    payload = json.dumps({"type": event, "timestamp": _moment(now), "data": data}, separators=(",", ":"))
    Delivery.objects.bulk_create(
        Delivery(
            endpoint=endpoint,
            event=event,
            record=record,
            message_id=f"msg_{uuid4().hex}",
            payload=payload,
            created_at=now,
            wanted_at=now,
            next_at=now,
        )
        for endpoint in endpoints
    )
    transaction.on_commit(waking.wake)


def _happened(what: str, row: Row | None, more: dict[str, Any], **_: Any) -> None:
    if row is None:
        record(Event(what), AUDIT if what == What.AUDIT_DONE else CONNECTION, more)
    elif isinstance(row, Contact):
        record(Event(what), f"contact:{row.pk}", {**_contact(row), **more})
    elif isinstance(row, Activity):
        record(Event(what), f"activity:{row.pk}", {**_activity(row), **more})


def _warmed(contacts: list[Contact], **_: Any) -> None:
    for contact in contacts:
        record(Event.CONTACT_WARM, f"contact:{contact.pk}", _contact(contact))


def _contact(contact: Contact) -> dict[str, Any]:
    return {
        "id": contact.pk,
        "name": contact.name,
        "email": contact.email or None,
        "emails": [{"value": each.value, "label": each.label} for each in contact.emails],
        "phones": [{"value": each.value, "label": each.label} for each in contact.phones],
        "warmness_score": contact.warmness_score,
        "owner": contact.owner.email,
        "pipedrive_person_id": contact.pipedrive_person_id,
        "external_ids": _external_ids(contact),
    }


def _activity(activity: Activity) -> dict[str, Any]:
    return {
        "id": activity.pk,
        "contact_id": activity.contact_id,
        "type": activity.type,
        "subject": activity.subject,
        "pipedrive_activity_id": activity.pipedrive_activity_id,
        "external_ids": _external_ids(activity),
    }


def _external_ids(row: Contact | Activity) -> list[dict[str, str]]:
    named = row.external_ids.order_by("source", "external_id")
    return [{"source": each.source, "id": each.external_id} for each in named]


def _moment(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _forget_old(now: datetime, **_: Any) -> None:
    delete_in_pieces(outdated(now))
