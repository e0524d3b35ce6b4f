"""Pipedrive's plans: how many calls an API token may make, and how many tokens a day each seat adds.

The figures are the ones that Pipedrive publishes (docs/pipedrive.md). Searches have the same window on every plan.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Window:
    """At most `calls` calls within any `seconds` seconds."""

    calls: int
    seconds: float


@dataclass(frozen=True)
class Plan:
    """What a plan allows.

    Attributes:
        windows: The windows of one API token, or of one OAuth token.
        tokens: Tokens a day for each seat, shared by everything that the company runs.
    """

    windows: tuple[Window, ...]
    tokens: int


def _plans(factors: dict[str, tuple[int, int]]) -> dict[str, Plan]:
    plans = {}
    for name, (calls, factor) in factors.items():
        plans[name] = Plan((Window(calls, 2.0),), 30_000 * factor)
        plans[f"{name}-oauth"] = Plan((Window(4 * calls, 2.0),), 30_000 * factor)
    return plans


PLANS = _plans({"lite": (20, 1), "growth": (40, 2), "premium": (100, 5), "ultimate": (120, 7)})

# Used when no plan was chosen: the smallest plan allows 20 calls in 2 s, and Warmline's own limit is 100
# in 10 s. Keeping both is safe on every plan.
UNKNOWN = Plan((Window(20, 2.0), Window(100, 10.0)), PLANS["lite"].tokens)
SEARCH = Window(10, 2.0)
