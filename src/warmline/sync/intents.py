"""Nothing is created twice: what is about to be made is remembered first, and looked for before it is made again.

Pipedrive has no idempotency keys, so a create whose answer never came may or may not have happened, and may even
happen seconds later. The only cure is to look, soon and once more after the longest wait, before making it anew.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import Max, Q

from warmline.pipedrive import Clock, Pipedrive, PipedriveError, Uncertain
from warmline.sync import leftovers
from warmline.sync.claims import Claims
from warmline.sync.models import Intent
from warmline.sync.outcomes import LOOK_AFTER_SILENCE, NotYetError

Made = TypeVar("Made")

SETTLED = timedelta(seconds=30)  # a create that is not there by then is taken for not done
TOGETHER = timedelta(seconds=10)  # creates that were lost within this time wait for one look together
OLD = timedelta(days=1)
RENEWED = ["what", "sent_at", "begun_at", "uncertain_at", "answered", "body", "ours", "revision"]
TICK = timedelta(microseconds=1)
OVERLAP = timedelta(seconds=5)  # Pipedrive's times are whole seconds, and its `Date` header may be one behind


@dataclass(frozen=True)
class Sent:
    """What a create says of a row.

    Attributes:
        key: The row's name.
        body: What is sent.
        ours: The row's values (see values.py).
        revision: Its revision.
    """

    key: str
    body: Mapping[str, Any] = field(default_factory=dict)
    ours: Mapping[str, Any] = field(default_factory=dict)
    revision: int = 0


class Intents:
    """Begins and ends creates.

    Args:
        pipedrive: Its clock is the one that intents are dated by, never this machine's.
        claims: Renewed before each create, so that it happens under a live claim.
        clock: Ours, by which waits are measured.
    """

    def __init__(self, pipedrive: Pipedrive, claims: Claims, clock: Clock) -> None:
        self._pipedrive = pipedrive
        self._claims = claims
        self._clock = clock

    def unfinished(self, what: str, key: str) -> list[Intent]:
        """Return the unfinished creates of a thing, and those of a row, whatever it was to make then."""
        return list(Intent.objects.filter(Q(what=what) | Q(key=key)).order_by("begun_at"))

    def fresh(self, what: str, key: str) -> list[Intent]:
        """Return those of `unfinished` that are not old: what an older one made is found by search by now."""
        return [intent for intent in self.unfinished(what, key) if not self.is_old(intent)]

    def is_old(self, intent: Intent) -> bool:
        """Tell whether a create was begun so long ago that the list of what changed since would be long."""
        return intent.begun_at < self._clock.now() - OLD

    def look_after(self, intent: Intent) -> datetime:
        """Return the moment, by our clock, after which a look must be made to tell whether a create was done.

        Raises:
            NotYetError: While others of the same burst are still being lost, so that one look will serve them all.
        """
        now, together_until = self._clock.now(), intent.begun_at + TOGETHER
        last = Intent.objects.filter(answered=False).aggregate(last=Max("begun_at"))["last"]
        if not intent.answered and last is not None and now < min(last + LOOK_AFTER_SILENCE, together_until):
            raise NotYetError(min(last + LOOK_AFTER_SILENCE, together_until) - now)
        settled_at = intent.begun_at + SETTLED
        if now >= settled_at:
            return settled_at
        return (intent.uncertain_at or intent.begun_at) + TICK  # a look of the same moment may have come before it

    def wait_until_settled(self, intent: Intent) -> None:
        """Go on only if an unfinished create can be taken for not done.

        Raises:
            NotYetError: While it may still come to be.
        """
        now = self._clock.now()
        if not intent.answered and now < intent.begun_at + SETTLED:
            raise NotYetError(_settled_with_others(intent) - now)

    def make(self, what: str, create: Callable[[], Made], sent: Sent | None = None) -> Made:
        """Create a thing, unless an unfinished create of it may still come to be.

        Call it only after a look has shown that the thing is not there. The intent stays until `end`, which belongs
        into the transaction that stores the id.

        Args:
            what: What is made (see models.Intent).
            create: Makes it, with one call.
            sent: What is said of which row; None where no row stands behind it.

        Raises:
            NotYetError: While an earlier create is too recent to be taken for not done.
            Uncertain: When the create may have been done; the intent stays.
            PipedriveError: When it was not done; the intent is gone.
        """
        sent = sent or Sent(what)
        sent_at, now = self._pipedrive.server_time(), self._clock.now()
        for earlier in self.unfinished(what, sent.key):
            self.wait_until_settled(earlier)
        intent = Intent(
            key=sent.key,
            what=what,
            sent_at=sent_at,
            begun_at=now,
            body=sent.body,
            ours=sent.ours,
            revision=sent.revision,
        )
        with transaction.atomic():
            self._claims.renew()
            Intent.objects.bulk_create([intent], update_conflicts=True, unique_fields=["key"], update_fields=RENEWED)
        try:
            return create()
        except Uncertain as error:
            Intent.objects.filter(key=sent.key).update(uncertain_at=self._clock.now(), answered=error.answered)
            raise
        except PipedriveError:
            leftovers.delete(Intent.objects.filter(key=sent.key, begun_at=now))
            raise

    @staticmethod
    def end(key: str) -> None:
        """Forget the intent: the id is stored, or the thing was found, or it is known not to have been made."""
        Intent.objects.filter(key=key).delete()


def _settled_with_others(intent: Intent) -> datetime:
    """Return when a create has settled, and with it those that were begun soon after, so that one look serves all."""
    soon_after = Intent.objects.filter(answered=False, begun_at__lte=intent.begun_at + TOGETHER)
    last = soon_after.aggregate(last=Max("begun_at"))["last"] or intent.begun_at
    return max(intent.begun_at, last) + SETTLED
