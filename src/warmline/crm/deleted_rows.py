"""Deleted rows as plain values, with everything that was deleted with them, and their way back into the tables.

They come back with their ids. What they refer to may be gone by then: a contact of somebody who has left becomes that
of whoever restores it, and an activity without its contact stays deleted. Rows that stay but lose what they refer to,
such as the notifications about a contact, refer to it again.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.apps import apps
from django.db import models
from django.db.models.deletion import Collector

from warmline.crm import change_feed, search_index
from warmline.crm.activities import Activity
from warmline.crm.external_ids import ExternalId
from warmline.crm.models import Contact, Organization
from warmline.crm.row_changes import keep_last_contacted
from warmline.crm.search_index import Word
from warmline.crm.users import User

Kept = list[Any]  # such as ["crm.contact", {"id": 12, "name": "Jordan Ames"}]
References = list[Any]  # such as ["sync.notification", "contact", [[31, 12], [34, 12]]]: who refers to whom, by ids
AT_ONCE = 500  # rows that one statement changes
ORDER = (Contact, Activity)  # whom others refer to comes first


def of(rows: "models.QuerySet[Any]") -> list[Kept]:
    """Return rows, and all that is deleted with them, as values that JSON can hold; words are made anew.

    Args:
        rows: They are about to be deleted.
    """
    collector = Collector(using="default")
    collector.collect(list(rows))
    every = [row for some in (*collector.data.values(), *collector.fast_deletes) for row in some]
    return [[row._meta.label_lower, _values(row)] for row in every if not isinstance(row, Word)]  # noqa: SLF001 (documented as public)


def references_to(rows: "models.QuerySet[Any]") -> list[References]:
    """Return the references to rows that become empty when these are deleted, as JSON can hold them.

    Args:
        rows: They are about to be deleted.
    """
    found: list[References] = []
    for each in rows.model._meta.get_fields(include_hidden=True):  # noqa: SLF001 (documented as public)
        if isinstance(each, models.ManyToOneRel) and each.on_delete is models.SET_NULL:
            referring, name = each.related_model, each.field.name
            some = referring._default_manager.filter(**{f"{name}__in": rows}).order_by()  # noqa: SLF001 (as above)
            pairs = [list(pair) for pair in some.values_list("pk", name)]
            found += [[referring._meta.label_lower, name, pairs]] if pairs else []  # noqa: SLF001 (as above)
    return found


def name_of(row: models.Model) -> str:
    """Return a row's name among kept ones, such as `crm.contact 12`."""
    return f"{row._meta.label_lower} {row.pk}"  # noqa: SLF001 (documented as public)


def name_in(kept: Kept) -> str:
    """Return the name of a kept row."""
    label, values = kept
    return f"{label} {values.get('id')}"


def restored(kept: Sequence[Kept], changes: Mapping[str, Mapping[str, Any]], by: User) -> list[models.Model]:
    """Put rows back into their tables; within a transaction.

    Args:
        kept: What `of` returned.
        changes: New values of some, by their names.
        by: Who restores them.

    Returns:
        The rows that are there again.
    """
    found: defaultdict[type[models.Model], list[Any]] = defaultdict(list)
    for label, values in kept:
        model = apps.get_model(label)
        row = model(**{name: read(model, name, value) for name, value in values.items()})
        for name, value in changes.get(name_of(row), {}).items():
            setattr(row, name, value)
        found[model].append(row)
    every: list[models.Model] = []
    for model in sorted(found, key=lambda each: ORDER.index(each) if each in ORDER else len(ORDER)):
        rows = [row for row in found[model] if _fits(row, by)]
        model._default_manager.bulk_create(rows)  # noqa: SLF001 (documented as public)
        every += rows
    _complete(every)
    return every


def refer_again(references: Iterable[References], rows: Iterable[models.Model]) -> None:
    """Have rows that stayed refer to restored ones as before, as far as both are there.

    Args:
        references: What `references_to` returned.
        rows: Those that are there again.
    """
    there = {(type(row), row.pk) for row in rows}
    for label, name, pairs in references:
        model = apps.get_model(label)
        field: Any = model._meta.get_field(name)  # noqa: SLF001 (documented as public)
        some = [model(pk=pk, **{field.attname: to}) for pk, to in pairs if (field.related_model, to) in there]
        model._default_manager.bulk_update(some, [name], batch_size=AT_ONCE)  # noqa: SLF001 (documented as public)


def read(model: type[models.Model], name: str, value: Any) -> Any:
    """Return the value of a field that was kept as JSON holds it, such as a date.

    Args:
        model: Whose field it is.
        name: Its name, or that of its column.
        value: As it was kept.
    """
    field = next(each for each in model._meta.concrete_fields if each.attname == name)  # noqa: SLF001 (documented as public)
    return value if isinstance(field, models.JSONField) else field.to_python(value)


def _values(row: models.Model) -> dict[str, Any]:
    fields = row._meta.concrete_fields  # noqa: SLF001 (documented as public)
    return {field.attname: _written(field, field.value_from_object(row)) for field in fields}


def _written(field: "models.Field[Any, Any]", value: Any) -> Any:
    is_plain = value is None or isinstance(value, bool | int | str) or isinstance(field, models.JSONField)
    return value if is_plain else value.isoformat() if hasattr(value, "isoformat") else str(value)


def _fits(row: models.Model, by: User) -> bool:
    """Adapt a row to what is there by now; return whether it can be restored."""
    match row:
        case Contact():
            if not User.objects.people().filter(pk=row.owner_id).exists():
                row.owner = by
            if not Organization.objects.filter(pk=row.organization_id or 0).exists():
                row.organization = None
        case Activity():
            contact = Contact.objects.select_for_update(no_key=True).filter(pk=row.contact_id).first()
            if contact is None:
                return False
            row.contact = contact
            taken = Activity.objects.filter(
                pipedrive_activity_id=row.pipedrive_activity_id or 0, replicated_to_pipedrive=True
            )
            if taken.exists():
                row.pipedrive_activity_id, row.replicated_to_pipedrive, row.replicate = None, False, False
        case ExternalId():
            taken_id = ExternalId.objects.filter(kind=row.kind, source=row.source, external_id=row.external_id)
            return not taken_id.exists()
    return True


def _complete(rows: Iterable[models.Model]) -> None:
    """Make what is derived from restored rows, and tell who follows them that they are back."""
    contacts = [row for row in rows if isinstance(row, Contact)]
    activities = [row for row in rows if isinstance(row, Activity)]
    search_index.fill(contacts)
    backs: tuple[tuple[str, Sequence[Contact | Activity]], ...] = (("contact", contacts), ("activity", activities))
    for kind, some in backs:
        for owner in User.objects.filter(pk__in={row.owner_id for row in some}):
            change_feed.back(kind, [row.pk for row in some if row.owner_id == owner.pk], owner)
    for activity in {row.contact_id: row for row in activities}.values():
        keep_last_contacted(activity)
