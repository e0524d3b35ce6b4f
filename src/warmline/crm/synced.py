"""What every row that goes to Pipedrive carries: its attempts, its next one, and why the last one failed.

`sync/` writes these fields; the contact book only says "start again" when a person mended something.
"""

from datetime import datetime
from typing import Any

from django.db import models
from django.utils import timezone


class Synced(models.Model):
    """The attempts to bring a row to Pipedrive.

    `failed` is a state of its own and not "attempts == 3": a refused row fails at its first attempt, and a failed
    row keeps its reason while batch processing tries it again at `next_pipedrive_sync_attempt`.
    """

    pipedrive_sync_attempts = models.PositiveIntegerField(default=0)
    last_pipedrive_sync_attempt = models.DateTimeField(null=True, blank=True)
    next_pipedrive_sync_attempt = models.DateTimeField(default=timezone.now)
    pipedrive_sync_failed = models.BooleanField(default=False)
    pipedrive_sync_error_code = models.CharField(max_length=40, blank=True, default="")
    pipedrive_sync_error_message = models.TextField(blank=True, default="")
    pipedrive_sync_error_field = models.CharField(max_length=80, blank=True, default="")

    class Meta:
        abstract = True

    ATTEMPT_FIELDS = (
        "pipedrive_sync_attempts",
        "next_pipedrive_sync_attempt",
        "pipedrive_sync_failed",
        "pipedrive_sync_error_code",
        "pipedrive_sync_error_message",
        "pipedrive_sync_error_field",
    )

    @staticmethod
    def fresh_attempts(now: datetime) -> dict[str, Any]:
        """Return the field values of a row that starts again: no attempts, no error, due now.

        Args:
            now: The moment from which it is due, aware.
        """
        return {
            "pipedrive_sync_attempts": 0,
            "next_pipedrive_sync_attempt": now,
            "pipedrive_sync_failed": False,
            "pipedrive_sync_error_code": "",
            "pipedrive_sync_error_message": "",
            "pipedrive_sync_error_field": "",
        }

    def start_again(self, now: datetime) -> None:
        """Give the row fresh attempts, due now; the caller saves it.

        Args:
            now: The moment from which it is due, aware.
        """
        for name, value in self.fresh_attempts(now).items():
            setattr(self, name, value)


class Chosen(models.Model):
    """What a person decided when Pipedrive holds two candidates: one of them, or a new record.

    Both stay empty until someone decides. A choice is cleared by nothing but another choice: it is still right when
    the record has to be found again.
    """

    pipedrive_candidates = models.JSONField(default=list, blank=True)
    pipedrive_chosen_id = models.BigIntegerField(null=True, blank=True)
    pipedrive_make_new = models.BooleanField(default=False)

    class Meta:
        abstract = True
