"""The rules of the sync as one value, which callers pass in, so that a test or a page can pass in another."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Self

from django.conf import settings

from warmline.crm import preferences
from warmline.crm.preferences import Preferences
from warmline.sync.mapping import TYPES


@dataclass(frozen=True)
class Policy:
    """What counts as warm, and how failures are tried again.

    Attributes:
        threshold: The warmness score (0 to 10) from which a contact is sent.
        label: The label of a warm lead in Pipedrive.
        mark: Whether records that we create have our own id in a custom field, by which they are recognized.
        earlier_activities: Whether activities from before a contact was warm are sent as well.
        attempts: How many attempts are made before a row has failed and is left to batch processing.
        retry: The wait before the second attempt; doubled for each further one.
        failed_retry: The wait before a failed row is tried again automatically.
        person_needed: The same for a row that needs a person's decision or correction. It is far longer, because each
            attempt costs tokens and hardly ever helps.
        grace: How long a contact that was made warm on a page waits before it is sent, so that it can be undone.
        types: Pipedrive's activity type for each of ours.
        details: For the details of contacts that go over, the code of Pipedrive's field.
        adds_options: Whether an option is added to such a field for a tag that has none there.
    """

    threshold: int
    label: str
    earlier_activities: bool
    mark: bool = True
    attempts: int = 3
    retry: timedelta = timedelta(seconds=2)
    failed_retry: timedelta = timedelta(minutes=15)
    person_needed: timedelta = timedelta(days=1)
    grace: timedelta = timedelta(0)
    types: Mapping[str, str] = field(default_factory=lambda: dict(TYPES))
    details: Mapping[str, str] = field(default_factory=dict)
    adds_options: bool = False

    @classmethod
    def current(cls) -> Self:
        """Return the policy for the settings and the team's present preferences."""
        return cls.of(preferences.current())

    @classmethod
    def of(cls, decided: Preferences) -> Self:
        """Return the policy for the settings and the given preferences."""
        return cls(
            threshold=decided.threshold,
            label=decided.label,
            earlier_activities=decided.earlier_activities,
            mark=settings.WARMLINE_ID_FIELD,
            attempts=settings.SYNC_ATTEMPTS,
            retry=timedelta(seconds=settings.SYNC_RETRY_SECONDS),
            failed_retry=timedelta(minutes=settings.SYNC_BATCH_MINUTES),
            grace=timedelta(seconds=settings.GRACE_SECONDS),
            types={**TYPES, **decided.activity_types},
            details=decided.detail_fields,
            adds_options=decided.adds_options,
        )
