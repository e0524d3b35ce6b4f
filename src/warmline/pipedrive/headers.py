"""What the headers of an answer say of limits and waits.

Little of it is documented, and proxies write headers, too: whatever cannot be read is as good as absent, and no header
can make us wait longer than an hour.
"""

import math
from collections.abc import Mapping
from datetime import datetime

from warmline.pipedrive.clock import http_date

LONGEST_PAUSE = 3600.0
DEFAULT_PAUSE = 2.0


def wait_seconds(headers: Mapping[str, str], now: datetime) -> float:
    """Say how long to wait after a 429, whose `Retry-After` Pipedrive does not document.

    Args:
        headers: The answer's headers, in lower case or case-insensitive.
        now: The present, aware; the answer's own `Date` goes before it, because this machine's clock may be wrong.

    Returns:
        Seconds: by `Retry-After` (seconds or a date), else by `x-ratelimit-reset`, else 2; an hour at most.
    """
    wait = header_number(headers, "retry-after")
    if wait is None and (moment := http_date(headers.get("retry-after", ""))) is not None:
        wait = (moment - (http_date(headers.get("date", "")) or now)).total_seconds()
    if wait is None or wait <= 0:
        wait = reset_seconds(headers) or DEFAULT_PAUSE
    return min(wait, LONGEST_PAUSE)


def reset_seconds(headers: Mapping[str, str]) -> float | None:
    """Read `x-ratelimit-reset`.

    Its unit is not documented; it has been seen as seconds. A number too big for that (a Unix time, say) is
    no duration, and heeding it would stop everything for an hour.

    Args:
        headers: The answer's headers, in lower case or case-insensitive.

    Returns:
        Seconds until the window is free again, or None when the header doesn't say.
    """
    reset = header_number(headers, "x-ratelimit-reset")
    return reset if reset is not None and reset <= LONGEST_PAUSE else None


def header_number(headers: Mapping[str, str], name: str) -> float | None:
    """Read a header that is a number.

    Args:
        headers: The answer's headers, in lower case or case-insensitive.
        name: The header's name, in lower case.

    Returns:
        The number; None when there is none that is finite and not negative.
    """
    try:
        number = float(headers.get(name, ""))
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None
