"""The calls about contacts: a member's own, an admin's all."""

from ninja import Query, Router, Status

from warmline.api import reading
from warmline.api.auth import Request
from warmline.api.bodies import ContactChanges, ContactFilters, Id, Import, Link, NewContact
from warmline.api.errors import READING, WRITING
from warmline.api.responses import ContactAnswer, ImportAnswer, ImportOutcome, Page
from warmline.crm import book
from warmline.crm.imports.bulk import import_contacts as imported
from warmline.crm.models import Contact, ContactQuerySet
from warmline.crm.search import search
from warmline.sync.status import retry_and_choose

router = Router(tags=["contacts"])


@router.get("/contacts", response={200: Page[ContactAnswer], **READING}, summary="List contacts")
def list_contacts(request: Request, filters: Query[ContactFilters]) -> Page[ContactAnswer]:
    """Contacts in order of their ids. `search` matches the starts of words in name, e-mail and organization."""
    rows = _visible(request)
    among, few = search(rows, filters.search)
    found, next_ = reading.page(rows, filters, among=among, warm=filters.warm, few=few)
    return Page(items=[ContactAnswer.of(row) for row in found], next=next_)


@router.post("/contacts", response={201: ContactAnswer, **WRITING}, summary="Add a contact")
def add_contact(request: Request, body: NewContact) -> Status[ContactAnswer]:
    """The caller becomes the contact's owner. Its organization is found by name, or created."""
    contact = book.add_contact(request.auth, **body.given())
    return Status(201, _answer(request, contact.pk))


# Before the calls with an id, which `import` would be taken for.
@router.post("/contacts/import", response={200: ImportAnswer, **WRITING}, summary="Add many contacts")
def import_contacts(request: Request, body: Import) -> ImportAnswer:
    """Adds up to 1000 contacts for the caller. Invalid rows are skipped, and existing contacts stay unchanged: they are
    recognized by e-mail and a matching name or, without an e-mail, by name and organization, unless the phones differ.
    So the call can safely be repeated if it was interrupted.
    These contacts are sent to Pipedrive after contacts that were added one by one.
    """  # noqa: D205 (ninja makes it the description)
    rows = [contact.given() for contact in body.contacts]
    return ImportAnswer(outcomes=[ImportOutcome.of(row) for chunk in imported(request.auth, rows) for row in chunk])


@router.get("/contacts/{id}", response={200: ContactAnswer, **READING}, summary="Read a contact")
def read_contact(request: Request, id: Id) -> ContactAnswer:
    """One contact with its sync status."""
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
    """If the contact or its organization failed, both are tried again right away, with a full set of attempts."""
    retry_and_choose.retry(reading.one(_visible(request), id))
    return _answer(request, id)


@router.post("/contacts/{id}/link", response={200: ContactAnswer, **WRITING}, summary="Choose a contact's person")
def link_contact(request: Request, id: Id, body: Link) -> ContactAnswer:
    """For a contact with candidates: choose one of them by its id, or create a new person."""
    retry_and_choose.choose(reading.one(_visible(request), id), body.choice)
    return _answer(request, id)


def _visible(request: Request) -> ContactQuerySet:
    return Contact.objects.seen_by(request.auth).select_related("owner", "organization")


def _answer(request: Request, id: int) -> ContactAnswer:
    return ContactAnswer.of(reading.one(_visible(request), id))
