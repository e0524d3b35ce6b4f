"""How long the connection is left alone while it is in trouble, before one call probes whether it is well again."""

from datetime import timedelta

from warmline.sync.models import ConnectionState
from warmline.sync.retries import Trouble

PROBING = timedelta(minutes=1)  # after which the worker that probes is assumed to have died
PROBE_WAITS = {  # seconds: the first wait and the longest; each is twice the one before
    ConnectionState.DOWN: (1, 30),
    ConnectionState.INVALID_TOKEN: (60, 60),
    ConnectionState.UNAUTHORIZED: (5, 60),
    ConnectionState.ANOTHER_COMPANY: (60, 600),
    ConnectionState.BLOCKED: (60, 1800),
    ConnectionState.BUDGET_SPENT: (300, 300),
    ConnectionState.THROTTLED: (2, 60),  # if Pipedrive does not say how long; the limiter knows of longer pauses
}


def probe_wait(trouble: Trouble, probes: int) -> timedelta:
    """Return the wait before the next probe.

    Args:
        trouble: What is wrong with the connection.
        probes: How many probes were made since it began.
    """
    first, longest = PROBE_WAITS[trouble.state]
    if trouble.wait is not None:
        return min(trouble.wait, timedelta(seconds=longest))
    return timedelta(seconds=min(first * 2 ** min(probes, 20), longest))


def longest_probe_wait(state: ConnectionState) -> timedelta:
    """Return the longest wait before a probe, or before another worker may probe instead of one that died.

    Args:
        state: The connection's state.
    """
    _, longest = PROBE_WAITS.get(state, (0, 3600))
    return max(timedelta(seconds=longest), PROBING)
