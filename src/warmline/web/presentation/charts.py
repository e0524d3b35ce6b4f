"""The chart of the last 24 hours, as numbers that a template draws: bars in an <svg>, and a table of the same.

All lengths are whole units of the drawing, because the Content-Security-Policy allows no style in a page.
"""

from dataclasses import dataclass
from datetime import datetime

from warmline.crm.users import User
from warmline.sync.status.last_day import SPANS, Hour, lately, together

WIDTH, HEIGHT = 30, 120  # of an hour's place, and of the highest bar
NICE = (4, 10, 20, 50)  # a scale ends at one of these, or a tenfold of it


@dataclass(frozen=True)
class Bar:
    """An hour's bars, from the ground at HEIGHT up: what arrived, and on top of it what was in vain.

    Attributes:
        hour: What is counted.
        x: Where the hour's place begins.
        arrived_y, arrived_height, vain_y, vain_height: The bars.
        is_labelled: Whether its time stands below.
        usual, slow: Within how long half, and 95 of a hundred, arrived.
    """

    hour: Hour
    x: int
    arrived_y: int
    arrived_height: int
    vain_y: int
    vain_height: int
    is_labelled: bool
    usual: str
    slow: str


@dataclass(frozen=True)
class Chart:
    """The chart.

    Attributes:
        bars: The hours.
        top: What the highest line stands for.
        arrived, in_vain, usual, slow: The same for all hours together.
    """

    bars: list[Bar]
    top: int
    arrived: int
    in_vain: int
    usual: str
    slow: str

    @property
    def width(self) -> int:
        """How wide the bars are together."""
        return WIDTH * len(self.bars)


def last_day(user: User, now: datetime) -> Chart:
    """Return the chart of what a user may see.

    Args:
        user: Who looks.
        now: The present moment, aware.
    """
    hours = lately(user, now)
    top = scale(max(hour.arrived + hour.in_vain for hour in hours))
    total = together(hours)
    bars = []
    for number, hour in enumerate(hours):
        arrived, vain = _height(hour.arrived, top), _height(hour.in_vain, top)
        bars.append(
            Bar(
                hour=hour,
                x=number * WIDTH,
                arrived_y=HEIGHT - arrived,
                arrived_height=arrived,
                vain_y=HEIGHT - arrived - vain,
                vain_height=vain,
                is_labelled=hour.begins.hour % 4 == 0,
                usual=span_in_words(hour, 50),
                slow=span_in_words(hour, 95),
            )
        )
    return Chart(bars, top, total.arrived, total.in_vain, span_in_words(total, 50), span_in_words(total, 95))


def scale(most: int) -> int:
    """Return where a scale ends that holds a number, and can be halved."""
    step = 1
    while True:
        for nice in NICE:
            if nice * step >= most:
                return nice * step
        step *= 10


def span_in_words(hour: Hour, percent: int) -> str:
    """Return within how long so many arrived, in words; empty when nothing did.

    Args:
        hour: What is counted.
        percent: How many of a hundred.
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
    """Return how high a bar is; what is there at all can be seen."""
    return max(2, number * HEIGHT // top) if number else 0
