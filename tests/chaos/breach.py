"""What a broken invariant is called."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Breach:
    """A broken invariant.

    Attributes:
        kind: "duplicate", "loss" or "false state".
        text: What was found.
    """

    kind: str
    text: str
