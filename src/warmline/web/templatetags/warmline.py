"""Tags for things that many templates show: icons, sync badges, navigation links, the bell, and forms' keys."""

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
from warmline.sync.notifications import unseen
from warmline.sync.retries import AMBIGUOUS
from warmline.sync.row_state import SyncState
from warmline.web import offline_pages
from warmline.web.kept_forms import TYPED_BY
from warmline.web.presentation.badges import BADGES, CHOICE
from warmline.web.presentation.icons import ICONS

register = template.Library()

MANY_NEW = 99  # notifications; beyond this the bell says "99+"


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """Draw an icon.

    Args:
        name: One of web/presentation/icons.py.
        label: Its text for screen readers; empty if the words beside it say the same.
    """
    drawing = mark_safe(ICONS[name])  # noqa: S308 (our own drawing)
    told = format_html('role="img" aria-label="{}"', label) if label else mark_safe('aria-hidden="true"')
    return format_html('<svg class="icon" viewBox="0 0 24 24" {}>{}</svg>', told, drawing)


@register.simple_tag
def sync_badge(state: str, row: Synced | None = None, *, oob: bool = False) -> SafeString:
    """Show a row's sync state as an icon and words, never by colour alone.

    Args:
        state: A value of SyncState, as `sync.row_state.with_state` sets it on the row.
        row: The row, if this is its only badge on the page: it gets an id such as `badge-contact-12`, and live updates.
        oob: Whether it replaces the badge with the same id elsewhere on the page.
    """
    drawing, words = BADGES[SyncState(state)]
    look = state
    if state == SyncState.FAILED and row is not None and row.pipedrive_sync_error_code == AMBIGUOUS:
        (drawing, words), look = CHOICE, "choice"
    name = format_html(' id="badge-{}-{}"', row._meta.model_name, row.pk) if row else ""  # noqa: SLF001 (documented)
    name += mark_safe(' hx-swap-oob="true"') if oob else mark_safe("")
    knows = mark_safe("")
    if isinstance(row, Contact):  # live.js updates the warmness control from these
        knows = format_html(' data-warmness="{}" data-warm="{}"', row.warmness_score, "yes" if row.is_warm else "")
    return format_html('<span{} class="badge badge-{}"{}>{}{}</span>', name, look, knows, icon(drawing), words)


@register.simple_tag
def disk_trouble() -> str:
    """Return what is wrong with the disk; empty if nothing is."""
    matter = storage.present()
    return storage.WORDS[matter] if matter else ""


@register.simple_tag(takes_context=True)
def idempotency_key(context: Context) -> SafeString:
    """Give a form a key, so that it is saved only once, however often it is sent (see crm/idempotency.py).

    A form that comes back with what was typed keeps its key: it may have been saved, and only the answer was lost.

    Args:
        context: The template context, with the form.
    """
    form = context.get("form")
    known = form.data.get("idempotency_key") if form is not None and form.is_bound else None
    return format_html('<input type="hidden" name="idempotency_key" value="{}">', known or uuid4())


@register.simple_tag(takes_context=True)
def typed_by(context: Context) -> SafeString:
    """Have a form carry who types into it, so that it comes back to nobody else (see web/kept_forms.py).

    Args:
        context: The template context, with the request.
    """
    return format_html('<input type="hidden" name="{}" value="{}">', TYPED_BY, context["request"].user.pk)


@register.simple_tag(takes_context=True)
def kept_for(context: Context) -> str:
    """Return for whom the browser keeps pages and an outbox.

    Args:
        context: The template context, with the request.
    """
    return offline_pages.owner(context["request"].user)


@register.inclusion_tag("web/parts/bell.html", takes_context=True)
def bell(context: Context) -> dict[str, Any]:
    """Link to the notifications, and show how many are new.

    Args:
        context: The template context, with the request.
    """
    return {"new": unseen(context["request"].user, MANY_NEW + 1), "many": MANY_NEW}


@register.inclusion_tag("web/parts/nav_link.html", takes_context=True)
def nav_link(context: Context, page: str, drawing: str, words: str) -> dict[str, Any]:
    """Link to a section of the site, and mark it if the current page is in it.

    Args:
        context: The template context, with the request.
        page: The name of the URL.
        drawing: The name of the icon.
        words: The text of the link.
    """
    request: HttpRequest = context["request"]
    path = reverse(page)
    current = "page" if request.path == path else "true" if path != "/" and request.path.startswith(f"{path}/") else ""
    return {"path": path, "current": current, "drawing": drawing, "words": words}
