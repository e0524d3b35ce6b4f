"""Recognizes an activity that Warmline created after the backup that was restored, although it was changed since. Pure.

Nothing in Pipedrive says whose an activity is, and a restored row knows neither its record nor what became of it. What
never changes is who created a record, for which person, and when: soon after it was logged, if its contact was linked.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from warmline.pipedrive import Activity
from warmline.sync import mapping, normal_forms

SOON = timedelta(minutes=10)  # after it was logged
EARLY = timedelta(minutes=1)  # before it was logged, if the two clocks differ


def most_like(
    found: Sequence[Activity], body: Mapping[str, Any], *, logged_at: datetime, creator_id: int
) -> Activity | None:
    """Return the activity that was created for a row; None when there is none that it can be.

    Args:
        found: The activities of the row's person that no row is linked to.
        body: What a create would send now.
        logged_at: When it was logged here, aware.
        creator_id: The token's user.
    """
    equal = [each for each in found if mapping.is_made_from(each, {**body, "owner_id": each.owner_id})]
    ours = [each for each in found if each.creator_user_id in {creator_id, None}]
    # People tick activities off, and write down what came of them.
    ticked = [each for each in ours if _is_but_for_outcome(each, body)]
    moved = [each for each in ours if _is_soon(each, logged_at) and _is_akin(each, body)]
    for some in (equal, ticked, moved):
        if some:
            return min(some, key=_distance(logged_at))
    return None


def _is_but_for_outcome(there: Activity, body: Mapping[str, Any]) -> bool:
    same = {"owner_id": there.owner_id, "done": there.done, "note": there.note}
    return mapping.is_made_from(there, {**body, **same})


def _is_akin(there: Activity, body: Mapping[str, Any]) -> bool:
    subject = normal_forms.theirs("subject", there.subject) == normal_forms.theirs("subject", body["subject"])
    return not there.is_deleted and (subject or there.type == body["type"])


def _is_soon(there: Activity, logged_at: datetime) -> bool:
    return there.add_time is not None and logged_at - EARLY <= there.add_time <= logged_at + SOON


def _distance(logged_at: datetime) -> Callable[[Activity], tuple[float, int]]:
    def distance(there: Activity) -> tuple[float, int]:
        away = abs((there.add_time - logged_at).total_seconds()) if there.add_time else float("inf")
        return away, there.id

    return distance
