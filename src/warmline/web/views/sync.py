"""How the sync is doing."""

from django.http import HttpResponse
from django.shortcuts import render

from warmline.web.requests import PageRequest


def overview(request: PageRequest) -> HttpResponse:
    """Show the connection, what waits and what failed."""
    return render(request, "web/sync/overview.html")
