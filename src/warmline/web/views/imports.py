"""The import of contacts from a CSV file."""

from django.http import HttpResponse
from django.shortcuts import render

from warmline.web.requests import PageRequest


def begin(request: PageRequest) -> HttpResponse:
    """Ask for the file."""
    return render(request, "web/imports/begin.html")
