"""The calls about the promise as a whole: how far everything is, trying again, and what people should know."""

from django.utils import timezone
from ninja import Query, Router

from warmline.api.auth import Request
from warmline.api.errors import READING, WRITING
from warmline.api.list_queries import NotificationFilters
from warmline.api.responses import LinkCheckAnswer, NotificationAnswer, Page, RetryAnswer, SyncAnswer
from warmline.sync import cursor_order, notifications
from warmline.sync.policy import Policy
from warmline.sync.remote import connection_health, reconcile_first
from warmline.sync.row_state import counts
from warmline.sync.status.deletions import still_there
from warmline.sync.status.retry_and_choose import retry_all

router = Router(tags=["sync"])


@router.get("/sync", response={200: SyncAnswer, **READING}, summary="Show the sync status")
def read_sync(request: Request) -> SyncAnswer:
    """Counts of the contacts, organizations and activities that the caller may see, and the state of the connection.

    `link_check` is there while all links are checked after a restore, and for a week afterwards.
    """
    now = timezone.now()
    found = counts(request.auth, threshold=Policy.current().threshold, now=now)
    check, there = reconcile_first.last(now), still_there(request.auth)
    return SyncAnswer(
        **{state.value: number for state, number in found.items()},
        still_there=there.waiting + there.failed,
        connection=connection_health.status(),
        link_check=None if check is None else LinkCheckAnswer.model_validate(check, from_attributes=True),
    )


@router.post("/sync/retry", response={200: RetryAnswer, **WRITING}, summary="Try all failed rows again")
def retry_everything(request: Request) -> RetryAnswer:
    """All of the caller's failed rows are tried again right away, and so is the connection."""
    return RetryAnswer(retried=retry_all(request.auth))


@router.get("/notifications", response={200: Page[NotificationAnswer], **READING}, summary="List notifications")
def list_notifications(request: Request, filters: Query[NotificationFilters]) -> Page[NotificationAnswer]:
    """Notifications for the caller and for everyone, oldest first. Pass `next` as `after` to get the next page."""
    some = notifications.told_to(request.auth, after=filters.after).order_by(cursor_order.order())
    found = list(some[: filters.limit + 1])
    next_ = str(found[filters.limit - 1].cursor) if len(found) > filters.limit else None
    return Page(items=[NotificationAnswer.of(row) for row in found[: filters.limit]], next=next_)
