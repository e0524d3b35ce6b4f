"""What a response's headers say about limits and waits.

Little of it is documented, and proxies write headers too. So a header that cannot be read is ignored, and none can make
us wait longer than an hour.
"""

import math
from collections.abc import Mapping
from datetime import datetime

from warmline.pipedrive.clock import http_date

LONGEST_PAUSE = 3600.0
DEFAULT_PAUSE = 2.0
LONGEST_BURST = 60.0  # seconds: who is asked to wait no longer has called too fast


def wait_seconds(headers: Mapping[str, str], now: datetime) -> float:
    """Return how long to wait after a 429. Pipedrive does not document that it sends `Retry-After`.

    Args:
        headers: The response's headers, in lower case or case-insensitive.
        now: The present moment, aware; used only if the response has no `Date`, because this clock may be wrong.

    Returns:
        Seconds: from `Retry-After` (seconds or a date), else from `x-ratelimit-reset`, else 2; an hour at most.
    """
    return min(_retry_after(headers, now) or reset_seconds(headers) or DEFAULT_PAUSE, LONGEST_PAUSE)


def is_of_the_day(headers: Mapping[str, str], now: datetime) -> bool:
    """Tell whether a 429 means that the day's tokens are used up.

    That is so if calls are left in the window, unless Pipedrive asks for a pause after which they would be no more.

    Args:
        headers: As for `wait_seconds`.
        now: Likewise.
    """
    asked = _retry_after(headers, now)
    return bool(header_number(headers, "x-ratelimit-remaining")) and not (asked and asked <= LONGEST_BURST)


def _retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds that `Retry-After` asks for, which is a number or a date; None if it asks for none."""
    wait = header_number(headers, "retry-after")
    if wait is None and (moment := http_date(headers.get("retry-after", ""))) is not None:
        wait = (moment - (http_date(headers.get("date", "")) or now)).total_seconds()
    return wait if wait is not None and wait > 0 else None


def reset_seconds(headers: Mapping[str, str]) -> float | None:
    """Read `x-ratelimit-reset`.

    Its unit is not documented; seconds have been observed. A number too large for that, such as a Unix time, is not a
    duration, and obeying it would stop everything for an hour.

    Args:
        headers: The response's headers, in lower case or case-insensitive.

    Returns:
        Seconds until the window is free again, or None when the header does not say.
    """
    reset = header_number(headers, "x-ratelimit-reset")
    return reset if reset is not None and reset <= LONGEST_PAUSE else None


def header_number(headers: Mapping[str, str], name: str) -> float | None:
    """Read a header that is a number.

    Args:
        headers: The response's headers, in lower case or case-insensitive.
        name: The header's name, in lower case.

    Returns:
        The number; None unless there is one that is finite and not negative.
    """
    try:
        number = float(headers.get(name, ""))
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None
