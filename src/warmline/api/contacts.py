"""The calls about contacts: a member's own, an admin's all."""

from django.db.models import Q
from ninja import Query, Router, Status

from warmline.api import reading
from warmline.api.answers import ContactAnswer, Page
from warmline.api.auth import Request
from warmline.api.bodies import ContactChanges, ContactFilters, Id, Link, NewContact
from warmline.api.errors import READING, WRITING
from warmline.crm import book
from warmline.crm.keys import key
from warmline.crm.models import Contact, ContactQuerySet
from warmline.sync import retry
from warmline.sync.policy import Policy

router = Router(tags=["contacts"])


@router.get("/contacts", response={200: Page[ContactAnswer], **READING}, summary="List contacts")
def list_contacts(request: Request, filters: Query[ContactFilters]) -> Page[ContactAnswer]:
    """Contacts by id; `search` looks into name, e-mail and the organization's name."""
    rows = _visible(request)
    if term := key(filters.search):
        in_organization = Q(organization__name_key__contains=term)
        rows = rows.filter(Q(name_key__contains=term) | Q(email_key__contains=term) | in_organization)
    if filters.warm is not None:
        warm = Q(warmness_score__gte=Policy.current().threshold)
        rows = rows.filter(warm if filters.warm else ~warm)
    found, next_ = reading.page(rows, filters)
    return Page(items=[ContactAnswer.of(row) for row in found], next=next_)


@router.post("/contacts", response={201: ContactAnswer, **WRITING}, summary="Add a contact")
def add_contact(request: Request, body: NewContact) -> Status[ContactAnswer]:
    """The contact becomes the caller's. Its organization is found by name among the team's, else made."""
    contact = book.add_contact(request.auth, **body.given())
    return Status(201, _answer(request, contact.pk))


@router.get("/contacts/{id}", response={200: ContactAnswer, **READING}, summary="Read a contact")
def read_contact(request: Request, id: Id) -> ContactAnswer:
    """One contact, and how far it is on its way to Pipedrive."""
    return _answer(request, id)


@router.patch("/contacts/{id}", response={200: ContactAnswer, **WRITING}, summary="Change a contact")
def change_contact(request: Request, id: Id, body: ContactChanges) -> ContactAnswer:
    """Only the given fields change."""
    contact = reading.one(_visible(request), id)
    if changes := body.given():
        book.change_contact(contact, changes)
    return _answer(request, id)


@router.post("/contacts/{id}/retry", response={200: ContactAnswer, **READING}, summary="Try a failed contact again")
def retry_contact(request: Request, id: Id) -> ContactAnswer:
    """Fresh attempts, now, for the contact and its organization if they had failed."""
    retry.retry(reading.one(_visible(request), id))
    return _answer(request, id)


@router.post("/contacts/{id}/link", response={200: ContactAnswer, **WRITING}, summary="Say which person a contact is")
def link_contact(request: Request, id: Id, body: Link) -> ContactAnswer:
    """For a contact with several candidates: the id of one of them, or a new person."""
    retry.choose(reading.one(_visible(request), id), body.choice)
    return _answer(request, id)


def _visible(request: Request) -> ContactQuerySet:
    return Contact.objects.seen_by(request.auth).select_related("owner", "organization")


def _answer(request: Request, id: int) -> ContactAnswer:
    return ContactAnswer.of(reading.one(_visible(request), id))
