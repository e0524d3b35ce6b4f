"""Contacts: the list, its export, and adding one."""

from datetime import timedelta
from functools import partial
from itertools import chain
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import replace_url

from warmline.crm import book
from warmline.crm.idempotency import save_once
from warmline.crm.imports.runs import ImportRun
from warmline.crm.keys import email_key
from warmline.crm.models import Contact, ContactQuerySet, Organization
from warmline.crm.undo import Keeper
from warmline.crm.users import User
from warmline.sync.policy import Policy
from warmline.sync.status import row_lists
from warmline.sync.status.row_lists import COUNTED, Order, Show
from warmline.web.export import PIECE, file_of
from warmline.web.forms.contact_book import SCORES, NewContactForm
from warmline.web.kept_forms import typed
from warmline.web.list_query import ListRequest
from warmline.web.requests import PageRequest, idempotency_key, leave
from warmline.web.views.contact import going_over

PAGE_SIZE = 50


@require_safe
def contacts(request: PageRequest) -> HttpResponse:
    """Show the contacts that the user may see, as the address asks for; htmx gets only the list."""
    listed, rows = _asked(request)
    page = row_lists.page(rows, listed.asked, size=PAGE_SIZE, **_now())
    organization = listed.asked.organization
    shown = {
        "listed": listed,
        "page": page,
        "counted": COUNTED,
        "shows": Show,
        "orders": Order,
        "scores": SCORES,
        "users": User.objects.people().order_by("name"),
        "organization": Organization.objects.filter(pk=organization).first() if organization else None,
        "imported": ImportRun.of(request.user).filter(pk=listed.imported).first() if listed.imported else None,
        "query": listed.query(listed.asked.place),
        "whole": listed.query(),
        "before": listed.query(page.before),
        "after": listed.query(page.after),
    }
    if not request.htmx:
        return render(request, "web/contacts/list.html", shown)
    response = render(request, "web/contacts/_list.html", shown)
    # Typing replaces the address; turning to another page adds one to the history.
    return replace_url(response, request.path + listed.query()) if request.htmx.trigger == "filters" else response


@require_safe
def export(request: PageRequest) -> HttpResponseBase:
    """Send all contacts of a list as a file of the form that is asked for, not only the page that is shown."""
    listed, rows = _asked(request)
    every = chain.from_iterable(row_lists.pages(rows, listed.asked, size=PIECE, **_now()))
    return file_of(every, request.GET.get("form", ""))


def _asked(request: PageRequest) -> tuple[ListRequest, ContactQuerySet]:
    whose = ("owner", "organization", "import", "tag", "source")
    listed = ListRequest.read(request.GET, list(Order), list(Show), whose=whose)
    return listed, listed.among(Contact.objects.seen_by(request.user)).select_related("owner", "organization")


def _now() -> dict[str, Any]:
    return {"threshold": Policy.current().threshold, "now": timezone.now()}


@require_http_methods(["GET", "HEAD", "POST"])
def add(request: PageRequest) -> HttpResponseBase:
    """Add a contact for the user."""
    form = NewContactForm(typed(request), initial={"organization": request.GET.get("organization", "")})
    if not form.is_bound:
        form.begin_at("name")

    if request.method == "POST" and form.save(partial(add_once, request.user, idempotency_key(request))):
        if form.stored is None:
            return leave(request, reverse("web:contacts"))
        text, keeper = told_of_new(request.user, form.stored)
        messages.success(request, text, extra_tags=str(keeper.group or ""))
        return leave(request, reverse("web:contact", args=[form.stored.pk]))
    return render(request, "web/contacts/_add.html" if request.htmx else "web/contacts/add.html", {"form": form})


def add_once(user: User, key: UUID | None, values: dict[str, Any]) -> Contact | None:
    """Add a contact by hand, with the time in which it can be undone; unless its form has added it already.

    Args:
        user: Whose contact it becomes.
        key: The form's.
        values: The form's.

    Returns:
        The contact; None when it was added before and has been deleted since.
    """
    grace = timedelta(seconds=settings.GRACE_SECONDS)
    return save_once(Contact, user, key, partial(book.add_contact, user, **values, grace=grace))


def told_of_new(user: User, contact: Contact) -> tuple[str, Keeper]:
    """Return what to say of a contact that was added, and what it takes to undo its warmness, if that is offered."""
    keeper = Keeper(user)
    if not contact.is_warm or contact.is_linked:
        return f"{contact.name} added.", keeper
    keeper.changed(Contact, {contact.pk: {"warmness_score": 0}}, {"warmness_score": contact.warmness_score})
    return f"{contact.name} added. {going_over(contact)}", keeper


@require_safe
def known(request: PageRequest) -> HttpResponse:
    """Tell whether someone on the team already has a contact with this e-mail; a colleague's contact is not named."""
    same = Contact.objects.with_email([email_key(request.GET.get("email", ""))])
    shown = {"contact": same.seen_by(request.user).first(), "is_known": same.exists()}
    return render(request, "web/contacts/_known.html", shown)
