"""Leases: which worker may create what. One INSERT decides, and an expired lease holds nobody up.

A lease is not a success. It is renewed right before each create, so it outlives the longest call. A worker that has
lost its lease, because it stood still or was cut off for so long, or a clock was set ahead, stops before it creates or
stores anything.
"""

import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from contextvars import ContextVar
from datetime import datetime, timedelta

from django.apps import apps
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import CharField, DateTimeField

from warmline import storage
from warmline.pipedrive import Clock
from warmline.prepared_queries import Parameter, PreparedExistence, PreparedQuery
from warmline.supervision import Loop
from warmline.sync import postponed_cleanup, processes
from warmline.sync.lease_keys import row_key
from warmline.sync.models import Lease

LIFETIME = timedelta(seconds=120)
PATIENCE = timedelta(seconds=5)  # how long to wait for a lease of something that takes one or two calls
HANDED_BACK = timedelta(seconds=5)  # after the end of a process that was told to end
POLL = 0.05  # seconds between two checks whether a lease is free

_LOCKED = PreparedQuery(
    lambda: (
        Lease.objects.select_for_update()
        .filter(holder=Parameter("holder", CharField()))
        .order_by("key")
        .values_list("key")
    )
)
_LATE = PreparedExistence({"lease": lambda: Lease.objects.filter(expires_at__gt=Parameter("latest", DateTimeField()))})


class BusyError(Exception):
    """Another worker is creating the same thing; the row stays pending and is tried again soon."""


_OF_THIS_WORK: ContextVar["Leases | None"] = ContextVar("leases", default=None)  # of what this thread works on


class Leases:
    """The leases of one worker during one piece of work.

    Args:
        clock: Tells when a lease expires.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        processes.announce()
        self._holder = f"{processes.PROCESS}/{uuid.uuid4().hex}"
        self._held: set[str] = set()
        self._rows: dict[str, tuple[str, int]] = {}  # by the keys of their leases

    @contextmanager
    def hold(
        self, *keys: str, row: tuple[str, int] | None = None, patience: timedelta = timedelta(0)
    ) -> Iterator[None]:
        """Hold the leases to some keys while the block runs: all of them, or none.

        Args:
            keys: What is being created (see models.Lease).
            row: Kind and id of the row that is shown as in progress meanwhile, such as `("contact", 12)`.
            patience: How long to wait for another worker to finish. Do not wait within a transaction.

        Raises:
            BusyError: When another worker holds one of them.
        """
        give_up_at = self._clock.monotonic() + patience.total_seconds()
        while not self.take(*keys, row=row):
            if self._clock.monotonic() >= give_up_at:
                raise BusyError(*keys)
            self.wait_for(*keys, until=give_up_at)
        try:
            yield
        finally:
            self.release(*keys)

    def take(self, *keys: str, row: tuple[str, int] | None = None, lifetime: timedelta = LIFETIME) -> bool:
        """Take the leases to some keys: all of them, or none if another worker holds one.

        Args:
            keys: As in `hold`.
            row: As in `hold`.
            lifetime: How long until they expire, unless they are renewed.

        Returns:
            Whether they were taken.
        """
        now = self._clock.now()
        leases = [Lease(key=key, holder=self._holder, expires_at=now + lifetime) for key in keys]
        if row is not None:
            leases[0].kind, leases[0].row_id = row
        leases.sort(key=lambda lease: lease.key)  # so that of two who want the same, none waits for the other in turn
        try:
            with transaction.atomic():
                Lease.objects.filter(key__in=keys, expires_at__lte=now).delete()
                Lease.objects.bulk_create(leases)
        except IntegrityError:
            expire_in_time(now, *keys, lifetime=lifetime)
            return False
        except DatabaseError as error:
            if storage.noticed(error) is not None:
                postponed_cleanup.delete_later(Lease.objects.filter(key__in=keys, holder=self._holder))
            raise
        self._held.update(keys)
        if row is not None:
            self._rows[keys[0]] = row
        return True

    def wait_for(self, *keys: str, until: float) -> None:
        """Wait until nobody holds a lease to one of the keys, or until a moment has passed.

        Args:
            keys: As in `hold`.
            until: The moment, in monotonic seconds.
        """
        while self._clock.monotonic() < until:
            self._clock.sleep(POLL)
            if not Lease.objects.filter(key__in=keys, expires_at__gt=self._clock.now()).exists():
                return

    def release(self, *keys: str) -> None:
        """Release the leases to some keys."""
        self._held.difference_update(keys)
        postponed_cleanup.delete(Lease.objects.filter(key__in=keys, holder=self._holder))

    def leave(self, *keys: str, until: datetime) -> None:
        """Leave the leases to some keys to expire at a given moment, so that nobody takes them before."""
        self._held.difference_update(keys)
        leases = Lease.objects.filter(key__in=keys, holder=self._holder)
        try:
            leases.update(expires_at=until)
        except DatabaseError as error:
            if storage.noticed(error) is None:
                raise
            postponed_cleanup.delete(leases)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Do a piece of work in the block: what this thread stores meanwhile, it stores under these leases."""
        before = _OF_THIS_WORK.set(self)
        try:
            yield
        finally:
            _OF_THIS_WORK.reset(before)

    def while_held(self, deed: Callable[[], object]) -> None:
        """Do something in one transaction, unless one of our leases has expired and another worker has taken it."""
        with transaction.atomic():
            if self.are_ours():
                deed()

    def are_ours(self) -> bool:
        """Tell whether nobody has taken any of these leases, nor will before the transaction around this ends.

        The lease of a row that was deleted here is gone with it (see deleted_while_sent.py), and nobody can take it.
        """
        lost = self._held - {key for (key,) in _LOCKED.rows(holder=self._holder)}
        return all(key in self._rows and not _exists(*self._rows[key]) for key in lost)

    def hold_row(self, kind: str, row_id: int, *what: str) -> AbstractContextManager[None]:
        """Hold the leases to a row, and to what is created for it, while the block runs.

        The lease to what is created is named by the row's e-mail or name. An edit changes these, and must not let a
        second worker in; so the row has a lease of its own.

        Args:
            kind: The row's table: "contact", "organization" or "activity".
            row_id: The row's id.
            what: What is created for it (see models.Lease); of a contact, by each of its e-mails.

        Raises:
            BusyError: When another worker holds one of them.
        """
        return self.hold(row_key(kind, row_id), *what, row=(kind, row_id))

    def renew(self) -> None:
        """Extend all held leases to their full lifetime.

        Raises:
            BusyError: When one has expired and another worker has taken it.
        """
        expires_at = self._clock.now() + LIFETIME
        if Lease.objects.filter(holder=self._holder).update(expires_at=expires_at) != len(self._held):
            raise BusyError("A lease was lost while its work went on.")


def _exists(kind: str, row_id: int) -> bool:
    rows = apps.get_model("crm", kind)._default_manager  # noqa: SLF001 (Django documents it as public)
    return bool(rows.filter(pk=row_id).exists())


def make_sure() -> None:
    """Return if the work of this thread may store something; call it in the transaction that does.

    Raises:
        BusyError: When one of its leases has expired and another worker has taken it, who stores what comes of the row.
    """
    leases = _OF_THIS_WORK.get()
    if leases is not None and not leases.are_ours():
        raise BusyError("A lease was lost while its work went on.")


def is_leased(keys: Iterable[str], now: datetime) -> bool:
    """Tell whether any worker holds the lease to one of these keys."""
    return Lease.objects.filter(key__in=list(keys), expires_at__gt=now).exists()


def expire_in_time(now: datetime, *keys: str, lifetime: timedelta = LIFETIME) -> None:
    """Have leases expire a lifetime from now at the latest, for workers that died before the clock was set back.

    Args:
        now: The present moment, aware.
        keys: The leases' keys; none for all leases.
        lifetime: The longest lifetime that they can have.
    """
    latest = now + lifetime
    if _LATE.found(latest=latest):
        late = Lease.objects.filter(expires_at__gt=latest)
        (late.filter(key__in=keys) if keys else late).update(expires_at=latest)


def in_progress(now: datetime) -> set[tuple[str, int]]:
    """Return kind and id of each row for which a worker holds a lease, such as `("contact", 12)`."""
    leases = Lease.objects.filter(expires_at__gt=now, row_id__isnull=False)
    return {(kind, row_id) for kind, row_id in leases.values_list("kind", "row_id") if row_id is not None}


def release_those_of_the_dead() -> None:
    """Take away the leases of processes that have died, so that nobody has to wait until they expire."""
    gone = processes.dead()
    for lease in Lease.objects.all() if gone else ():
        process = lease.holder.rpartition("/")[0]
        if process in gone:
            Lease.objects.filter(key=lease.key, holder=lease.holder).delete()
    processes.forget(gone)


def hand_back(now: datetime) -> None:
    """Have the leases of this process expire soon: it ends now, in the middle of its work.

    What it has sent may still be done, so others do not begin immediately, and look for it first (see intents.py).

    Args:
        now: The present moment, aware.
    """
    soon = now + HANDED_BACK
    Lease.objects.filter(holder__startswith=f"{processes.PROCESS}/", expires_at__gt=soon).update(expires_at=soon)
    processes.leave()


def release_own() -> None:
    """Take away what work of this process has left behind, before any is begun."""
    Lease.objects.filter(holder__startswith=f"{processes.PROCESS}/").delete()


@contextmanager
def beating() -> Iterator[None]:
    """Say every few seconds that this process lives, where machines share a database, and free what dead ones held."""
    if connection.vendor != "postgresql":
        yield
        return

    def beat() -> None:
        processes.note()
        release_those_of_the_dead()
        loop.ends_within(processes.EVERY)

    with (loop := Loop("heartbeat", beat)):
        yield
    with suppress(DatabaseError):  # it is taken for dead by and by
        processes.leave()
