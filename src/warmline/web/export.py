"""Contacts as a CSV, Excel or vCard file, which `/import` reads again.

CSV and vCard are sent piece by piece, so that none is ever in memory as a whole. An Excel file is packed, and can only
be sent once it is complete.
"""

from collections.abc import AsyncIterator, Iterable, Iterator
from itertools import chain, islice

from asgiref.sync import sync_to_async
from django.db.models import TextChoices
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone

from warmline.crm.imports import csv_files, vcards, workbooks
from warmline.crm.imports.cells import as_one
from warmline.crm.models import Contact, Organization

OF_ORGANIZATION = tuple(Organization.label(name) for name in Organization.DETAILS)
OF_CONTACT = tuple(Contact.label(name) for name in Contact.DETAILS)
COLUMNS = (
    *("Name", "E-mail", "Phone", "Organization", *OF_ORGANIZATION, "Warmness"),
    *(*OF_CONTACT, "Last contacted", "Owner"),
)
PIECE = 500  # lines


class FileForm(TextChoices):
    """In which form contacts are exported."""

    CSV = "csv", "CSV"
    EXCEL = "xlsx", "Excel"
    VCARD = "vcf", "vCard"


def file_of(contacts: Iterable[Contact], form: str = "") -> HttpResponseBase:
    """Return the answer that sends contacts.

    Args:
        contacts: With their owner and organization; read from while it is sent.
        form: One of FileForm; anything else is taken for CSV.
    """
    response: HttpResponseBase
    if form == FileForm.EXCEL:
        table = workbooks.written(chain([COLUMNS], map(_cells, contacts)))
        response = HttpResponse(table, content_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
    elif form == FileForm.VCARD:
        cards = vcards.written(
            (dict(zip(COLUMNS, _cells(contact), strict=True)), contact.emails, contact.phones) for contact in contacts
        )
        response = StreamingHttpResponse(_pieces(cards), content_type="text/vcard; charset=utf-8")
    else:
        form = FileForm.CSV
        lines = csv_files.written(chain([COLUMNS], map(_cells, contacts)))
        response = StreamingHttpResponse(_pieces(lines), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="contacts-{timezone.localdate():%Y-%m-%d}.{form}"'
    return response


async def _pieces(lines: Iterator[str]) -> AsyncIterator[str]:
    def some() -> str:
        return "".join(islice(lines, PIECE))

    while piece := await sync_to_async(some)():
        yield piece


def _cells(contact: Contact) -> list[str]:
    organization = contact.organization
    known = [value for _, value in organization.details] if organization else [""] * len(OF_ORGANIZATION)
    company = [organization.name if organization else "", *known]
    contacted = contact.last_contacted.isoformat() if contact.last_contacted else ""
    score = str(contact.warmness_score)
    emails, phones = as_one(contact.emails), as_one(contact.phones)
    details = [value for _, value in contact.details]
    return [contact.name, emails, phones, *company, score, *details, contacted, contact.owner.email]
