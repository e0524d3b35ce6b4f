"""The state of the connection to Pipedrive. Everyone is notified once when trouble begins, and once when it ends.

While the state is not `ok`, only rare probes are sent, and no row is blamed. The state is stored in a row, so that all
processes stop calling and the pages can show it. A process that alone does not reach Pipedrive stops only itself (see
network_partition.py). A probe also returns the token's user, so that no engine works for another company than that of
the links.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

from django.db import transaction

from warmline import storage
from warmline.pipedrive import Clock, Pipedrive, PipedriveError
from warmline.sync import credentials, domain_events, engine_health, network_partition, notifications, wakeups
from warmline.sync.company import Membership
from warmline.sync.domain_events import What
from warmline.sync.engine_health import EngineState
from warmline.sync.models import Connection, ConnectionState, NotificationKind
from warmline.sync.probe_waits import PROBING, longest_probe_wait, probe_wait
from warmline.sync.remote import company_switch
from warmline.sync.retries import Trouble, trouble

log = logging.getLogger(__name__)

UNCONNECTED = "No Pipedrive API token is set. Contacts and activities wait here until there is one."
WELL = "Pipedrive is responding."
FOR_SOME = (
    "Pipedrive is responding, but {cut} of {living} workers cannot reach it. The others do their work. "
    "Check the network of the machine whose worker logs “connection.cut_off”."
)
UNUSED = "Nothing has been sent to Pipedrive yet."
UNTRIED = "This API token has not been tried yet."
INVALID = "PIPEDRIVE_API_TOKEN is not an API token: it contains a character that tokens never have, such as a space."
UNCALLABLE = "PIPEDRIVE_BASE_URL is not a usable address. Set it to scheme, host and port, and nothing else."
UNREADABLE = (
    "The stored API token can no longer be read, because this installation's secret key has changed. Enter it again."
)
Disk = Literal[storage.Matter.DISK_FULL, storage.Matter.DISK_ERROR]
DISK: tuple[Disk, ...] = get_args(Disk)  # each process knows for itself; it is never stored, because storing fails
QUIET = {ConnectionState.OK, ConnectionState.THROTTLED, ConnectionState.NO_TOKEN}  # nobody is notified of these
# States that end only when an admin acts.
FOR_AN_ADMIN = {ConnectionState.INVALID_TOKEN, ConnectionState.UNAUTHORIZED, ConnectionState.ANOTHER_COMPANY}
# API tokens that one lead can cost if the account has to be asked again. With fewer, the connection would be in trouble
# again at once.
ENOUGH = 100


@dataclass(frozen=True)
class Status:
    """The connection's state, since when (None if that is not known), and what it means in plain words."""

    state: ConnectionState | EngineState | Disk
    since: datetime | None
    message: str


def status() -> Status:
    """Return the connection's state; or that the disk cannot be written, or that there is a standstill."""
    return _at_a_halt() or _last_heard()


def _at_a_halt() -> Status | None:
    """Return what stops all work on this machine, whatever the connection's state; None if nothing does."""
    matter = storage.present()
    if matter in DISK:
        return Status(matter, None, storage.WORDS[matter])
    stopped = engine_health.since()
    return None if stopped is None else Status(EngineState.STOPPED, stopped, engine_health.message())


def _last_heard() -> Status:
    row = Connection.objects.filter(pk=1).first()
    since = row.since if row else None
    missing = without_token()
    if missing is not None:
        is_told = row is not None and row.state == missing.state
        return Status(
            missing.state, since if is_told or missing.state == ConnectionState.NO_TOKEN else None, missing.message
        )
    if row is not None and row.state == ConnectionState.INVALID_TOKEN:
        return Status(ConnectionState.OK, None, UNTRIED)
    if row is None or row.state in {ConnectionState.OK, ConnectionState.NO_TOKEN}:
        return Status(ConnectionState.OK, since, _for_some() or (WELL if row else UNUSED))
    return Status(ConnectionState(row.state), since, row.message)


def _for_some() -> str:
    """Return that some workers do not reach Pipedrive, though others do; empty if all do."""
    cut, living = network_partition.count() if engine_health.are_workers_elsewhere() else (0, 0)
    return FOR_SOME.format(cut=cut, living=living) if cut else ""


def without_token() -> Trouble | None:
    """Return why there is no usable API token; None if there is one."""
    if credentials.token():
        return None
    if credentials.is_from_environment():
        return Trouble(ConnectionState.INVALID_TOKEN, INVALID)
    if credentials.is_unreadable():
        return Trouble(ConnectionState.INVALID_TOKEN, UNREADABLE)
    return Trouble(ConnectionState.NO_TOKEN, UNCONNECTED)


def is_well() -> bool:
    """Tell whether this process may call: the connection worked when it was last used, and the disk can be written.

    It sends no probe.
    """
    return storage.present() is None and not network_partition.is_so() and Connection.is_well()


def is_left_to_others() -> bool:
    """Tell whether the connection is well, and only this process does not reach Pipedrive."""
    return network_partition.is_so() and Connection.is_well()


def is_open(pipedrive: Pipedrive, clock: Clock, membership: Membership) -> bool:
    """Tell whether calls may be made; sends a probe first if one is due.

    Args:
        pipedrive: The client.
        clock: Decides whether a probe is due.
        membership: The engine's. A new engine's first probe is due at once.
    """
    if membership.is_confirmed() and Connection.is_well() and not network_partition.is_so():
        return True
    row = _row(clock.now())
    was_well = row.state == ConnectionState.OK and not network_partition.is_so()
    if was_well and membership.is_refused():
        return False  # another server has a token of the right company, so the connection is ok
    with membership.asking() as is_ours:
        if not is_ours or not (was_well or membership.is_new or _wins_probe(row, clock)):
            return False
        found = _found(pipedrive, membership, row, clock)
    if found is None:
        well(clock)
        wakeups.now()  # for workers that found it closed meanwhile
        return True
    if membership.is_in_use():
        if found.state != row.state:
            log.warning("connection.%s message=%s", found.state, found.message)
        report(found, clock, by_probe=True)
    return False


def _wins_probe(row: Connection, clock: Clock) -> bool:
    if network_partition.is_so():
        return network_partition.is_probe_due(clock)
    now = clock.now()
    if row.probe_at is not None and now < row.probe_at <= now + longest_probe_wait(ConnectionState(row.state)):
        return False
    # One worker gets to probe. For the others the next probe is a minute away, until that one has reported.
    ours = Connection.objects.filter(pk=1, state=row.state, probe_at=row.probe_at)
    return bool(ours.update(probe_at=now + PROBING))


def _found(pipedrive: Pipedrive, membership: Membership, row: Connection, clock: Clock) -> Trouble | None:
    """Return the trouble that there still is; None when it is over."""
    if row.state == ConnectionState.THROTTLED:
        pause = timedelta(seconds=pipedrive.paused_for())
        if pause > timedelta(0):
            return Trouble(ConnectionState.THROTTLED, row.message, pause)
        if membership.is_confirmed():
            return None
    if row.state != ConnectionState.BUDGET_SPENT:
        return probe(pipedrive, membership, clock)
    usage = pipedrive.usage()
    if usage.daily_tokens is not None and usage.daily_tokens - usage.tokens < min(ENOUGH, usage.daily_tokens):
        return Trouble(ConnectionState.BUDGET_SPENT, row.message)
    return probe(pipedrive, membership, clock, can_pay=True)


def probe(pipedrive: Pipedrive, membership: Membership, clock: Clock, *, can_pay: bool = False) -> Trouble | None:
    """Ask Pipedrive for the token's user (2 tokens), and check that it belongs to the company of the links.

    Args:
        pipedrive: The client.
        membership: The engine's; the response confirms or refuses it.
        clock: Tells the time.
        can_pay: Whether to make our most expensive call first (20 tokens), because Pipedrive may still return the
            token's user when there are no tokens left for anything else.

    Returns:
        The trouble; None when there is none.
    """
    membership.is_new = False
    try:
        if can_pay:
            pipedrive.users()
        me = pipedrive.me()
    except PipedriveError as error:
        return refusal(error)
    return company_switch.meet(pipedrive, me, membership, clock.now())


def misconfigured(error: ValueError | OSError) -> Trouble:
    """Return the trouble when no client can be made from the settings, although there is a token.

    Args:
        error: What making the client raised.
    """
    text = f"Warmline cannot use {error.filename}: {error.strerror}." if isinstance(error, OSError) else UNCALLABLE
    return Trouble(ConnectionState.DOWN, text)


def refusal(error: PipedriveError) -> Trouble:
    """Return the trouble when a probe fails.

    Args:
        error: What the probe raised.
    """
    return trouble(error, probed=error) or Trouble(ConnectionState.DOWN, f"Pipedrive refuses calls: {error.message}")


def report(found: Trouble, clock: Clock, *, by_probe: bool = False) -> None:
    """Store a trouble and when to probe next, and notify everyone if it is new. If it is only ours, pause only us.

    A short pause between calls is shown, but nobody is notified. When the connection fails, many rows fail at once; so
    while the trouble stays the same, only probes delay the next probe.

    Args:
        found: The trouble.
        clock: Tells the time.
        by_probe: Whether a probe found it.
    """
    now = clock.now()
    row = _row(now)
    if network_partition.found(found, clock, by_probe=by_probe):
        log.warning("connection.cut_off message=%s", found.message)
        Connection.objects.filter(pk=1).exclude(state=ConnectionState.OK).update(probe_at=now)  # another one's turn
        return
    state = found.state
    if state == ConnectionState.THROTTLED and row.state != ConnectionState.OK:
        # A pause does not replace a worse trouble.
        state = ConnectionState(row.state)
    ours = Connection.objects.filter(pk=1, state=row.state)
    if row.state == state:
        if by_probe or found.wait is not None:
            ours.update(probe_at=now + probe_wait(found, row.probes), probes=row.probes + 1)
        if found.state == state:
            ours.update(message=found.message)  # the latest cause of the same trouble
        return
    with transaction.atomic():
        first = {"since": now, "message": found.message, "probe_at": now + probe_wait(found, 0), "probes": 1}
        if ours.update(state=state, **first) and state not in QUIET:
            once = "an admin has fixed this in Settings" if state in FOR_AN_ADMIN else "it is back"
            go_on = f"You can keep working; everything is sent once {once}."
            text = f"The connection to Pipedrive is lost. {found.message} {go_on}"
            notifications.tell(NotificationKind.CONNECTION_LOST, text, now=now)
            domain_events.tell(What.CONNECTION_LOST, state=str(state), message=found.message)


def well(clock: Clock) -> None:
    """Store that the connection works, and notify everyone if it did not before."""
    network_partition.over()
    now = clock.now()
    row = _row(now)
    was = Connection.objects.filter(pk=1, state=row.state).exclude(state=ConnectionState.OK)
    with transaction.atomic():
        if was.update(state=ConnectionState.OK, since=now, message="", probe_at=None, probes=0):
            if row.state not in QUIET:
                notifications.tell(NotificationKind.CONNECTION_BACK, "The connection to Pipedrive is back.", now=now)
                domain_events.tell(What.CONNECTION_BACK, state=str(ConnectionState.OK), message="")
            wakeups.after_commit()


def settled(clock: Clock) -> None:
    """Store that the connection works if only an admin could end the trouble: a valid token was entered just now."""
    if Connection.objects.filter(pk=1, state__in=FOR_AN_ADMIN).exists():
        well(clock)


def probe_now() -> None:
    """Make the next probe due now: after a restart, with a new token, or when a person retries."""
    Connection.objects.filter(pk=1).exclude(state=ConnectionState.OK).update(probe_at=None, probes=0)


def _row(now: datetime) -> Connection:
    return Connection.objects.get_or_create(pk=1, defaults={"since": now})[0]
