"""`warmline audit`: makes an audit, or watches the one that a server is making, and prints what it found."""

import time
from collections.abc import Callable
from datetime import timedelta
from zoneinfo import ZoneInfo

from django.conf import settings

from warmline import database_time
from warmline.sync import credentials
from warmline.sync.audit import worker
from warmline.sync.audit_models import Audit, AuditState, Finding, Problem
from warmline.sync.remote import connection_health
from warmline.sync.status import audit_choices
from warmline.sync.status.audit_findings import described
from warmline.sync.status.audit_result import AuditResult, in_one_line, latest

CLEAN, PROBLEMS, NOT_FINISHED = 0, 1, 3  # exit statuses
LOOK = 1.0  # seconds between two looks at an audit that waits, or that another process makes
PATIENCE = 60.0  # seconds: longer pauses are not waited for
SHOWN = 50  # problems


class NotConnectedError(Exception):
    """No audit can be made; the message says what to do."""


def run(*, repair: bool, say: Callable[[str], None]) -> int:
    """Make an audit, print its result, and return the exit status.

    Args:
        repair: Whether to repair what needs no person's decision.
        say: Prints a line.

    Raises:
        NotConnectedError: There is no token.
    """
    if not credentials.token():
        raise NotConnectedError("Pipedrive is not connected. Enter an API token on the Settings page.")
    audit_choices.begin()
    if not _finish():
        last = Audit.objects.order_by("-pk").first()
        say(f"not finished: {last.message if last and last.message else 'Another process is still at it.'}")
        return NOT_FINISHED
    if repair and (number := audit_choices.repair_what_needs_nobody()):
        worker.tend(lambda: True)
        say(f"{number:,} mended. A running server sends what that changes within seconds.")
    result = latest()
    if result is None or result.checked_at is None:  # somebody has started over with another company meanwhile
        say("not finished: Warmline has started over with another company.")
        return NOT_FINISHED
    for line in _lines(result):
        say(line)
    return CLEAN if result.is_clean else PROBLEMS


def _finish() -> bool:
    """Go on with the open audit until it is done; return whether it is, and False if it pauses for long."""
    waited = 0.0
    while waited <= PATIENCE:
        try:
            worker.tend(lambda: False)
        except (ValueError, OSError) as error:
            raise NotConnectedError(connection_health.misconfigured(error).message) from None
        last = Audit.objects.order_by("-pk").first()
        if last is None or not last.is_open:
            return last is not None
        if last.state == AuditState.PAUSED:
            waited += LOOK
            is_long = last.go_on_at is not None and last.go_on_at > database_time.now() + timedelta(seconds=PATIENCE)
            if is_long or not connection_health.is_well():
                break
        time.sleep(LOOK)
    return False


def _lines(result: AuditResult) -> list[str]:
    """Return the result in one line, and each problem in one below it."""
    moment = (result.checked_at or result.started_at).astimezone(ZoneInfo(settings.DEFAULT_TIME_ZONE))
    found = list(Finding.objects.order_by("problem", "pk")[: SHOWN + 1])
    lines = [in_one_line(result, f"{moment:%H:%M}")]
    lines += [f"{Problem(item.problem.problem).label:12} {item.name}: {item.text}" for item in described(found[:SHOWN])]
    if len(found) > SHOWN:
        lines.append(f"and {sum(result.problems.values()) - SHOWN:,} more, on the Sync page")
    return lines
