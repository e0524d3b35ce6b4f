"""What Pipedrive holds already, so that looking before creating costs almost nothing.

Filled once by listing everything, page by page and able to go on after a restart; from then on one look at what changed
since the last one serves every row that was waiting when it began. Only what is not known needs a look, and what is
known is confirmed by a get, so a record that was deleted or merged is never adopted. The first row that looks lists the
first page, which is all of a small account, and costs less than a search. While the directory is not full after that,
and where the account is too large to be listed for a fair share of the tokens, it says that it does not know. A page
of the first listing that cannot be had is tried again after growing waits, and so is a look (see listing_outages.py).

It holds keyed hashes: of each e-mail, of each organization's name, and of our own mark in a custom field.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from random import Random

from django.db import transaction
from django.db.models import F

from warmline.crm.exclusive import alone
from warmline.pipedrive import (
    Clock,
    Organization,
    Page,
    Person,
    Pipedrive,
    PipedriveError,
    Unavailable,
    Unreadable,
)
from warmline.sync.company import storing
from warmline.sync.concurrency import Together, one_by_one
from warmline.sync.intents import OLD, OVERLAP
from warmline.sync.leases import BusyError, Leases
from warmline.sync.models import DirectoryEntry, DirectoryKind, DirectoryState, Remembered
from warmline.sync.pending import END_OF_TIME
from warmline.sync.remote.directory_entries import Records, absorb, hashed, note_unreadable
from warmline.sync.remote.listing_outages import PAGE_PRICE, is_out, put_off
from warmline.sync.single_flight import one_asks

GOOD_FOR = timedelta(seconds=10)  # a look that began no longer ago may serve a row that was waiting by then
LISTING = "directory"  # the lease of who lists a page
FOR_A_PAGE = timedelta(seconds=2)  # that a row waits for one that another worker lists
FEWER_FIRST = (DirectoryKind.ORGANIZATION, DirectoryKind.PERSON)  # as a rule
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
        state = DirectoryState.objects.filter(kind=kind, is_full=True).first()
        return state is not None and not is_out(state, self._clock.now())

    def serves(self, pipedrive: Pipedrive, kind: DirectoryKind) -> bool:
        """Tell whether the directory knows of every record of a kind; if nobody has begun to list them, begin.

        The first page costs less than one search, and where the account is small it is all there is.

        Args:
            pipedrive: Who is asked.
            kind: Of which kind.
        """
        if self._is_to_begin(kind):
            # Where the page cannot be had, or comes late, Pipedrive is searched.
            with suppress(BusyError, PipedriveError), Leases(self._clock).hold(LISTING, patience=FOR_A_PAGE):
                if self._is_to_begin(kind):  # who held the lease may have listed it
                    self._list_page(pipedrive, kind)
        return self.is_full(kind)

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
            BusyError: When another worker lists one.
            PipedriveError: When the page could not be had; it is tried again after a while.
        """
        with Leases(self._clock).hold(LISTING):
            missing = self._to_be_listed() if self._may_go_on() else set()
            for kind in FEWER_FIRST:
                if kind in missing:
                    self._list_page(pipedrive, kind)
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
            serves, unreadable = state.is_full and not state.problem, tuple(state.unreadable)
            progress.append(Progress(kind, names, serves, is_too_large, state.problem, state.retry_at, unreadable))
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

        def is_fresh() -> bool | None:
            stale = self._stale(kinds, after)
            if any(is_out(state, self._clock.now()) for state in stale):
                raise BusyError("What Pipedrive holds cannot be listed at the moment.")
            return None if stale else True

        def look() -> bool:
            self._look(pipedrive.for_people(), self._stale(kinds, after))
            return True

        names = (f"look:{kind}" for kind in kinds)
        one_asks(*names, clock=self._clock, known=is_fresh, ask=look, store=lambda _: None)

    def _look(self, pipedrive: Pipedrive, states: Sequence[DirectoryState]) -> None:
        asks: dict[str, Callable[..., Records]] = {
            DirectoryKind.ORGANIZATION: pipedrive.organizations,
            DirectoryKind.PERSON: pipedrive.persons,
        }
        now, present = self._clock.now(), pipedrive.server_time()

        def changed(state: DirectoryState) -> tuple[Records, list[Unreadable]] | Exception:
            # Where Pipedrive's clock was set back, what changed since may bear an earlier time.
            since = state.since if state.since <= present else present - OLD
            unreadable: list[Unreadable] = []
            try:
                return asks[state.kind](updated_since=since - OVERLAP, unreadable=unreadable), unreadable
            except Exception as error:  # noqa: BLE001 (the other kind's look serves all the same)
                return error

        failures = []
        looks = self._together([partial(changed, state) for state in states])
        for state, found in zip(states, looks, strict=True):
            kind = DirectoryKind(state.kind)
            if isinstance(found, Exception):
                failures.append(found)
                put_off(kind, found, now=self._clock.now(), jitter=self._random.random())
                continue
            absorb(kind, *found)
            with storing():
                note_unreadable(kind, *found)
                well = {"failures": 0, "retry_at": None, "problem": ""}
                DirectoryState.objects.filter(kind=kind).update(since=present, looked_at=now, **well)
        if failures:
            raise failures[0]

    def _stale(self, kinds: Sequence[DirectoryKind], after: datetime) -> list[DirectoryState]:
        """Return the kinds whose last look does not serve; nor does one from the future, by a clock that was wrong."""
        now = self._clock.now()
        states = DirectoryState.objects.filter(kind__in=kinds).order_by("-kind")
        return [state for state in states if not max(min(after, now), now - GOOD_FOR) <= state.looked_at <= now]

    def _may_go_on(self) -> bool:
        spent = sum(DirectoryState.objects.values_list("tokens", flat=True))
        return spent + PAGE_PRICE <= self._allowance

    def _to_be_listed(self) -> set[DirectoryKind]:
        """Return the kinds that are not full, and whose listing does not wait."""
        now = self._clock.now()
        done = {state.kind for state in DirectoryState.objects.all() if state.is_full or is_out(state, now)}
        return {kind for kind in DirectoryKind if kind not in done}

    def _is_to_begin(self, kind: DirectoryKind) -> bool:
        has_begun = DirectoryState.objects.filter(kind=kind, tokens__gt=0).exists()
        return not has_begun and kind in self._to_be_listed() and self._may_go_on()

    def _list_page(self, pipedrive: Pipedrive, kind: DirectoryKind) -> None:
        read: Callable[[str | None], Page[Person] | Page[Organization]] = (
            pipedrive.persons_page if kind == DirectoryKind.PERSON else pipedrive.organizations_page
        )
        state = self._state(pipedrive, kind)
        try:
            page = read(state.cursor)
            self._refuse_circle(state, page.next_cursor)
            self._list(state, page)
        except Exception as error:
            put_off(kind, error, now=self._clock.now(), jitter=self._random.random())
            raise

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
            raise Unavailable("The list never ends: a cursor was repeated.")

    def _list(self, state: DirectoryState, page: Page[Person] | Page[Organization]) -> None:
        # Whoever has begun anew has not got any further yet.
        is_further = state.cursor is not None or page.next_cursor is None
        absorb(DirectoryKind(state.kind), page.records, page.unreadable)
        with storing():
            note_unreadable(DirectoryKind(state.kind), page.records, page.unreadable)
            DirectoryState.objects.filter(kind=state.kind).update(
                cursor=page.next_cursor,
                is_full=page.next_cursor is None,
                tokens=F("tokens") + PAGE_PRICE,
                failures=0 if is_further else state.failures,
                retry_at=None,
                problem="",
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
        alone("the account's fingerprint")  # every worker comes here when it starts
        if not Remembered.objects.filter(name=FINGERPRINT, value=fingerprint).exists():
            forget_account()
            Remembered.objects.create(name=FINGERPRINT, value=fingerprint, at=END_OF_TIME)


def forget_account() -> None:
    """Forget everything that was learnt of the account."""
    with transaction.atomic():
        DirectoryEntry.objects.all().delete()
        DirectoryState.objects.all().delete()
        Remembered.objects.all().delete()
