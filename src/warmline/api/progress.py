"""The calls about the promise as a whole: how far everything is, trying again, and what people should know."""

from django.utils import timezone
from ninja import Query, Router

from warmline.api import reading
from warmline.api.auth import Request
from warmline.api.bodies import NotificationFilters
from warmline.api.errors import READING, WRITING
from warmline.api.responses import NotificationAnswer, Page, RetryAnswer, SyncAnswer
from warmline.sync import notifications
from warmline.sync.policy import Policy
from warmline.sync.remote import connection_health
from warmline.sync.row_state import counts
from warmline.sync.status.retry_and_choose import retry_all

router = Router(tags=["sync"])


@router.get("/sync", response={200: SyncAnswer, **READING}, summary="Show the sync status")
def read_sync(request: Request) -> SyncAnswer:
    """Counts contacts, organizations and activities that the caller may see."""
    found = counts(request.auth, threshold=Policy.current().threshold, now=timezone.now())
    return SyncAnswer(**{state.value: number for state, number in found.items()}, connection=connection_health.status())


@router.post("/sync/retry", response={200: RetryAnswer, **WRITING}, summary="Try all failed rows again")
def retry_everything(request: Request) -> RetryAnswer:
    """Fresh attempts, now, for all failed rows that are the caller's, and a new try of the connection."""
    return RetryAnswer(retried=retry_all(request.auth))


@router.get("/notifications", response={200: Page[NotificationAnswer], **READING}, summary="List notifications")
def list_notifications(request: Request, filters: Query[NotificationFilters]) -> Page[NotificationAnswer]:
    """The caller's, and those for everyone, oldest first; `next` is the `after` of the next page."""
    found, next_ = reading.cut(notifications.told_to(request.auth, after=filters.after), filters.limit)
    return Page(items=[NotificationAnswer.of(row) for row in found], next=next_)
