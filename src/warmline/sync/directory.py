"""What Pipedrive holds already, so that looking before creating costs almost nothing.

Filled once by listing everything, page by page and able to go on after a restart; from then on one look at what changed
since the last one serves every row that was waiting when it began. Only what is not known needs a look, and what is
known is confirmed by a get, so a record that was deleted or merged is never adopted. While the directory is not full,
and where the account is too large to be listed for a fair share of the tokens, it says that it does not know. A page of
the first listing that cannot be had is tried again after growing waits.

It holds keyed hashes: of each e-mail, of each organization's name, and of our own mark in a custom field.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from random import Random

from django.db import transaction
from django.db.models import F, Q, QuerySet

from warmline.pipedrive import (
    BudgetSpent,
    Clock,
    Organization,
    Page,
    Person,
    Pipedrive,
    PipedriveError,
    Rejected,
    Throttled,
    Unavailable,
    Unreadable,
)
from warmline.sync.asking import one_asks
from warmline.sync.catalog import NEVER_OLD
from warmline.sync.company import storing
from warmline.sync.entries import Records, absorb, hashed
from warmline.sync.intents import OLD, OVERLAP
from warmline.sync.models import DirectoryEntry, DirectoryKind, DirectoryState, Remembered
from warmline.sync.outcomes import backoff, wants_probe
from warmline.sync.together import Together, one_by_one

log = logging.getLogger(__name__)

GOOD_FOR = timedelta(seconds=10)  # a look that began no longer ago may serve a row that was waiting by then
PAGE_PRICE, PROBE_PRICE = 10, 2  # tokens for a page of a list, and for asking whose fault it is that there is none
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=5), timedelta(hours=1)  # before a page is tried again; doubled each time
FINGERPRINT = "account"  # under this name the account is remembered that the directory tells of


@dataclass(frozen=True)
class Progress:
    """How far the directory of a kind is filled.

    Attributes:
        kind: Of which kind.
        names: How many names it holds.
        is_full: Whether it serves; until then Pipedrive is searched.
        is_too_large: Whether listing the account would cost more than the share of tokens for it.
        problem: Why the listing could not go on the last time; empty when it could.
        retry_at: When it is tried again; None when it has not failed.
        unreadable: The ids of records that cannot be read, 0 for one without an id.
    """

    kind: DirectoryKind
    names: int
    is_full: bool
    is_too_large: bool
    problem: str = ""
    retry_at: datetime | None = None
    unreadable: tuple[int, ...] = ()


class Directory:
    """The directory. Shared by the threads of an engine.

    Args:
        clock: Ours, by which the age of a look is told.
        allowance: How many tokens the first listing may cost.
        together: How looks of both kinds are taken.
        random: Spreads the waits after a page that could not be had.
    """

    def __init__(
        self, clock: Clock, allowance: int, together: Together = one_by_one, random: Random | None = None
    ) -> None:
        self._clock = clock
        self._together = together
        self._allowance = allowance
        self._random = random or Random()  # noqa: S311 (spreads waits, hides nothing)
        # The cursors of a first listing, by its kind and beginning: it may have begun anew.
        self._followed: defaultdict[tuple[str, datetime], set[str]] = defaultdict(set)

    def is_full(self, kind: DirectoryKind) -> bool:
        """Tell whether the directory knows of every record of a kind; if not, Pipedrive must be searched."""
        return DirectoryState.objects.filter(kind=kind, is_full=True).exists()

    def known(self, kind: DirectoryKind, name: str) -> set[int]:
        """Return the ids that were found under a name at the last look, perhaps of records that are gone by now.

        Args:
            kind: Of which kind.
            name: The key of an e-mail or of an organization's name, or our own mark.
        """
        entries = DirectoryEntry.objects.filter(kind=kind, key=hashed(name))
        return set(entries.values_list("record_id", flat=True))

    def find(self, pipedrive: Pipedrive, kind: DirectoryKind, name: str, after: datetime) -> set[int]:
        """Return the ids under a name as `known` does, by a look that is fresh enough.

        Args:
            pipedrive: Who is asked.
            kind: Of which kind; its directory is full.
            name: As in `known`.
            after: Since when the row that asks is waiting: an older look does not serve it.
        """
        self.freshen(pipedrive, (kind,), after)
        return self.known(kind, name)

    def fill(self, pipedrive: Pipedrive) -> bool:
        """List one page more, if one is missing, may be afforded, and did not fail a moment ago.

        Args:
            pipedrive: Who is asked; in batch, because nobody waits for it.

        Returns:
            Whether another page is to be listed after this one.

        Raises:
            PipedriveError: When the page could not be had; it is tried again after a while.
        """
        pages: dict[DirectoryKind, Callable[[str | None], Page[Person] | Page[Organization]]] = {
            DirectoryKind.ORGANIZATION: pipedrive.organizations_page,  # fewer, as a rule
            DirectoryKind.PERSON: pipedrive.persons_page,
        }
        for kind, read in pages.items():
            if not self._may_go_on() or kind not in self._to_be_listed():
                continue
            state = self._state(pipedrive, kind)
            try:
                page = read(state.cursor)
                self._refuse_circle(state, page.next_cursor)
                self._list(state, page)
            except Exception as error:
                self._put_off(kind, error)
                raise
            return self.wants_filling()
        return False

    def wants_filling(self) -> bool:
        """Tell whether there is a page to be listed now that may be afforded."""
        return bool(self._to_be_listed()) and self._may_go_on()

    def progress(self) -> list[Progress]:
        """Return how far each kind is filled."""
        states = {state.kind: state for state in DirectoryState.objects.all()}
        progress = []
        for kind in DirectoryKind:
            state = states.get(kind, DirectoryState(kind=kind))
            names = DirectoryEntry.objects.filter(kind=kind).count()
            is_too_large = not state.is_full and not self._may_go_on()
            unreadable = tuple(state.unreadable)
            progress.append(
                Progress(kind, names, state.is_full, is_too_large, state.problem, state.retry_at, unreadable)
            )
        return progress

    def freshen(self, pipedrive: Pipedrive, kinds: Iterable[DirectoryKind], after: datetime) -> None:
        """Look at what changed since the last look, unless that one began late enough to serve.

        Args:
            pipedrive: Who is asked; at once, also by batch work, because others may wait for the same look.
            kinds: Of which kinds; their directories are full.
            after: Since when the row that asks is waiting: an older look does not serve it.

        Raises:
            BusyError: When another worker looks, and that takes too long.
        """
        kinds = sorted(kinds)
        one_asks(
            *(f"look:{kind}" for kind in kinds),
            clock=self._clock,
            known=lambda: None if self._stale(kinds, after).exists() else True,
            ask=lambda: self._look(pipedrive.for_people(), kinds, after),
        )

    def _look(self, pipedrive: Pipedrive, kinds: Sequence[DirectoryKind], after: datetime) -> bool:
        asks: dict[str, Callable[..., Records]] = {
            DirectoryKind.ORGANIZATION: pipedrive.organizations,
            DirectoryKind.PERSON: pipedrive.persons,
        }
        now, present = self._clock.now(), pipedrive.server_time()
        states = list(self._stale(kinds, after).order_by("-kind"))
        unreadable: list[list[Unreadable]] = [[] for _ in states]
        looks = []
        for state, odd in zip(states, unreadable, strict=True):
            # Where Pipedrive's clock was set back, what changed since may bear an earlier time.
            since = state.since if state.since <= present else present - OLD
            looks.append(partial(asks[state.kind], updated_since=since - OVERLAP, unreadable=odd))
        for state, records, odd in zip(states, self._together(looks), unreadable, strict=True):
            with storing():
                absorb(DirectoryKind(state.kind), records, odd)
                DirectoryState.objects.filter(kind=state.kind).update(since=present, looked_at=now)
        return True

    def _stale(self, kinds: Sequence[DirectoryKind], after: datetime) -> QuerySet[DirectoryState]:
        """Return the kinds whose last look does not serve; nor does one from the future, by a clock that was wrong."""
        now = self._clock.now()
        too_old = Q(looked_at__lt=max(min(after, now), now - GOOD_FOR)) | Q(looked_at__gt=now)
        return DirectoryState.objects.filter(too_old, kind__in=kinds)

    def _may_go_on(self) -> bool:
        spent = sum(DirectoryState.objects.values_list("tokens", flat=True))
        return spent + PAGE_PRICE <= self._allowance

    def _to_be_listed(self) -> set[DirectoryKind]:
        """Return the kinds that are not full, and whose listing does not wait."""
        now = self._clock.now()
        waits = Q(retry_at__gt=now, retry_at__lte=now + LONGEST_WAIT)
        done = DirectoryState.objects.filter(Q(is_full=True) | waits)
        return set(DirectoryKind) - {DirectoryKind(kind) for kind in done.values_list("kind", flat=True)}

    def _state(self, pipedrive: Pipedrive, kind: DirectoryKind) -> DirectoryState:
        # What changes while the first listing is under way is found by the first look, from this moment on.
        begun = {"since": pipedrive.server_time(), "looked_at": self._clock.now()}
        with storing():
            return DirectoryState.objects.get_or_create(kind=kind, defaults=begun)[0]

    def _refuse_circle(self, state: DirectoryState, cursor: str | None) -> None:
        """Follow a cursor once only, or a list that leads in a circle would cost all that may be spent.

        Raises:
            Unavailable: It was followed before.
        """
        followed = self._followed[state.kind, state.since]
        if state.cursor is None:
            followed.clear()
        else:
            followed.add(state.cursor)
        if cursor in followed:
            raise Unavailable("The list has no end: a cursor came back.")

    def _list(self, state: DirectoryState, page: Page[Person] | Page[Organization]) -> None:
        # Whoever has begun anew has not got any further yet.
        is_further = state.cursor is not None or page.next_cursor is None
        with storing():
            absorb(DirectoryKind(state.kind), page.records, page.unreadable)
            DirectoryState.objects.filter(kind=state.kind).update(
                cursor=page.next_cursor,
                is_full=page.next_cursor is None,
                tokens=F("tokens") + PAGE_PRICE,
                failures=0 if is_further else state.failures,
                retry_at=None,
                problem="",
            )

    def _put_off(self, kind: DirectoryKind, error: Exception) -> None:
        """Have a page that could not be had tried again later, and count what it has cost."""
        if isinstance(error, Throttled | BudgetSpent):
            return  # nothing was listed or paid, and the connection waits
        state = DirectoryState.objects.filter(kind=kind).first()
        if state is None:
            return  # all of it was forgotten meanwhile
        failures = state.failures + 1
        wait = min(backoff(min(failures, 20), FIRST_WAIT, self._random.random()), LONGEST_WAIT)
        has_expired = isinstance(error, Rejected) and state.cursor is not None
        if has_expired and failures == 1:
            wait = timedelta(0)
        is_ours = not isinstance(error, PipedriveError)
        problem = f"Something unexpected happened ({type(error).__name__})." if is_ours else str(error)
        log.warning(
            "directory.not_listed kind=%s failures=%s wait=%.0fs error=%s",
            kind,
            failures,
            wait.total_seconds(),
            problem,
        )
        DirectoryState.objects.filter(kind=kind).update(
            # Nobody documents how long a cursor is good for; one page too many is better than none for ever.
            cursor=None if has_expired else state.cursor,
            tokens=F("tokens") + PAGE_PRICE + (PROBE_PRICE if wants_probe(error) else 0),
            failures=failures,
            retry_at=self._clock.now() + wait,
            problem=problem,
        )


def forget_another_account(pipedrive: Pipedrive, token: str) -> None:
    """Forget everything that was learnt of the account, if it was learnt with another token or at another address.

    Args:
        pipedrive: Tells the address.
        token: The token in use.
    """
    fingerprint = hashed(f"{pipedrive.base_url} {token}")
    known = Remembered.objects.filter(name=FINGERPRINT).first()
    if known is not None and known.value == fingerprint:
        return
    with transaction.atomic():
        forget_account()
        Remembered.objects.create(name=FINGERPRINT, value=fingerprint, at=NEVER_OLD)


def forget_account() -> None:
    """Forget everything that was learnt of the account."""
    with transaction.atomic():
        DirectoryEntry.objects.all().delete()
        DirectoryState.objects.all().delete()
        Remembered.objects.all().delete()
