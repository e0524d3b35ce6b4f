"""Organizations: the team's list, and one."""

from django.http import HttpResponse
from django.shortcuts import render

from warmline.web.requests import PageRequest


def organizations(request: PageRequest) -> HttpResponse:
    """Show the team's organizations."""
    return render(request, "web/organizations/list.html")
