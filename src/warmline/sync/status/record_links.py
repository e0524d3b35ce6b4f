"""The web addresses under which people see records in Pipedrive."""

from urllib.parse import urlsplit

from django.conf import settings

from warmline.crm.models import Contact, Organization
from warmline.sync import company
from warmline.sync.remote import setup

PEOPLE_USE = "https://{}.pipedrive.com"
PATHS = {Contact: "person", Organization: "organization"}


def place(row: Contact | Organization, record_id: int | None = None) -> str:
    """Return a record's address.

    Args:
        row: The row; its kind decides the address.
        record_id: The record's id, if it is not the one that the row is linked to: a candidate, for example.

    Returns:
        The address; empty if there is no record, or if the company's domain is not known yet.
    """
    record_id = record_id or getattr(row, row.LINK)
    base = _base() if record_id else ""
    return f"{base}/{PATHS[type(row)]}/{record_id}" if base else ""


def _base() -> str:
    host = urlsplit(settings.PIPEDRIVE_BASE_URL).hostname or ""
    if host != "pipedrive.com" and not host.endswith(".pipedrive.com"):
        return settings.PIPEDRIVE_BASE_URL.rstrip("/")  # the sandbox redirects from there to its page
    ours, me = company.remembered(), setup.known().me
    domain = ours.domain if ours else me.company_domain if me else ""
    return PEOPLE_USE.format(domain) if domain else ""
