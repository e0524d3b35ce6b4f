"""Tells the refusal of a record from the refusal of one that it refers to, such as a person of its organization."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http import HTTPStatus

from warmline.crm.models import Contact, Organization
from warmline.pipedrive import Clock, Pipedrive, Rejected, Unavailable
from warmline.sync.reconcile.candidates import those_there
from warmline.sync.reconcile.outcome import StaleLinkError

REFERRING = {"org_id", "person_id", "participants"}  # Pipedrive's fields that name another record
NEW = timedelta(minutes=1)  # a record that was stored longer ago is known everywhere


@contextmanager
def links_checked(pipedrive: Pipedrive, clock: Clock, *rows: Contact | Organization | None) -> Iterator[None]:
    """Send in the block a record that refers to those of some rows.

    Args:
        pipedrive: Asked for these records if what is sent is refused.
        clock: Tells how new they are.
        rows: The rows.

    Raises:
        StaleLinkError: When Pipedrive refuses what the block sends, and the record of one of the rows is gone.
        Unavailable: When Pipedrive does not know a record yet that it has only just stored.
    """
    try:
        yield
    except Rejected as refused:
        linked = [row for row in rows if row is not None]
        for row in linked:
            if _is_gone(pipedrive, row):
                raise StaleLinkError(row) from None
        is_about_one = refused.status == HTTPStatus.NOT_FOUND or refused.field in REFERRING
        if is_about_one and any(_is_new(row, clock) for row in linked):
            raise Unavailable(refused.message, call=refused.call, status=refused.status) from refused
        raise


def _is_gone(pipedrive: Pipedrive, row: Contact | Organization) -> bool:
    if isinstance(row, Contact):
        return row.pipedrive_person_id is not None and not those_there(pipedrive.person, {row.pipedrive_person_id})
    return row.pipedrive_org_id is not None and not those_there(pipedrive.organization, {row.pipedrive_org_id})


def _is_new(row: Contact | Organization, clock: Clock) -> bool:
    since = row.last_pipedrive_sync_attempt
    return since is not None and clock.now() - since < NEW
