"""Who may make what: one conditional UPDATE or INSERT decides, and an expired claim holds nobody back.

A claim is not a success. It is renewed before each create, so it outlives the longest wait for the limiter and the
longest call together; a worker that lost its claim stops before it creates anything.
"""

import os
import socket
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta

from warmline.pipedrive import Clock
from warmline.sync.keys import row_key
from warmline.sync.models import Claim

LIFETIME = timedelta(seconds=120)
PROCESS = f"{socket.gethostname()}/{os.getpid()}"


class BusyError(Exception):
    """Another worker is making the same thing; the row stays wanted and is looked at again soon."""


class Claims:
    """The claims of one worker during one piece of work.

    Args:
        clock: Tells when a claim expires.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._holder = f"{PROCESS}/{uuid.uuid4().hex}"
        self._held: set[str] = set()

    @contextmanager
    def hold(self, key: str, *, kind: str = "", row_id: int | None = None) -> Iterator[None]:
        """Hold the claim to a key while the block runs.

        Args:
            key: What is being made (see models.Claim).
            kind: Of which table the row is that is shown as in progress meanwhile: "contact" and so on.
            row_id: Which row that is.

        Raises:
            BusyError: When another worker holds it.
        """
        self._take(key, kind, row_id)
        self._held.add(key)
        try:
            yield
        finally:
            self._held.discard(key)
            Claim.objects.filter(key=key, holder=self._holder).delete()

    def hold_row(self, kind: str, row_id: int) -> AbstractContextManager[None]:
        """Hold the claim to a row itself, which is shown as in progress while the block runs.

        What the row makes is claimed by its e-mail or name; an edit changes these, and must not let a second worker in.

        Args:
            kind: Of which table: "contact", "organization" or "activity".
            row_id: Which row.

        Raises:
            BusyError: When another worker holds it.
        """
        return self.hold(row_key(kind, row_id), kind=kind, row_id=row_id)

    def renew(self) -> None:
        """Make all held claims last their whole lifetime again.

        Raises:
            BusyError: When one has expired and was taken by another worker.
        """
        expires_at = self._clock.now() + LIFETIME
        if Claim.objects.filter(holder=self._holder).update(expires_at=expires_at) != len(self._held):
            raise BusyError("A claim was lost while its work went on.")

    def _take(self, key: str, kind: str, row_id: int | None) -> None:
        now = self._clock.now()
        values = {"holder": self._holder, "expires_at": now + LIFETIME, "kind": kind, "row_id": row_id}
        if Claim.objects.filter(key=key, expires_at__lte=now).update(**values):
            return
        _, made = Claim.objects.get_or_create(key=key, defaults=values)
        if not made:
            raise BusyError(key)


def is_claimed(key: str, now: datetime) -> bool:
    """Tell whether some worker holds the claim to a key."""
    return Claim.objects.filter(key=key, expires_at__gt=now).exists()


def in_progress(now: datetime) -> set[tuple[str, int]]:
    """Return kind and id of each row that a worker holds a claim for, such as `("contact", 12)`."""
    claims = Claim.objects.filter(expires_at__gt=now, row_id__isnull=False)
    return {(kind, row_id) for kind, row_id in claims.values_list("kind", "row_id") if row_id is not None}


def release_those_of_the_dead() -> None:
    """Take away the claims of processes of this machine that are gone, so that a restart need not wait for them."""
    host, _, own = PROCESS.rpartition("/")
    for claim in Claim.objects.filter(holder__startswith=f"{host}/"):
        pid = claim.holder.split("/")[1]
        if pid == own or not _is_running(int(pid)):
            Claim.objects.filter(key=claim.key, holder=claim.holder).delete()


def _is_running(pid: int) -> bool:
    if os.name != "posix":  # os.kill(pid, 0) asks on POSIX and kills elsewhere
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
