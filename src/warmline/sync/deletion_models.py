"""The table of what was deleted here and is to be deleted in Pipedrive too; it outlives the rows that were deleted."""

from django.db import models

from warmline.crm.users import User


class ActivityDeletion(models.Model):
    """An activity that was deleted here, and whose record is to be deleted in Pipedrive.

    It is written in the transaction that deletes the activity, and deleted when the record is gone, or is left there
    for a reason that people are told.

    Attributes:
        row_id: The id that the activity had. There can be two of one activity, if it was restored in between.
        record_id: Its record; None if a create was under way whose outcome was not known. It is looked for first.
        owner: Whose activity it was.
        named: What people are told was deleted.
        agreed: What both sides held when they were last in line (see reconcile/three_way_merge.py).
        said: Of the updates that were under way, our values and Pipedrive's, as they would be there.
        deleted_at: When the activity was deleted here.
        due_at: When the record is to be deleted, or when that is tried again.
        begun_at: When it was tried first: from then on it may be gone. None if it was not tried.
        attempts: How often it was tried in vain.
        failed: Whether it is left to batch processing.
        message: Why, in plain words.
    """

    row_id = models.BigIntegerField(db_index=True)
    record_id = models.BigIntegerField(null=True)
    owner = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False)
    named = models.TextField()
    agreed = models.JSONField(default=dict)
    said = models.JSONField(default=list)
    deleted_at = models.DateTimeField()
    due_at = models.DateTimeField()
    begun_at = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    failed = models.BooleanField(default=False)
    message = models.TextField(blank=True, default="")

    class Meta:
        indexes = [
            # sync.engine: those that are due.
            models.Index(fields=["due_at"], name="deletion_due"),
        ]

    def __str__(self) -> str:
        return self.named
