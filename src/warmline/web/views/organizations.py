"""Organizations: the list, and single ones. They belong to the team: everyone sees and changes them."""

from typing import Any

from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import replace_url

from warmline.crm import book
from warmline.crm.models import Contact, Organization
from warmline.crm.search import search
from warmline.sync.policy import Policy
from warmline.sync.status import row_lists
from warmline.sync.status.row_lists import COUNTED, Asked, Order, Show
from warmline.web.forms.contact_book import SCORES, OrganizationForm
from warmline.web.kept_forms import typed
from warmline.web.list_query import ListRequest, text
from warmline.web.requests import PageRequest
from warmline.web.views.row_status import in_pipedrive, page_of, seen

PAGE_SIZE = 50
CONTACTS_SHOWN = 20  # on an organization's own page
NAMES_SHOWN = 8  # suggestions while typing
ORDERS = (Order.NAME, Order.ADDED)
SHOWS = (Show.SYNCED, Show.WAITING, Show.FAILED)


@require_safe
def organizations(request: PageRequest) -> HttpResponse:
    """Show the team's organizations, as the address asks for; htmx gets only the list."""
    listed = ListRequest.read(request.GET, ORDERS, SHOWS)
    page = row_lists.page(Organization.objects.all(), listed.asked, size=PAGE_SIZE, **_now())
    counts = _contacts(request, page.rows)
    shown = {
        "listed": listed,
        "page": page,
        "rows": [(row, counts.get(row.pk, 0)) for row in page.rows],
        "counted": COUNTED,
        "orders": ORDERS,
        "shows": SHOWS,
        "before": listed.query(page.before),
        "after": listed.query(page.after),
    }
    if not request.htmx:
        return render(request, "web/organizations/list.html", shown)
    response = render(request, "web/organizations/_list.html", shown)
    return replace_url(response, request.path + listed.query()) if request.htmx.trigger == "filters" else response


def _now() -> dict[str, Any]:
    return {"threshold": Policy.current().threshold, "now": timezone.now()}


def _contacts(request: PageRequest, rows: list[Organization]) -> dict[int, int]:
    """Return, for each organization, how many of its contacts the user may see."""
    seen = Contact.objects.seen_by(request.user).filter(organization__in=[row.pk for row in rows])
    counted = seen.order_by().values_list("organization").annotate(Count("pk"))
    return {organization: count for organization, count in counted if organization}


@require_safe
def names(request: PageRequest) -> HttpResponse:
    """Suggest organizations whose names match the typed text."""
    typed = text(request.GET, "organization")
    found: list[Organization] = []
    if typed:
        rows, few = search(Organization.objects.all(), typed)
        found = list((rows.order_by("name_key") if few else rows)[:NAMES_SHOWN])
    return render(request, "web/organizations/_names.html", {"organizations": found})


@require_safe
def organization(request: PageRequest, organization_id: int) -> HttpResponse:
    """Show an organization with the contacts that the user may see; htmx gets only the details."""
    row = seen(request, "organization", organization_id)
    if request.htmx:
        return render(request, "web/organizations/_details.html", {"organization": row, "is_new": True})
    contacts = Contact.objects.seen_by(request.user).select_related("owner", "organization")
    page = row_lists.page(contacts, Asked(organization=row.pk), size=CONTACTS_SHOWN, **_now())
    shown = {"organization": row, "page": page, "scores": SCORES, "counted": COUNTED}
    return render(request, "web/organizations/organization.html", {**shown, **in_pipedrive(row)})


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: PageRequest, organization_id: int) -> HttpResponse:
    """Change the details; htmx gets the form in their place."""
    row = seen(request, "organization", organization_id)
    form = OrganizationForm.of(row, typed(request))
    if request.method == "POST" and form.save(lambda changes: book.change_organization(row, changes, form.shown())):
        if not request.htmx:
            return redirect(page_of(row))
        row = seen(request, "organization", organization_id)
        return render(request, "web/organizations/_edited.html", {"organization": row, **in_pipedrive(row)})
    template = "web/organizations/_edit.html" if request.htmx else "web/organizations/edit.html"
    return render(request, template, {"organization": row, "form": form})
