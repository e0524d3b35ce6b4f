"""The clock of this machine, and dates in headers."""

from datetime import UTC, datetime, timedelta

import pytest

from warmline.pipedrive import SystemClock
from warmline.pipedrive.clock import http_date


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("Thu, 01 Jan 2026 12:00:30 GMT", datetime(2026, 1, 1, 12, 0, 30, tzinfo=UTC)),
        ("Thu, 01 Jan 2026 12:00:30 +0200", datetime(2026, 1, 1, 10, 0, 30, tzinfo=UTC)),
        ("Thu, 01 Jan 2026 12:00:30 -0000", datetime(2026, 1, 1, 12, 0, 30, tzinfo=UTC)),
        ("", None),
        ("7", None),
        ("yesterday", None),
        ("Thu, 41 Jan 2026 12:00:30 GMT", None),
        ("Fri, 31 Dec 9999 23:59:59 -1200", None),  # later than there are years
    ],
)
def test_a_header_date_is_read_in_utc(text: str, moment: datetime | None) -> None:
    """Whatever is no date is None, never an exception."""
    assert http_date(text) == moment


def test_the_system_clock_tells_utc_and_waits() -> None:
    """The time is aware, and a sleep takes at least as long as asked."""
    clock = SystemClock()
    assert clock.now().utcoffset() == timedelta(0)
    before = clock.monotonic()
    clock.sleep(0.001)
    assert clock.monotonic() - before >= 0.001
