"""The rows of the contact book.

They say what must exist in Pipedrive (see docs/architecture.md), so what must hold in them is a constraint of the
database. How they are changed is `book.py`'s business.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any, Self

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.db.models.functions import Abs
from django.utils import timezone

from warmline.crm import fields, further_emails, phone_numbers, preferences, search_index, uniqueness
from warmline.crm.contact_details import ContactDetails, Detailed
from warmline.crm.emails_phones_columns import Reachable
from warmline.crm.further_emails import FurtherEmail
from warmline.crm.keys import email_key, key
from warmline.crm.sync_columns import DELETED_THERE, Findable, Synced, SyncedQuerySet
from warmline.crm.users import User

WARMEST = 10
NO_SCORE = f"Give a whole number from 0 to {WARMEST}."
NOT_CONTACTED = date.min  # an index sorts NULLs at another end in each database
NO_STEP = date.max  # likewise


def _is_written(names: set[str], options: Mapping[str, Any]) -> bool:
    """Tell whether a save with these options writes one of the fields."""
    update_fields = options.get("update_fields")
    return update_fields is None or not names.isdisjoint(update_fields)


class OrganizationQuerySet(SyncedQuerySet["Organization"]):
    """Organizations: everyone sees all."""


class Organization(Synced, Findable, Detailed):
    """A company that contacts work for. It belongs to the team; two spellings of one name are one organization.

    Attributes:
        DETAILS: The texts that are known of it beside its name; its form and page, imports and exports have each.
    """

    LINK = "pipedrive_org_id"
    DETAILS = ("sector", "country")

    name = models.CharField(max_length=fields.NAME_LENGTH, validators=[fields.visible, fields.no_control_characters])
    # NFKC can make one character many, so the key may outgrow the name.
    name_key = models.TextField(unique=True, editable=False)
    sector = models.CharField(
        max_length=fields.NAME_LENGTH, blank=True, default="", validators=[fields.no_control_characters]
    )
    country = models.CharField(
        max_length=fields.NAME_LENGTH, blank=True, default="", validators=[fields.no_control_characters]
    )
    pipedrive_org_id = models.BigIntegerField(null=True, blank=True)
    # A person asked for it by hand: it is wanted, although no contact waits for it.
    pipedrive_asked_for = models.BooleanField(default=False, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~models.Q(name_key=""), name="organization_has_a_name"),
        ]
        indexes = [
            # sync.pending: organizations that a person asked for, and due.
            models.Index(
                fields=["next_pipedrive_sync_attempt"],
                name="organization_asked_for",
                condition=models.Q(pipedrive_org_id__isnull=True, pipedrive_asked_for=True),
            ),
            # sync.pending: linked organizations with changes that Pipedrive was not told of, and due.
            models.Index(
                fields=["next_pipedrive_sync_attempt"],
                name="organization_changed",
                condition=models.Q(pipedrive_org_id__isnull=False, revision__gt=models.F("pipedrive_revision")),
            ),
            # sync.row_state: those that were deleted in Pipedrive, which wait for a person.
            models.Index(
                fields=["id"],
                name="organization_deleted",
                condition=models.Q(pipedrive_sync_error_code=DELETED_THERE),
            ),
            # api: the organizations that are in line with Pipedrive, and those that are not there, in the order of
            # their ids.
            models.Index(
                fields=["id"],
                name="organization_in_line",
                condition=models.Q(pipedrive_org_id__isnull=False, revision__lte=models.F("pipedrive_revision")),
            ),
            models.Index(
                fields=["id"],
                name="organization_unlinked",
                condition=models.Q(pipedrive_org_id__isnull=True, pipedrive_asked_for=False),
            ),
            # sync.status.row_lists: those that failed.
            models.Index(fields=["id"], name="organization_failed", condition=models.Q(pipedrive_sync_failed=True)),
            # sync.status.row_lists: the organizations by name; its unique constraint is that of names and has no id.
            models.Index(fields=["name_key", "id"], name="organization_by_name"),
        ]

    def __str__(self) -> str:
        return self.name

    def validate_unique(self, exclude: Collection[str] | None = None) -> None:
        """Compare names by their key; the database's constraint is the last word."""
        if "name" in (exclude or ()) or self._has_its_key:
            pass
        elif Organization.objects.filter(name_key=key(self.name)).exclude(pk=self.pk).exists():
            raise ValidationError(uniqueness.ORGANIZATION)
        super().validate_unique(exclude)

    @property
    def texts(self) -> tuple[str, ...]:
        """The keys of the texts that search looks into."""
        return (key(self.name),)

    @property
    def further_words(self) -> Collection[bytes]:
        """None beside those of its texts."""
        return ()

    @property
    def _has_its_key(self) -> bool:
        # Two that were different records in Pipedrive before their names were seen as one keep two keys of that name.
        return key(self.name_key) == key(self.name)

    def complete(self) -> None:
        """Make the key of the name."""
        if not self._has_its_key:
            self.name_key = key(self.name)

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Keep key and words in step with the name."""
        self.complete()
        is_new = self._state.adding
        with transaction.atomic(savepoint=False):
            super().save(*args, **kwargs)
            if is_new:
                search_index.fill([self])
            elif _is_written({"name"}, kwargs):
                search_index.keep(self)


class ContactQuerySet(SyncedQuerySet["Contact"]):
    """Contacts, by who asks."""

    def seen_by(self, user: User) -> Self:
        """Return those that a user may see: an admin or a program all, a member their own."""
        return self if user.sees_all else self.filter(owner=user)

    def with_email(self, keys: Collection[str]) -> Self:
        """Return those that have one of some e-mails, be it their first one or another.

        Args:
            keys: The keys of the e-mails.
        """
        some = [each for each in keys if each]
        # Asked by itself: beside a subquery in an OR, PostgreSQL would read the whole table.
        further = list(FurtherEmail.objects.filter(key__in=some).values_list("contact_id", flat=True))
        is_first = models.Q(email_key__in=some)
        return self.filter(is_first | models.Q(pk__in=further) if further else is_first)


class Contact(Synced, Findable, Reachable, ContactDetails):
    """A person that a user knows. From the threshold on it is wanted in Pipedrive as a warm lead.

    Attributes:
        last_contacted_on: The day of the latest activity that is done, or NOT_CONTACTED. It sorts lists.
        next_step_on: The due date of the earliest activity that is not done, or NO_STEP. It sorts lists, too.
    """

    LINK = "pipedrive_person_id"

    # The indexes below begin with it, so it needs none of its own.
    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="contacts", db_index=False)
    name = models.CharField(max_length=fields.NAME_LENGTH, validators=[fields.visible, fields.no_control_characters])
    name_key = models.TextField(editable=False)
    organization = models.ForeignKey(
        Organization, null=True, blank=True, on_delete=models.PROTECT, related_name="contacts", db_index=False
    )
    warmness_score = models.PositiveSmallIntegerField(
        default=0,
        validators=[MinValueValidator(0, NO_SCORE), MaxValueValidator(WARMEST, NO_SCORE)],
        error_messages={"invalid": NO_SCORE},
    )
    # Not unique: two local contacts with one e-mail are one person in Pipedrive.
    pipedrive_person_id = models.BigIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_contacted_on = models.DateField(default=NOT_CONTACTED, editable=False)
    next_step_on = models.DateField(default=NO_STEP, editable=False)

    objects = ContactQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(warmness_score__gte=0, warmness_score__lte=WARMEST),
                name="contact_warmness_0_to_10",
            ),
        ]
        indexes = [
            # sync.pending: contacts that are warm and not linked, and due. No threshold in the condition: the query
            # names the warm scores one by one, and each is a range of due times in this index. The last two fields
            # sort what is due without a look at the rows.
            models.Index(
                fields=[
                    "warmness_score",
                    "next_pipedrive_sync_attempt",
                    "pipedrive_sync_failed",
                    "pipedrive_in_bulk",
                ],
                name="contact_wanted",
                condition=models.Q(pipedrive_person_id__isnull=True),
            ),
            # sync.pending: linked contacts with changes that Pipedrive was not told of, and due.
            models.Index(
                fields=["next_pipedrive_sync_attempt"],
                name="contact_changed",
                condition=models.Q(pipedrive_person_id__isnull=False, revision__gt=models.F("pipedrive_revision")),
            ),
            # sync.reconcile.matching: the other local contacts with one e-mail. crm.imports.bulk: a user's.
            models.Index(fields=["email_key", "owner"], name="contact_email"),
            # sync.row_state: whether an organization has a contact that is warm and not linked.
            models.Index(
                fields=["organization", "warmness_score"],
                name="contact_needs_organization",
                condition=models.Q(pipedrive_person_id__isnull=True, organization__isnull=False),
            ),
            # crm.imports.bulk: a user's contacts of one name. sync.status.row_lists: a user's contacts and an admin's,
            # by name, by warmness, and by when they were contacted last.
            models.Index(fields=["owner", "name_key", "id"], name="contact_name"),
            models.Index(fields=["name_key", "id"], name="contact_by_name"),
            # (ABS changes no score. It keeps these from being taken for the narrower ones below.)
            models.Index("owner", Abs("warmness_score"), "id", name="contact_warmness_of_owner"),
            models.Index(Abs("warmness_score"), "id", name="contact_by_warmness"),
            models.Index(fields=["owner", "last_contacted_on", "id"], name="contact_contacted_of_owner"),
            models.Index(fields=["last_contacted_on", "id"], name="contact_by_contacted"),
            # The same by the next step; and sync.status.today: a user's of one score, by when they were contacted last.
            models.Index(fields=["owner", "next_step_on", "id"], name="contact_step_of_owner"),
            models.Index(fields=["next_step_on", "id"], name="contact_by_step"),
            # sync.status.row_lists: those that failed, a user's and everyone's.
            models.Index(fields=["owner", "id"], name="contact_failed", condition=models.Q(pipedrive_sync_failed=True)),
            # sync.status.today: those of a user's that wait for a decision.
            models.Index(
                fields=["owner", "pipedrive_sync_error_code", "id"],
                name="contact_to_decide",
                condition=models.Q(pipedrive_sync_failed=True),
            ),
            # web: an organization's contacts, and how many of them are a user's.
            models.Index(fields=["organization", "owner"], name="contact_organization"),
            # api: a user's contacts, in the order of their ids.
            models.Index(fields=["owner", "id"], name="contact_owner"),
            # api: those that are in line with Pipedrive, and those that are not there, by score, in the order of their
            # ids: a user's, and an admin's, who sees all. A list of several scores merges them.
            models.Index(
                fields=["owner", "warmness_score", "id"],
                name="contact_in_line_of_owner",
                condition=models.Q(pipedrive_person_id__isnull=False, revision__lte=models.F("pipedrive_revision")),
            ),
            models.Index(
                fields=["owner", "warmness_score", "id"],
                name="contact_unlinked_of_owner",
                condition=models.Q(pipedrive_person_id__isnull=True),
            ),
            models.Index(
                fields=["warmness_score", "id"],
                name="contact_in_line",
                condition=models.Q(pipedrive_person_id__isnull=False, revision__lte=models.F("pipedrive_revision")),
            ),
            models.Index(
                fields=["warmness_score", "id"],
                name="contact_unlinked",
                condition=models.Q(pipedrive_person_id__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def texts(self) -> tuple[str, ...]:
        """The keys of the texts that search looks into."""
        phones = (text for each in self.phones for text in phone_numbers.texts_of(each.value))
        return self.name_key, *map(key, self.email_keys), *phones

    def complete(self) -> None:
        """Make the keys of name and e-mail."""
        self.name_key = key(self.name)
        self.email_key = email_key(self.email)

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Keep keys and words in step with what they are told from."""
        self.complete()
        is_new = self._state.adding
        with transaction.atomic(savepoint=False):
            super().save(*args, **kwargs)
            if is_new:
                self.index([self])
                return
            if _is_written({"name", "email", "more_emails", "phone", "more_phones", *self.DETAILS}, kwargs):
                search_index.keep(self)
            if _is_written({"email", "more_emails"}, kwargs):
                further_emails.keep(self)

    @staticmethod
    def index(new: "Sequence[Contact]") -> None:
        """Store under which words and e-mails new contacts are found.

        Args:
            new: Contacts with ids.
        """
        search_index.fill(new)
        further_emails.fill(new)

    @property
    def last_contacted(self) -> date | None:
        """The day of the latest activity that is done; None when there is none."""
        return None if self.last_contacted_on == NOT_CONTACTED else self.last_contacted_on

    @property
    def next_step(self) -> date | None:
        """The due date of the earliest activity that is not done; None when none is planned."""
        return None if self.next_step_on == NO_STEP else self.next_step_on

    @property
    def is_warm(self) -> bool:
        """Whether the contact is a warm lead: its score has reached the threshold."""
        return self.warmness_score >= preferences.current().threshold
