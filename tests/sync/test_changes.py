"""The merge of two sides against what they last agreed on."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmline.sync.reconcile.three_way_merge import grant, merge

AGREED = {"ours": {"name": "Jo"}, "theirs": {"name": "Jo"}}
ADOPTED = {"ours": {"name": "Jo"}, "theirs": {"name": "Joan"}}
OLDER = {"ours": {"phone": ""}, "theirs": {"phone": ""}}  # of a version that knew no names


@pytest.mark.parametrize(
    ("ours", "theirs", "agreed", "send", "keep"),
    [
        ("Jo", "Jo", AGREED, {}, {}),
        ("Jon", "Jo", AGREED, {"name": "Jon"}, {}),
        ("Jo", "Joe", AGREED, {}, {}),
        ("Jon", "Joe", AGREED, {}, {"name": "Joe"}),
        ("Jon", "Jon", AGREED, {}, {}),
        ("Jon", None, AGREED, {}, {"name": None}),
        ("", "Jo", AGREED, {"name": ""}, {}),
        ("Jo", "Joan", ADOPTED, {}, {}),
        ("Jon", "Joan", ADOPTED, {"name": "Jon"}, {}),
        ("Jon", "Joanna", ADOPTED, {}, {"name": "Joanna"}),
        ("Jo", "Joan", {}, {"name": "Jo"}, {}),
        ("Jo", "Jo", {}, {}, {}),
        ("Jo", "Joan", {"ours": {}, "theirs": {"name": "Joan"}}, {"name": "Jo"}, {}),
        ("", "Jo", OLDER, {}, {}),
        ("Jo", "", OLDER, {}, {}),
        ("Jo", None, OLDER, {}, {}),
        ("Jo", "Joan", OLDER, {}, {}),
        ("Jo", "Joan", {"ours": {"phone": ""}, "theirs": {"phone": "", "name": "Jo"}}, {}, {}),
        ("Jon", "Joan", {"ours": {"name": "Jo"}, "theirs": {"phone": ""}}, {"name": "Jon"}, {}),
    ],
)
def test_merge(ours: Any, theirs: Any, agreed: Any, send: dict[str, Any], keep: dict[str, Any]) -> None:
    """Changed here alone: send. Changed there alone: leave. Changed on both sides: keep theirs. Equal: nothing."""
    result = merge({"name": ours}, {"name": theirs}, agreed)
    assert (result.send, result.keep) == (send, keep)


VALUES = st.dictionaries(st.sampled_from("abcd"), st.sampled_from(["", "x", "y", "z"]))


@given(VALUES, VALUES, VALUES, VALUES)
def test_what_an_older_version_did_not_know_is_no_change(
    here: dict[str, Any], there: dict[str, Any], ours: dict[str, Any], theirs: dict[str, Any]
) -> None:
    """A field that is missing of ours is neither sent nor kept, and what follows of the others is as without it."""
    result = merge(here, there, {"ours": {**ours, "known": ""}, "theirs": theirs})
    assert {*result.send, *result.keep} <= ours.keys()
    known = {name: value for name, value in here.items() if name in ours}
    assert result == merge(known, there, {"ours": ours, "theirs": theirs})


@given(VALUES, VALUES)
def test_with_nothing_agreed_on_all_that_differs_is_sent(here: dict[str, Any], there: dict[str, Any]) -> None:
    """As nothing is known of Pipedrive's side either, there is nothing to keep."""
    differs = {name: value for name, value in here.items() if value != there.get(name)}
    assert merge(here, there, {}).send == differs


def test_fields_are_merged_one_by_one() -> None:
    """What happens to one field does not touch another."""
    agreed = {"ours": {"a": 1, "b": 1, "c": 1}, "theirs": {"a": 1, "b": 1, "c": 1}}
    result = merge({"a": 2, "b": 1, "c": 2}, {"a": 1, "b": 2, "c": 3}, agreed)
    assert (result.send, result.keep) == ({"a": 2}, {"c": 3})


@pytest.mark.parametrize(
    ("theirs", "said", "send", "keep"),
    [
        ("Jo", {"name": "B"}, {"name": "C"}, {}),  # it was not done
        ("B", {"name": "B"}, {"name": "C"}, {}),  # it was done, and is no change of theirs
        ("D", {"name": "B"}, {}, {"name": "D"}),  # theirs is another
        ("B", {}, {}, {"name": "B"}),  # nothing was said: it is theirs
    ],
)
def test_what_we_said_ourselves_is_no_change_of_theirs(
    theirs: str, said: dict[str, Any], send: dict[str, Any], keep: dict[str, Any]
) -> None:
    """An update of ours, done after all, does not look like someone else's."""
    theirs_now = {"name": theirs}
    result = merge({"name": "C"}, theirs_now, grant(AGREED, theirs_now, said))
    assert (result.send, result.keep) == (send, keep)
