"""Shows here what people changed in Pipedrive, there alone or on both sides.

Call it in the transaction that stores that both sides are in line.

An edit that was made here meanwhile is not overwritten: then the change there stays news, and the next attempt, which
sends that edit, comes across it again.
"""

from typing import Any

from warmline.crm import row_changes
from warmline.crm.activities import Activity, Row
from warmline.sync import mapping, normal_forms
from warmline.sync.reconcile import snapshots
from warmline.sync.reconcile.outcome import Brought
from warmline.sync.synced_fields import FIELDS

TAKEN_OVER = {kind: {field.name for field in fields if field.taken_over} for kind, fields in FIELDS.items()}


def keep_theirs(row: Row, brought: Brought) -> frozenset[str]:
    """Store the values that Pipedrive keeps, as far as they are valid here, unless the row was edited again meanwhile.

    Returns:
        The fields whose values were taken over.
    """
    stored = _rows(row).select_for_update().get(pk=row.pk)
    kept = {name: value for name, value in brought.kept.items() if name in TAKEN_OVER[type(row)]}
    if stored.revision != row.revision:
        return frozenset(kept)  # people are told about this conflict; the newer edit is sent next
    written = row_changes.take_over(
        stored, {name: normal_forms.in_our_words(name, value) for name, value in kept.items()}
    )
    ours = {name: getattr(stored, name) for name in written}
    agreed = snapshots.agreed({**brought.agreed["ours"], **ours}, brought.agreed["theirs"])
    _rows(row).filter(pk=row.pk).update(pipedrive_agreed=agreed)
    return written


def take_over(row: Row, brought: Brought) -> str:
    """Store the values that were changed only in Pipedrive, as far as they are valid here.

    Args:
        row: The row, as read; an activity with its contact, which is held.
        brought: Its record.

    Returns:
        What was done, as a further sentence for the attempt log; empty for nothing.
    """
    if not brought.changed_there:
        return ""
    rows = _rows(row)
    stored = rows.select_for_update().get(pk=row.pk)
    ours, theirs = stored.pipedrive_agreed["ours"], stored.pipedrive_agreed["theirs"]
    if stored.revision != row.revision:
        then = row.pipedrive_agreed.get("theirs", {})
        still_news = {name: then[name] for name in brought.changed_there}
        rows.filter(pk=row.pk).update(pipedrive_agreed=snapshots.agreed(ours, {**theirs, **still_news}))
        return ""
    values = _in_our_columns(stored, brought)
    written = row_changes.take_over(stored, values)
    names = [name for name, columns in _columns(stored, brought).items() if columns <= written]
    # What one side holds now is what both agree on; a moment is compared as Pipedrive has it.
    now = {name: brought.changed_there[name] if name == "due" else getattr(stored, name) for name in names}
    rows.filter(pk=row.pk).update(pipedrive_agreed=snapshots.agreed({**ours, **now}, theirs))
    said = f" Changed in Pipedrive, and now here: {', '.join(names)}." if names else ""
    refused = sorted(_columns(stored, brought).keys() - set(names))
    return f"{said} Pipedrive's {' and '.join(refused)} cannot be stored here." if refused else said


def _rows(row: Row) -> Any:
    return type(row)._default_manager  # noqa: SLF001 (Django documents it as public)


def _columns(row: Row, brought: Brought) -> dict[str, frozenset[str]]:
    """Return the fields that can be taken over, each with our columns."""
    names = brought.changed_there.keys() & (TAKEN_OVER[type(row)] | ({"due"} if isinstance(row, Activity) else set()))
    due = frozenset({"due_date", "due_time"})
    return {name: due if name == "due" else frozenset({name}) for name in sorted(names)}


def _in_our_columns(row: Row, brought: Brought) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name in _columns(row, brought):
        value = brought.changed_there[name]
        if name == "due" and isinstance(row, Activity):
            values["due_date"], values["due_time"] = mapping.due_here(value, row.zone)
        else:
            values[name] = normal_forms.in_our_words(name, value)
    return values
