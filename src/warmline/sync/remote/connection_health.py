"""How the connection to Pipedrive is: one state for everyone, told once when trouble begins and once when it ends.

While it is not `ok` nothing is called but a rare probe, and no row is blamed. The state is a row, so that every
process keeps the same silence and the pages can show it. A probe tells as well whose the token is, so that no engine
works for another company than that of the links.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

from django.db import transaction

from warmline import storage
from warmline.pipedrive import Clock, Pipedrive, PipedriveError
from warmline.sync import credentials, engine_health, happenings, notifications, wakeups
from warmline.sync.company import Membership
from warmline.sync.engine_health import EngineState
from warmline.sync.failures import PROBING, Trouble, longest_probe_wait, probe_wait, trouble
from warmline.sync.happenings import What
from warmline.sync.models import Connection, ConnectionState, NotificationKind
from warmline.sync.remote import company_switch

log = logging.getLogger(__name__)

UNCONNECTED = "No Pipedrive API token is set. Contacts and activities wait here until there is one."
WELL = "Pipedrive is responding."
UNUSED = "Nothing has been sent to Pipedrive yet."
UNTRIED = "This API token has not been tried yet."
INVALID = "PIPEDRIVE_API_TOKEN is not an API token: it contains a character that tokens never have, such as a space."
UNCALLABLE = "PIPEDRIVE_BASE_URL is not a usable address. Set it to scheme, host and port, and nothing else."
UNREADABLE = (
    "The stored API token can no longer be read, because this installation's secret key has changed. Enter it again."
)
Disk = Literal[storage.Matter.DISK_FULL, storage.Matter.DISK_ERROR]
DISK: tuple[Disk, ...] = get_args(Disk)  # known per process and never stored, because storing is what fails
QUIET = {ConnectionState.OK, ConnectionState.THROTTLED, ConnectionState.NO_TOKEN}  # neither begin nor end is told
# What only an admin can settle, and nothing does by itself.
FOR_AN_ADMIN = {ConnectionState.INVALID_TOKEN, ConnectionState.UNAUTHORIZED, ConnectionState.ANOTHER_COMPANY}
# Tokens for a lead for which the account has to be asked anew. With fewer, the end of a trouble would be the next one's
# beginning.
ENOUGH = 100


@dataclass(frozen=True)
class Status:
    """How the connection is, since when, and in plain words."""

    state: ConnectionState | EngineState | Disk
    since: datetime | None
    message: str


def status() -> Status:
    """Return how the connection is; while the disk cannot be written, or the engine stands still, that."""
    return _at_a_halt() or _last_heard()


def _at_a_halt() -> Status | None:
    """Return what keeps all work from going on here, whatever Pipedrive says; None when nothing does."""
    matter = storage.present()
    if matter in DISK:
        return Status(matter, None, storage.WORDS[matter])
    stopped = engine_health.since()
    return None if stopped is None else Status(EngineState.STOPPED, stopped, engine_health.MESSAGE)


def _last_heard() -> Status:
    row = Connection.objects.filter(pk=1).first()
    since = row.since if row else None
    missing = without_token()
    if missing is not None:
        is_told = row is not None and row.state == missing.state
        return Status(
            missing.state, since if is_told or missing.state == ConnectionState.NO_TOKEN else None, missing.message
        )
    if row is None:
        return Status(ConnectionState.OK, None, UNUSED)
    if row.state == ConnectionState.INVALID_TOKEN:
        return Status(ConnectionState.OK, None, UNTRIED)
    if row.state in {ConnectionState.OK, ConnectionState.NO_TOKEN}:
        return Status(ConnectionState.OK, since, WELL)
    return Status(ConnectionState(row.state), since, row.message)


def without_token() -> Trouble | None:
    """Return why there is no API token to work with; None when there is one that can be tried."""
    if credentials.token():
        return None
    if credentials.is_from_environment():
        return Trouble(ConnectionState.INVALID_TOKEN, INVALID)
    if credentials.is_unreadable():
        return Trouble(ConnectionState.INVALID_TOKEN, UNREADABLE)
    return Trouble(ConnectionState.NO_TOKEN, UNCONNECTED)


def is_well() -> bool:
    """Tell whether nothing was the matter when last heard of; probes nothing."""
    return storage.present() is None and Connection.is_well()


def is_open(pipedrive: Pipedrive, clock: Clock, membership: Membership) -> bool:
    """Tell whether calls may be made, after a probe if one is due.

    Args:
        pipedrive: Whom to probe.
        clock: Tells whether one is due.
        membership: The engine's. A new one's first probe is due at once.
    """
    row = _row(clock.now())
    is_well, is_confirmed = row.state == ConnectionState.OK, membership.is_confirmed()
    if is_well and is_confirmed:
        return True
    if is_well and membership.is_refused():
        return False  # another server is well, with a token of the right company
    with membership.asking() as is_ours:
        if not is_ours or not (is_well or membership.is_new or _wins_probe(row, clock.now())):
            return False
        found = _found(pipedrive, membership, row, clock)
    if found is None:
        well(clock)
        wakeups.now()  # who was told meanwhile that it is not open yet
        return True
    if membership.is_in_use():
        if found.state != row.state:
            log.warning("connection.%s message=%s", found.state, found.message)
        report(found, clock, by_probe=True)
    return False


def _wins_probe(row: Connection, now: datetime) -> bool:
    if row.probe_at is not None and now < row.probe_at <= now + longest_probe_wait(ConnectionState(row.state)):
        return False
    # One worker wins the right to probe; the others find the next probe a minute away until it has reported.
    ours = Connection.objects.filter(pk=1, state=row.state, probe_at=row.probe_at)
    return bool(ours.update(probe_at=now + PROBING))


def _found(pipedrive: Pipedrive, membership: Membership, row: Connection, clock: Clock) -> Trouble | None:
    """Return what is still the matter; None when it is over."""
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
    """Ask Pipedrive who we are (2 tokens), and look whether that is the company to which the links belong.

    Args:
        pipedrive: Who is asked.
        membership: The engine's, which is confirmed or refused by the answer.
        clock: Tells when.
        can_pay: Whether to see first if what our dearest call costs (20 tokens) can be paid: who we are may be answered
            still when nothing else is.

    Returns:
        What is the matter, or None when it answers well.
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
    """Return what is the matter when no client can be made of the settings, although there is a token.

    Args:
        error: What making it raised.
    """
    text = f"Warmline cannot use {error.filename}: {error.strerror}." if isinstance(error, OSError) else UNCALLABLE
    return Trouble(ConnectionState.DOWN, text)


def refusal(error: PipedriveError) -> Trouble:
    """Return what is the matter when a probe fails.

    Args:
        error: What it raised.
    """
    return trouble(error, probed=error) or Trouble(ConnectionState.DOWN, f"Pipedrive refuses calls: {error.message}")


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
        if found.state == state:
            ours.update(message=found.message)  # of the same trouble, the latest cause
        return
    with transaction.atomic():
        first = {"since": now, "message": found.message, "probe_at": now + probe_wait(found, 0), "probes": 1}
        if ours.update(state=state, **first) and state not in QUIET:
            once = "an admin has fixed this in Settings" if state in FOR_AN_ADMIN else "it is back"
            go_on = f"You can keep working; everything is sent once {once}."
            text = f"The connection to Pipedrive is lost. {found.message} {go_on}"
            notifications.tell(NotificationKind.CONNECTION_LOST, text, now=now)
            happenings.tell(What.CONNECTION_LOST, state=str(state), message=found.message)


def well(clock: Clock) -> None:
    """Write down that Pipedrive answers, and tell everyone if it did not before."""
    now = clock.now()
    row = _row(now)
    was = Connection.objects.filter(pk=1, state=row.state).exclude(state=ConnectionState.OK)
    with transaction.atomic():
        if was.update(state=ConnectionState.OK, since=now, message="", probe_at=None, probes=0):
            if row.state not in QUIET:
                notifications.tell(NotificationKind.CONNECTION_BACK, "The connection to Pipedrive is back.", now=now)
                happenings.tell(What.CONNECTION_BACK, state=str(ConnectionState.OK), message="")
            wakeups.after_commit()


def settled(clock: Clock) -> None:
    """Write down that what only an admin can settle is settled: a token was tried just now, and is good."""
    if Connection.objects.filter(pk=1, state__in=FOR_AN_ADMIN).exists():
        well(clock)


def probe_now() -> None:
    """Make the next probe due: at a restart, with a new token, or when a person tries again by hand."""
    Connection.objects.filter(pk=1).exclude(state=ConnectionState.OK).update(probe_at=None, probes=0)


def _row(now: datetime) -> Connection:
    return Connection.objects.get_or_create(pk=1, defaults={"since": now})[0]
