"""The columns in which `sync/` keeps where a row stands: its link, revisions, attempts, and why the last one failed.

They are declared here because they are columns of the contact book's tables, but `sync/` owns them: the contact book
neither decides nor writes what stands in them. It only says that a row changed (see signals.py).
"""

from collections.abc import Collection, Iterable
from typing import Any, ClassVar, TypeVar

from django.db import models
from django.utils import timezone

from warmline import database_time, tracing
from warmline.crm import fields, marks
from warmline.crm.commit_order import Position, PositionedQuerySet, PositionField
from warmline.crm.validation_messages import in_our_words

ERROR_FIELD_LENGTH = 80

RowType = TypeVar("RowType", bound="Followed")

DELETED_THERE = (
    "deleted"  # the error code of a row whose record was deleted in Pipedrive; only a person can have it created again
)


class FollowedQuerySet(PositionedQuerySet[RowType]):
    """Rows that note each change, however it is made."""

    def update(self, **kwargs: Any) -> int:
        """Change rows as Django does, and note that they have changed."""
        return super().update(**{"changed_in": Position(), "changed_at": timezone.now(), **kwargs})

    update.alters_data = True  # type: ignore[attr-defined]  # as Django's own


class Followed(models.Model):
    """A row that programs follow (see change_feed.py).

    Attributes:
        changed_in: Where its last change stands in the order of commits.
        changed_at: When that was.
    """

    changed_in = PositionField()
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Note that it has changed."""
        if kwargs.get("update_fields") is not None:
            kwargs["update_fields"] = {*kwargs["update_fields"], "changed_in", "changed_at"}
        super().save(*args, **kwargs)


class SyncedQuerySet(FollowedQuerySet[RowType]):
    """Rows that are complete, however they are made."""

    def bulk_create(self, objs: Iterable[Any], *args: Any, **kwargs: Any) -> list[Any]:
        """Make rows as Django does, with the fields that `save` fills in; words are the caller's business."""
        rows = list(objs)
        for row in rows:
            row.complete()
        return super().bulk_create(rows, *args, **kwargs)


class Synced(Followed):
    """The sync columns of each row that can go to Pipedrive. Owned by `sync/`; see sync/after_change.py.

    `failed` is a state of its own and not "attempts == 3": a refused row fails at its first attempt, and a failed
    row keeps its reason while batch processing tries it again at `next_pipedrive_sync_attempt`.

    Attributes:
        LINK: The field that holds the record's id in Pipedrive.
        revision: Counts the changes that Pipedrive has to be told about.
        pipedrive_revision: The last revision that Pipedrive was told about; a linked row with a newer one is pending.
        pipedrive_agreed: What the two sides held then, as `{"ours": {...}, "theirs": {...}}` (see
            sync/reconcile/three_way_merge.py). An activity without a link that has it was in a company's Pipedrive that
            was left since (see sync/remote/company_switch.py).
        trace: The id of the request that it was changed by last, for the log (see tracing.py).
        pipedrive_in_bulk: Whether it was saved by an import, so that it goes after what a person waits for.
    """

    LINK: ClassVar[str]

    revision = models.PositiveIntegerField(default=1, editable=False)
    pipedrive_revision = models.PositiveIntegerField(default=1, editable=False)
    pipedrive_agreed = models.JSONField(default=dict, editable=False)
    pipedrive_in_bulk = models.BooleanField(default=False, editable=False)

    trace = models.CharField(null=True, max_length=tracing.LENGTH, default=tracing.present, editable=False)  # noqa: DJ001 (no id is not an empty one, and adding the column costs nothing)

    pipedrive_sync_attempts = models.PositiveIntegerField(default=0)
    last_pipedrive_sync_attempt = models.DateTimeField(null=True, blank=True)
    next_pipedrive_sync_attempt = models.DateTimeField(default=database_time.now)
    pipedrive_sync_failed = models.BooleanField(default=False)
    pipedrive_sync_error_code = models.CharField(max_length=40, blank=True, default="")
    pipedrive_sync_error_message = models.TextField(blank=True, default="")
    pipedrive_sync_error_field = models.CharField(max_length=ERROR_FIELD_LENGTH, blank=True, default="")

    class Meta:
        abstract = True

    def clean_fields(self, exclude: Collection[str] | None = None) -> None:
        """Tidy what people gave before it is checked."""
        fields.tidy(self, exclude)
        with in_our_words(self):
            super().clean_fields(exclude)

    def complete(self) -> None:
        """Fill in what is made of the other fields, before the row is stored."""

    @property
    def is_linked(self) -> bool:
        """Whether the row has its record in Pipedrive."""
        return getattr(self, self.LINK) is not None

    def as_read(self) -> dict[str, Any]:
        """Return the field values by which one sees that nobody edited the row, or decided about it, since."""
        decided = ("pipedrive_chosen_id", "pipedrive_make_new") if isinstance(self, Findable) else ()
        return {name: getattr(self, name) for name in ("revision", *decided)}

    def is_as_read(self) -> bool:
        """Tell whether nobody edited the row, decided about it or deleted it since it was read."""
        rows = type(self)._default_manager  # noqa: SLF001 (Django documents it as public)
        return rows.filter(pk=self.pk, **self.as_read()).exists()


class Findable(models.Model):
    """What helps to find a row's record in Pipedrive, beside its name and e-mail. Owned by `sync/` as well.

    Attributes:
        warmline_id: The mark of a record that we created, in a custom field (see marks.py).
        pipedrive_candidates: The records that could be the one, each as `{"pipedrive_id": 1, "name": "..."}`.
        pipedrive_chosen_id, pipedrive_make_new: What a person decided: one of them, or a new record. Both stay empty
            until someone decides. They are cleared when the row is linked, when what it is looked for by changes, and
            when what was chosen is gone.
    """

    warmline_id = models.UUIDField(default=marks.new_mark, unique=True, editable=False)
    pipedrive_candidates = models.JSONField(default=list, blank=True)
    pipedrive_chosen_id = models.BigIntegerField(null=True, blank=True)
    pipedrive_make_new = models.BooleanField(default=False)

    class Meta:
        abstract = True
