"""One's own profile: name and time zone, and the tokens with which one's programs call the API."""

from datetime import timedelta

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from warmline.crm.tokens import ApiToken, Rights, issue
from warmline.sync import credentials
from warmline.web.requests import PageRequest
from warmline.web.settings_forms import ProfileForm, TokenForm

NEW = "new-api-token"  # where the session keeps it, encrypted, until it is shown


@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: PageRequest) -> HttpResponse:
    """Show one's profile, and save it."""
    form = ProfileForm(request.POST or None, instance=request.user)
    if form.is_valid():
        form.save()
        messages.success(request, "Profile saved.")
        return redirect("web:profile")
    request.user.refresh_from_db()  # what is not valid is not shown as one's name at the top
    return _shown(request, form=form)


@require_POST
def make_token(request: PageRequest) -> HttpResponse:
    """Make an API token; the profile then shows it, once, so that a reload neither shows nor makes one again."""
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
    """Have one of one's tokens open nothing any more."""
    if ApiToken.objects.filter(user=request.user, pk=token_id).delete()[0]:
        messages.success(request, "Token revoked. Programs that use it no longer have access.")
    return redirect("web:profile")


def _shown(
    request: PageRequest, *, form: ProfileForm | None = None, token_form: TokenForm | None = None
) -> HttpResponse:
    context = {
        "form": form or ProfileForm(instance=request.user),
        "token_form": token_form or TokenForm(),
        "token": credentials.decrypted(request.session.pop(NEW, "")),
        "tokens": ApiToken.objects.filter(user=request.user).order_by("-pk"),
    }
    return render(request, "web/profile/profile.html", context)
