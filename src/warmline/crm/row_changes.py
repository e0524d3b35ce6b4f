"""How one row is changed: checked as a whole, stored field by field with what is made of its fields, and due again.

A change is made to the row as it is stored by then, and writes only the fields that it names.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Max, QuerySet
from django.utils import timezone

from warmline.crm.activities import Activity, Row
from warmline.crm.models import NOT_CONTACTED, Contact
from warmline.crm.signals import contacts_warmed, row_changing
from warmline.crm.sync_columns import DELETED_THERE, Findable

KEPT_IN_STEP = {"name": "name_key", "email": "email_key", "due_date": "day"}


def change_row(row: Row, changes: Mapping[str, Any], *, in_bulk: bool = False) -> None:
    """Change a row, and have it due again where Pipedrive is to hear of it; within a transaction.

    Args:
        row: The row; it shows the outcome afterwards.
        changes: By field.
        in_bulk: Whether by a bulk import.

    Raises:
        ValidationError: When a field is not valid; nothing is written then.
        DoesNotExist: When it was deleted meanwhile.
    """
    # Someone else, or the engine, may have written the row since it was read. So the change is made of the row as it
    # is stored: what is valid, and what is made of its fields, is told by all of them.
    stored = locked(row).get(pk=row.pk)
    row_changing.send(type(stored), row=stored)
    was_warm = isinstance(stored, Contact) and stored.is_warm
    before = {name: getattr(stored, name) for name in changes}
    for name, value in changes.items():
        setattr(stored, name, value)
    validate(stored)
    changed = {name for name, value in before.items() if getattr(stored, name) != value}
    told = not changed.isdisjoint(stored.TOLD)
    in_line = stored.is_linked and stored.revision == stored.pipedrive_revision
    # An import does not put off what a person waits for already.
    follows: dict[str, Any] = {"pipedrive_in_bulk": in_bulk and (in_line or stored.pipedrive_in_bulk)}
    if told:
        follows["revision"] = stored.revision + 1
    is_another = isinstance(stored, Findable) and not changed.isdisjoint(stored.FOUND_BY)
    if isinstance(stored, Findable) and is_another:
        follows |= stored.undecided()
    # One that is found by something else is due from now on: a look that began before knows nothing of it.
    starts_again = stored.pipedrive_sync_failed or (told and stored.is_linked) or is_another
    is_deleted_there = stored.pipedrive_sync_error_code == DELETED_THERE
    if (starts_again and not is_deleted_there) or (_is_untried_lead(stored) and not was_warm):
        follows |= stored.fresh_attempts(timezone.now())
    for name, value in follows.items():
        setattr(stored, name, value)
    stored.save(update_fields=[*_with_keys(stored, changes), *follows])
    if isinstance(stored, Contact) and stored.is_warm and not was_warm:
        contacts_warmed.send(Contact, contacts=[stored])
    for field in stored._meta.concrete_fields:  # noqa: SLF001 (documented as public)
        setattr(row, field.attname, getattr(stored, field.attname))


def take_over(row: Row, values: Mapping[str, Any]) -> frozenset[str]:
    """Write values that come from Pipedrive: they are no changes that it would have to be told of.

    Args:
        row: The row, as it is stored; it shows the outcome afterwards.
        values: By field.

    Returns:
        The fields that were written. The others' values are none that we could hold, and ours stay.
    """
    refused = set()
    for name, value in values.items():
        before = getattr(row, name)
        setattr(row, name, value)
        try:
            validate(row)
        except ValidationError:
            refused.add(name)
            setattr(row, name, before)
    if written := frozenset(values.keys() - refused):
        row.save(update_fields=_with_keys(row, written))
    if written and isinstance(row, Activity):
        keep_last_contacted(row)
    return written


def validate(row: Row) -> None:
    """Check what people gave of a row.

    Raises:
        ValidationError: With the messages of each field that is not valid.
    """
    # The keys are made of what is validated, and the rest is set by us and not by people. What the database's
    # constraints say of people's fields, the validators say as well; asking the database would be a query each time.
    row.full_clean(
        exclude={"name_key", "email_key", "warmline_id", "owner", "contact", "organization"},
        validate_constraints=False,
    )


def keep_last_contacted(activity: Activity) -> None:
    """Note when an activity's contact was contacted last, after the activity was written."""
    done = Activity.objects.filter(contact=activity.contact_id, done=True)
    latest = done.aggregate(latest=Max("day"))["latest"] or NOT_CONTACTED
    # What is done before the day that it was meant for, was not done later than today.
    latest = min(latest, timezone.localdate(timezone=activity.zone))
    Contact.objects.filter(pk=activity.contact_id).exclude(last_contacted_on=latest).update(last_contacted_on=latest)


def locked(row: Row) -> QuerySet[Any]:
    """Return the rows of a row's table, locked until the transaction's end as they are read."""
    return type(row)._default_manager.select_for_update()  # noqa: SLF001 (documented as public)


def _is_untried_lead(row: Row) -> bool:
    """Tell whether a contact is wanted that nobody has tried to bring over yet: once warm, it is due from now on."""
    untried = not (row.is_linked or row.pipedrive_sync_attempts or row.pipedrive_sync_error_code)
    return untried and isinstance(row, Contact) and row.is_warm


def _with_keys(row: Row, names: Iterable[str]) -> list[str]:
    """Return the names of fields with those of what is made of them."""
    names = list(names)
    made = [KEPT_IN_STEP[name] for name in names if name in KEPT_IN_STEP]
    return [*names, *(name for name in made if hasattr(row, name))]
