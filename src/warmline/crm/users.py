"""The members of the team."""

from collections.abc import Collection
from functools import cache
from typing import Any, ClassVar
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.core.exceptions import ValidationError
from django.db import models

from warmline.crm import fields, uniqueness
from warmline.crm.commit_order import PositionField
from warmline.crm.keys import email_key
from warmline.crm.validation_messages import in_our_words


def known_zone(name: str) -> None:
    """Refuse a time zone that this machine does not know.

    Raises:
        ValidationError: If it does not know it.
    """
    if name not in _zones():
        raise ValidationError("This is not a time zone. Enter one such as Europe/Berlin.", code="zone")


@cache
def _zones() -> Collection[str]:
    """Return the time zones that this machine knows; cached, because reading them takes 10 ms."""
    return available_timezones()


def default_time_zone() -> str:
    """Return the time zone of a user who did not choose one."""
    return settings.DEFAULT_TIME_ZONE


class UserManager(BaseUserManager["User"]):
    """Creates users and finds them by e-mail, in any case."""

    def create_user(self, email: str, name: str, password: str | None = None, **more: Any) -> "User":
        """Create a user.

        Args:
            email: The address to sign in with, by which the user is also found in Pipedrive.
            name: The name that colleagues see.
            password: In plain text; None creates a user who cannot sign in with a password.
            more: More fields, such as `is_admin` and `time_zone`.

        Raises:
            ValidationError: If a field is not valid or the e-mail is taken.
        """
        user = self.model(email=email, name=name, **more)
        user.set_password(password)
        user.full_clean(exclude={"email_key", "password"})
        with uniqueness.told_if_taken():
            user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        """Return the user with this e-mail.

        Raises:
            User.DoesNotExist: If there is none.
        """
        user = self.known_as(username or "").first()
        if user is None:
            raise self.model.DoesNotExist
        return user

    def people(self) -> models.QuerySet["User"]:
        """Return who can have contacts: everyone active, and no program."""
        return self.filter(is_active=True, is_machine=False)

    def known_as(self, email: str) -> models.QuerySet["User"]:
        """Return the user with this e-mail in any spelling: one or none.

        If two users were created while their addresses still counted as different, the exact spelling decides.

        Args:
            email: The e-mail as typed.
        """
        if "\0" in email:  # PostgreSQL cannot be asked for it, and nobody has it
            return self.none()
        exact = self.filter(email=email.strip())
        return exact if exact.exists() else self.filter(email_key=email_key(email))


class User(AbstractBaseUser):
    """A member of the team. An admin sees everyone's contacts, a member their own.

    Attributes:
        is_machine: A program: it signs in nowhere and has no contacts; it adds those of users whom it names by e-mail.
        morning_mail, morning_mail_on: Whether they want it, and for which day it was sent last.
    """

    email = models.EmailField(max_length=254, unique=True)
    email_key = models.CharField(max_length=254, unique=True, editable=False)
    name = models.CharField(max_length=fields.NAME_LENGTH, validators=[fields.visible, fields.no_control_characters])
    is_active = models.BooleanField(default=True)
    is_admin = models.BooleanField(default=False)
    is_machine = models.BooleanField(default=False)
    time_zone = models.CharField(max_length=64, default=default_time_zone, validators=[known_zone])
    pipedrive_user_id = models.BigIntegerField(null=True, blank=True)
    morning_mail = models.BooleanField("Morning e-mail", default=False)
    morning_mail_on = models.DateField(null=True, editable=False)
    # When name or e-mail may have changed, which contacts show (see change_feed.py). Signing in changes neither.
    changed_in = PositionField()
    changed_at = models.DateTimeField(auto_now=True)

    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(is_machine=True, is_admin=True), name="user_machine_is_no_admin"
            ),
        ]

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = ["name"]

    def __str__(self) -> str:
        return self.email

    @property
    def sees_all(self) -> bool:
        """Whether everyone's contacts are shown to this user."""
        return self.is_admin or self.is_machine

    @property
    def zone(self) -> ZoneInfo:
        """The user's time zone."""
        return ZoneInfo(self.time_zone)

    def clean_fields(self, exclude: Collection[str] | None = None) -> None:
        """Clean the texts before they are validated."""
        fields.tidy(self, exclude)
        with in_our_words(self):
            super().clean_fields(exclude)

    def validate_unique(self, exclude: Collection[str] | None = None) -> None:
        """Refuse an e-mail that is taken, in any case; the database's constraint has the last word."""
        if (
            "email" not in (exclude or ())
            and User.objects.filter(email_key=email_key(self.email)).exclude(pk=self.pk).exists()
        ):
            raise ValidationError(uniqueness.USER)
        super().validate_unique(exclude)

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Keep the key in step with the e-mail."""
        if email_key(self.email_key) != email_key(self.email):  # otherwise it may be an older key, see `known_as`
            self.email_key = email_key(self.email)
        names = kwargs.get("update_fields")
        if names is not None and not {"name", "email"}.isdisjoint(names):
            kwargs["update_fields"] = {*names, "changed_in", "changed_at"}
        super().save(*args, **kwargs)
