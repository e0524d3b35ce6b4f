"""Nothing is created twice: what is about to be made is remembered first, and looked for before it is made again.

Pipedrive has no idempotency keys, so a create whose answer never came may or may not have happened, and may even
happen seconds later. The only cure is to look, soon and once more after the longest wait, before making it anew. Both
count from when it was sent: the intent is written when its turn has come, however long it had to wait for that.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db.models import Q

from warmline.pipedrive import Clock, Pipedrive, PipedriveError, Uncertain
from warmline.sync import deferred_deletes
from warmline.sync.company import storing
from warmline.sync.elapsed import Ages
from warmline.sync.failures import LOOK_AFTER_SILENCE, NotYetError
from warmline.sync.leases import Leases
from warmline.sync.models import Intent

Made = TypeVar("Made")

SETTLED = timedelta(seconds=30)  # a create that is not there by then is taken for not done
TOGETHER = timedelta(seconds=10)  # creates that were lost within this time wait for one look together
LOOK_BACK = timedelta(days=1)
RENEWED = ["what", "sent_at", "begun_at", "uncertain_at", "answered", "creator_id", "body", "ours", "revision"]
TICK = timedelta(milliseconds=1)
OVERLAP = timedelta(seconds=5)  # Pipedrive's times are whole seconds, and its `Date` header may be one behind


@dataclass(frozen=True)
class Sent:
    """What a create says of a row.

    Attributes:
        key: The row's name.
        body: What is sent.
        ours: The row's values (see snapshots.py).
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
        leases: Renewed before each create, so that it happens under a live lease.
        clock: Ours.
        ages: What this process knows of when creates were sent, by which waits are measured.
    """

    def __init__(self, pipedrive: Pipedrive, leases: Leases, clock: Clock, ages: Ages) -> None:
        self._pipedrive = pipedrive
        self._leases = leases
        self._clock = clock
        self._ages = ages

    def unfinished(self, what: str, key: str) -> list[Intent]:
        """Return the unfinished creates of a thing, and those of a row, whatever it was to make then."""
        intents = list(Intent.objects.filter(Q(what=what) | Q(key=key)).order_by("begun_at"))
        for intent in intents:
            present = self._pipedrive.server_time()
            if intent.sent_at > present:  # Pipedrive's clock was set back: what it made may bear an earlier time
                intent.sent_at = present - LOOK_BACK
        return intents

    def fresh(self, what: str, key: str) -> list[Intent]:
        """Return those of `unfinished` that are not old: what an older one made is found by search by now."""
        return [intent for intent in self.unfinished(what, key) if not self.is_old(intent)]

    def is_old(self, intent: Intent) -> bool:
        """Tell whether a create was begun so long ago that the list of what changed since would be long."""
        return self._age(intent) > LOOK_BACK

    def look_after(self, intent: Intent) -> float:
        """Return the moment, in monotonic seconds, after which a look must be made to tell whether a create was done.

        Raises:
            NotYetError: While others of the same burst are still being lost, so that one look will serve them all.
        """
        age, last = self._age(intent), Intent.objects.filter(answered=False).order_by("begun_at").last()
        if not intent.answered and last is not None:
            wait = min(LOOK_AFTER_SILENCE - self._age(last), TOGETHER - age)
            if wait > timedelta(0):
                raise NotYetError(wait)
        if age >= SETTLED:
            return self._ages.ago(age - SETTLED)
        if intent.uncertain_at is not None:
            age = self._ages.of(_loss(intent.key), intent.uncertain_at)
        return self._ages.ago(age - TICK)  # a look of the same moment may have come before it

    def wait_until_settled(self, intent: Intent) -> None:
        """Go on only if an unfinished create can be taken for not done.

        Raises:
            NotYetError: While it may still come to be.
        """
        age = self._age(intent)
        if not intent.answered and age < SETTLED:
            # Those that were begun soon after it are waited for as well, so that one look serves all.
            soon_after = Intent.objects.filter(answered=False, begun_at__lte=intent.begun_at + TOGETHER)
            last = soon_after.order_by("begun_at").last() or intent
            raise NotYetError(SETTLED - min(age, self._age(last)))

    def make(
        self,
        what: str,
        create: Callable[[], Made],
        sent: Sent | None = None,
        check: Callable[[], None] = lambda: None,
    ) -> Made:
        """Create a thing, unless an unfinished create of it may still come to be.

        Call it only after a look has shown that the thing is not there. The intent stays until `end`, which belongs
        into the transaction that stores the id.

        Args:
            what: What is made (see models.Intent).
            create: Makes it, with one call; where it needs a second one that writes, that one counts.
            sent: What is said of which row; None where no row stands behind it.
            check: Raises BusyError where that is not so any more; the wait for the turn may have been long.

        Raises:
            NotYetError: While an earlier create is too recent to be taken for not done.
            BusyError: When the lease was lost, or the row edited, while the create waited for its turn; nothing was
                sent.
            Uncertain: When the create may have been done; the intent stays.
            PipedriveError: When it was not done; the intent is gone.
        """
        sent = sent or Sent(what)
        for earlier in self.unfinished(what, sent.key):
            self.wait_until_settled(earlier)
        # Known from here on, so that asking does not come between turn and create.
        self._pipedrive.server_time()
        creator, begun_at = self._pipedrive.own_user(), None

        def begin() -> None:
            nonlocal begun_at
            begun_at = self._begin(what, sent, creator.id, check)

        try:
            with self._pipedrive.before_each_write(begin):
                return create()
        except Uncertain as error:
            now = self._clock.now()
            Intent.objects.filter(key=sent.key).update(uncertain_at=now, answered=error.answered)
            self._ages.note(_loss(sent.key), now)
            raise
        except PipedriveError:
            if begun_at is not None:
                deferred_deletes.delete(Intent.objects.filter(key=sent.key, begun_at=begun_at))
            raise

    @staticmethod
    def end(key: str) -> None:
        """Forget the intent: the id is stored, or the thing was found, or it is known not to have been made."""
        Intent.objects.filter(key=key).delete()

    def _begin(self, what: str, sent: Sent, creator_id: int, check: Callable[[], None]) -> datetime:
        """Write down that a create is sent now, and return when; this is the last thing before it is."""
        with storing():
            self._leases.renew()
            check()
            now = self._clock.now()  # no earlier: who writes may have to wait for others who do
            intent = Intent(
                key=sent.key,
                what=what,
                sent_at=self._pipedrive.server_time(),
                begun_at=now,
                creator_id=creator_id,
                body=sent.body,
                ours=sent.ours,
                revision=sent.revision,
            )
            Intent.objects.bulk_create([intent], update_conflicts=True, unique_fields=["key"], update_fields=RENEWED)
        self._ages.note(sent.key, now)
        return now

    def _age(self, intent: Intent) -> timedelta:
        there = self._pipedrive.server_time() - intent.sent_at
        return self._ages.of(intent.key, intent.begun_at, there)


def _loss(key: str) -> str:
    return f"{key}: no answer"
