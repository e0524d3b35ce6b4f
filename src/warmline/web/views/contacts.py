"""Contacts: the list, and one."""

from django.http import HttpResponse
from django.shortcuts import render

from warmline.web.requests import PageRequest


def contacts(request: PageRequest) -> HttpResponse:
    """Show the contacts that the user may see."""
    return render(request, "web/contacts/list.html")
