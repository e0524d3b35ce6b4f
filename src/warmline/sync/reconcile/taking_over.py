"""Shows here what people changed in Pipedrive, there alone or on both sides.

Call it in the transaction that stores that both sides are in line.

An edit that was made here meanwhile is not overwritten: then the change there stays news, and the next attempt, which
sends that edit, comes across it again. What cannot be taken over, such as a type that none of ours is sent as, is not
agreed on either, so that the audit finds it. What a person has accepted as different stays so.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from warmline.crm import row_changes
from warmline.crm.activities import Activity, Row
from warmline.crm.emails_phones import as_json
from warmline.crm.models import Contact
from warmline.sync import mapping, normal_forms
from warmline.sync.reconcile import audit_baseline, emails_phones_merge, snapshots
from warmline.sync.reconcile.outcome import Brought
from warmline.sync.reconcile.three_way_merge import Values
from warmline.sync.synced_fields import FIRST, called, column_of, first_of, is_taken_over


def keep_theirs(row: Row, brought: Brought) -> frozenset[str]:
    """Store the values that Pipedrive keeps, as far as they are valid here and people have not changed them meanwhile.

    Returns:
        The fields of which nothing is left to be said: what was taken over, and what is sent next.
    """
    stored = _rows(row).select_for_update().get(pk=row.pk)
    kept = {name: value for name, value in brought.kept.items() if is_taken_over(type(row), name)}
    edited = _edited(row, stored, {*kept, *filter(_is_of_several, brought.agreed["ours"])})
    plain = {name: normal_forms.in_our_words(name, kept[name]) for name in kept.keys() - edited if not first_of(name)}
    written = _written(stored, plain)
    # Of several values only the changes are kept, and the primary one may have changed just now.
    several = kept.keys() - edited - plain.keys()
    written |= {name for name in several if _change_several(stored, name, kept[name])}
    ours = {name: getattr(stored, column_of(name)) for name in written if name in plain}
    _agree(stored, brought.agreed, ours, edited)
    return written | (kept.keys() & edited)


def take_over(row: Row, brought: Brought) -> str:
    """Store the values that were changed only in Pipedrive, as far as they are valid here.

    Args:
        row: The row, as read; an activity with its contact, which is held.
        brought: Its record.

    Returns:
        What was done, as a further sentence for the attempt log; empty for nothing.
    """
    news = brought.changed_there.keys() - (audit_baseline.accepted(row, brought) if brought.changed_there else ())
    if not news:
        return ""
    noticed = audit_baseline.notice(row, brought, news & brought.noticed)
    stored = _rows(row).select_for_update().get(pk=row.pk)
    if stored.revision != row.revision:  # the next attempt, which sends that edit, comes across it again
        _disagree(row, brought.changed_there)
        return ""
    columns = {name: each for name, each in _columns(stored, brought).items() if name in news}
    plain = {name: value for name, value in _in_our_columns(stored, brought, columns).items() if not first_of(name)}
    written = row_changes.take_over(stored, plain)
    # Each of several values by itself: one that is not valid here keeps none of the others away.
    left: dict[str, Any] = {name: brought.changed_there[name] for name in news}
    for name in filter(first_of, columns):
        left[name] = [each for each in brought.changed_there[name] if not _change_several(stored, name, [each])]
        written |= frozenset() if left[name] else {name}
    names = [name for name, each in columns.items() if each <= written]
    # What one side holds now is what both agree on.
    now = {name: brought.changed_there[name] if name in brought.here else _held(stored, name) for name in names}
    _agree(stored, stored.pipedrive_agreed, {name: value for name, value in now.items() if not first_of(name)})
    _disagree(row, {name: value for name, value in left.items() if name not in names})
    audit_baseline.forget_findings(row, names)
    said = f" Changed in Pipedrive, and now here: {', '.join(map(called, names))}." if names else ""
    refused = sorted({*columns, *noticed} - set(names))
    return f"{said} Pipedrive's {' and '.join(map(called, refused))} cannot be stored here." if refused else said


def _held(stored: Row, name: str) -> Any:
    """Return our value of a field. A moment may be another one than Pipedrive's: one hour of the year comes twice."""
    if name == "due" and isinstance(stored, Activity):
        return snapshots.of_our_activity(stored, stored.type)[name]
    return getattr(stored, column_of(name))


def _disagree(row: Row, left: Mapping[str, Any]) -> None:
    """Store of values that were changed there, and are not shown here, that both sides agree on what was there before.

    Args:
        row: The row, as read; it has what both sides agreed on before.
        left: Pipedrive's values, by field; of a field with several values, the changes.
    """
    if not left:
        return
    agreed, then = _rows(row).get(pk=row.pk).pipedrive_agreed, row.pipedrive_agreed.get("theirs", {})
    theirs = agreed["theirs"]
    still_news = {
        name: emails_phones_merge.set_back(name, theirs[name], value, then[name]) if first_of(name) else then[name]
        for name, value in left.items()
    }
    _rows(row).filter(pk=row.pk).update(pipedrive_agreed={**agreed, "theirs": {**theirs, **still_news}})


def _change_several(stored: Row, name: str, changes: Sequence[Sequence[Any]]) -> bool:
    """Store changes of several values; return whether they are valid here."""
    several = emails_phones_merge.changed(name, as_json(getattr(stored, name)), changes)
    return name in row_changes.take_over(stored, {name: several})


def _edited(row: Row, stored: Row, names: Iterable[str]) -> frozenset[str]:
    """Return which of some fields were changed here since a row was read; several values and the primary one together.

    Args:
        row: The row, as read.
        stored: The same, as it is now.
        names: The fields.
    """
    changed = {name for name in names if getattr(row, column_of(name)) != getattr(stored, column_of(name))}
    groups = {first_of(name) or name for name in changed}
    return frozenset(name for name in names if (first_of(name) or name) in groups)


def _agree(stored: Row, agreed: Mapping[str, Values], ours: Values, edited: frozenset[str] = frozenset()) -> None:
    """Store what both sides agree on, now that some of our values are Pipedrive's.

    Args:
        stored: The row, as it is now.
        agreed: What both sides agree on otherwise.
        ours: Our values that are Pipedrive's now.
        edited: E-mails and phones that people have changed since, which are still to be sent.
    """
    now, theirs = {**agreed["ours"], **ours}, agreed["theirs"]
    if isinstance(stored, Contact):
        present = snapshots.of_contact(stored)
        own_way = {"organization"} & ours.keys()  # what was taken over of it is a row
        now |= {name: present[name] for name in {*filter(_is_of_several, present)} - edited | own_way}
        theirs = snapshots.with_our_first(theirs, now)
    _rows(stored).filter(pk=stored.pk).update(pipedrive_agreed=snapshots.agreed(now, theirs))


def _is_of_several(name: str) -> bool:
    """Tell whether a field is several e-mails or phones, or the primary one."""
    return bool(first_of(name)) or name in FIRST.values()


def _rows(row: Row) -> Any:
    return type(row)._default_manager  # noqa: SLF001 (Django documents it as public)


def _columns(row: Row, brought: Brought) -> dict[str, frozenset[str]]:
    """Return the fields that can be taken over, each with our columns."""
    further = {*brought.here, *({"due"} if isinstance(row, Activity) else ())}
    names = {name for name in brought.changed_there if is_taken_over(type(row), name) or name in further}
    due = frozenset({"due_date", "due_time"})
    return {name: due if name == "due" else frozenset({column_of(name)}) for name in sorted(names)}


def _in_our_columns(row: Row, brought: Brought, names: Iterable[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name in names:
        value = brought.changed_there[name]
        if name == "due" and isinstance(row, Activity):
            values["due_date"], values["due_time"] = mapping.due_here(value, row.zone)
        elif name in brought.here:
            values[name] = brought.here[name]
        else:
            values[column_of(name)] = normal_forms.in_our_words(name, value)
    return values


def _written(stored: Row, values: Values) -> frozenset[str]:
    """Store values by field, and return the fields of those that are valid here."""
    columns = row_changes.take_over(stored, {column_of(name): value for name, value in values.items()})
    return frozenset(name for name in values if column_of(name) in columns)
