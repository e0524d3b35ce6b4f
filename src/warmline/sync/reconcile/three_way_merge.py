"""What to do about a linked record after an edit here: a merge of two sides against what they last agreed on. Pure.

Only what was changed here is sent. What was changed on both sides keeps Pipedrive's value, because someone typed it
there; ours is replaced by it, and the user is told both. A change there is one of meaning, and not of form (see
sync/normal_forms.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from warmline.sync import normal_forms

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


def merge(ours: Values, theirs: Values, agreed: Mapping[str, Values], words: Values | None = None) -> Merge:
    """Compare both sides with what they were when they were last brought in line.

    Args:
        ours: Our values, by field.
        theirs: Pipedrive's values of the same fields.
        agreed: The two sides as they were then, as `{"ours": {...}, "theirs": {...}}`. They may differ: an adopted
            record keeps its values. An earlier version of Warmline may have stored them, and not have known every
            field of today's. One that is missing of ours is unknown, and never a change: it is neither sent nor told,
            and what both sides hold now is what they agree on. (A person's change after an upgrade is known all the
            same: what was there before it is noted first, see `snapshots.complete`.) One that is missing of theirs is
            taken for unchanged in Pipedrive. Where nothing of ours was ever agreed on, all of it is a change.
        words: Our values in Pipedrive's words; None where they are the same.

    Returns:
        What to send and what to keep; a field that is equal on both sides by now needs neither.
    """
    ours_then, theirs_then = agreed.get("ours", {}), agreed.get("theirs", {})
    words = ours if words is None else words
    result = Merge()
    for name, value in ours.items():
        there = theirs.get(name)
        if not is_changed(name, value, ours_then) or words[name] == there:
            continue
        if name not in theirs_then or _alike(name, there, theirs_then[name]):
            result.send[name] = value
        elif not _alike(name, there, words[name]):
            result.keep[name] = there
    return result


def is_changed(name: str, value: Any, then: Values) -> bool:
    """Tell whether one of our values is known to be another one than when the two sides last agreed.

    Args:
        name: The field.
        value: Ours, now.
        then: Ours of then, by field; empty when nothing was ever agreed on. A field that is missing is unknown.
    """
    if not then:
        return True
    return name in then and bool(normal_forms.ours(name, value) != normal_forms.ours(name, then[name]))


def grant(agreed: Mapping[str, Values], theirs: Values, said: Values, words: Values | None = None) -> dict[str, Values]:
    """Return an agreement in which what we said ourselves, and Pipedrive holds, is no change of Pipedrive's.

    Args:
        agreed: As in `merge`.
        theirs: As in `merge`, read when what was said could not come to be any more.
        said: What an update of ours said of which nobody knew whether it was done.
        words: The same in Pipedrive's words, where they are others.
    """
    there = {**said, **(words or {})}
    done = [name for name in said if _alike(name, theirs.get(name), there[name])]
    return {
        "ours": {**agreed.get("ours", {}), **{name: said[name] for name in done}},
        "theirs": {**agreed.get("theirs", {}), **{name: theirs.get(name) for name in done}},
    }


def _alike(name: str, one: Any, other: Any) -> bool:
    return bool(normal_forms.theirs(name, one) == normal_forms.theirs(name, other))
