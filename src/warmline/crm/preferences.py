"""The team's settings: the threshold and everything else on the settings page, stored in one row.

An environment variable overrides the row, and values that nobody set have defaults. All code reads them by `current()`,
so that a page, a contact and the engine never use different thresholds. The row is cached; it is read again after a
change in this process, and every second by `serve` in case another process changed it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction

from warmline.crm import fields
from warmline.prepared_queries import PreparedQuery
from warmline.supervision import Loop

MOST_SEATS = 10_000
COLD_AFTER = {0: 60, 4: 30, 7: 14, 9: 7}  # days without contact, by the lowest score of each band of warmness
REFRESH_EVERY = 1.0  # seconds; how late another process's change may be noticed
# field: the environment variable that overrides it, and the Django setting with that value or the default
SETTINGS = {
    "threshold": ("WARMLINE_WARM_THRESHOLD", "WARM_THRESHOLD"),
    "label": ("WARMLINE_LABEL", "WARM_LABEL"),
    "earlier_activities": ("WARMLINE_EARLIER_ACTIVITIES", "EARLIER_ACTIVITIES"),
    "delete_there": ("WARMLINE_DELETE_THERE", "DELETE_THERE"),
    "plan": ("WARMLINE_PLAN", "PIPEDRIVE_PLAN"),
    "seats": ("WARMLINE_SEATS", "PIPEDRIVE_SEATS"),
    "token_share": ("WARMLINE_TOKEN_SHARE", "TOKEN_SHARE"),
}


class StoredPreferences(models.Model):
    """The single row (id 1) with the team's choices; None or empty means the default.

    Attributes:
        delete_there: Whether an activity that is deleted here is deleted in Pipedrive too.
        activity_types: Pipedrive's activity type for each of ours, unless it is the usual one.
        cold_after: After how many days without contact a warm contact goes cold, by the lowest score of each band,
            unless it is the usual number; 0 for never.
        detail_fields: For the details of contacts that go to Pipedrive, the code of the field there.
        adds_options: Whether an option is added to such a field for a tag that has none there.
        pipedrive_token: The API token, encrypted by `sync/credentials.py`.
        pipedrive_account: The token's owner and company, as Pipedrive reported them when the token was tested.
    """

    threshold = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(0), MaxValueValidator(10)]
    )
    label = models.CharField(max_length=fields.NAME_LENGTH, blank=True, validators=[fields.no_control_characters])
    earlier_activities = models.BooleanField(null=True, blank=True)
    delete_there = models.BooleanField(null=True, blank=True)
    activity_types = models.JSONField(default=dict, blank=True)
    plan = models.CharField(max_length=40, blank=True)
    seats = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(MOST_SEATS)]
    )
    token_share = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(100)]
    )
    cold_after = models.JSONField(default=dict, blank=True)
    detail_fields = models.JSONField(default=dict, blank=True)
    adds_options = models.BooleanField(default=False)
    pipedrive_token = models.TextField(blank=True)
    pipedrive_account = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="preferences_are_one_row")]

    def __str__(self) -> str:
        return "preferences"


@dataclass(frozen=True)
class Preferences:
    """The settings in effect."""

    threshold: int
    label: str
    earlier_activities: bool
    delete_there: bool
    plan: str
    seats: int
    token_share: int
    activity_types: Mapping[str, str]
    cold_after: Mapping[int, int]
    detail_fields: Mapping[str, str]
    adds_options: bool


class _Known:
    """The cached row, None if it must be read; and what `refresh` found in the database when it was read there."""

    row: StoredPreferences | None = None
    stored: list[tuple[Any, ...]] | None = None


_AS_STORED = PreparedQuery(lambda: StoredPreferences.objects.filter(pk=1).values_list())


def current() -> Preferences:
    """Return the settings in effect."""
    row = stored()
    values = {name: _value(row, name) for name in SETTINGS}
    cold_after = {least: row.cold_after.get(str(least), days) for least, days in COLD_AFTER.items()}
    return Preferences(
        **values,
        activity_types=row.activity_types,
        cold_after=cold_after,
        detail_fields=row.detail_fields,
        adds_options=row.adds_options,
    )


def stored() -> StoredPreferences:
    """Return the cached row, which must not be changed."""
    row = _Known.row
    if row is None:
        _Known.stored = None  # what the next refresh finds may be older or newer
        row = _Known.row = _read()
    return row


def variable_of(name: str) -> str:
    """Return the environment variable that overrides a setting; empty if it is set on the settings page."""
    variable = SETTINGS[name][0] if name in SETTINGS else ""
    return variable if variable in settings.FROM_ENVIRONMENT else ""


def change(changes: Mapping[str, Any]) -> None:
    """Change settings.

    Args:
        changes: New values, by the names of StoredPreferences' fields.

    Raises:
        ValidationError: If a value is not valid; nothing is written then.
    """
    with transaction.atomic():
        StoredPreferences.objects.get_or_create(pk=1)  # two concurrent first changes meet here
        row = StoredPreferences.objects.select_for_update().get(pk=1)
        for name, value in changes.items():
            setattr(row, name, value)
        row.full_clean(validate_constraints=False)
        row.save()
        transaction.on_commit(drop_cache)
    drop_cache()  # for reads before the end of an outer transaction


def refresh() -> None:
    """Read the row again if it is not as it was, because another process may have changed it."""
    stored = _AS_STORED.rows()
    if _Known.row is None or stored != _Known.stored:
        _Known.row, _Known.stored = _read(), stored


@contextmanager
def followed() -> Iterator[None]:
    """Read the row again every second while the block runs, to notice changes by other processes."""

    def follow() -> None:
        if not loop.ends_within(REFRESH_EVERY):
            refresh()

    with (loop := Loop("preferences", follow)):
        yield


def drop_cache() -> None:
    """Make the next call of `stored` read the row again."""
    _Known.row = None


def _read() -> StoredPreferences:
    return StoredPreferences.objects.filter(pk=1).first() or StoredPreferences()


def _value(row: StoredPreferences, name: str) -> Any:
    decided = getattr(row, name)
    return getattr(settings, SETTINGS[name][1]) if variable_of(name) or decided in {None, ""} else decided
