"""The three-way merge: compares both sides of a linked record with what they last agreed on. Pure.

What was changed only here is sent. What was changed on both sides keeps Pipedrive's value, because somebody typed it
there; ours is replaced, and the user is told both values. A difference in form only is no change there (see
sync/normal_forms.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from warmline.crm.models import Contact
from warmline.sync import normal_forms
from warmline.sync.reconcile import emails_phones_merge
from warmline.sync.synced_fields import FIELDS, first_of, is_detail

Values = Mapping[str, Any]
SEVERAL = {first_of(field.name): field.name for field in FIELDS[Contact] if first_of(field.name)}


@dataclass(frozen=True)
class Merge:
    """The result of a merge.

    Attributes:
        send: Our values to send, by field; of a field with several values, the changes (see emails_phones_merge.py).
        keep: Pipedrive's values that replace ours, in the same way.
    """

    send: dict[str, Any] = field(default_factory=dict)
    keep: dict[str, Any] = field(default_factory=dict)


def merge(ours: Values, theirs: Values, agreed: Mapping[str, Values], words: Values | None = None) -> Merge:
    """Compare both sides with what they were when they were last in line.

    Args:
        ours: Our values, by field.
        theirs: Pipedrive's values of the same fields.
        agreed: The two sides as they were then, as `{"ours": {...}, "theirs": {...}}`. They may differ, because an
            adopted record keeps its values. An earlier version of Warmline, which did not know all of today's fields,
            may have stored them. A field that is missing in ours is unknown and never a change: it is neither sent nor
            reported, and what both sides have now is what they agree on. (Edits after an upgrade are not lost: the
            value before the edit is added first, see `snapshots.complete`.) A field that is missing in theirs counts as
            unchanged in Pipedrive. If ours is empty, every field is a change.
        words: Our values as Pipedrive stores them; None if they are the same.

    Returns:
        What to send and what to keep; a field that is equal on both sides now is in neither.
    """
    ours_then, theirs_then = agreed.get("ours", {}), agreed.get("theirs", {})
    words = ours if words is None else words
    result = Merge()
    for name, value in ours.items():
        there = theirs.get(name)
        if first_of(name):
            _merge_several(name, result, (ours, theirs), (ours_then, theirs_then))
            continue
        several = SEVERAL.get(name, "")
        if several in ours and emails_phones_merge.is_moved(several, ours, ours_then):
            continue
        if fills(name, value, there, agreed):
            result.send[name] = value
            continue
        if not is_changed(name, value, ours_then) or words[name] == there:
            continue
        if name not in theirs_then or _alike(name, there, theirs_then[name]):
            result.send[name] = value
        elif not _alike(name, there, words[name]):
            result.keep[name] = there
    return result


def _merge_several(name: str, result: Merge, now: tuple[Values, Values], then: tuple[Values, Values]) -> None:
    """Merge a field with several values, after that of the primary one; the changes are what is sent or kept of it."""
    if then[0] and name not in then[0]:
        return
    changes = emails_phones_merge.merge(
        name,
        ours=now[0],
        theirs=now[1],
        ours_then=then[0],
        theirs_then=then[1],
        sends_first=first_of(name) in result.send,
    )
    result.send.update({name: changes.send} if changes.send else {})
    result.keep.update({name: changes.keep} if changes.keep else {})


def changed_there(
    ours: Values,
    theirs: Values,
    agreed: Mapping[str, Values],
    words: Values | None = None,
    *,
    is_shared: bool = False,
) -> dict[str, Any]:
    """Return the values that were changed only in Pipedrive, by field, for us to take over.

    What differed before (an adopted record keeps its values) is no news when it changes once more: it stays ours. Nor
    is a value known to be news of which only an assumption was stored (see `snapshots.complete`).

    Args:
        ours: As in `merge`; likewise the others.
        theirs: Pipedrive's values.
        agreed: The two sides as they were.
        words: Our values as Pipedrive stores them.
        is_shared: Whether several contacts are this person: then nobody knows whose an e-mail or phone is that is new.

    Returns:
        The values; of a field with several values, the changes (see emails_phones_merge.py).
    """
    ours_then, theirs_then = agreed.get("ours", {}), agreed.get("theirs", {})
    words = ours if words is None else words
    found: dict[str, Any] = {}
    known = ours.keys() & ours_then.keys() & theirs.keys() & theirs_then.keys() - agreed.get("assumed", {}).keys()
    for name in known:
        if first_of(name):
            if first_of(name) not in known:
                continue  # which of them was the primary one is unknown
            now, then = (ours[name], theirs[name]), (ours_then[name], theirs_then[name])
            changes = emails_phones_merge.changed_there(name, now=now, then=then, adds=not is_shared)
            found |= {name: changes} if changes else {}
            continue
        is_news = _alike(name, words[name], theirs_then[name]) and not _alike(name, theirs[name], theirs_then[name])
        is_new = name in SEVERAL and not theirs_then[name]
        if is_news and not is_changed(name, ours[name], ours_then) and not (is_new and is_shared):
            found[name] = theirs[name]
    return {name: found[name] for name in ours if name in found}


def differs(theirs: Values, agreed: Mapping[str, Values]) -> bool:
    """Tell whether Pipedrive's side is known to be another one than when the two sides last agreed."""
    then = agreed.get("theirs", {})
    return any(name in then and not _alike(name, value, then[name]) for name, value in theirs.items())


def is_changed(name: str, value: Any, then: Values) -> bool:
    """Tell whether one of our values is known to have changed since the two sides last agreed.

    Args:
        name: The field.
        value: Our value now.
        then: Our values then, by field; empty if nothing was ever agreed on. A field that is missing is unknown.
    """
    if not then:
        return True
    return name in then and bool(normal_forms.ours(name, value) != normal_forms.ours(name, then[name]))


def fills(name: str, value: Any, there: Any, agreed: Mapping[str, Values]) -> bool:
    """Tell whether ours goes to a field that was chosen since the two sides last agreed, and is empty there.

    Args:
        name: The field. Only details of contacts are chosen.
        value: Our value now.
        there: Pipedrive's value now.
        agreed: The two sides as they were.
    """
    then = agreed.get("ours", {})
    is_unknown = bool(then) and (name not in then or name in agreed.get("assumed", {}))
    return is_detail(name) and is_unknown and bool(value) and not normal_forms.theirs(name, there)


def grant(agreed: Mapping[str, Values], theirs: Values, said: Values, words: Values | None = None) -> dict[str, Values]:
    """Return the agreed snapshots, including the values of a lost update that Pipedrive turns out to have.

    Otherwise these values would look like a change made in Pipedrive.

    Args:
        agreed: As in `merge`.
        theirs: As in `merge`, read when the update could not happen any more.
        said: The values that an update with an unknown outcome was to set, by our field.
        words: The same as Pipedrive stores them, if they differ.
    """
    there = {**said, **(words or {})}
    several = {
        name: emails_phones_merge.granted(name, agreed, theirs.get(name, ()), said[name])
        for name in said
        if first_of(name)
    }
    done = [name for name in said if name not in several and _alike(name, theirs.get(name), there[name])]
    return {
        **agreed,
        "ours": {
            **agreed.get("ours", {}),
            **{name: said[name] for name in done},
            **{name: sides["ours"] for name, sides in several.items()},
        },
        "theirs": {
            **agreed.get("theirs", {}),
            **{name: theirs.get(name) for name in done},
            **{name: sides["theirs"] for name, sides in several.items()},
        },
    }


def _alike(name: str, one: Any, other: Any) -> bool:
    return bool(normal_forms.theirs(name, one) == normal_forms.theirs(name, other))
