"""Contacts are found by their phones, and by letters without accents: their words are made anew, and organizations'."""

from collections.abc import Iterator
from typing import Any

from django.db import migrations

from warmline.crm.keys import key
from warmline.crm.phone_numbers import texts_of
from warmline.crm.search_words import words_of

AT_ONCE = 500  # rows of one statement


def make_words(apps: Any, _editor: Any) -> None:
    """Make the words anew of the rows that have others now."""
    contacts = apps.get_model("crm", "Contact").objects.only("name_key", "email_key", "phone")
    _keep(apps.get_model("crm", "ContactWord"), "contact_id", _of_contacts(contacts))
    organizations = apps.get_model("crm", "Organization").objects.only("name")
    _keep(apps.get_model("crm", "OrganizationWord"), "organization_id", _of_organizations(organizations))


def _of_contacts(contacts: Any) -> Iterator[tuple[int, set[bytes]]]:
    for row in contacts.order_by("pk").iterator(AT_ONCE):
        if row.phone or not (row.name_key.isascii() and row.email_key.isascii()):
            yield row.pk, words_of(row.name_key, key(row.email_key), *(texts_of(row.phone) if row.phone else ()))


def _of_organizations(organizations: Any) -> Iterator[tuple[int, set[bytes]]]:
    for row in organizations.order_by("pk").iterator(AT_ONCE):
        if not row.name.isascii():
            yield row.pk, words_of(key(row.name))


def _keep(model: Any, field: str, rows: Iterator[tuple[int, set[bytes]]]) -> None:
    some: list[tuple[int, set[bytes]]] = []
    for row in rows:
        some.append(row)
        if len(some) == AT_ONCE:
            _replace(model, field, some)
            some = []
    _replace(model, field, some)


def _replace(model: Any, field: str, rows: list[tuple[int, set[bytes]]]) -> None:
    model.objects.filter(**{f"{field}__in": [pk for pk, _ in rows]}).delete()
    made = [model(**{field: pk, "word": word}) for pk, words in rows for word in words]
    model.objects.bulk_create(made, batch_size=AT_ONCE)


class Migration(migrations.Migration):
    dependencies = [("crm", "0012_several_values")]

    operations = [migrations.RunPython(make_words, migrations.RunPython.noop)]
