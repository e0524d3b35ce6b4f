"""Who asks for a page, and which pages are for admins only."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, cast
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django_htmx.middleware import HtmxDetails

from warmline.crm.users import User

More = ParamSpec("More")


class PageRequest(HttpRequest):
    """A request for a page by someone who has signed in.

    Attributes:
        user: Who.
        htmx: Whether, and by what, a fragment is asked for.
    """

    user: User
    htmx: HtmxDetails


def idempotency_key(request: HttpRequest) -> UUID | None:
    """Return the key of the form that was sent (see `{% idempotency_key %}`); None for one without."""
    try:
        return UUID(request.POST.get("idempotency_key", ""))
    except ValueError:
        return None


def admins_only(view: Callable[More, HttpResponseBase]) -> Callable[More, HttpResponseBase]:
    """Refuse a view to members, with the page that says so (403)."""

    @wraps(view)
    def guarded(*args: More.args, **kwargs: More.kwargs) -> HttpResponseBase:
        request = cast("PageRequest", args[0])
        if not request.user.is_admin:
            raise PermissionDenied
        return view(*args, **kwargs)

    return guarded
