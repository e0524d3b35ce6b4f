"""Who is told what, and what is still to be told."""

from django.db import models
from django.utils import timezone

URL_LENGTH = 2000


class Event(models.TextChoices):
    """What is told."""

    CONTACT_WARM = "contact.warm", "A contact became a warm lead"
    CONTACT_SYNCED = "contact.synced", "A contact is in Pipedrive as it is here"
    CONTACT_FAILED = "contact.failed", "A contact could not be sent"
    CONTACT_UNLINKED = "contact.unlinked", "A contact's person was deleted in Pipedrive"
    ACTIVITY_SYNCED = "activity.synced", "An activity is in Pipedrive as it is here"
    CONNECTION_LOST = "connection.lost", "The connection to Pipedrive is lost"
    CONNECTION_BACK = "connection.back", "The connection to Pipedrive is back"
    AUDIT_DONE = "audit.done", "Both sides were compared"


class Endpoint(models.Model):
    """Where a program listens.

    Attributes:
        events: Which of Event it is told.
        secret: With which deliveries are signed, encrypted (see sync/credentials.py).
        off_because: Why it was switched off, in words for an admin; empty while it is on.
        failing_since: Since when nothing has reached it; None while something does.
        paused_until: Until when nothing is sent, because it did not answer.
        busy_until, busy_by: Which worker delivers to it, and until when that holds at the latest.
    """

    url = models.CharField(max_length=URL_LENGTH)
    events = models.JSONField()
    secret = models.TextField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    off_because = models.TextField(blank=True, default="")
    failing_since = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)
    paused_until = models.DateTimeField(null=True)
    busy_until = models.DateTimeField(null=True)
    busy_by = models.UUIDField(null=True)

    def __str__(self) -> str:
        return self.url

    @property
    def is_on(self) -> bool:
        """Whether it is told anything."""
        return not self.off_because


class DeliveryState(models.TextChoices):
    """How far a delivery is."""

    WAITING = "waiting", "Waiting"
    DELIVERED = "delivered", "Delivered"
    GIVEN_UP = "given_up", "Given up"


class Delivery(models.Model):
    """One thing to tell one endpoint.

    Attributes:
        record: What it is about, such as `contact:12`. What is about one record goes one after the other.
        message_id: The same each time it is sent, so that a receiver knows what it has had already.
        payload: The body, as it is signed and sent.
        wanted_at: Since when it is to be told: when it happened, or was sent again by hand.
        next_at: When it is tried next.
        status, answer, error: What came of the last attempt: HTTP's status and the beginning of the body, or why there
            was none.
    """

    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    event = models.CharField(max_length=40, choices=Event.choices)
    record = models.CharField(max_length=60)
    message_id = models.CharField(max_length=64)
    payload = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)
    wanted_at = models.DateTimeField(default=timezone.now)
    state = models.CharField(max_length=20, choices=DeliveryState.choices, default=DeliveryState.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField(default=timezone.now)
    tried_at = models.DateTimeField(null=True)
    status = models.PositiveIntegerField(null=True)
    answer = models.TextField(blank=True, default="")
    error = models.TextField(blank=True, default="")

    class Meta:
        indexes = [
            # The worker: what is due; and whether something before it waits that is about the same record.
            models.Index(fields=["endpoint", "next_at"], name="delivery_due", condition=models.Q(state="waiting")),
            models.Index(
                fields=["endpoint", "record", "id"], name="delivery_order", condition=models.Q(state="waiting")
            ),
            # The page: an endpoint's, the newest first.
            models.Index(fields=["endpoint", "id"], name="delivery_of_endpoint"),
            # Retention.
            models.Index(fields=["created_at"], name="delivery_created"),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.record}"
