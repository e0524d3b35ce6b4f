"""One's own profile: name, time zone, API tokens, and the calendar's address (see calendar_feed.py)."""

from datetime import timedelta

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from warmline.crm.calendar_feeds import CalendarFeed
from warmline.crm.tokens import ApiToken, Rights, issue
from warmline.crm.users import User
from warmline.sync import credentials
from warmline.web.forms.team_and_profile import ProfileForm, TokenForm
from warmline.web.public_address import PUBLIC_ADDRESS
from warmline.web.requests import PageRequest, page_to_return_to
from warmline.web.views import calendar_feed

NEW = "new-api-token"  # session key of a new token, encrypted, until it is shown


@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: PageRequest) -> HttpResponse:
    """Show one's profile, and save it."""
    form = ProfileForm(request.POST or None, instance=request.user)
    if form.is_valid():
        form.save()
        messages.success(request, "Profile saved.")
        return redirect("web:profile")
    request.user.refresh_from_db()  # so that the page header does not show an invalid name
    return _shown(request, form=form)


@require_POST
def change_time_zone(request: PageRequest) -> HttpResponse:
    """Take over the time zone of the browser, and go back to the page that offered it."""
    request.user.time_zone = request.POST.get("time_zone", "")
    try:
        request.user.clean_fields(exclude={each.name for each in User._meta.fields} - {"time_zone"})  # noqa: SLF001 (documented as public)
    except ValidationError:
        messages.error(request, "Warmline does not know this time zone. Choose one in your profile.")
        return redirect("web:profile")
    request.user.save(update_fields=["time_zone"])
    messages.success(request, f"Dates and times are those of {request.user.time_zone.replace('_', ' ')} now.")
    return redirect(page_to_return_to(request))


@require_POST
def make_token(request: PageRequest) -> HttpResponse:
    """Create an API token; the profile then shows it once, so a reload neither shows it again nor creates another."""
    form = TokenForm(request.POST)
    if not form.is_valid():
        return _shown(request, token_form=form)
    days = int(form.cleaned_data["days"])
    expires_at = timezone.now() + timedelta(days=days) if days else None
    rights = form.cleaned_data["rights"] or Rights.WRITE
    token = issue(request.user, form.cleaned_data["name"], rights=rights, expires_at=expires_at)
    request.session[NEW] = credentials.encrypted(token)
    return redirect("web:profile")


@require_POST
def revoke_token(request: PageRequest, token_id: int) -> HttpResponse:
    """Revoke one of one's own tokens."""
    if ApiToken.objects.filter(user=request.user, pk=token_id).delete()[0]:
        messages.success(request, "Token revoked. Programs that use it no longer have access.")
    return redirect("web:profile")


def _shown(
    request: PageRequest, *, form: ProfileForm | None = None, token_form: TokenForm | None = None
) -> HttpResponse:
    secret = credentials.decrypted(request.session.pop(calendar_feed.NEW, ""))
    context = {
        "feed": CalendarFeed.objects.filter(user=request.user).first(),
        "feed_address": PUBLIC_ADDRESS.whole(reverse("web:calendar-feed", args=[secret])) if secret else "",
        "form": form or ProfileForm(instance=request.user),
        "token_form": token_form or TokenForm(),
        "token": credentials.decrypted(request.session.pop(NEW, "")),
        "tokens": ApiToken.objects.filter(user=request.user).order_by("-pk"),
    }
    return render(request, "web/profile/profile.html", context)
