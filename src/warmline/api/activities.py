"""The calls about activities: those of the contacts that the caller may see."""

from ninja import Query, Router, Status

from warmline.api import reading
from warmline.api.auth import Request
from warmline.api.bodies import ActivityChanges, ActivityFilters, Id, NewActivity
from warmline.api.errors import READING, WRITING
from warmline.api.responses import ActivityAnswer, Page
from warmline.crm import book
from warmline.crm.activities import Activity, ActivityQuerySet
from warmline.crm.models import Contact
from warmline.sync.status import retry_and_choose

router = Router(tags=["activities"])
ONE = {200: ActivityAnswer, **WRITING}


@router.get("/activities", response={200: Page[ActivityAnswer], **READING}, summary="List activities")
def list_activities(request: Request, filters: Query[ActivityFilters]) -> Page[ActivityAnswer]:
    """All activities in order of their ids, or those of one contact if `contact_id` is given."""
    if filters.contact_id is None:
        found, next_ = reading.page(_visible(request), filters)
    else:
        contacts = Contact.objects.seen_by(request.auth).filter(pk=filters.contact_id)
        found, next_ = reading.page(Activity.objects.filter(contact__in=contacts), filters, few=True)
    return Page(items=[ActivityAnswer.of(row) for row in found], next=next_)


@router.post("/activities", response={201: ActivityAnswer, **WRITING}, summary="Log an activity")
def log_activity(request: Request, body: NewActivity) -> Status[ActivityAnswer]:
    """Without a subject, it gets one such as "Call with NAME". `done` is true unless the activity is due in the future.

    Due date and time are in the caller's time zone. An activity due today without a time counts as done.
    """
    values = body.given()
    contact = Contact.objects.seen_by(request.auth).filter(pk=values.pop("contact_id")).first()
    if contact is None:
        raise reading.missing(Contact, "contact_id")
    activity = book.log_activity(request.auth, contact, **values)
    # Answered even if the contact was handed over in the meantime, so that nobody sends it again.
    return Status(201, ActivityAnswer.of(reading.one(Activity.objects.all(), activity.pk)))


@router.get("/activities/{id}", response={200: ActivityAnswer, **READING}, summary="Read an activity")
def read_activity(request: Request, id: Id) -> ActivityAnswer:
    """One activity with its sync status."""
    return _answer(request, id)


@router.patch("/activities/{id}", response=ONE, summary="Change an activity")
def change_activity(request: Request, id: Id, body: ActivityChanges) -> ActivityAnswer:
    """Only the given fields change."""
    activity = reading.one(_visible(request), id)
    if changes := body.given():
        book.change_activity(activity, changes)
    return _answer(request, id)


@router.post("/activities/{id}/retry", response=ONE, summary="Try a failed activity again")
def retry_activity(request: Request, id: Id) -> ActivityAnswer:
    """If the activity failed, it is tried again right away, with a full set of attempts."""
    retry_and_choose.retry(reading.one(_visible(request), id))
    return _answer(request, id)


def _visible(request: Request) -> ActivityQuerySet:
    return Activity.objects.seen_by(request.auth)


def _answer(request: Request, id: int) -> ActivityAnswer:
    return ActivityAnswer.of(reading.one(_visible(request), id))
