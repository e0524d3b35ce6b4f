"""What somebody typed into a form whose session had ended: kept through the sign-in page, and put back into the form.

Until the person has signed in it stays in their browser, in a field of the sign-in page, so that nobody without an
account can store anything here. Afterwards it waits in their session, at an address that only this form has. It comes
back only to the user who typed it: each of these forms carries whose it is (the tag `typed_by`).
"""

import json
from dataclasses import dataclass
from secrets import token_urlsafe
from typing import Any, Self

from django.contrib import messages
from django.http import HttpRequest, QueryDict
from django.urls import Resolver404, resolve
from django.utils.http import urlencode

FORMS = {"web:add-contact", "web:edit-contact", "web:log-activity", "web:edit-activity", "web:edit-organization"}
LONGEST = 200_000  # characters: more than the longest note
NAME = "kept"  # of the field, of the parameter in the address, and in the session
TYPED_BY = "typed_by"
NOT_TYPED = {"csrfmiddlewaretoken"}


@dataclass(frozen=True)
class KeptForm:
    """A form as it was sent.

    Attributes:
        path: Where it was sent to.
        fields: Its fields, with their values.
    """

    path: str
    fields: list[tuple[str, str]]

    @classmethod
    def of(cls, request: HttpRequest) -> Self | None:
        """Return the form that a request sends; None if it is none of those that are kept."""
        page = request.resolver_match
        if request.method != "POST" or page is None or page.view_name not in FORMS:
            return None
        return cls._checked(request.path, [(name, v) for name, values in request.POST.lists() for v in values])

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Return what `text` made; None if it is empty, or nothing that this module has written."""
        try:
            path, fields = json.loads(text)
            pairs = [(name + "", value + "") for name, value in fields]
            is_kept = resolve(path).view_name in FORMS
        except (ValueError, TypeError, Resolver404):
            return None
        return cls._checked(path, pairs) if is_kept else None

    @classmethod
    def _checked(cls, path: str, pairs: list[tuple[str, str]]) -> Self | None:
        kept = cls(path, [(name, value) for name, value in pairs if name not in NOT_TYPED])
        return kept if len(kept.text) <= LONGEST else None

    @property
    def text(self) -> str:
        """It as text, for a field of the sign-in page."""
        return json.dumps([self.path, self.fields], ensure_ascii=False)

    def is_of(self, user: Any) -> bool:
        """Tell whether a user typed it."""
        return (TYPED_BY, str(user.pk)) in self.fields


def put_aside(request: HttpRequest, kept: KeptForm) -> str:
    """Put a form aside in the session of the user who has signed in; return the address at which it is shown.

    Args:
        request: The user's.
        kept: What they typed.
    """
    token = token_urlsafe(8)
    request.session[NAME] = {"token": token, "path": kept.path, "fields": kept.fields}
    messages.info(request, "You are signed in again. What you entered is still here, but not saved yet.")
    return f"{kept.path}?{urlencode({NAME: token})}"


def typed(request: HttpRequest, path: str = "") -> QueryDict | None:
    """Return what somebody typed into a form: sent just now, or put aside before; None for an empty form.

    Args:
        request: For the page of the form, or with the form.
        path: Where the form is sent; empty for the address of the request.
    """
    path = path or request.path
    kept = request.session.get(NAME)
    if request.method == "POST":
        if kept and kept["path"] == path:
            del request.session[NAME]
        return request.POST or None
    if not kept or (kept["path"], kept["token"]) != (path, request.GET.get(NAME)):
        return None
    data = QueryDict(mutable=True)
    for name, value in kept["fields"]:
        data.appendlist(name, value)
    return data
