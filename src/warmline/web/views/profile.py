"""The user's own name, time zone and tokens."""

from django.http import HttpResponse
from django.shortcuts import render

from warmline.web.requests import PageRequest


def profile(request: PageRequest) -> HttpResponse:
    """Show and change them."""
    return render(request, "web/profile/profile.html")
