"""Requests for pages: their type, the key of their form, and the decorator for admin pages."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, cast
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from warmline.crm.users import User

More = ParamSpec("More")


class PageRequest(HttpRequest):
    """A request for a page by a signed-in user.

    Attributes:
        user: The user.
        htmx: Whether htmx requests a fragment, and for which element.
    """

    user: User
    htmx: HtmxDetails


def idempotency_key(request: HttpRequest) -> UUID | None:
    """Return the idempotency key of the form that was sent; None if it has none."""
    try:
        return UUID(request.POST.get("idempotency_key", ""))
    except ValueError:
        return None


def leave(request: PageRequest, address: str) -> HttpResponseBase:
    """Lead to another page after a form; a script that sent it is told to go there.

    Args:
        request: The one that sent the form.
        address: Of the page.
    """
    return HttpResponseClientRedirect(address) if request.htmx else redirect(address)


def page_to_return_to(request: HttpRequest) -> str:
    """Return the page from which a form was sent, as its field `page` says; the first page if that is none of ours."""
    page = request.POST.get("page", "")
    return page if url_has_allowed_host_and_scheme(page, None) and page.startswith("/") else "/"


def admins_only(view: Callable[More, HttpResponseBase]) -> Callable[More, HttpResponseBase]:
    """Allow a view for admins only; members get 403."""

    @wraps(view)
    def guarded(*args: More.args, **kwargs: More.kwargs) -> HttpResponseBase:
        request = cast("PageRequest", args[0])
        if not request.user.is_admin:
            raise PermissionDenied
        return view(*args, **kwargs)

    return guarded
