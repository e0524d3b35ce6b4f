"""Waits for what programs do in their own time. It looks less and less often: a look may cost them a whole request."""

from collections.abc import Callable
from threading import Event
from time import monotonic
from typing import Any

import pytest

PATIENCE = 180.0  # seconds, on a machine that is busy with other things
FIRST_PAUSE, LONGEST_PAUSE = 0.02, 0.5  # seconds
GROWTH = 1.3


def found_in_time(found: Callable[[], Any], within: float = PATIENCE, *, longest: float = LONGEST_PAUSE) -> Any:
    """Return what is found as soon as it is; what was found last when the seconds are over.

    Args:
        found: Looks for it.
        within: How many seconds.
        longest: How many seconds a pause has at the most; few where a moment must not be missed.
    """
    poll, end, pause = Event(), monotonic() + within, FIRST_PAUSE
    while not (answer := found()) and monotonic() < end:
        poll.wait(pause)
        pause = min(GROWTH * pause, longest)
    return answer


def until(found: Callable[[], Any], within: float = PATIENCE, *, longest: float = LONGEST_PAUSE) -> Any:
    """Return what is found as soon as it is; see `found_in_time`."""
    return found_in_time(found, within, longest=longest) or pytest.fail(f"it did not come within {within:.0f} s")
