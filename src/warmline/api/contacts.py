"""The calls about contacts: a member's own, an admin's all."""

from ninja import Query, Router, Status

from warmline.api import etags, reading
from warmline.api.auth import Request, owner_of_new
from warmline.api.bodies import ExternalIdText, Id, Link, Source
from warmline.api.contact_bodies import ContactChanges, Import, NewContact
from warmline.api.errors import CHANGING, READING, WRITING
from warmline.api.list_queries import ContactFilters
from warmline.api.responses import ContactAnswer, ImportAnswer, ImportOutcome, RowPage
from warmline.crm import book, external_ids
from warmline.crm.external_ids import ExternalName
from warmline.crm.imports.bulk import import_contacts as imported
from warmline.crm.models import Contact, ContactQuerySet
from warmline.crm.search import search
from warmline.sync.status import retry_and_choose

router = Router(tags=["contacts"])


@router.get("/contacts", response={200: RowPage[ContactAnswer], **READING}, summary="List contacts")
def list_contacts(request: Request, filters: Query[ContactFilters]) -> RowPage[ContactAnswer]:
    """Contacts in order of their ids. `search` matches the starts of words in name, e-mails, organization, job title,
    LinkedIn address, tags and source, and any three letters or more within them; or a phone, however it is written.
    """  # noqa: D205 (ninja makes it the description)
    rows = _visible(request)
    among, few = search(rows, filters.search, filters.whole)
    return reading.page(rows, filters, request.auth, ContactAnswer.of, among=among, warm=filters.warm, few=few)


@router.post("/contacts", response={201: ContactAnswer, **WRITING}, summary="Add a contact")
def add_contact(request: Request, body: NewContact) -> Status[ContactAnswer]:
    """The caller becomes the contact's owner, or whom it names. Its organization is found by name, or created."""
    contact = book.add_contact(owner_of_new(request, body.owner_email), **body.given())
    return Status(201, _answer(request, contact.pk))


# Before the calls with an id, which `import` would be taken for.
@router.post("/contacts/import", response={200: ImportAnswer, **WRITING}, summary="Add many contacts")
def import_contacts(request: Request, body: Import) -> ImportAnswer:
    """Adds up to 1000 contacts for the caller. Invalid rows are skipped, and existing contacts stay unchanged: they are
    recognized by e-mail and a matching name or, without an e-mail, by name and organization, unless the phones differ.
    What a row says beside that, such as another phone, is told in `left_out`; PATCH the contact to add it.
    So the call can safely be repeated if it was interrupted.
    These contacts are sent to Pipedrive after contacts that were added one by one.
    """  # noqa: D205 (ninja makes it the description)
    rows = [contact.given() for contact in body.contacts]
    owner = owner_of_new(request, body.owner_email)
    return ImportAnswer(outcomes=[ImportOutcome.of(row) for chunk in imported(owner, rows) for row in chunk])


@router.get("/contacts/{id}", response={200: ContactAnswer, **READING}, summary="Read a contact")
def read_contact(request: Request, id: Id) -> ContactAnswer:
    """One contact with its sync status."""
    return _answer(request, id)


@router.patch("/contacts/{id}", response={200: ContactAnswer, **CHANGING}, summary="Change a contact")
def change_contact(request: Request, id: Id, body: ContactChanges) -> ContactAnswer:
    """Only the given fields change."""
    with etags.matching(request, _visible(request), id) as contact:
        if changes := body.given():
            book.change_contact(contact, changes)
    return _answer(request, id)


@router.post("/contacts/{id}/retry", response={200: ContactAnswer, **WRITING}, summary="Try a failed contact again")
def retry_contact(request: Request, id: Id) -> ContactAnswer:
    """If the contact or its organization failed, both are tried again right away, with a full set of attempts."""
    retry_and_choose.retry(reading.one(_visible(request), id))
    return _answer(request, id)


@router.post("/contacts/{id}/link", response={200: ContactAnswer, **WRITING}, summary="Choose a contact's person")
def link_contact(request: Request, id: Id, body: Link) -> ContactAnswer:
    """For a contact with candidates: choose one of them by its id, or create a new person."""
    retry_and_choose.choose(reading.one(_visible(request), id), body.choice)
    return _answer(request, id)


@router.get(
    "/contacts/external/{source}/{path:id}",
    response={200: ContactAnswer, **READING},
    summary="Read a contact by an external id",
)
def read_external_contact(request: Request, source: Source, id: ExternalIdText) -> ContactAnswer:
    """The contact that another program calls so."""
    return _told(request, reading.named(_visible(request), ExternalName(source, id)))


@router.put(
    "/contacts/external/{source}/{path:id}",
    response={200: ContactAnswer, 201: ContactAnswer, **WRITING},
    summary="Add or change a contact by an external id",
)
def put_external_contact(
    request: Request, source: Source, id: ExternalIdText, body: NewContact
) -> Status[ContactAnswer]:
    """The same call as often as one likes makes one contact. Fields that are left out stay as they are.

    The first time, the caller's contact with this e-mail and a name that agrees is taken, if there is exactly one.
    """
    owner = owner_of_new(request, body.owner_email)
    contact, is_new = external_ids.put_contact(request.auth, owner, ExternalName(source, id), body.given())
    return Status(201 if is_new else 200, _answer(request, contact.pk))


def _visible(request: Request) -> ContactQuerySet:
    rows = Contact.objects.seen_by(request.auth)
    return rows.select_related("owner", "organization").prefetch_related("external_ids")


def _answer(request: Request, id: int) -> ContactAnswer:
    return _told(request, reading.one(_visible(request), id))


def _told(request: Request, contact: Contact) -> ContactAnswer:
    etags.tell(request, contact)
    return ContactAnswer.of(contact)
