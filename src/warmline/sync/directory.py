"""What Pipedrive holds already, so that looking before creating costs almost nothing.

Filled once by listing everything, page by page and able to go on after a restart; from then on one look at what changed
since the last one serves every row that was waiting when it began. Only what is not known needs a look, and what is
known is confirmed by a get, so a record that was deleted or merged is never adopted. While the directory is not full,
and where the account is too large to be listed for a fair share of the tokens, it says that it does not know.

It holds keyed hashes: of each e-mail, of each organization's name, and of our own mark in a custom field.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Lock
from uuid import UUID

from django.conf import settings
from django.db import transaction

from warmline.crm.keys import key
from warmline.crm.pieces import in_pieces
from warmline.pipedrive import Clock, Organization, Page, Person, Pipedrive, Rejected
from warmline.sync.intents import OVERLAP
from warmline.sync.models import DirectoryEntry, DirectoryKind, DirectoryState, Remembered
from warmline.sync.together import Together, in_turn

GOOD_FOR = timedelta(seconds=10)  # a look that began no longer ago may serve a row that was waiting by then
PAGE_PRICE = 10  # tokens for a page of a list
FINGERPRINT = "account"  # under this name the account is remembered that the directory tells of
NEVER_OLD = datetime(9999, 1, 1, tzinfo=UTC)

Records = Sequence[Person] | Sequence[Organization]


@dataclass(frozen=True)
class Progress:
    """How far the directory of a kind is filled.

    Attributes:
        kind: Of which kind.
        names: How many names it holds.
        is_full: Whether it serves; until then Pipedrive is searched.
        is_too_large: Whether listing the account would cost more than the share of tokens for it.
    """

    kind: DirectoryKind
    names: int
    is_full: bool
    is_too_large: bool


class Directory:
    """The directory. Shared by the threads of an engine.

    Args:
        clock: Ours, by which the age of a look is told.
        allowance: How many tokens the first listing may cost.
        together: How looks of both kinds are taken.
    """

    def __init__(self, clock: Clock, allowance: int, together: Together = in_turn) -> None:
        self._clock = clock
        self._together = together
        self._allowance = allowance
        self._locks = {kind: Lock() for kind in DirectoryKind}

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
        """List one page more, if one is missing and may be afforded.

        Args:
            pipedrive: Who is asked; in batch, because nobody waits for it.

        Returns:
            Whether another page is to be listed after this one.
        """
        pages: dict[DirectoryKind, Callable[[str | None], Page[Person] | Page[Organization]]] = {
            DirectoryKind.ORGANIZATION: pipedrive.organizations_page,  # fewer, as a rule
            DirectoryKind.PERSON: pipedrive.persons_page,
        }
        for kind, read in pages.items():
            state = self._state(pipedrive, kind)
            if state.is_full or not self._may_go_on():
                continue
            try:
                page = read(state.cursor)
            except Rejected:
                # Nobody documents how long a cursor is good for; one page too many is better than none for ever.
                DirectoryState.objects.filter(kind=kind).update(cursor=None, tokens=state.tokens + PAGE_PRICE)
                raise
            state.cursor, state.is_full = page.next_cursor, page.next_cursor is None
            state.tokens += PAGE_PRICE
            _absorb(kind, page.records)
            state.save()
            return self.wants_filling()
        return False

    def wants_filling(self) -> bool:
        """Tell whether there is a page to be listed that may be afforded."""
        full = DirectoryState.objects.filter(is_full=True).count()
        return full < len(DirectoryKind) and self._may_go_on()

    def progress(self) -> list[Progress]:
        """Return how far each kind is filled."""
        full = set(DirectoryState.objects.filter(is_full=True).values_list("kind", flat=True))
        return [
            Progress(
                kind,
                names=DirectoryEntry.objects.filter(kind=kind).count(),
                is_full=kind in full,
                is_too_large=kind not in full and not self._may_go_on(),
            )
            for kind in DirectoryKind
        ]

    def _may_go_on(self) -> bool:
        spent = sum(DirectoryState.objects.values_list("tokens", flat=True))
        return spent + PAGE_PRICE <= self._allowance

    def _state(self, pipedrive: Pipedrive, kind: DirectoryKind) -> DirectoryState:
        # What changes while the first listing is under way is found by the first look, from this moment on.
        begun = {"since": pipedrive.server_time(), "looked_at": self._clock.now()}
        return DirectoryState.objects.get_or_create(kind=kind, defaults=begun)[0]

    def freshen(self, pipedrive: Pipedrive, kinds: Iterable[DirectoryKind], after: datetime) -> None:
        """Look at what changed since the last look, unless that one began late enough to serve.

        Args:
            pipedrive: Who is asked.
            kinds: Of which kinds; their directories are full.
            after: Since when the row that asks is waiting: an older look does not serve it.
        """
        asks: dict[str, Callable[..., Records]] = {
            DirectoryKind.ORGANIZATION: pipedrive.organizations,
            DirectoryKind.PERSON: pipedrive.persons,
        }
        with ExitStack() as locks:
            for kind in sorted(kinds):  # always in the same order, so that two who want both do not hold each other up
                locks.enter_context(self._locks[kind])
            now = self._clock.now()
            stale = DirectoryState.objects.filter(kind__in=kinds, looked_at__lt=max(min(after, now), now - GOOD_FOR))
            states = list(stale.order_by("-kind"))
            if not states:
                return
            since = pipedrive.server_time()
            looks = [partial(asks[state.kind], updated_since=state.since - OVERLAP) for state in states]
            for state, records in zip(states, self._together(looks), strict=True):
                _absorb(DirectoryKind(state.kind), records)
                DirectoryState.objects.filter(kind=state.kind).update(since=since, looked_at=now)


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


def hashed(text: str) -> str:
    """Return a hash of a text that nobody can make without the installation's own secret key."""
    own = hashlib.sha256(f"directory {settings.SECRET_KEY}".encode()).digest()
    return hmac.digest(own, text.encode(), "sha256").hex()[:32]


def _absorb(kind: DirectoryKind, records: Records) -> None:
    """Write down under which names records are found now, some at a time; the caller then says how far it came."""
    entries = [
        [DirectoryEntry(kind=kind, key=hashed(name), record_id=record.id) for name in _names(record)]
        if not record.is_deleted
        else []
        for record in records
    ]

    def store(some: Sequence[int]) -> None:
        DirectoryEntry.objects.filter(kind=kind, record_id__in=[records[place].id for place in some]).delete()
        made = [entry for place in some for entry in entries[place]]
        # One that changed while it was listed may come twice.
        DirectoryEntry.objects.bulk_create(made, ignore_conflicts=True)

    in_pieces(range(len(records)), store)


def _names(record: Person | Organization) -> set[str]:
    """Return under which names a record is found: e-mails or name, and our own mark."""
    own = [key(record.name)] if isinstance(record, Organization) else [key(email.value) for email in record.emails]
    marks = [value for value in record.custom_fields.values() if isinstance(value, str) and _is_mark(value)]
    return {name for name in (*own, *marks) if name}


def _is_mark(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
