"""The e-mails and phones that are sent for a person: Pipedrive's with our changes, since an update replaces all. Pure.

What other contacts have stays: of several contacts that are one person, each changes only its own.
"""

from collections.abc import Sequence
from typing import Any

from warmline.crm.models import Contact
from warmline.pipedrive import Email, Phone
from warmline.sync import normal_forms
from warmline.sync.reconcile import emails_phones_merge
from warmline.sync.reconcile.three_way_merge import Values
from warmline.sync.synced_fields import first_of

Entries = tuple[Email | Phone, ...]
KINDS: dict[str, type[Email | Phone]] = {"emails": Email, "phones": Phone}


def as_changed(
    name: str,
    there: Sequence[Email | Phone],
    changed: Values,
    contact: Contact,
    *,
    then: Values,
    others: Sequence[str] = (),
) -> Entries:
    """Return a person's e-mails or phones with our changes.

    Args:
        name: "emails" or "phones".
        there: As Pipedrive has them.
        changed: Our changes, by field: what the merge decided to send.
        contact: The contact.
        then: Our values when the two sides last agreed, by field.
        others: The values of other contacts linked to this person.
    """
    first = first_of(name)
    now, before = getattr(contact, first), then.get(first, "")
    found = with_first(name, there, now, before, others) if first in changed else tuple(there)
    kept = {normal_forms.theirs(first, each) for each in others}
    labels_then = emails_phones_merge.entries(name, then.get(name, ()))
    has_place = _is_among(first, before, [each.value for each in there]) and not _is_among(first, before, others)
    replacing = normal_forms.theirs(first, now) if first in changed and has_place else None
    for form, (value, label) in emails_phones_merge.entries(name, changed.get(name, ())).items():
        places = [place for place, each in enumerate(found) if normal_forms.theirs(first, each.value) == form]
        if label is None:
            found = found if form in kept else tuple(each for place, each in enumerate(found) if place not in places)
        elif not places:
            found = (*found, KINDS[name](value=value, label=label, primary=not found))
        else:
            # What took another's place there has its label, and keeps it unless ours was changed as well.
            earlier = labels_then.get(normal_forms.theirs(first, before)) if form == replacing else None
            is_kept = emails_phones_merge.alike(found[places[0]].label, label) or (earlier and earlier[1] == label)
            update: dict[str, Any] = {"value": value} if is_kept else {"value": value, "label": label}
            found = _replaced(found, places[0], update)
    return _with_primary(first, found, now=now, before=before, kept=kept) if there else found


def with_first(
    name: str, there: Sequence[Email | Phone], now: str, then: str, others: Sequence[str] = ()
) -> tuple[Email | Phone, ...]:
    """Return a person's values with our earlier primary one replaced by our present one; the others stay as they are.

    Args:
        name: "emails" or "phones".
        there: As Pipedrive has them.
        now: Our present one; empty to remove it.
        then: Our earlier one.
        others: The values of other contacts linked to this person; they stay.
    """
    first = first_of(name)
    gone = "" if _is_among(first, then, others) else then
    ours = {normal_forms.theirs(first, value) for value in (now, gone) if value}
    places = [place for place, entry in enumerate(there) if normal_forms.theirs(first, entry.value) in ours]
    rest = [entry for place, entry in enumerate(there) if place not in places]
    if not now:
        return tuple(rest)
    if not places:
        return (*rest, KINDS[name](value=now, primary=not rest))
    ours_now = {"value": now, "primary": any(there[place].primary for place in places)}
    rest.insert(places[0], there[places[0]].model_copy(update=ours_now))
    return tuple(rest)


def _with_primary(first: str, found: Entries, *, now: str, before: str, kept: set[Any]) -> Entries:
    """Have our primary value be Pipedrive's, if our earlier one was, or none is there any more."""
    ours, earlier = (normal_forms.theirs(first, each) for each in (now, before))
    holders = [normal_forms.theirs(first, each.value) for each in found if each.primary]
    place = next((place for place, each in enumerate(found) if normal_forms.theirs(first, each.value) == ours), None)
    is_free = not holders or (holders == [earlier] and earlier not in kept)
    if place is None or ours == earlier or not is_free:
        return found
    return tuple(each.model_copy(update={"primary": at == place}) for at, each in enumerate(found))


def _replaced(found: Entries, place: int, update: dict[str, Any]) -> Entries:
    return (*found[:place], found[place].model_copy(update=update), *found[place + 1 :])


def _is_among(first: str, value: str, others: Sequence[str]) -> bool:
    return normal_forms.theirs(first, value) in {normal_forms.theirs(first, each) for each in others if each}
