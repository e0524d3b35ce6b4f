"""How one row is changed: validated as a whole, and stored with the columns that are derived from the changed ones.

A change is made to the row as it is stored by then, and writes only the fields that it names. The receivers of
`row_changed` decide what it means for the sync.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import time, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Max, Min, QuerySet
from django.utils import timezone

from warmline.crm import emails_phones_columns
from warmline.crm.activities import Activity, Row
from warmline.crm.models import NO_STEP, NOT_CONTACTED, Contact
from warmline.crm.signals import AT_ONCE, contacts_warmed, row_changed, row_changing

# The columns that are stored with a field, where it has others than its own.
DERIVED = {
    "name": ("name_key",),
    "due_date": ("day",),
    **{
        name: (*columns, "email_key") if "email" in columns else columns
        for name, columns in emails_phones_columns.COLUMNS.items()
    },
}


class ChangedMeanwhileError(Exception):
    """Somebody else has changed the same fields meanwhile, to something else.

    Attributes:
        present: What is stored by now, by field.
    """

    def __init__(self, present: Mapping[str, Any]) -> None:
        super().__init__(f"changed meanwhile: {', '.join(present)}")
        self.present = present


def change_row(
    row: Row,
    changes: Mapping[str, Any],
    *,
    in_bulk: bool = False,
    shown: Mapping[str, Any] | None = None,
    grace: timedelta = AT_ONCE,
) -> None:
    """Change a row, and say that it changed; within a transaction.

    Args:
        row: The row, as read; it shows the outcome afterwards.
        changes: The new values, by field.
        in_bulk: Whether an import changes it.
        shown: The values by field that the person saw who changes them; None if it does not matter.
        grace: How long a contact that becomes warm by this waits before it is sent.

    Raises:
        ValidationError: When a field is not valid; nothing is written then.
        ChangedMeanwhileError: When a field is not what the person saw, nor what they want; nothing is written then.
        DoesNotExist: When it was deleted meanwhile.
    """
    # Someone else, or the engine, may have written the row since it was read. So the row is changed as it is stored
    # now: whether it is valid, and what is derived from its fields, depends on all of them.
    stored = locked(row).get(pk=row.pk)
    _refuse_if_changed(stored, changes, shown or {})
    row_changing.send(type(stored), row=stored)
    was_warm = isinstance(stored, Contact) and stored.is_warm
    columns = [column for name in changes for column in emails_phones_columns.COLUMNS.get(name, (name,))]
    earlier = {column: getattr(stored, column) for column in columns}
    assign(stored, changes)
    validate(stored)
    before = {name: value for name, value in earlier.items() if getattr(stored, name) != value}
    answers: Sequence[tuple[Any, Any]] = row_changed.send(
        type(stored), row=stored, before=before, in_bulk=in_bulk, grace=grace
    )
    further = {name: value for _, values in answers for name, value in values.items()}
    for name, value in further.items():
        setattr(stored, name, value)
    stored.save(update_fields=[*_with_keys(stored, changes), *further])
    if isinstance(stored, Contact) and stored.is_warm and not was_warm:
        contacts_warmed.send(Contact, contacts=[stored])
    for field in stored._meta.concrete_fields:  # noqa: SLF001 (documented as public)
        setattr(row, field.attname, getattr(stored, field.attname))


def assign(row: Row, changes: Mapping[str, Any]) -> None:
    """Set a row's fields; one of its further e-mails or phones that is given as the primary one takes its place.

    Args:
        row: The row, in memory.
        changes: By field.
    """
    for name, value in changes.items():
        moved = row.with_first(name, value) if isinstance(row, Contact) and f"more_{name}s" not in changes else None
        setattr(row, f"{name}s" if moved else name, moved or value)


def take_over(row: Row, values: Mapping[str, Any]) -> frozenset[str]:
    """Write values that come from Pipedrive, without saying that the row changed: Pipedrive knows them.

    Args:
        row: The row, as it is stored; it shows the outcome afterwards.
        values: By field.

    Returns:
        The fields that were written. The others keep our values, because theirs are not valid here.
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
    """Check the fields of a row that people give.

    Raises:
        ValidationError: With the messages of each field that is not valid.
    """
    # The keys are derived from what is validated, and the rest is set by us and not by people. The validators cover
    # what the database's constraints require of people's fields; asking the database would cost a query each time.
    row.full_clean(
        exclude={"name_key", "email_key", "warmline_id", "owner", "contact", "organization"},
        validate_constraints=False,
    )


def hold_contact(activity: Activity) -> None:
    """Lock an activity's contact until the transaction's end; within one, before the activity itself is written.

    Of two activities that are changed at once, the second then sees the first one when the contact's latest is told.
    """
    Contact.objects.select_for_update(no_key=True).filter(pk=activity.contact_id).values_list("pk").first()


def keep_last_contacted(activity: Activity) -> None:
    """Note when an activity's contact was contacted last and is due next; the activity is written, the contact held."""
    with_it = Activity.objects.filter(contact=activity.contact_id)
    latest = with_it.filter(done=True).aggregate(latest=Max("day"))["latest"] or NOT_CONTACTED
    # Something done ahead of its due date was done today at the latest.
    latest = min(latest, timezone.localdate(timezone=activity.zone))
    planned = with_it.filter(done=False, due_date__isnull=False)
    following = planned.aggregate(following=Min("day"))["following"] or NO_STEP
    found = {"last_contacted_on": latest, "next_step_on": following}
    Contact.objects.filter(pk=activity.contact_id).exclude(**found).update(**found)


@contextmanager
def as_given(values: Mapping[str, Any]) -> Iterator[None]:
    """Name what is wrong with the first of several e-mails or phones as it was given: as one of all.

    Args:
        values: By field, as they were given.
    """
    try:
        yield
    except ValidationError as error:
        wrong: dict[str, list[Any]] = {}
        for name, found in error.error_dict.items():
            given = f"{name}s" if f"{name}s" in values and name not in values else name
            wrong.setdefault(given, []).extend(found)
        raise ValidationError(wrong) from None


def locked(row: Row) -> QuerySet[Any]:
    """Return the rows of a row's table, locked until the transaction's end as they are read.

    Rows that refer to them can be added meanwhile. Who locks several locks an organization first, then contacts, then
    activities, each in the order of their ids, so that no two wait for each other.
    """
    return type(row)._default_manager.select_for_update(no_key=True)  # noqa: SLF001 (documented as public)


def _refuse_if_changed(stored: Row, changes: Mapping[str, Any], shown: Mapping[str, Any]) -> None:
    present = {name: getattr(stored, name) for name in shown.keys() & changes.keys()}
    others = {
        name: value
        for name, value in present.items()
        if _as_shown(value) not in {_as_shown(shown[name]), _as_shown(changes[name])}
    }
    if others:
        raise ChangedMeanwhileError(others)


def _as_shown(value: Any) -> str:
    """Return a value as forms show it: an organization by its name, a time of day without fractions of a second."""
    return str(value.replace(microsecond=0) if isinstance(value, time) else "" if value is None else value)


def _with_keys(row: Row, names: Iterable[str]) -> list[str]:
    """Return the columns that are stored for some fields, with those that are derived from them."""
    columns = [column for name in names for column in (name, *DERIVED.get(name, ()))]
    there = {field.name for field in row._meta.concrete_fields}  # noqa: SLF001 (documented as public)
    return [column for column in dict.fromkeys(columns) if column in there]
