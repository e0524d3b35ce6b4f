"""Planned activities as a calendar file (iCalendar, RFC 5545). It names no server and needs none."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from warmline.crm.activities import Activity

LONGEST_LINE = 75  # bytes, without the line end
FEED = ("METHOD:PUBLISH", "X-WR-CALNAME:Warmline", "REFRESH-INTERVAL;VALUE=DURATION:PT1H", "X-PUBLISHED-TTL:PT1H")
USUALLY = timedelta(hours=1)  # how long a meeting takes; nobody says


def calendar(activities: Iterable[Activity], now: datetime, *, is_feed: bool = False) -> str:
    """Return a calendar with activities that have a due date.

    Args:
        activities: With their contacts.
        now: The present moment, aware.
        is_feed: Whether a program reads it again and again, and not a person once.
    """
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Warmline//Warmline//EN", *(FEED if is_feed else ())]
    for activity in activities:
        lines += ["BEGIN:VEVENT", *_event(activity, now), "END:VEVENT"]
    return "".join(f"{folded}\r\n" for line in [*lines, "END:VCALENDAR"] for folded in _folded(line))


def _event(activity: Activity, now: datetime) -> Iterator[str]:
    assert activity.due_date is not None  # noqa: S101 (see `calendar`)
    yield f"UID:activity-{activity.pk}@warmline"
    yield f"DTSTAMP:{_moment(now)}"
    if activity.due_time is None:
        yield f"DTSTART;VALUE=DATE:{activity.due_date:%Y%m%d}"
        yield f"DTEND;VALUE=DATE:{activity.due_date + timedelta(days=1):%Y%m%d}"
    else:
        # In UTC, because an hour later on the clocks on the wall may be none or two.
        start = datetime.combine(activity.due_date, activity.due_time, activity.zone).astimezone(UTC)
        yield f"DTSTART:{_moment(start)}"
        yield f"DTEND:{_moment(start + USUALLY)}"
    yield f"SUMMARY:{_text(activity.subject)}"
    who = f"With {activity.contact.name}"
    yield f"DESCRIPTION:{_text(f'{who}{chr(10)}{activity.note}' if activity.note else who)}"


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _text(text: str) -> str:
    for sign in ("\\", ";", ","):
        text = text.replace(sign, f"\\{sign}")
    return text.replace("\r\n", "\n").replace("\n", "\\n")


def _folded(line: str) -> Iterator[str]:
    """Yield a line in pieces that are short enough, no character cut in two; each but the first begins with a space."""
    piece = ""
    for sign in line:
        if len((piece + sign).encode()) > LONGEST_LINE:
            yield piece
            piece = " "
        piece += sign
    yield piece
