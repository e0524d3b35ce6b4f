"""A preview of what another warmness threshold would do, before it is saved."""

from django.db.models import Count

from warmline.crm.models import WARMEST, Contact
from warmline.sync.pending import END_OF_TIME


def going_at_each() -> list[int]:
    """Return for each threshold from 0 to 10 how many contacts that are not in Pipedrive would be sent."""
    # (Without contacts that were deleted there, which are never due. So it is all counted in the index of due
    # contacts.)
    waiting = Contact.objects.filter(pipedrive_person_id=None, next_pipedrive_sync_attempt__lt=END_OF_TIME)
    counted = dict(waiting.order_by().values_list("warmness_score").annotate(Count("pk")))
    return [sum(counted.get(score, 0) for score in range(least, WARMEST + 1)) for least in range(WARMEST + 1)]


def effects(threshold: int) -> list[str]:
    """Return, in words, what each threshold from 0 to 10 would change.

    Args:
        threshold: The present one.
    """
    going = going_at_each()
    return [_effect(number - going[threshold], least == threshold) for least, number in enumerate(going)]


def _effect(more: int, is_present: bool) -> str:  # noqa: FBT001 (private, two lines above)
    if is_present:
        return "current"
    if more == 0:
        return "no change"
    return f"{abs(more):,} {'more' if more > 0 else 'fewer'} contact{'' if abs(more) == 1 else 's'} will be sent"
