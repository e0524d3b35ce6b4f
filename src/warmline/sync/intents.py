"""Nothing is created twice: an intent is stored before each create, and what it made is looked for before the next.

Pipedrive has no idempotency keys, so a create whose response was lost may or may not have happened, and may even happen
seconds later. So we look soon, and once more after the longest time that a create can take, before creating again. Both
times count from when it was sent: the intent is stored when its turn has come, right before the request.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db.models import Q

from warmline.crm.keys import email_key
from warmline.pipedrive import Clock, Pipedrive, PipedriveError, Uncertain
from warmline.sync import postponed_cleanup
from warmline.sync.company import storing
from warmline.sync.elapsed import Ages
from warmline.sync.lease_keys import OF_PERSONS
from warmline.sync.leases import Leases
from warmline.sync.models import Intent
from warmline.sync.retries import LOOK_AFTER_SILENCE, NotYetError

Made = TypeVar("Made")

SETTLED = timedelta(seconds=30)  # if the record of a create does not exist by then, it was not done
TOGETHER = timedelta(seconds=10)  # creates that were lost within this time wait for the same look
LOOK_BACK = timedelta(days=1)  # what changed longer ago is not listed: that would be too many records
RENEWED = [
    "what",
    "sent_at",
    "set_back",
    "begun_at",
    "uncertain_at",
    "answered",
    "creator_id",
    "body",
    "ours",
    "revision",
]
TICK = timedelta(milliseconds=1)
OVERLAP = timedelta(seconds=5)  # Pipedrive's times are whole seconds, and its `Date` header may be one behind


@dataclass(frozen=True)
class Sent:
    """What a create sends for a row.

    Attributes:
        key: The row's key (see lease_keys.py).
        body: What is sent to Pipedrive, by its field.
        ours: The row's values (see snapshots.py).
        revision: The row's revision.
    """

    key: str
    body: Mapping[str, Any] = field(default_factory=dict)
    ours: Mapping[str, Any] = field(default_factory=dict)
    revision: int = 0


def emails_in(body: Mapping[str, Any]) -> set[str]:
    """Return the keys of the e-mails that the create of a person sends."""
    return {email_key(each["value"]) for each in body.get("emails", ())}


class Intents:
    """Stores and ends intents.

    Args:
        pipedrive: Intents are dated by its clock, never by this machine's.
        leases: Renewed before each create, so that it happens under a live lease.
        clock: This machine's.
        ages: Says how long ago creates were sent, which decides how long to wait.

    Attributes:
        sent_at: When the last create of this piece of work was sent, by our clock; None while there was none.
    """

    def __init__(self, pipedrive: Pipedrive, leases: Leases, clock: Clock, ages: Ages) -> None:
        self._pipedrive = pipedrive
        self._leases = leases
        self._clock = clock
        self._ages = ages
        self.sent_at: datetime | None = None

    def unfinished(self, what: str, key: str, emails: Collection[str] = ()) -> list[Intent]:
        """Return the unfinished intents for a thing or a row, the oldest first.

        Args:
            what: What is to be created, as a lease's key.
            key: The row's key. Its intents count whatever they were to create.
            emails: The keys of e-mails; those to create a person with one of them count as well.
        """
        some = Q(what=what) | Q(key=key)
        intents = list(Intent.objects.filter(some | Q(what__startswith=OF_PERSONS) if emails else some))
        intents = [
            each
            for each in sorted(intents, key=lambda intent: intent.begun_at)
            if what == each.what or key == each.key or not emails_in(each.body).isdisjoint(emails)
        ]
        for intent in intents:
            present = self._pipedrive.server_time()
            if intent.sent_at > present:  # Pipedrive's clock was set back, so the record may have an earlier time
                intent.set_back = (intent.sent_at - present + LOOK_BACK).total_seconds()
        return intents

    def fresh(self, what: str, key: str) -> list[Intent]:
        """Return those of `unfinished` that are not old: a search finds by now what an older one created."""
        return [intent for intent in self.unfinished(what, key) if not self.is_old(intent)]

    def is_old(self, intent: Intent) -> bool:
        """Tell whether a create was begun so long ago that listing what changed since would cost too much."""
        return self._age(intent) > LOOK_BACK

    def look_after(self, intent: Intent) -> float:
        """Return the moment, in monotonic seconds, after which a look can show whether a create was done.

        Raises:
            NotYetError: While more creates of the same burst are being lost, so that one look will serve them all.
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
        return self._ages.ago(age - TICK)  # a look at the very same moment may have been made before it

    def wait_until_settled(self, intent: Intent) -> None:
        """Return if an unfinished create can be assumed not to have been done.

        Raises:
            NotYetError: While it may still happen.
        """
        age = self._age(intent)
        if not intent.answered and age < SETTLED:
            # Wait for creates that were begun soon after it as well, so that one look serves all.
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
        """Create a thing, unless an unfinished create of it may still happen, and return what `create` returns.

        Call it only after a look has shown that there is none, and `end` in the transaction that stores the id.

        Args:
            what: What is created (see models.Intent).
            create: Creates it, with one call; if it needs a second writing call, the intent is of that one.
            sent: What is sent for which row; None if there is no row.
            check: Raises BusyError if that is outdated; the create may have waited long for its turn.

        Raises:
            NotYetError: While an earlier create may still happen.
            BusyError: When the lease was lost, or the row edited, before the create's turn came; nothing was sent.
            Uncertain: When the create may have been done; the intent stays.
            PipedriveError: When it was not done; the intent is deleted.
        """
        sent = sent or Sent(what)
        for earlier in self.unfinished(what, sent.key):
            self.wait_until_settled(earlier)
        # Ask for both now, so that no call comes between the turn and the create.
        self._pipedrive.server_time()
        creator, begun_at = self._pipedrive.own_user(), None

        def begin() -> None:
            nonlocal begun_at
            self.sent_at = begun_at = self._begin(what, sent, creator.id, check)

        try:
            with self._pipedrive.before_each_write(begin):
                return create()
        except Uncertain as error:
            self._note_loss(sent.key, begun_at, error)
            raise
        except PipedriveError:
            if begun_at is not None:
                postponed_cleanup.delete(Intent.objects.filter(key=sent.key, begun_at=begun_at))
            raise

    @staticmethod
    def end(key: str) -> None:
        """Delete an intent: the id is stored, or the record was found, or it is certain that none was created."""
        Intent.objects.filter(key=key).delete()

    def _begin(self, what: str, sent: Sent, creator_id: int, check: Callable[[], None]) -> datetime:
        """Store the intent and return its moment. This is the last thing that happens before the create is sent."""
        with storing():
            self._leases.renew()
            check()
            now = self._clock.now()  # not earlier, because this transaction may have waited for other writers
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

    def _note_loss(self, key: str, begun_at: datetime | None, error: Uncertain) -> None:
        """Note it on the intent of that create, if it was begun, and not on one that another worker has begun since."""
        if begun_at is None:
            return
        now = self._clock.now()
        Intent.objects.filter(key=key, begun_at=begun_at).update(uncertain_at=now, answered=error.answered)
        self._ages.note(_loss(key), now)

    def _age(self, intent: Intent) -> timedelta:
        there = self._pipedrive.server_time() - intent.sent_at
        return self._ages.of(intent.key, intent.begun_at, there)


def _loss(key: str) -> str:
    return f"{key}: no answer"
