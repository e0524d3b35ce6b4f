"""Who may make what: one INSERT decides, and an expired lease holds nobody back.

A lease is not a success. It is renewed before each create, when its turn has come, so it outlives the longest call; a
worker that lost its lease, by a clock that was set ahead perhaps, stops before it creates anything.
"""

import os
import socket
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from django.db import DatabaseError, IntegrityError, transaction

from warmline import storage
from warmline.pipedrive import Clock
from warmline.sync import deferred_deletes
from warmline.sync.lease_keys import row_key
from warmline.sync.models import Lease

LIFETIME = timedelta(seconds=120)
PATIENCE = timedelta(seconds=5)  # for a lease of something that is done in one or two calls
HANDED_BACK = timedelta(seconds=5)  # after the end of a process that was told to end
POLL = 0.05  # seconds between two looks whether it is free
PROCESS = f"{socket.gethostname()}/{os.getpid()}"


class BusyError(Exception):
    """Another worker is making the same thing; the row stays wanted and is looked at again soon."""


class Leases:
    """The leases of one worker during one piece of work.

    Args:
        clock: Tells when a lease expires.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._holder = f"{PROCESS}/{uuid.uuid4().hex}"
        self._held: set[str] = set()

    @contextmanager
    def hold(
        self, *keys: str, row: tuple[str, int] | None = None, patience: timedelta = timedelta(0)
    ) -> Iterator[None]:
        """Hold the leases to some keys while the block runs: all of them, or none.

        Args:
            keys: What is being made (see models.Lease).
            row: Kind and id of the row that is shown as in progress meanwhile, such as `("contact", 12)`.
            patience: How long to wait for another worker's end. Not within a transaction.

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
        """Take the leases to some keys; all of them, or none, when another worker holds one.

        Args:
            keys: As in `hold`.
            row: As in `hold`.
            lifetime: When they expire, unless they are renewed.
        """
        now = self._clock.now()
        leases = [Lease(key=key, holder=self._holder, expires_at=now + lifetime) for key in keys]
        if row is not None:
            leases[0].kind, leases[0].row_id = row
        try:
            with transaction.atomic():
                Lease.objects.filter(key__in=keys, expires_at__lte=now).delete()
                Lease.objects.bulk_create(leases)
        except IntegrityError:
            expire_in_time(now, *keys, lifetime=lifetime)
            return False
        except DatabaseError as error:
            if storage.noticed(error) is not None:
                deferred_deletes.delete_later(Lease.objects.filter(key__in=keys, holder=self._holder))
            raise
        self._held.update(keys)
        return True

    def wait_for(self, *keys: str, until: float) -> None:
        """Return when nobody holds a lease to the keys any more, or when the time is over.

        Args:
            keys: As in `hold`.
            until: In monotonic seconds.
        """
        while self._clock.monotonic() < until:
            self._clock.sleep(POLL)
            if not Lease.objects.filter(key__in=keys, expires_at__gt=self._clock.now()).exists():
                return

    def release(self, *keys: str) -> None:
        """Let go of the leases to some keys."""
        self._held.difference_update(keys)
        deferred_deletes.delete(Lease.objects.filter(key__in=keys, holder=self._holder))

    def leave(self, *keys: str, until: datetime) -> None:
        """Let go of the leases to some keys, so that nobody takes them before a moment."""
        self._held.difference_update(keys)
        leases = Lease.objects.filter(key__in=keys, holder=self._holder)
        try:
            leases.update(expires_at=until)
        except DatabaseError as error:
            if storage.noticed(error) is None:
                raise
            deferred_deletes.delete(leases)

    def while_held(self, deed: Callable[[], object]) -> None:
        """Do something in one transaction, unless a lease has expired and was taken by another worker."""
        with transaction.atomic():
            ours = Lease.objects.select_for_update().filter(holder=self._holder)
            if len(ours) == len(self._held):
                deed()

    def hold_row(self, kind: str, row_id: int, what: str) -> AbstractContextManager[None]:
        """Hold the leases to what a row makes, and to the row itself, while the block runs.

        What it makes is leased by its e-mail or name; an edit changes these, and must not let a second worker in.

        Args:
            kind: Of which table: "contact", "organization" or "activity".
            row_id: Which row.
            what: What it makes (see models.Lease).

        Raises:
            BusyError: When another worker holds one of them.
        """
        return self.hold(row_key(kind, row_id), what, row=(kind, row_id))

    def renew(self) -> None:
        """Make all held leases last their whole lifetime again.

        Raises:
            BusyError: When one has expired and was taken by another worker.
        """
        expires_at = self._clock.now() + LIFETIME
        if Lease.objects.filter(holder=self._holder).update(expires_at=expires_at) != len(self._held):
            raise BusyError("A lease was lost while its work went on.")


def is_leased(keys: Iterable[str], now: datetime) -> bool:
    """Tell whether some worker holds the lease to one of some keys."""
    return Lease.objects.filter(key__in=list(keys), expires_at__gt=now).exists()


def expire_in_time(now: datetime, *keys: str, lifetime: timedelta = LIFETIME) -> None:
    """Have leases expire a lifetime from now at the latest: those of a worker who died before the clock was set back.

    Args:
        now: The present moment, aware.
        keys: Of which leases; none for all.
        lifetime: The longest that they can have.
    """
    latest = now + lifetime
    late = Lease.objects.filter(expires_at__gt=latest)
    if keys:
        late = late.filter(key__in=keys)
    if late.exists():
        late.update(expires_at=latest)


def in_progress(now: datetime) -> set[tuple[str, int]]:
    """Return kind and id of each row that a worker holds a lease for, such as `("contact", 12)`."""
    leases = Lease.objects.filter(expires_at__gt=now, row_id__isnull=False)
    return {(kind, row_id) for kind, row_id in leases.values_list("kind", "row_id") if row_id is not None}


def hand_back(now: datetime) -> None:
    """Have the leases of this process end soon: it ends now, in the middle of its work.

    What it has sent by now may still be done, so others do not begin at once; they look for it first (see intents.py).

    Args:
        now: The present moment, aware.
    """
    soon = now + HANDED_BACK
    Lease.objects.filter(holder__startswith=f"{PROCESS}/", expires_at__gt=soon).update(expires_at=soon)


def release_those_of_the_dead() -> None:
    """Take away the leases of processes of this machine that are gone, so that a restart need not wait for them."""
    host, _, own = PROCESS.rpartition("/")
    for lease in Lease.objects.filter(holder__startswith=f"{host}/"):
        pid = lease.holder.split("/")[1]
        if pid == own or not _is_running(int(pid)):
            Lease.objects.filter(key=lease.key, holder=lease.holder).delete()


def _is_running(pid: int) -> bool:
    if os.name != "posix":  # os.kill(pid, 0) asks on POSIX and kills elsewhere
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    """Tell whether a process has ended and only waits to be reaped, which a container's first process may never do."""
    try:
        about = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:  # other systems have no such file, and an init that reaps at once
        return False
    return about.rpartition(")")[2].split()[0] == "Z"
