"""When a delivery is tried again, and when it is given up. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

FIRST, LONGEST = timedelta(seconds=5), timedelta(hours=1)
GIVEN_UP_AFTER = timedelta(days=1)
OFF_AFTER = timedelta(days=3)  # of nothing but failures
LONGEST_PAUSE = timedelta(minutes=5)
GONE = 410  # the receiver's own word that nobody listens there any more


@dataclass(frozen=True)
class Next:
    """What follows a failed attempt.

    Attributes:
        at: When it is tried again; None when it is given up.
    """

    at: datetime | None


def after_failure(attempts: int, wanted_at: datetime, now: datetime, jitter: float) -> Next:
    """Decide what follows.

    Args:
        attempts: How many have failed by now, this one included.
        wanted_at: Since when it is to be told.
        now: The moment.
        jitter: 0 to 1, at random; it adds up to a tenth, so that not all come back at once.
    """
    wait = min(FIRST * 2 ** min(attempts - 1, 20), LONGEST) * (1 + jitter / 10)
    # The last attempt comes at the end of the day, however long the wait before it would be.
    end = wanted_at + GIVEN_UP_AFTER
    if now >= end:
        return Next(None)
    return Next(min(now + wait, end))


def pause(failures: int) -> timedelta:
    """Return for how long nothing is sent to a receiver that did not answer.

    Args:
        failures: How often in a row it did not.
    """
    return min(timedelta(seconds=1 << min(failures - 1, 20)), LONGEST_PAUSE)


def is_to_be_switched_off(status: int | None, failing_since: datetime | None, now: datetime) -> bool:
    """Tell whether an endpoint is switched off after a failure.

    Args:
        status: What it answered; None for nothing.
        failing_since: Since when it has failed each time.
        now: The moment.
    """
    return status == GONE or (failing_since is not None and now - failing_since >= OFF_AFTER)
