"""The activities: what was done, or is planned, with a contact.

They follow their contact to Pipedrive. How they are changed is `book.py`'s business.
"""

from typing import Any, Self
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator, MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone

from warmline.crm import fields
from warmline.crm.fields import NAME_LENGTH
from warmline.crm.models import Contact, Organization
from warmline.crm.sync_columns import Synced, SyncedQuerySet
from warmline.crm.users import User, known_zone


class ActivityType(models.TextChoices):
    """What one did with a contact, and how Pipedrive calls it (see sync/mapping.py)."""

    CALL = "CALL", "Call"
    EMAIL = "EMAIL", "E-mail"
    MEETING = "MEETING", "Meeting"
    LINKEDIN = "LINKEDIN", "LinkedIn"
    REFERRAL = "REFERRAL", "Referral"
    CONFERENCE = "CONFERENCE", "Conference"


SUBJECTS = {
    ActivityType.CALL: "Call with {}",
    ActivityType.EMAIL: "E-mail to {}",
    ActivityType.MEETING: "Meeting with {}",
    ActivityType.LINKEDIN: "LinkedIn message to {}",
    ActivityType.REFERRAL: "Referral by {}",
    ActivityType.CONFERENCE: "Conference with {}",
}


def default_subject(type: str, name: str) -> str:
    """Return the subject of an activity for which none was given, cut to the field's length."""
    # A type that there is not is refused when the activity is checked, at its own field.
    pattern = SUBJECTS[ActivityType(type)] if type in ActivityType.values else "Activity with {}"
    return pattern.format(name)[:NAME_LENGTH]


class ActivityQuerySet(SyncedQuerySet["Activity"]):
    """Activities, by who asks."""

    def seen_by(self, user: User) -> Self:
        """Return those that a user may see: the ones of the contacts that the user may see."""
        return self if user.sees_all else self.filter(owner=user)


class Activity(Synced):
    """Something done, or to be done, with a contact.

    Attributes:
        due_date: The day in `time_zone`, as its user meant it; with `due_time`, the moment.
        time_zone: The user's zone when it was logged, so that a user who moves does not move past calls along.
        logged_while_warm: Whether the contact was a warm lead by then, on its way to Pipedrive.
        replicate: Whether it belongs in Pipedrive; None until its contact is linked, which decides it.
        pipedrive_adopted: Whether its record was found in Pipedrive, so that it may be somebody else's.
        owner: The contact's owner, here as well, so that a user's activities are read from an index.
        day: When it is due, else when it was logged, in `time_zone`; the timeline is sorted by it.
    """

    LINK = "pipedrive_activity_id"

    # The indexes below begin with them, so they need none of their own.
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="activities", db_index=False)
    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", editable=False, db_index=False)
    type = models.CharField(max_length=20, choices=ActivityType.choices)
    subject = models.CharField(max_length=fields.NAME_LENGTH, validators=[fields.visible, fields.no_control_characters])
    note = models.TextField(
        blank=True,
        default="",
        validators=[MaxLengthValidator(fields.NOTE_LENGTH), fields.no_control_characters_but_line_breaks],
    )
    due_date = models.DateField(
        null=True, blank=True, validators=[MinValueValidator(fields.FIRST_DAY), MaxValueValidator(fields.LAST_DAY)]
    )
    due_time = models.TimeField(null=True, blank=True)
    time_zone = models.CharField(max_length=64, validators=[known_zone])
    done = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    day = models.DateField(editable=False)
    logged_while_warm = models.BooleanField(default=False)
    replicate = models.BooleanField(null=True, blank=True)
    pipedrive_activity_id = models.BigIntegerField(null=True, blank=True)
    replicated_to_pipedrive = models.BooleanField(default=False)
    pipedrive_adopted = models.BooleanField(default=False, editable=False)

    objects = ActivityQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(replicated_to_pipedrive=True, pipedrive_activity_id__isnull=False)
                | models.Q(replicated_to_pipedrive=False, pipedrive_activity_id__isnull=True),
                name="activity_replicated_has_id",
            ),
            # The condition says "has an id" in words that no query uses: SQLite would take a plain unique index, or one
            # with `IS NOT NULL`, for the whole half of the table that has one, or none, instead of the indexes below.
            models.UniqueConstraint(
                fields=["pipedrive_activity_id"],
                name="activity_id_once",
                condition=models.Q(replicated_to_pipedrive=True),
            ),
            models.CheckConstraint(
                condition=models.Q(due_time__isnull=True) | models.Q(due_date__isnull=False),
                name="activity_time_has_a_date",
            ),
        ]
        indexes = [
            # sync.pending: activities that belong in Pipedrive, are not there, and are due.
            models.Index(
                fields=["next_pipedrive_sync_attempt", "pipedrive_sync_failed", "pipedrive_in_bulk"],
                name="activity_wanted",
                condition=models.Q(pipedrive_activity_id__isnull=True, replicate=True),
            ),
            # sync.pending: activities in Pipedrive with changes that it was not told of, and due.
            models.Index(
                fields=["next_pipedrive_sync_attempt"],
                name="activity_changed",
                condition=models.Q(pipedrive_activity_id__isnull=False, revision__gt=models.F("pipedrive_revision")),
            ),
            # api: a contact's activities, in the order of their ids.
            models.Index(fields=["contact", "id"], name="activity_contact"),
            # web: a contact's timeline. crm.book: its latest activity that is done.
            models.Index(fields=["contact", "day", "id"], name="activity_timeline"),
            # sync.status.today: a user's activities that are not done, by their day.
            models.Index(
                fields=["owner", "day", "due_time", "id"], name="activity_to_do", condition=models.Q(done=False)
            ),
            models.Index(
                fields=["owner", "day", "id"],
                name="activity_someday",
                condition=models.Q(done=False, due_date__isnull=True),
            ),
            # api: a user's activities, in the order of their ids.
            models.Index(fields=["owner", "id"], name="activity_owner"),
            # api: those that are in line with Pipedrive, and those that are not there, by whether they belong there,
            # in the order of their ids: a user's, and an admin's, who sees all.
            models.Index(
                fields=["owner", "id"],
                name="activity_in_line_of_owner",
                condition=models.Q(pipedrive_activity_id__isnull=False, revision__lte=models.F("pipedrive_revision")),
            ),
            models.Index(
                fields=["owner", "replicate", "id"],
                name="activity_unlinked_of_owner",
                condition=models.Q(pipedrive_activity_id__isnull=True),
            ),
            models.Index(
                fields=["id"],
                name="activity_in_line",
                condition=models.Q(pipedrive_activity_id__isnull=False, revision__lte=models.F("pipedrive_revision")),
            ),
            models.Index(
                fields=["replicate", "id"],
                name="activity_unlinked",
                condition=models.Q(pipedrive_activity_id__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return self.subject

    @property
    def zone(self) -> ZoneInfo:
        """The time zone in which the due time is meant."""
        return ZoneInfo(self.time_zone)

    def complete(self) -> None:
        """Note whose it is, and its day."""
        self.owner_id = self.contact.owner_id
        self.keep_day()

    def keep_day(self) -> None:
        """Keep the day in step with the due date."""
        self.day = self.due_date or timezone.localdate(self.created_at, self.zone)

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Note whose it is when it is made, and keep the day in step."""
        if self._state.adding:
            self.complete()
        self.keep_day()
        super().save(*args, **kwargs)

    def clean(self) -> None:
        """Refuse a time of day without its day."""
        super().clean()
        if self.due_time is not None and self.due_date is None:
            raise ValidationError({"due_time": "A due time needs a due date. Enter a date, or remove the time."})


Row = Contact | Organization | Activity  # what goes to Pipedrive
