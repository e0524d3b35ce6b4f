"""The directory: which records Pipedrive holds, so that looking before creating costs almost nothing.

It is filled once by listing everything, page by page, and continues after a restart. From then on, one look at the
changes since the last look serves every row that was waiting when it began. A look is needed only for names that are
not known. Known records are confirmed by a get, so one that was deleted or merged is never adopted. The first row lists
the first page: that is all of a small account, and costs less than a search. Until the directory is full, or if the
account is too large to be listed for a fair share of the tokens, Pipedrive is searched. Pages and looks that fail are
tried again after growing waits (see listing_outages.py).

It stores keyed hashes only: of e-mails, of organizations' names, and of our own mark in a custom field.
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

from warmline.crm.advisory_locks import hold_alone
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
from warmline.sync.call_counts import Purpose, made_for
from warmline.sync.company import storing
from warmline.sync.concurrency import Together, one_by_one
from warmline.sync.intents import LOOK_BACK, OVERLAP
from warmline.sync.leases import BusyError, Leases
from warmline.sync.models import DirectoryEntry, DirectoryKind, DirectoryState, Remembered
from warmline.sync.pending import END_OF_TIME
from warmline.sync.remote.directory_entries import Records, absorb, hashed, note_unreadable
from warmline.sync.remote.listing_outages import PAGE_PRICE, is_out, put_off
from warmline.sync.single_flight import one_asks

GOOD_FOR = timedelta(seconds=10)  # a look that began at most this long ago serves rows that were waiting by then
LISTING = "directory"  # the key of the lease for listing a page
FOR_A_PAGE = timedelta(seconds=2)  # how long a row waits for a page that another worker lists
FEWER_FIRST = (DirectoryKind.ORGANIZATION, DirectoryKind.PERSON)  # most accounts have fewer organizations than persons
FINGERPRINT = "account"  # the name under which it is remembered to which account the directory belongs


@dataclass(frozen=True)
class Progress:
    """How far the directory of a kind is filled.

    Attributes:
        kind: The kind of record.
        names: How many names it has.
        is_full: Whether it is used; until then Pipedrive is searched.
        is_too_large: Whether listing the account would cost more tokens than allowed.
        problem: Why the list could not be read the last time; empty if it could.
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
        clock: This machine's; dates the looks.
        allowance: How many tokens the first listing may cost.
        together: How two looks are made: side by side, or one after the other.
        random: Varies the waits after a list that could not be read.
    """

    def __init__(
        self, clock: Clock, allowance: int, together: Together = one_by_one, random: Random | None = None
    ) -> None:
        self._clock = clock
        self._together = together
        self._allowance = allowance
        self._random = random or Random()  # noqa: S311 (spreads waits, hides nothing)
        # The cursors that a first listing has followed, by its kind and beginning, because it may have been restarted.
        self._followed: defaultdict[tuple[str, datetime], set[str]] = defaultdict(set)

    def is_full(self, kind: DirectoryKind) -> bool:
        """Tell whether the directory knows every record of a kind; if not, Pipedrive has to be searched."""
        state = DirectoryState.objects.filter(kind=kind, is_full=True).first()
        return state is not None and not is_out(state, self._clock.now())

    def serves(self, pipedrive: Pipedrive, kind: DirectoryKind) -> bool:
        """Tell whether the directory knows every record of a kind; list the first page if nobody has done so.

        The first page costs less than one search, and a small account has only one.

        Args:
            pipedrive: The client.
            kind: The kind of record.
        """
        if self._is_to_begin(kind):
            # If the page cannot be read, or takes too long, Pipedrive is searched.
            with suppress(BusyError, PipedriveError), Leases(self._clock).hold(LISTING, patience=FOR_A_PAGE):
                if self._is_to_begin(kind):  # whoever held the lease may have listed it
                    self._list_page(pipedrive, kind)
        return self.is_full(kind)

    def known(self, kind: DirectoryKind, name: str) -> set[int]:
        """Return the ids of the records with a name at the last look; some may not exist any more.

        Args:
            kind: The kind of record.
            name: The key of an e-mail or of an organization's name, or our own mark.
        """
        entries = DirectoryEntry.objects.filter(kind=kind, key=hashed(name))
        return set(entries.values_list("record_id", flat=True))

    def find(self, pipedrive: Pipedrive, kind: DirectoryKind, name: str, after: datetime) -> set[int]:
        """Return what `known` does, after a new look if the last one is too old.

        Args:
            pipedrive: The client.
            kind: The kind of record; its directory is full.
            name: As in `known`.
            after: When the row that asks began to wait, aware: an older look does not serve it.
        """
        self.freshen(pipedrive, (kind,), after)
        return self.known(kind, name)

    def fill(self, pipedrive: Pipedrive) -> bool:
        """List one more page, if one is missing, within the allowance, and not waiting to be tried again.

        Args:
            pipedrive: The client, for background work.

        Returns:
            Whether there is another page to list after this one.

        Raises:
            BusyError: When another worker is listing a page.
            PipedriveError: When the page could not be read; it is tried again after a while.
        """
        with made_for(Purpose.LIST), Leases(self._clock).hold(LISTING):
            missing = self._to_be_listed() if self._may_go_on() else set()
            for kind in FEWER_FIRST:
                if kind in missing:
                    self._list_page(pipedrive, kind)
                    return self.wants_filling()
        return False

    def wants_filling(self) -> bool:
        """Tell whether there is a page to list now, within the allowance."""
        states = list(DirectoryState.objects.all())
        return bool(self._not_listed(states)) and self._is_allowed(states)

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
        """Look at what changed since the last look, unless that one began late enough.

        Args:
            pipedrive: The client. Its calls have people's priority, because others may be waiting for the same look.
            kinds: The kinds of records; their directories are full.
            after: When the row that asks began to wait, aware: an older look does not serve it.

        Raises:
            BusyError: When another worker is looking and takes too long, or when the list cannot be read at present.
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
            # If Pipedrive's clock was set back, recent changes may have earlier times.
            since = state.since if state.since <= present else present - LOOK_BACK
            unreadable: list[Unreadable] = []
            try:
                return asks[state.kind](updated_since=since - OVERLAP, unreadable=unreadable), unreadable
            except Exception as error:  # noqa: BLE001 (raised below, after the other kind's look has been stored)
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
        """Return the kinds whose last look is too old, or is in the future because a clock was wrong."""
        now = self._clock.now()
        states = DirectoryState.objects.filter(kind__in=kinds).order_by("-kind")
        return [state for state in states if not max(min(after, now), now - GOOD_FOR) <= state.looked_at <= now]

    def _may_go_on(self) -> bool:
        return self._is_allowed(DirectoryState.objects.all())

    def _is_allowed(self, states: Iterable[DirectoryState]) -> bool:
        return sum(state.tokens for state in states) + PAGE_PRICE <= self._allowance

    def _to_be_listed(self) -> set[DirectoryKind]:
        return self._not_listed(DirectoryState.objects.all())

    def _not_listed(self, states: Iterable[DirectoryState]) -> set[DirectoryKind]:
        """Return the kinds that are not full, and whose list may be tried now."""
        now = self._clock.now()
        done = {state.kind for state in states if state.is_full or is_out(state, now)}
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
        # The first look will begin at this moment, so that it finds what changes during the first listing.
        begun = {"since": pipedrive.server_time(), "looked_at": self._clock.now()}
        with storing():
            return DirectoryState.objects.get_or_create(kind=kind, defaults=begun)[0]

    def _refuse_circle(self, state: DirectoryState, cursor: str | None) -> None:
        """Note the cursor that was followed, and refuse one that was followed before.

        Otherwise a list that leads in a circle would use up the allowance.

        Raises:
            Unavailable: The next cursor was followed before.
        """
        followed = self._followed[state.kind, state.since]
        if state.cursor is None:
            followed.clear()
        else:
            followed.add(state.cursor)
        if cursor in followed:
            raise Unavailable("The list never ends: a cursor was repeated.")

    def _list(self, state: DirectoryState, page: Page[Person] | Page[Organization]) -> None:
        # A listing that was restarted has made no progress with its first page.
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
    """Delete what is remembered about the account, if it was learned with another token or at another address.

    Args:
        pipedrive: The client; its address counts.
        token: The token in use.
    """
    fingerprint = hashed(f"{pipedrive.base_url} {token}")
    known = Remembered.objects.filter(name=FINGERPRINT).first()
    if known is not None and known.value == fingerprint:
        return
    with transaction.atomic():
        hold_alone("the account's fingerprint")  # every worker comes here when it starts
        if not Remembered.objects.filter(name=FINGERPRINT, value=fingerprint).exists():
            forget_account()
            Remembered.objects.create(name=FINGERPRINT, value=fingerprint, at=END_OF_TIME)


def forget_account() -> None:
    """Delete what is remembered about the account: the directory, and the answers about users, types and fields."""
    with transaction.atomic():
        DirectoryEntry.objects.all().delete()
        DirectoryState.objects.all().delete()
        Remembered.objects.all().delete()
