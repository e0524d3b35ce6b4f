"""Contacts as a CSV file that `/import` can read again.

The file is sent in pieces, so that it is never in memory as a whole.
"""

from collections.abc import AsyncIterator, Iterable
from itertools import chain, islice

from asgiref.sync import sync_to_async
from django.http import StreamingHttpResponse
from django.utils import timezone

from warmline.crm.imports.csv_files import written
from warmline.crm.models import Contact, Organization

DETAILS = tuple(Organization.label(name) for name in Organization.DETAILS)
COLUMNS = ("Name", "E-mail", "Phone", "Organization", *DETAILS, "Warmness", "Last contacted", "Owner")
PIECE = 500  # lines


def csv_of(contacts: Iterable[Contact]) -> StreamingHttpResponse:
    """Return a response that sends contacts as a CSV file.

    Args:
        contacts: Contacts with their owner and organization; consumed while the response is sent.
    """
    response = StreamingHttpResponse(_pieces(contacts), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="contacts-{timezone.localdate():%Y-%m-%d}.csv"'
    return response


async def _pieces(contacts: Iterable[Contact]) -> AsyncIterator[str]:
    lines = written(chain([COLUMNS], map(_cells, contacts)))

    def some() -> str:
        return "".join(islice(lines, PIECE))

    while piece := await sync_to_async(some)():
        yield piece


def _cells(contact: Contact) -> list[str]:
    organization = contact.organization
    known = [value for _, value in organization.details] if organization else [""] * len(DETAILS)
    company = [organization.name if organization else "", *known]
    contacted = contact.last_contacted.isoformat() if contact.last_contacted else ""
    score = str(contact.warmness_score)
    return [contact.name, contact.email, contact.phone, *company, score, contacted, contact.owner.email]
