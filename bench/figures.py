"""What a bench finds: figures, each beside its bound or rival of the same run, and whether what is promised holds.

Also the little arithmetic that figures need. Nothing here measures, and nothing prints.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

DRAWS = 20_000


@dataclass(frozen=True)
class Promise:
    """A limit that a figure must keep.

    Attributes:
        text: As a person would say it.
        limit: In the figure's unit.
        at_least: Whether more is better.
    """

    text: str
    limit: float
    at_least: bool = False

    def holds(self, value: float) -> bool:
        """Tell whether a figure keeps it."""
        return value >= self.limit if self.at_least else value <= self.limit


@dataclass(frozen=True)
class Figure:
    """One line of the table.

    Attributes:
        what: What was measured.
        value: In `unit`.
        unit: ms, s, tokens, MB, % or calls.
        beside: The bound or the rival, measured or counted in the same run; None for none.
        beside_what: What that is.
        promise: What must hold; None for a figure that is only told.
        detail: Further numbers, for the end of the line.
    """

    what: str
    value: float
    unit: str
    beside: float | None = None
    beside_what: str = ""
    promise: Promise | None = None
    detail: str = ""

    @property
    def ratio(self) -> float | None:
        """The value over what it stands beside."""
        return self.value / self.beside if self.beside else None

    @property
    def holds(self) -> bool | None:
        """Whether the promise holds; None when nothing is promised."""
        return None if self.promise is None else self.promise.holds(self.value)


@dataclass(frozen=True)
class Result:
    """What a section found.

    Attributes:
        title: Of the section.
        note: How it was measured, in a sentence or two.
        figures: In the order of the table.
    """

    title: str
    note: str
    figures: list[Figure]


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the nearest-rank percentile: the least value that so many percent of all values do not exceed.

    Args:
        values: At least one, in any order.
        percent: Above 0, up to 100.
    """
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1]


def drawn_sums(*parts: Sequence[float]) -> list[float]:
    """Return sums of one value drawn from each part, so that their percentiles are those of the sum.

    The p95 of a sum is less than the sum of the p95s: the parts are rarely slow together.
    """
    chance = random.Random(7)
    return [sum(chance.choice(part) for part in parts) for _ in range(DRAWS)]


def least_seconds(calls: int, windows: Sequence[tuple[int, float]] = ((20, 2.0), (100, 10.0))) -> float:
    """Return the least time from the first to the last of so many calls: each goes as soon as every window lets it.

    Args:
        calls: How many.
        windows: At most so many calls in any so many seconds.
    """
    turns: list[float] = []
    for _ in range(calls):
        free = [turns[-count] + seconds for count, seconds in windows if len(turns) >= count]
        turns.append(max(free, default=0.0))
    return turns[-1] if turns else 0.0
