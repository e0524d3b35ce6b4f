"""What is counted for those who watch Warmline: calls to Pipedrive and attempts, from all processes together."""

from django.db import models


class CallCount(models.Model):
    """The calls of one kind within an hour (see call_counts.py).

    Attributes:
        hour: When the hour began; the earliest moment that there is, for all hours that are no longer kept apart.
        method, endpoint: Of the calls, with `{id}` in place of ids.
        status: HTTP status of the answers; 0 if there was none.
        purpose: What they were made for.
        calls, tokens: How many there were, and what they cost.
    """

    hour = models.DateTimeField()
    method = models.CharField(max_length=10)
    endpoint = models.CharField(max_length=100)
    status = models.PositiveSmallIntegerField()
    purpose = models.CharField(max_length=20)
    calls = models.BigIntegerField(default=0)
    tokens = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            # sync.call_counts: added to in one statement, by whatever process.
            models.UniqueConstraint(
                fields=["hour", "method", "endpoint", "status", "purpose"], name="call_count_once_an_hour"
            )
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.endpoint}: {self.calls}"


class AttemptCount(models.Model):
    """The attempts of one kind and outcome, ever (see status/attempt_counts.py).

    Attributes:
        kind: The rows' table.
        ok: Whether they succeeded.
        attempts: How many there were.
        waited: For how many seconds these rows had waited, in total.
        within: How many of them had waited no longer than each span, by the span in seconds.
    """

    kind = models.CharField(max_length=20)
    ok = models.BooleanField()
    attempts = models.BigIntegerField(default=0)
    waited = models.FloatField(default=0)
    within = models.JSONField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "ok"], name="attempt_count_once")]

    def __str__(self) -> str:
        return f"{self.kind}: {self.attempts}"


class CountedUpTo(models.Model):
    """The one row (id 1) with the cursor of the last attempt that was counted."""

    cursor = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="counted_up_to_is_one_row")]

    def __str__(self) -> str:
        return f"up to {self.cursor}"


class AdminMail(models.Model):
    """What administrators were told last by e-mail on a topic (see alerts.py).

    Attributes:
        topic: "connection" or "audit".
        is_bad: Whether something is the matter, as far as they were told.
        told_at: When.
        text: What they were told.
    """

    topic = models.CharField(max_length=20, primary_key=True)
    is_bad = models.BooleanField(default=False)
    told_at = models.DateTimeField()
    text = models.TextField(blank=True, default="")

    def __str__(self) -> str:
        return self.topic
