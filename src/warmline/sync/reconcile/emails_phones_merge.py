"""E-mails and phones, of which a contact and its person have several: the three-way merge of each by itself. Pure.

A side is a list of `[value, label]`: ours those of the contact, Pipedrive's all those of the person. Each value is
compared by itself: added, taken away, or given another label, so that two sides that each add one lose nothing. Only
where a new value has replaced the primary one, the two are one value that changed. That is merged as a field of its own
(`email`, `phone`), and left alone here.

Changes are such a list as well, in which None is the label of a value that is taken away.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from warmline.crm.emails_phones import label_of
from warmline.sync import normal_forms
from warmline.sync.synced_fields import first_of

Side = Sequence[Sequence[Any]]
Entries = dict[str, Sequence[Any]]  # by the form in which values are compared


@dataclass(frozen=True)
class Changes:
    """The result of a merge.

    Attributes:
        send: Our changes to send.
        keep: Pipedrive's changes that replace ours.
    """

    send: list[list[Any]] = field(default_factory=list)
    keep: list[list[Any]] = field(default_factory=list)


def entries(name: str, side: Side) -> Entries:
    """Return values by the form in which they are compared; of one that comes twice, the first.

    Args:
        name: The field, such as `emails`.
        side: The values.
    """
    found: Entries = {}
    for each in side:
        found.setdefault(normal_forms.theirs(first_of(name), each[0]), each)
    found.pop("", None)
    return found


def is_replaced(name: str, ours: Mapping[str, Any], then: Mapping[str, Any]) -> bool:
    """Tell whether a new value has replaced our primary one, and not one that we had already.

    Args:
        name: The field, such as `emails`.
        ours: Our values, by field.
        then: The same when the two sides last agreed; a list that is missing is unknown.
    """
    now, before = _firsts(name, ours, then)
    had, has = entries(name, then.get(name, ())), entries(name, ours.get(name, ()))
    return now != before and now not in had and before not in has


def is_moved(name: str, ours: Mapping[str, Any], then: Mapping[str, Any]) -> bool:
    """Tell whether our primary value is another one that we had already, or the earlier one is no longer the primary.

    Args:
        name: The field, such as `emails`.
        ours: Our values, by field.
        then: The same when the two sides last agreed.
    """
    now, before = _firsts(name, ours, then)
    return now != before and not is_replaced(name, ours, then)


def merge(
    name: str,
    *,
    ours: Mapping[str, Any],
    theirs: Mapping[str, Any],
    ours_then: Mapping[str, Any],
    theirs_then: Mapping[str, Any],
    sends_first: bool,
) -> Changes:
    """Compare each value on both sides with what it was when they last agreed.

    Args:
        name: The field, such as `emails`.
        ours: Our values, by field.
        theirs: Pipedrive's.
        ours_then: Ours when the two sides last agreed.
        theirs_then: Pipedrive's then; a list that is missing counts as unchanged.
        sends_first: Whether our primary value is sent because it was replaced.
    """
    here, there, here_then = (entries(name, side.get(name) or ()) for side in (ours, theirs, ours_then))
    there_then = entries(name, theirs_then[name]) if name in theirs_then else there
    now, before = _firsts(name, ours, ours_then)
    replaced = is_replaced(name, ours, ours_then)
    apart = {now, before} if replaced else set()
    changes = Changes()
    for form in dict.fromkeys([*here, *here_then]):
        label, present = _label(here, form), _label(there, form)
        if form in apart or list(here.get(form, ())) == list(here_then.get(form, ())):
            continue
        if alike(label, present) and (label is None or here[form][0] == there[form][0]):
            continue
        if alike(present, _label(there_then, form)):
            changes.send.append([(here_then | here)[form][0], label])
        else:
            changes.keep.append([(here_then | here | there)[form][0], present])
    if replaced and sends_first:
        changes.send[:0] = [[here_then[before][0], None]] if before in here_then else []
    if now != before and now in here and (sends_first or not replaced):
        # Also where only its place has changed: Pipedrive is told which one is the primary.
        changes.send[:] = [*(each for each in changes.send if each[0] != here[now][0]), list(here[now])]
    return changes


def differences(
    name: str,
    *,
    ours: Mapping[str, Any],
    theirs: Mapping[str, Any],
    ours_then: Mapping[str, Any],
    theirs_then: Mapping[str, Any],
    sends_first: bool,
) -> tuple[dict[str, str | None], frozenset[str]]:
    """Return the values that are not as they are here: never sent, or taken away or labelled there since.

    What is only there is a colleague's, and how a value is spelled makes no difference.

    Args:
        name: The field, such as `emails`.
        ours: Our values, by field.
        theirs: Pipedrive's.
        ours_then: Ours when the two sides last agreed; empty if that is not known, so that nothing counts as unsent.
        theirs_then: Pipedrive's then; a list that is missing counts as unchanged.
        sends_first: Whether our primary value is sent because it was replaced.

    Returns:
        Pipedrive's label of each such value, by the form in which values are compared, None if it is not there; and the
        forms of those that nobody changed there: ours were never sent.
    """
    here, there = (entries(name, side.get(name) or ()) for side in (ours, theirs))
    there_then = entries(name, theirs_then[name]) if name in theirs_then else there
    decided = Changes()
    if name in ours_then:
        decided = merge(
            name, ours=ours, theirs=theirs, ours_then=ours_then, theirs_then=theirs_then, sends_first=sends_first
        )
    unsent, kept = entries(name, decided.send), entries(name, decided.keep)
    changed_there = {
        form for form in here if form in there_then and not alike(_label(there, form), _label(there_then, form))
    }
    found = {
        form: _label(there, form)
        for form in dict.fromkeys([*here, *unsent, *kept])
        if form in unsent.keys() | kept.keys() | changed_there and not alike(_label(here, form), _label(there, form))
    }
    return found, frozenset(unsent.keys() - kept.keys() - changed_there)


def changed_there(name: str, *, now: tuple[Side, Side], then: tuple[Side, Side], adds: bool) -> list[list[Any]]:
    """Return the changes of values that were changed only in Pipedrive, and were the same on both sides before.

    Args:
        name: The field, such as `emails`.
        now: Our values and Pipedrive's.
        then: The same when the two sides last agreed.
        adds: Whether values that are new there are among them.
    """
    (here, there), (here_then, there_then) = ([entries(name, side) for side in sides] for sides in (now, then))
    changes = []
    for form in dict.fromkeys([*there_then, *there]):
        label, before = _label(there, form), _label(there_then, form)
        is_as_it_was = list(here.get(form, ())) == list(here_then.get(form, ())) and alike(_label(here, form), before)
        if is_as_it_was and not alike(label, before) and (adds or before is not None):
            changes.append([(there_then | there)[form][0], label])
    return changes


def set_back(name: str, side: Side, changes: Side, then: Side) -> list[list[Any]]:
    """Return values with those that some changes are about as they were earlier.

    Args:
        name: The field.
        side: The values.
        changes: The changes.
        then: The earlier values.
    """
    found, before = entries(name, side), entries(name, then)
    for form in entries(name, changes):
        _put(found, form, before.get(form))
    return [list(each) for each in found.values()]


def alike(one: str | None, other: str | None) -> bool:
    """Tell whether two labels mean the same here, or both are none."""
    return one == other or (one is not None and other is not None and label_of(one) == label_of(other))


def changed(name: str, side: Side, changes: Side) -> list[list[Any]]:
    """Return our values after changes of Pipedrive's.

    Args:
        name: The field.
        side: Our values.
        changes: The changes; their labels are put in our words.
    """
    found = entries(name, side)
    for form, (value, label) in entries(name, changes).items():
        if label is None:
            found.pop(form, None)
        else:
            found[form] = [found[form][0] if form in found else value, label_of(label)]
    return [list(each) for each in found.values()]


def granted(name: str, agreed: Mapping[str, Mapping[str, Any]], theirs: Side, said: Side) -> dict[str, list[list[Any]]]:
    """Return both sides' values, including the changes of a lost update that Pipedrive turns out to have.

    Args:
        name: The field.
        agreed: The two sides when they last agreed, as `{"ours": {...}, "theirs": {...}}`.
        theirs: Pipedrive's values now.
        said: The changes that the update was to make.
    """
    ours, there_then = (entries(name, agreed.get(side, {}).get(name, ())) for side in ("ours", "theirs"))
    there = entries(name, theirs)
    for form, change in entries(name, said).items():
        present, wanted = _label(there, form), change[1]
        # What was added may have kept the label of what it replaced.
        if alike(present, wanted) or (present is not None and wanted is not None and form not in there_then):
            _put(ours, form, change if wanted is not None else None)
            _put(there_then, form, there.get(form))
    return {"ours": [list(each) for each in ours.values()], "theirs": [list(each) for each in there_then.values()]}


def heard(name: str, side: Side, *, said: Side, before: Side, after: Side) -> list[list[Any]]:
    """Return Pipedrive's values as somebody else knew them, with what we changed.

    Args:
        name: The field.
        side: The values as they knew them.
        said: Our values, which were sent.
        before: Our values before.
        after: Pipedrive's values afterwards; what differs there from ours, we did not say.
    """
    found, ours, then, there = (entries(name, each) for each in (side, said, before, after))
    for form in ours | then:
        is_ours = _label(ours, form) != _label(then, form) and (form in ours) == (form in there)
        if is_ours:
            _put(found, form, there.get(form))
    return [list(each) for each in found.values()]


def _firsts(name: str, ours: Mapping[str, Any], then: Mapping[str, Any]) -> tuple[str, str]:
    """Return our primary value now and then, in the form in which values are compared."""
    first = first_of(name)
    known = then if first in then or not then else ours  # what is unknown is no change
    now, before = (str(normal_forms.theirs(first, side.get(first) or "")) for side in (ours, known))
    return now, before


def _label(found: Entries, form: str) -> str | None:
    return found[form][1] if form in found else None


def _put(found: Entries, form: str, entry: Sequence[Any] | None) -> None:
    if entry is None:
        found.pop(form, None)
    else:
        found[form] = entry
