"""What templates say often: an icon, a sync badge, a link of the navigation, a page of a list."""

from typing import Any
from uuid import uuid4

from django import template
from django.http import HttpRequest
from django.template import Context
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from warmline import storage
from warmline.crm.models import Contact
from warmline.crm.sync_columns import Synced
from warmline.sync.failures import AMBIGUOUS
from warmline.sync.notifications import unseen
from warmline.sync.row_state import SyncState
from warmline.web.presentation.icons import ICONS

register = template.Library()

MANY_NEW = 99  # notifications; more are not counted

BADGES = {
    SyncState.NOT_WANTED: ("person", "Not in Pipedrive"),
    SyncState.WANTED: ("clock", "Waiting"),
    SyncState.IN_PROGRESS: ("sync", "In progress"),
    SyncState.SYNCED: ("check", "In Pipedrive"),
    SyncState.FAILED: ("alert", "Failed"),
}
CHOICE = ("people", "Choose")  # it failed, and a person has to say which record is meant


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """Draw an icon.

    Args:
        name: One of web/presentation/icons.py.
        label: What it says to who does not see it; empty where the words beside it say so already.
    """
    drawing = mark_safe(ICONS[name])  # noqa: S308 (our own drawing)
    told = format_html('role="img" aria-label="{}"', label) if label else mark_safe('aria-hidden="true"')
    return format_html('<svg class="icon" viewBox="0 0 24 24" {}>{}</svg>', told, drawing)


@register.simple_tag
def sync_badge(state: str, row: Synced | None = None, *, oob: bool = False) -> SafeString:
    """Say in an icon and words where a row stands; never by its colour alone.

    Args:
        state: A value of SyncState, as `sync.state.with_state` puts it on the row.
        row: Whose badge it is, once on a page: it gets an id, such as `badge-contact-12`, and is kept up to date.
        oob: Whether it takes the place of the one with this id, wherever that is on the page.
    """
    drawing, words = BADGES[SyncState(state)]
    look = state
    if state == SyncState.FAILED and row is not None and row.pipedrive_sync_error_code == AMBIGUOUS:
        (drawing, words), look = CHOICE, "choice"
    name = format_html(' id="badge-{}-{}"', row._meta.model_name, row.pk) if row else ""  # noqa: SLF001 (documented)
    name += mark_safe(' hx-swap-oob="true"') if oob else mark_safe("")
    knows = mark_safe("")
    if isinstance(row, Contact):  # for the control of its warmness, which follows
        knows = format_html(' data-warmness="{}" data-warm="{}"', row.warmness_score, "yes" if row.is_warm else "")
    return format_html('<span{} class="badge badge-{}"{}>{}{}</span>', name, look, knows, icon(drawing), words)


@register.simple_tag
def disk_trouble() -> str:
    """Say what is the matter with the disk; nothing when all is well."""
    matter = storage.present()
    return storage.WORDS[matter] if matter else ""


@register.simple_tag
def idempotency_key() -> SafeString:
    """Give a form the key by which it is saved once, however often it is sent (see crm/idempotency.py)."""
    return format_html('<input type="hidden" name="idempotency_key" value="{}">', uuid4())


@register.inclusion_tag("web/parts/bell.html", takes_context=True)
def bell(context: Context) -> dict[str, Any]:
    """Show the way to the notifications, and how many are new.

    Args:
        context: Holds the request.
    """
    return {"new": unseen(context["request"].user, MANY_NEW + 1), "many": MANY_NEW}


@register.inclusion_tag("web/parts/nav_link.html", takes_context=True)
def nav_link(context: Context, page: str, drawing: str, words: str) -> dict[str, Any]:
    """Lead to a room, and say when one is in it.

    Args:
        context: Holds the request.
        page: The URL's name.
        drawing: The icon's name.
        words: What it says.
    """
    request: HttpRequest = context["request"]
    path = reverse(page)
    current = "page" if request.path == path else "true" if request.path.startswith(f"{path}/") else ""
    return {"path": path, "current": current, "drawing": drawing, "words": words}
