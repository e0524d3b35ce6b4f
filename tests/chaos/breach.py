"""What a broken invariant is called."""

from dataclasses import dataclass

KINDS = ("duplicate", "loss", "false state", "stranger", "late", "notice", "audit")


@dataclass(frozen=True)
class Breach:
    """A broken invariant.

    Attributes:
        kind: One of KINDS.
        text: What was found.
    """

    kind: str
    text: str
