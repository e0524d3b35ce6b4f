"""The chart of the last 24 hours, as numbers for a template: bars in an <svg>, and a table with the same data.

All lengths are SVG units in attributes, because the Content-Security-Policy allows no inline styles.
"""

from dataclasses import dataclass
from datetime import datetime

from warmline.crm.users import User
from warmline.sync.status.attempts_by_hour import SPANS, Hour, lately, together

WIDTH, HEIGHT = 30, 120  # SVG units: the width of an hour, and the height of the highest bar
NICE = (4, 10, 20, 50)  # a scale ends at one of these, or at one of them times a power of ten


@dataclass(frozen=True)
class Bar:
    """The bars of an hour, stacked from HEIGHT upwards: arrivals, and failed attempts on top.

    Attributes:
        hour: The counts.
        x: The left edge.
        arrived_y, arrived_height, failed_y, failed_height: Top edges and heights of the two bars.
        is_labelled: Whether the time is written below.
        usual, slow: The time in which 50 %, and 95 %, of the rows arrived, in words.
    """

    hour: Hour
    x: int
    arrived_y: int
    arrived_height: int
    failed_y: int
    failed_height: int
    is_labelled: bool
    usual: str
    slow: str


@dataclass(frozen=True)
class Chart:
    """The chart.

    Attributes:
        bars: One for each hour.
        top: The number at the top line.
        arrived, in_vain, usual, slow: The same as in an hour, for all hours together.
    """

    bars: list[Bar]
    top: int
    arrived: int
    in_vain: int
    usual: str
    slow: str

    @property
    def width(self) -> int:
        """The total width of the bars."""
        return WIDTH * len(self.bars)


def last_day(user: User, now: datetime) -> Chart:
    """Return the chart of the last 24 hours for the rows that a user may see.

    Args:
        user: The user who looks.
        now: The current time, aware.
    """
    hours = lately(user, now)
    top = scale(max(hour.arrived + hour.in_vain for hour in hours))
    total = together(hours)
    bars = []
    for number, hour in enumerate(hours):
        arrived, failed = _height(hour.arrived, top), _height(hour.in_vain, top)
        bars.append(
            Bar(
                hour=hour,
                x=number * WIDTH,
                arrived_y=HEIGHT - arrived,
                arrived_height=arrived,
                failed_y=HEIGHT - arrived - failed,
                failed_height=failed,
                is_labelled=hour.begins.hour % 4 == 0,
                usual=span_in_words(hour, 50),
                slow=span_in_words(hour, 95),
            )
        )
    return Chart(bars, top, total.arrived, total.in_vain, span_in_words(total, 50), span_in_words(total, 95))


def scale(most: int) -> int:
    """Return the end of a scale that fits a number; half of it is a whole number, too."""
    step = 1
    while True:
        for nice in NICE:
            if nice * step >= most:
                return nice * step
        step *= 10


def span_in_words(hour: Hour, percent: int) -> str:
    """Return the time in which a share of the rows arrived, in words; empty if none arrived.

    Args:
        hour: The counts.
        percent: The share, from 1 to 100.
    """
    span = hour.span(percent)
    if span is None:
        return f"> {_seconds(SPANS[-1])}" if hour.arrived else ""
    return _seconds(span)


def _seconds(span: int) -> str:
    for unit, name in ((3600, "h"), (60, "min")):
        if span >= unit:
            return f"{span // unit} {name}"
    return f"{span} s"


def _height(number: int, top: int) -> int:
    """Return the height of a bar; if there is anything to show, it is at least 2."""
    return max(2, number * HEIGHT // top) if number else 0
