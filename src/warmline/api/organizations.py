"""The calls about organizations. They belong to the team: everyone sees and changes them."""

from django.db.models import QuerySet
from ninja import Query, Router, Status

from warmline.api import etags, reading
from warmline.api.auth import Request
from warmline.api.bodies import (
    ExternalIdText,
    Id,
    Link,
    OrganizationBody,
    OrganizationChanges,
    Source,
)
from warmline.api.errors import CHANGING, READING, WRITING
from warmline.api.list_queries import OrganizationFilters
from warmline.api.responses import OrganizationAnswer, RowPage
from warmline.crm import book, external_ids
from warmline.crm.external_ids import ExternalName
from warmline.crm.models import Organization
from warmline.crm.search import search
from warmline.sync.status import retry_and_choose

router = Router(tags=["organizations"])
ONE = {200: OrganizationAnswer, **WRITING}


@router.get("/organizations", response={200: RowPage[OrganizationAnswer], **READING}, summary="List organizations")
def list_organizations(request: Request, filters: Query[OrganizationFilters]) -> RowPage[OrganizationAnswer]:
    """The team's organizations in order of their ids. `search` matches the starts of words in the name."""
    rows = _all()
    among, few = search(rows, filters.search)
    return reading.page(rows, filters, request.auth, OrganizationAnswer.of, among=among, few=few)


@router.get("/organizations/{id}", response={200: OrganizationAnswer, **READING}, summary="Read an organization")
def read_organization(request: Request, id: Id) -> OrganizationAnswer:
    """One organization with its sync status."""
    return _answer(request, id)


@router.patch("/organizations/{id}", response={**ONE, **CHANGING}, summary="Change an organization")
def change_organization(request: Request, id: Id, body: OrganizationChanges) -> OrganizationAnswer:
    """Only the given fields change."""
    with etags.matching(request, _all(), id) as organization:
        if changes := body.given():
            book.change_organization(organization, changes)
    return _answer(request, id)


@router.post("/organizations/{id}/retry", response=ONE, summary="Try a failed organization again")
def retry_organization(request: Request, id: Id) -> OrganizationAnswer:
    """If the organization failed, it is tried again right away; contacts that wait for it continue, too."""
    retry_and_choose.retry(reading.one(_all(), id))
    return _answer(request, id)


@router.post("/organizations/{id}/link", response=ONE, summary="Choose an organization's record")
def link_organization(request: Request, id: Id, body: Link) -> OrganizationAnswer:
    """For an organization with candidates: choose one of them by its id, or create a new organization."""
    retry_and_choose.choose(reading.one(_all(), id), body.choice)
    return _answer(request, id)


@router.get(
    "/organizations/external/{source}/{path:id}",
    response={200: OrganizationAnswer, **READING},
    summary="Read an organization by an external id",
)
def read_external_organization(request: Request, source: Source, id: ExternalIdText) -> OrganizationAnswer:
    """The organization that another program calls so."""
    return _told(request, reading.named(_all(), ExternalName(source, id)))


@router.put(
    "/organizations/external/{source}/{path:id}",
    response={200: OrganizationAnswer, 201: OrganizationAnswer, **WRITING},
    summary="Add or change an organization by an external id",
)
def put_external_organization(
    request: Request, source: Source, id: ExternalIdText, body: OrganizationBody
) -> Status[OrganizationAnswer]:
    """The same call as often as one likes makes one organization. Fields that are left out stay as they are.

    The first time, the team's organization of this name is taken, if there is one.
    """
    organization, is_new = external_ids.put_organization(ExternalName(source, id), body.given())
    return Status(201 if is_new else 200, _answer(request, organization.pk))


def _all() -> QuerySet[Organization]:
    return Organization.objects.prefetch_related("external_ids")


def _answer(request: Request, id: int) -> OrganizationAnswer:
    return _told(request, reading.one(_all(), id))


def _told(request: Request, organization: Organization) -> OrganizationAnswer:
    etags.tell(request, organization)
    return OrganizationAnswer.of(organization)
