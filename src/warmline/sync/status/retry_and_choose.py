"""What people can do about failed rows: retry them, or choose one of the candidates."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from warmline import database_time
from warmline.crm.activities import Activity, Row
from warmline.crm.chunks import in_pieces
from warmline.crm.models import Contact, Organization
from warmline.crm.row_changes import locked
from warmline.crm.sync_columns import DELETED_THERE
from warmline.crm.users import User
from warmline.sync import wakeups
from warmline.sync.after_change import fresh_attempts, let_contacts_go_on
from warmline.sync.remote import connection_health
from warmline.sync.retries import AMBIGUOUS
from warmline.sync.status import deletions

TO_BE_DECIDED = (DELETED_THERE, AMBIGUOUS)  # error codes: trying again alone does not help


class LinkedAlreadyError(Exception):
    """The row is linked, so there is nothing to choose."""


class NoCandidateError(Exception):
    """The row has no candidates, or the chosen record is not one of them."""


def retry(row: Row) -> bool:
    """Give a failed row fresh attempts, due now; also a contact's organization, and contacts that failed because of it.

    Args:
        row: The row to retry.

    Returns:
        Whether it had failed.
    """
    now = database_time.now()
    with transaction.atomic():
        if isinstance(row, Organization):
            _ask_for(Organization.objects.filter(pk=row.pk))
        organization = row.organization if isinstance(row, Contact) else row
        if isinstance(organization, Organization):  # held before its contacts, see row_changes.py
            locked(organization).filter(pk=organization.pk).first()
        again = _start_again(type(row)._default_manager.filter(pk=row.pk), now)  # noqa: SLF001 (documented as public)
        if isinstance(organization, Organization):
            _start_again(Organization.objects.filter(pk=organization.pk), now)
            let_contacts_go_on(organization, now)
        _go()
    return bool(again)


def retry_with_activities(contact: Contact) -> int:
    """Give a contact, its organization and its activities fresh attempts, due now, as far as they had failed.

    Args:
        contact: The contact.

    Returns:
        How many rows had failed, not counting the organization.
    """
    with transaction.atomic():
        again = retry(contact)
        return again + _start_again(Activity.objects.filter(contact=contact), database_time.now())


def retry_all(user: User | None) -> int:
    """Give all of a user's failed rows fresh attempts, due now, and make a probe of the connection due.

    So does what failed to be deleted there. Rows that were deleted in Pipedrive and rows with candidates stay as they
    are: people decide on them one by one.

    Args:
        user: Whose contacts and activities; None, or an admin, for everyone's. Organizations are always included.

    Returns:
        How many rows had failed.
    """
    now = database_time.now()
    contacts, activities, organizations = Contact.objects.all(), Activity.objects.all(), Organization.objects.all()
    if user is not None:
        contacts, activities = contacts.seen_by(user), activities.seen_by(user)
    tables: list[QuerySet[Any]] = [organizations, contacts, activities]
    again = sum(_start_all_again(some, now) for some in tables) + deletions.start_again(user, now)
    _go()
    return again


def choose(row: Contact | Organization, pipedrive_id: int | None) -> None:
    """Store which record in Pipedrive belongs to a row, as a person chose, and retry the row.

    Args:
        row: A row that has candidates.
        pipedrive_id: The id of one of them; None to create a new record.

    Raises:
        LinkedAlreadyError: When the row is linked.
        NoCandidateError: When it has no candidates, or others.
    """
    now = database_time.now()
    rows: QuerySet[Any] = type(row)._default_manager.filter(pk=row.pk)  # noqa: SLF001 (documented as public)
    with transaction.atomic():
        stored = rows.select_for_update().get()
        if stored.is_linked:
            raise LinkedAlreadyError
        candidates = {each["pipedrive_id"] for each in stored.pipedrive_candidates}
        if not candidates or pipedrive_id not in {None, *candidates}:
            raise NoCandidateError
        if isinstance(row, Organization):
            _ask_for(Organization.objects.filter(pk=row.pk), failed_only=False)
        values: dict[str, Any] = {"pipedrive_chosen_id": pipedrive_id, "pipedrive_make_new": pipedrive_id is None}
        rows.update(**values, **fresh_attempts(now))
        if isinstance(row, Organization):
            let_contacts_go_on(row, now)
        _go()


def _start_again(rows: QuerySet[Any], now: datetime) -> int:
    return rows.filter(pipedrive_sync_failed=True).update(**fresh_attempts(now))


def _start_all_again(rows: QuerySet[Any], now: datetime) -> int:
    """Give all failed rows of a table fresh attempts, some at a time, because there may be thousands."""
    failed = rows.filter(pipedrive_sync_failed=True).exclude(pipedrive_sync_error_code__in=TO_BE_DECIDED)

    def start(ids: Sequence[int]) -> int:
        some = failed.filter(pk__in=ids)
        if rows.model is Organization:
            _ask_for(some)
        return _start_again(some, now)

    return in_pieces(list(failed.order_by().values_list("pk", flat=True)), start)


def _ask_for(organizations: QuerySet[Organization], *, failed_only: bool = True) -> None:
    """Note that a person asked for these organizations: they are sent even if no contact needs them any more."""
    unlinked = organizations.filter(pipedrive_org_id=None)
    (unlinked.filter(pipedrive_sync_failed=True) if failed_only else unlinked).update(pipedrive_asked_for=True)


def _go() -> None:
    connection_health.probe_now()
    wakeups.after_commit()
