"""The team's settings, for admins."""

from django.http import HttpResponse
from django.shortcuts import render

from warmline.web.requests import PageRequest


def overview(request: PageRequest) -> HttpResponse:
    """Lead to the settings."""
    return render(request, "web/settings/overview.html")
