"""How many tokens an audit may spend: a share of the day's, and only of those that are left over. Pure."""

from dataclasses import dataclass
from math import ceil

from warmline.pipedrive import MOST_IDS, Usage

SHARE = 0.1  # of the day's tokens, in one night
LEFT_OVER = 0.75  # of the day's tokens: beyond that, what is left is batch work's and people's
PAGE, GET = 10, 1  # tokens
RECORDS = 500  # on a page
CYCLE = 25  # days in which each link is looked at once; nights that are left out are within the thirty days


def of_a_night(daily_tokens: int | None) -> int | None:
    """Return how many tokens an audit may spend until it pauses for the next night; None for any number."""
    return None if daily_tokens is None else max(PAGE, int(SHARE * daily_tokens))


def is_left_over(usage: Usage, price: int) -> bool:
    """Tell whether a call may be made now, so that enough is left for everything else."""
    return usage.daily_tokens is None or usage.tokens + price <= LEFT_OVER * usage.daily_tokens


@dataclass(frozen=True)
class Reading:
    """What an audit may read of a kind.

    Attributes:
        listed: How many records its list had the last time; None if that is not known.
        linked: How many of our rows are linked.
        days: How many days ago the audit before began.
    """

    listed: int | None
    linked: int
    days: float

    def reads_everything(self, night: int | None) -> bool:
        """Tell whether the whole list is read: if it costs no more than a third of a night, or nothing is known of it.

        Args:
            night: The tokens of a night; None for any number.
        """
        if night is None or self.listed is None:
            return True
        return PAGE * ceil(self.listed / RECORDS) <= night / 3

    @property
    def slice(self) -> int:
        """How many links are looked at by their ids, so that each one's turn comes in time."""
        return ceil(self.linked * min(1.0, max(1.0, self.days) / CYCLE))

    @property
    def slice_price(self) -> int:
        """What that costs."""
        return PAGE * ceil(self.slice / MOST_IDS)
