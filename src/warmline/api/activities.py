"""The calls about activities: those of the contacts that the caller may see."""

from ninja import Query, Router, Status

from warmline.api import etags, reading
from warmline.api.auth import Request
from warmline.api.bodies import ActivityChanges, ExternalIdText, Id, NewActivity, PutActivity, Source
from warmline.api.errors import CHANGING, READING, WRITING
from warmline.api.list_queries import ActivityFilters
from warmline.api.responses import ActivityAnswer, RowPage
from warmline.crm import activity_deletion, book, external_ids
from warmline.crm.activities import Activity, ActivityQuerySet
from warmline.crm.external_ids import ExternalName
from warmline.crm.models import Contact
from warmline.crm.users import User
from warmline.sync.status import retry_and_choose

router = Router(tags=["activities"])
ONE = {200: ActivityAnswer, **WRITING}


@router.get("/activities", response={200: RowPage[ActivityAnswer], **READING}, summary="List activities")
def list_activities(request: Request, filters: Query[ActivityFilters]) -> RowPage[ActivityAnswer]:
    """All activities in order of their ids, or those of one contact if `contact_id` is given."""
    if filters.contact_id is None:
        return reading.page(_visible(request), filters, request.auth, ActivityAnswer.of)
    contacts = Contact.objects.seen_by(request.auth).filter(pk=filters.contact_id)
    return reading.page(_all().filter(contact__in=contacts), filters, request.auth, ActivityAnswer.of, few=True)


@router.post("/activities", response={201: ActivityAnswer, **WRITING}, summary="Log an activity")
def log_activity(request: Request, body: NewActivity) -> Status[ActivityAnswer]:
    """Without a subject, it gets one such as "Call with NAME". `done` is true unless the activity is due in the future.

    Due date and time are in the caller's time zone. An activity due today without a time counts as done.
    """
    values = body.given()
    contact = Contact.objects.seen_by(request.auth).filter(pk=values.pop("contact_id")).first()
    if contact is None:
        raise reading.missing(Contact, "contact_id")
    activity = book.log_activity(_by(request, contact), contact, **values)
    # Answered even if the contact was handed over in the meantime, so that nobody sends it again.
    return Status(201, _told(request, reading.one(_all(), activity.pk)))


@router.get("/activities/{id}", response={200: ActivityAnswer, **READING}, summary="Read an activity")
def read_activity(request: Request, id: Id) -> ActivityAnswer:
    """One activity with its sync status."""
    return _answer(request, id)


@router.patch("/activities/{id}", response={**ONE, **CHANGING}, summary="Change an activity")
def change_activity(request: Request, id: Id, body: ActivityChanges) -> ActivityAnswer:
    """Only the given fields change."""
    with etags.matching(request, _visible(request), id) as activity:
        if changes := body.given():
            book.change_activity(activity, changes)
    return _answer(request, id)


@router.delete("/activities/{id}", response={204: None, **CHANGING}, summary="Delete an activity")
def delete_activity(request: Request, id: Id) -> Status[None]:
    """It is deleted here. Its record in Pipedrive stays, unless the team has set that it is deleted there too.

    Then it is deleted there within seconds, if Warmline created it and nobody changed it there just before; otherwise
    its owner gets a notification. What `still_there` of `GET /sync` counts is not deleted there yet.
    """
    with etags.matching(request, _visible(request), id) as activity:
        activity_deletion.delete_activity(activity)
    return Status(204, None)


@router.post("/activities/{id}/retry", response=ONE, summary="Try a failed activity again")
def retry_activity(request: Request, id: Id) -> ActivityAnswer:
    """If the activity failed, it is tried again right away, with a full set of attempts."""
    retry_and_choose.retry(reading.one(_visible(request), id))
    return _answer(request, id)


@router.get(
    "/activities/external/{source}/{path:id}",
    response={200: ActivityAnswer, **READING},
    summary="Read an activity by an external id",
)
def read_external_activity(request: Request, source: Source, id: ExternalIdText) -> ActivityAnswer:
    """The activity that another program calls so."""
    return _told(request, reading.named(_visible(request), ExternalName(source, id)))


@router.put(
    "/activities/external/{source}/{path:id}",
    response={200: ActivityAnswer, 201: ActivityAnswer, **WRITING},
    summary="Log or change an activity by an external id",
)
def put_external_activity(
    request: Request, source: Source, id: ExternalIdText, body: PutActivity
) -> Status[ActivityAnswer]:
    """The same call as often as one likes logs one activity. Fields that are left out stay as they are.

    The contact may be named by its external id, in `contact_external`; it cannot be changed later.
    """
    values = body.given()
    contact = _contact(request, body)
    for name in ("contact_id", "contact_external"):
        values.pop(name, None)
    activity, is_new = external_ids.put_activity(
        request.auth, contact, ExternalName(source, id), values, by=_by(request, contact)
    )
    return Status(201 if is_new else 200, _told(request, reading.one(_all(), activity.pk)))


def _contact(request: Request, body: PutActivity) -> Contact:
    seen = Contact.objects.seen_by(request.auth)
    if "contact_id" in body.model_fields_set:
        contact = seen.filter(pk=body.contact_id).first()
        if contact is None:
            raise reading.missing(Contact, "contact_id")
        return contact
    found = external_ids.find(Contact, body.contact_external.name)
    if found is None or not seen.filter(pk=found.pk).exists():
        raise reading.missing(Contact, "contact_external", "external id")
    return found


def _by(request: Request, contact: Contact) -> User:
    """Return in whose time zone due moments are meant: a program logs for the contact's owner."""
    return contact.owner if request.auth.is_machine else request.auth


def _all() -> ActivityQuerySet:
    return Activity.objects.prefetch_related("external_ids")


def _visible(request: Request) -> ActivityQuerySet:
    return _all().seen_by(request.auth)


def _answer(request: Request, id: int) -> ActivityAnswer:
    return _told(request, reading.one(_visible(request), id))


def _told(request: Request, activity: Activity) -> ActivityAnswer:
    etags.tell(request, activity)
    return ActivityAnswer.of(activity)
