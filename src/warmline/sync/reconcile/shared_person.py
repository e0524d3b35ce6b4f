"""Several contacts that are one person in Pipedrive: what one of them changed is no colleague's word to the others."""

from collections.abc import Collection, Mapping
from typing import Any

from warmline.crm.models import Contact
from warmline.sync import normal_forms
from warmline.sync.reconcile import emails_phones_merge, snapshots
from warmline.sync.reconcile.three_way_merge import Values, fills, is_changed
from warmline.sync.synced_fields import FIELDS, Form, first_of, form_of, is_detail

ONE_FOR_ALL = frozenset(field.name for field in FIELDS[Contact] if not field.several)


def tell_the_others(
    contact: Contact,
    person_id: int,
    before: Mapping[str, Values],
    after: Mapping[str, Values],
    left_there: Collection[str] = (),
) -> None:
    """Update the snapshots of the other contacts linked to a person, so that our change is not taken for a colleague's.

    Call it within the transaction that stores the outcome.

    Args:
        contact: The contact whose change was sent.
        person_id: The person that they are linked to.
        before: The agreed snapshots before (see three_way_merge.py).
        after: The agreed snapshots now.
        left_there: Fields in which Pipedrive's value was kept. The other contacts have a conflict there, too, when they
            are changed.
    """
    ours_then, theirs_then = before.get("ours", {}), before.get("theirs", {})
    changed = _changed(before, after)
    several = [name for name in changed if first_of(name)]
    said = {name: after["theirs"][name] for name in changed if name not in left_there and name not in several}
    others = Contact.objects.filter(pipedrive_person_id=person_id).exclude(pk=contact.pk)
    for other in others.select_for_update() if said or several else ():
        ours, theirs = other.pipedrive_agreed.get("ours", {}), other.pipedrive_agreed.get("theirs", {})
        heard = {
            name: value
            for name, value in said.items()
            if name in ONE_FOR_ALL or is_detail(name) or _took_its_place(name, theirs_then, ours=ours, theirs=theirs)
        } | {
            name: emails_phones_merge.heard(
                name,
                theirs[name],
                said=after["ours"][name],
                before=ours_then.get(name, ()),
                after=after["theirs"][name],
            )
            for name in several
            if name in theirs
        }
        agreed = {**other.pipedrive_agreed, **snapshots.agreed(ours, theirs | heard)}
        Contact.objects.filter(pk=other.pk).update(pipedrive_agreed=agreed)


def _changed(before: Mapping[str, Values], after: Mapping[str, Values]) -> list[str]:
    """Return the fields that were changed here, or whose detail was sent to a field that was just chosen."""
    then = before.get("ours", {})
    return [
        name
        for name, value in after["ours"].items()
        if is_changed(name, value, then) or _was_filled(name, value, before, after)
    ]


def _was_filled(name: str, value: Any, before: Mapping[str, Values], after: Mapping[str, Values]) -> bool:
    """Tell whether a detail went to a field that was empty there."""
    there, here = (normal_forms.theirs(name, each) for each in (after["theirs"].get(name), value))
    is_there = bool(there) and set(there) <= set(here) if form_of(name) == Form.TAGS else there == here
    return is_there and fills(name, value, "", before)


def _took_its_place(name: str, before: Values, *, ours: Values, theirs: Values) -> bool:
    """Tell whether another contact's snapshot has the e-mail or phone that was replaced, and it is not its own."""
    gone = normal_forms.theirs(name, before.get(name))
    return bool(normal_forms.theirs(name, theirs.get(name)) == gone != normal_forms.theirs(name, ours.get(name)))
