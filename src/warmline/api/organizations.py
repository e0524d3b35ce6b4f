"""The calls about organizations. They belong to the team: everyone sees and changes them."""
# ruff: noqa: ARG001 (ninja hands the request to every view, and here it does not matter whose it is)

from ninja import Query, Router

from warmline.api import reading
from warmline.api.auth import Request
from warmline.api.bodies import Id, Link, OrganizationChanges, OrganizationFilters
from warmline.api.errors import READING, WRITING
from warmline.api.responses import OrganizationAnswer, Page
from warmline.crm import book
from warmline.crm.models import Organization
from warmline.crm.search import search
from warmline.sync.status import retry_and_choose

router = Router(tags=["organizations"])
ONE = {200: OrganizationAnswer, **WRITING}


@router.get("/organizations", response={200: Page[OrganizationAnswer], **READING}, summary="List organizations")
def list_organizations(request: Request, filters: Query[OrganizationFilters]) -> Page[OrganizationAnswer]:
    """The team's organizations in order of their ids. `search` matches the starts of words in the name."""
    rows = Organization.objects.all()
    among, few = search(rows, filters.search)
    found, next_ = reading.page(rows, filters, among=among, few=few)
    return Page(items=[OrganizationAnswer.of(row) for row in found], next=next_)


@router.get("/organizations/{id}", response={200: OrganizationAnswer, **READING}, summary="Read an organization")
def read_organization(request: Request, id: Id) -> OrganizationAnswer:
    """One organization with its sync status."""
    return _answer(id)


@router.patch("/organizations/{id}", response=ONE, summary="Change an organization")
def change_organization(request: Request, id: Id, body: OrganizationChanges) -> OrganizationAnswer:
    """Only the given fields change."""
    organization = reading.one(Organization.objects.all(), id)
    if changes := body.given():
        book.change_organization(organization, changes)
    return _answer(id)


@router.post("/organizations/{id}/retry", response=ONE, summary="Try a failed organization again")
def retry_organization(request: Request, id: Id) -> OrganizationAnswer:
    """If the organization failed, it is tried again right away; contacts that wait for it continue, too."""
    retry_and_choose.retry(reading.one(Organization.objects.all(), id))
    return _answer(id)


@router.post("/organizations/{id}/link", response=ONE, summary="Choose an organization's record")
def link_organization(request: Request, id: Id, body: Link) -> OrganizationAnswer:
    """For an organization with candidates: choose one of them by its id, or create a new organization."""
    retry_and_choose.choose(reading.one(Organization.objects.all(), id), body.choice)
    return _answer(id)


def _answer(id: int) -> OrganizationAnswer:
    return OrganizationAnswer.of(reading.one(Organization.objects.all(), id))
