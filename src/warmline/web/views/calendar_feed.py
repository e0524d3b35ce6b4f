"""One's calendar feed: made and ended on the profile, read by calendar programs."""

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from warmline.crm import calendar_feeds
from warmline.sync import credentials
from warmline.web.access import guess_checks
from warmline.web.calendar_file import calendar
from warmline.web.requests import PageRequest

NEW = "new-calendar-feed"  # session key of a new feed's secret, encrypted, until it is shown


@login_not_required
@require_safe
def feed(request: HttpRequest, secret: str) -> HttpResponse:
    """Send a user's planned activities as a calendar. Who knows the address may read it.

    Raises:
        Http404: If nobody has this address.
    """
    user = calendar_feeds.reader(secret)
    if user is None:
        guess_checks.at_secret(request, "calendar", "")
        raise Http404
    now = timezone.now()
    rows = calendar_feeds.planned(user, now.astimezone(user.zone).date())
    return HttpResponse(calendar(rows, now, is_feed=True), content_type="text/calendar; charset=utf-8")


@require_POST
def begin(request: PageRequest) -> HttpResponse:
    """Make a feed, in place of an earlier one; the profile then shows its address once."""
    request.session[NEW] = credentials.encrypted(calendar_feeds.begin(request.user))
    return redirect("web:profile")


@require_POST
def end(request: PageRequest) -> HttpResponse:
    """End one's feed."""
    if calendar_feeds.end(request.user):
        messages.success(request, "Calendar address revoked. Calendars that read it get nothing more.")
    return redirect("web:profile")
