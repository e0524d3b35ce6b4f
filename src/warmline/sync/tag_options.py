"""Tags in a field of Pipedrive's that offers options: which of them are options, and which can only stay here. Pure.

What the two sides agree on is kept as for any other detail: all tags as ours, and as Pipedrive's the labels of the
options that a person has. So a tag that no option has is neither missed in Pipedrive nor taken away here.
"""

from collections.abc import Collection
from typing import Any

from warmline.crm.contact_details import BETWEEN_TAGS, split_tags
from warmline.crm.keys import key
from warmline.sync.synced_fields import Target


def ids(text: str, target: Target, but: Collection[str] = ()) -> list[int] | int | None:
    """Return what is sent for tags: the ids of their options, or the one id; None for none.

    Args:
        text: The tags.
        target: The field.
        but: Keys of tags to leave out.
    """
    by_key = {key(label): option for option, label in reversed(list((target.options or {}).items()))}
    wished = [each for each in map(key, split_tags(text)) if each not in but]
    found = [by_key[each] for each in wished if each in by_key]
    if target.is_single:
        return next(iter(found), None)
    return [option for option in target.options or {} if option in found] or None


def as_tags(value: Any, target: Target) -> str:
    """Return the options that a person has, as tags.

    Args:
        value: As Pipedrive returned it: ids or one id, as numbers or, as v1 has them, in a text.
        target: The field. An option that it did not have when it was asked for is named by its id.
    """
    some = value if isinstance(value, list) else split_tags(str(value or ""))
    known = {str(option): label for option, label in (target.options or {}).items()}
    order = list(known)
    present = sorted(map(str, some), key=lambda each: order.index(each) if each in known else len(order))
    return BETWEEN_TAGS.join(known.get(each, f"option {each}") for each in present)


def words(text: str, target: Target, ours_then: str, theirs_then: str) -> str:
    """Return our tags as Pipedrive should have them.

    Args:
        text: Our tags.
        target: The field.
        ours_then: Our tags when both sides last agreed.
        theirs_then: Pipedrive's at that time. What it did not have of ours then, because that was no option or the
            person was there before, nobody has taken away since.
    """
    kept = _keys(ours_then) - _keys(theirs_then)
    found = ids(text, target, kept)
    return as_tags([found] if target.is_single and found else found, target)


def with_ours(theirs: str, ours: str, words: str) -> str:
    """Return Pipedrive's tags, and after them those of ours that it cannot have.

    Args:
        theirs: The labels of the options there.
        ours: Our tags.
        words: The same as Pipedrive should have them.
    """
    said = _keys(theirs) | _keys(words)
    return BETWEEN_TAGS.join([*split_tags(theirs), *(tag for tag in split_tags(ours) if key(tag) not in said)])


def without_option(text: str, target: Target) -> list[str]:
    """Return the tags that no option of a field has."""
    known = set(map(key, (target.options or {}).values()))
    return [tag for tag in split_tags(text) if key(tag) not in known]


def _keys(text: str) -> set[str]:
    return set(map(key, split_tags(text)))
