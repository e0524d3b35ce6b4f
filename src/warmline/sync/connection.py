"""How the connection to Pipedrive is: one state for everyone, told once when trouble begins and once when it ends.

While it is not `ok` nothing is called but a rare probe, and no row is blamed. The state is a row, so that every
process keeps the same silence and the pages can show it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

from django.db import transaction

from warmline import storage
from warmline.pipedrive import Clock, Pipedrive, PipedriveError
from warmline.sync import credentials, notify, wake
from warmline.sync.models import Connection, ConnectionState, NotificationKind
from warmline.sync.outcomes import Trouble, probe_wait, trouble

UNCONNECTED = "No Pipedrive API token is set; contacts and activities wait here until there is one."
WELL = "Pipedrive answers."
UNUSED = "Nothing has been sent to Pipedrive yet."
Disk = Literal[storage.Matter.DISK_FULL, storage.Matter.DISK_ERROR]
DISK: tuple[Disk, ...] = get_args(Disk)  # known per process and never stored, because storing is what fails
QUIET = {ConnectionState.OK, ConnectionState.THROTTLED, ConnectionState.NO_TOKEN}  # neither begin nor end is told


@dataclass(frozen=True)
class Status:
    """How the connection is, since when, and in plain words."""

    state: ConnectionState | Disk
    since: datetime | None
    message: str


def status() -> Status:
    """Return how the connection is; while the disk cannot be written, that is what is the matter."""
    matter = storage.present()
    if matter in DISK:
        return Status(matter, None, storage.WORDS[matter])
    row = Connection.objects.filter(pk=1).first()
    since = row.since if row else None
    if not credentials.token():
        return Status(ConnectionState.NO_TOKEN, since, UNCONNECTED)
    if row is None:
        return Status(ConnectionState.OK, None, UNUSED)
    if row.state in {ConnectionState.OK, ConnectionState.NO_TOKEN}:
        return Status(ConnectionState.OK, since, WELL)
    return Status(ConnectionState(row.state), since, row.message)


def is_well() -> bool:
    """Tell whether nothing was the matter when last heard of; probes nothing."""
    return storage.present() is None and not Connection.objects.filter(pk=1).exclude(state=ConnectionState.OK).exists()


def is_open(pipedrive: Pipedrive, clock: Clock) -> bool:
    """Tell whether calls may be made, after a probe if one is due.

    Args:
        pipedrive: Whom to probe.
        clock: Tells whether one is due.
    """
    row = _row(clock.now())
    if row.state == ConnectionState.OK:
        return True
    if row.probe_at is not None and row.probe_at > clock.now():
        return False
    # One worker wins the right to probe; the others find the next probe a minute away until it has reported.
    ours = Connection.objects.filter(pk=1, state=row.state, probe_at=row.probe_at)
    if not ours.update(probe_at=clock.now() + timedelta(minutes=1)):
        return False
    found = None if row.state == ConnectionState.THROTTLED else probe(pipedrive)
    if found is None:
        well(clock)
        return True
    report(found, clock, by_probe=True)
    return False


def probe(pipedrive: Pipedrive) -> Trouble | None:
    """Ask Pipedrive who we are (2 tokens); return what is the matter, or None when it answers well."""
    try:
        pipedrive.me()
    except PipedriveError as error:
        return trouble(error, probed=error) or Trouble(ConnectionState.DOWN, f"Pipedrive refuses us: {error.message}")
    return None


def report(found: Trouble, clock: Clock, *, by_probe: bool = False) -> None:
    """Write down what is the matter, when to probe next, and tell everyone if it is new.

    A mere pause between calls is no news: it is shown, and not told. Many works fail at once when the connection
    does, so of one and the same trouble only the probes count.

    Args:
        found: What is the matter.
        clock: Since when.
        by_probe: Whether a probe found it.
    """
    now = clock.now()
    row = _row(now)
    state = found.state
    if state == ConnectionState.THROTTLED and row.state != ConnectionState.OK:
        # A pause does not end a worse trouble: that is what going on through it would lead to.
        state = ConnectionState(row.state)
    ours = Connection.objects.filter(pk=1, state=row.state)
    if row.state == state:
        if by_probe or found.wait is not None:
            ours.update(probe_at=now + probe_wait(found, row.probes), probes=row.probes + 1)
        return
    with transaction.atomic():
        first = {"since": now, "message": found.message, "probe_at": now + probe_wait(found, 0), "probes": 1}
        if ours.update(state=state, **first) and state not in QUIET:
            text = (
                f"The connection to Pipedrive is lost. {found.message} Work goes on here and follows once it is back."
            )
            notify.tell(NotificationKind.CONNECTION_LOST, text, now=now)


def well(clock: Clock) -> None:
    """Write down that Pipedrive answers, and tell everyone if it did not before."""
    now = clock.now()
    row = _row(now)
    was = Connection.objects.filter(pk=1, state=row.state).exclude(state=ConnectionState.OK)
    with transaction.atomic():
        if was.update(state=ConnectionState.OK, since=now, message="", probe_at=None, probes=0):
            if row.state not in QUIET:
                notify.tell(NotificationKind.CONNECTION_BACK, "The connection to Pipedrive is back.", now=now)
            wake.after_commit()


def probe_now() -> None:
    """Make the next probe due: at a restart, with a new token, or when a person tries again by hand."""
    Connection.objects.filter(pk=1).exclude(state=ConnectionState.OK).update(probe_at=None, probes=0)


def _row(now: datetime) -> Connection:
    return Connection.objects.get_or_create(pk=1, defaults={"since": now})[0]
