"""Contacts: the list, and adding one."""

from functools import partial
from itertools import chain
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import replace_url

from warmline.crm import book
from warmline.crm.idempotency import once
from warmline.crm.keys import email_key
from warmline.crm.models import Contact, ContactQuerySet, Organization
from warmline.crm.users import User
from warmline.sync.policy import Policy
from warmline.sync.status import row_lists
from warmline.sync.status.row_lists import COUNTED, Order, Show
from warmline.web.book_forms import SCORES, NewContactForm
from warmline.web.export import PIECE, csv_of
from warmline.web.list_query import Wishes
from warmline.web.requests import PageRequest, once_key

PAGE = 50


@require_safe
def contacts(request: PageRequest) -> HttpResponse:
    """Show the contacts that the user may see, as the address asks for; to htmx the list alone."""
    wishes, rows = _asked(request)
    page = row_lists.page(rows, wishes.asked, size=PAGE, **_now())
    organization = wishes.asked.organization
    shown = {
        "wishes": wishes,
        "page": page,
        "counted": COUNTED,
        "shows": Show,
        "orders": Order,
        "scores": SCORES,
        "users": User.objects.people().order_by("name"),
        "organization": Organization.objects.filter(pk=organization).first() if organization else None,
        "query": wishes.query(wishes.asked.place),
        "whole": wishes.query(),
        "before": wishes.query(page.before),
        "after": wishes.query(page.after),
    }
    if not request.htmx:
        return render(request, "web/contacts/list.html", shown)
    response = render(request, "web/contacts/_list.html", shown)
    # What is typed replaces the address; a page that one turns to is one to come back from.
    return replace_url(response, request.path + wishes.query()) if request.htmx.trigger == "filters" else response


@require_safe
def export(request: PageRequest) -> StreamingHttpResponse:
    """Send all contacts of a list as a CSV file, whatever page of it is shown."""
    wishes, rows = _asked(request)
    return csv_of(chain.from_iterable(row_lists.pages(rows, wishes.asked, size=PIECE, **_now())))


def _asked(request: PageRequest) -> tuple[Wishes, ContactQuerySet]:
    wishes = Wishes.read(request.GET, list(Order), list(Show), whose=("owner", "organization"))
    return wishes, wishes.among(Contact.objects.seen_by(request.user)).select_related("owner", "organization")


def _now() -> dict[str, Any]:
    return {"threshold": Policy.current().threshold, "now": timezone.now()}


@require_http_methods(["GET", "HEAD", "POST"])
def add(request: PageRequest) -> HttpResponse:
    """Add a contact of the user's."""
    form = NewContactForm(request.POST or None, initial={"organization": request.GET.get("organization", "")})

    def store(values: dict[str, Any]) -> Contact | None:
        make = partial(book.add_contact, request.user, **values)
        return once(Contact, request.user, once_key(request), make)

    if request.method == "POST" and form.save(store):
        if form.stored is None:
            return redirect("web:contacts")
        messages.success(request, f"{form.stored.name} added.")
        return redirect("web:contact", form.stored.pk)
    return render(request, "web/contacts/add.html", {"form": form})


@require_safe
def known(request: PageRequest) -> HttpResponse:
    """Tell whether someone knows a person with this e-mail already: whom one may see, and of others nothing more."""
    email = email_key(request.GET.get("email", ""))
    same = Contact.objects.filter(email_key=email) if email else Contact.objects.none()
    shown = {"contact": same.seen_by(request.user).first(), "is_known": same.exists()}
    return render(request, "web/contacts/_known.html", shown)
