"""Has Pipedrive report changes: makes our webhooks there, finds them again, looks daily whether they are still there.

They are known by their name and address, so after a restart, or with a restored backup, those that are there are used.
More than one of a kind, and those of an earlier address or password of ours, are deleted; others' are left alone.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from warmline.pipedrive import Clock, MissingScope, NotFound, Pipedrive, PipedriveError, Rejected, Webhook
from warmline.sync import reported_changes
from warmline.sync.account_models import ReportIntake
from warmline.sync.leases import Leases
from warmline.sync.reported_changes import NAME, OBJECTS, PATH

log = logging.getLogger(__name__)

DAILY = timedelta(days=1)
SPARING = 5.0  # seconds between two questions to the database whether it is time
SOON = 60.0  # seconds until it is tried again, after Pipedrive could not be asked
LEASE = "report subscriptions"


class ReportSubscriptions:
    """Keeps our webhooks. Shared by the threads of an engine.

    Args:
        clock: On which all machines agree.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._not_before = float("-inf")  # monotonic seconds

    def is_time(self) -> bool:
        """Tell whether the webhooks were not looked at today, or our address has changed."""
        if self._clock.monotonic() < self._not_before:
            return False
        is_wanted = self.is_wanted()
        self._not_before = self._clock.monotonic() + (0.0 if is_wanted else SPARING)
        return is_wanted

    def is_wanted(self) -> bool:
        """Tell the same, without sparing the database."""
        intake, now = ReportIntake.objects.filter(pk=1).first(), self._clock.now()
        if intake is None or not _is_known(intake):
            return bool(reported_changes.address()) or bool(intake and intake.address)
        is_fresh = intake.checked_at is not None and now - DAILY < intake.checked_at <= now
        return bool(intake.address) and not is_fresh

    def look(self, pipedrive: Pipedrive) -> None:
        """See to it that Pipedrive reports to our present address, and to none of our earlier ones (10 tokens and up).

        Raises:
            BusyError: When another worker is at it.
            PipedriveError: When Pipedrive does not respond; it is tried again in a minute.
        """
        address, now = reported_changes.address(), self._clock.now()
        self._not_before = self._clock.monotonic() + SOON
        with Leases(self._clock).hold(LEASE):
            before = ReportIntake.objects.get_or_create(pk=1)[0]
            problem = ""
            try:
                made = _settle(pipedrive, address, _url(before), are_good=_is_of_this_password(before))
            except (MissingScope, Rejected) as error:
                made, problem = False, f"Pipedrive does not let Warmline register its webhooks: {error.message}"
                log.warning("reports.not_registered error=%s", error.message)
            stored = f"{address}#{reported_changes.mark_of_password()}" if address else ""
            values: dict[str, object] = {"address": stored, "checked_at": now, "problem": problem}
            if made:
                values["proven_from"] = None
            if made and before.address and before.gap_since is None:
                values["gap_since"] = before.heard_at or before.checked_at or now  # they were gone since then, at most
            ReportIntake.objects.filter(pk=1).update(**values)
        self._not_before = self._clock.monotonic()


@dataclass(frozen=True)
class Shown:
    """What the settings page shows of reports.

    Attributes:
        is_registered: Whether Pipedrive is asked to report.
        heard_at: When the last report came; None while none did.
        problem: Why Pipedrive cannot report, and empty if it can.
        gap_from: When the last gap began in which reports were lost; None while there was none.
        gap_until: When it was closed; None while it is open.
    """

    is_registered: bool
    heard_at: datetime | None
    problem: str
    gap_from: datetime | None
    gap_until: datetime | None


def shown() -> Shown:
    """Return what the settings page shows of reports."""
    intake = ReportIntake.objects.filter(pk=1).first() or ReportIntake()
    is_open = intake.gap_since is not None
    return Shown(
        bool(intake.address) and not intake.problem,
        intake.heard_at,
        intake.problem,
        intake.gap_since if is_open else intake.last_gap_from,
        None if is_open else intake.last_gap_until,
    )


def remove(pipedrive: Pipedrive) -> bool:
    """Delete our webhooks, because somebody disconnects; return whether that was done."""
    before = ReportIntake.objects.filter(pk=1).first()
    if before is None or not before.address:
        return True
    try:
        _settle(pipedrive, "", _url(before))
    except PipedriveError as error:
        log.warning("reports.not_removed error=%s", error)
        return False
    finally:
        ReportIntake.objects.all().delete()
    return True


def _url(intake: ReportIntake) -> str:
    """Return where Pipedrive was last asked to report; behind it, the mark of the password is stored."""
    return intake.address.partition("#")[0]


def _is_of_this_password(intake: ReportIntake) -> bool:
    """Tell whether the door's password is still the one of then, of which an earlier version stored no mark."""
    return intake.address.partition("#")[2] in {"", reported_changes.mark_of_password()}


def _is_known(intake: ReportIntake) -> bool:
    return _url(intake) == reported_changes.address() and _is_of_this_password(intake)


def _settle(pipedrive: Pipedrive, address: str, before: str, *, are_good: bool = True) -> bool:
    """Make what is missing, and delete what is too much; return whether anything was missing.

    Args:
        pipedrive: The client.
        address: Where Pipedrive is to report; empty for nowhere.
        before: Where it was last asked to.
        are_good: Whether those that it was asked for then would still be let in.
    """
    ours = [one for one in pipedrive.webhooks() if _is_ours(one, {address, before} - {""})]
    missing = False
    for kind in OBJECTS if address else ():
        good = [
            one
            for one in ours
            if are_good and (one.url, one.object, one.action) == (address, kind, "*") and one.is_active
        ]
        if good:
            ours.remove(good[0])
        else:
            missing = True
            password = reported_changes.password()
            pipedrive.create_webhook(url=address, object=kind, name=NAME, user=reported_changes.USER, password=password)
    for one in ours:
        _delete(pipedrive, one)
    return missing


def _is_ours(one: Webhook, addresses: set[str]) -> bool:
    return one.name == NAME and one.url.endswith(PATH) and one.url in addresses


def _delete(pipedrive: Pipedrive, one: Webhook) -> None:
    try:
        pipedrive.delete_webhook(one.id)
    except NotFound:
        log.info("reports.gone_already webhook=%s", one.id)
