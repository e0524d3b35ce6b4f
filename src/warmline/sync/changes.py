"""What to do about a linked record after an edit here: a merge of two sides against what they last agreed on. Pure.

Only what was changed here is sent. What was changed on both sides keeps Pipedrive's value, because someone typed it
there; ours is replaced by it, and the user is told both.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Merge:
    """What follows.

    Attributes:
        send: Our values that Pipedrive gets.
        keep: Pipedrive's values that ours give way to.
    """

    send: dict[str, Any] = field(default_factory=dict)
    keep: dict[str, Any] = field(default_factory=dict)


def merge(ours: Values, theirs: Values, agreed: Mapping[str, Values]) -> Merge:
    """Compare both sides with what they were when they were last brought in line.

    Args:
        ours: Our values, by field.
        theirs: Pipedrive's values of the same fields, in the same words.
        agreed: The two sides as they were then, as `{"ours": {...}, "theirs": {...}}`. They may differ: an adopted
            record keeps its values. A field that is missing there is taken for unchanged in Pipedrive.

    Returns:
        What to send and what to keep; a field that is equal on both sides by now needs neither.
    """
    ours_then, theirs_then = agreed.get("ours", {}), agreed.get("theirs", {})
    result = Merge()
    for name, value in ours.items():
        changed_here = name not in ours_then or value != ours_then[name]
        if not changed_here or value == theirs.get(name):
            continue
        changed_there = name in theirs_then and theirs.get(name) != theirs_then[name]
        (result.keep if changed_there else result.send)[name] = theirs.get(name) if changed_there else value
    return result


def grant(agreed: Mapping[str, Values], theirs: Values, said: Values) -> dict[str, Values]:
    """Return an agreement in which what we said ourselves, and Pipedrive holds, is no change of Pipedrive's.

    Args:
        agreed: As in `merge`.
        theirs: As in `merge`.
        said: What an update of ours said of which nobody knew whether it was done.
    """
    done = {name: value for name, value in said.items() if theirs.get(name) == value}
    return {side: {**agreed.get(side, {}), **done} for side in ("ours", "theirs")}
