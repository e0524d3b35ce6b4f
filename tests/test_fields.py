"""A field is known on every side: what people type, see, import and export, what programs send and get, and Pipedrive.

So that a new one is forgotten nowhere; what follows of each in the sync is held by tests/sync/test_every_field.py.
"""

from dataclasses import fields
from typing import Any

import pytest
from django import forms
from django.db import models
from pydantic import BaseModel

from warmline import pipedrive
from warmline.api import bodies, contact_bodies, responses
from warmline.crm.activities import Activity, Row
from warmline.crm.book import OrganizationDetails
from warmline.crm.contact_details import ContactDetails
from warmline.crm.imports import headings, vcards
from warmline.crm.imports.heading_words import Column
from warmline.crm.models import Contact, Organization
from warmline.sync.synced_fields import FIELDS, columns_sent
from warmline.web import export
from warmline.web.forms import contact_book

STAYS_HERE = {  # what people give of a row, and Pipedrive is not told
    Contact: {"owner", "warmness_score", *ContactDetails.DETAILS},
    Organization: set[str](),
    Activity: {"contact", "time_zone", "logged_while_warm", "replicate"},
}
RECORDS: dict[type[Row], tuple[type[BaseModel], ...]] = {
    Contact: (pipedrive.Person, pipedrive.NewPerson, pipedrive.PersonChanges),
    Organization: (pipedrive.Organization, pipedrive.NewOrganization, pipedrive.OrganizationChanges),
    Activity: (pipedrive.Activity, pipedrive.NewActivity, pipedrive.ActivityChanges),
}


@pytest.mark.parametrize("kind", [Contact, Organization, Activity])
def test_what_people_give_goes_to_pipedrive_or_stays_here(kind: type[Row]) -> None:
    """A column that people fill is one or the other."""
    given = {
        field.name
        for field in kind._meta.concrete_fields
        if field.editable and not isinstance(field, models.AutoField) and "pipedrive" not in field.name
    }
    assert given == columns_sent(kind) | STAYS_HERE[kind]


@pytest.mark.parametrize(
    ("kind", "shapes"),
    [
        (Contact, (contact_bodies.NewContact, contact_bodies.ContactChanges, contact_bodies.ImportedContact)),
        (Contact, (responses.ContactAnswer,)),
        (
            Organization,
            (bodies.OrganizationBody, bodies.OrganizationChanges, bodies.ImportedOrganization),
        ),
        (Organization, (responses.OrganizationPart, responses.OrganizationAnswer)),
        (Activity, (bodies.NewActivity, bodies.ActivityChanges, responses.ActivityAnswer)),
    ],
)
def test_programs_send_and_get_it(kind: type[Row], shapes: tuple[type[BaseModel], ...]) -> None:
    """Each body that a program sends, and each answer, has every field."""
    for shape in shapes:
        # A label and what stands behind the primary one are told with all of them.
        told = {
            f"{column.rpartition('_')[0]}s" if column.endswith("_label") else column for column in columns_sent(kind)
        }
        told = {column.removeprefix("more_") for column in told}
        assert shape.model_fields.keys() >= told, shape


@pytest.mark.parametrize(
    ("kind", "form"),
    [
        (Contact, contact_book.ContactForm()),
        (Contact, contact_book.NewContactForm()),
        (Organization, contact_book.OrganizationForm()),
        (Activity, contact_book.ActivityForm()),
        (Activity, contact_book.NewActivityForm()),
    ],
)
def test_people_type_it(kind: type[Row], form: forms.Form) -> None:
    """Each form has every field, and takes as much as the column does."""
    assert form.fields.keys() >= columns_sent(kind)
    for name in columns_sent(kind):
        column: Any = kind._meta.get_field(name)
        if isinstance(column, models.CharField) and not column.choices:
            assert form.fields[name].widget.attrs["maxlength"] == str(column.max_length)


def test_what_is_known_of_an_organization_is_known_beside_a_contact() -> None:
    """An organization is named with all of it, and a file that was exported is read again."""
    assert tuple(field.name for field in fields(OrganizationDetails)) == ("name", *Organization.DETAILS)
    for name in Organization.DETAILS:
        label = Organization.label(name)
        assert headings.kind(label) == name
        assert Column(name).label == label
        assert label in export.COLUMNS
        assert label in vcards.NAMES.values()
    row = Organization(name="Larkspur Mills", **{name: f"its {name}" for name in Organization.DETAILS})
    assert row.details == [(Organization.label(name), f"its {name}") for name in Organization.DETAILS]


@pytest.mark.parametrize("kind", [Contact, Organization, Activity])
def test_pipedrives_records_have_it(kind: type[Row]) -> None:
    """What Pipedrive holds as it is here is read, created and changed by its name there."""
    for field in FIELDS[kind]:
        for record in RECORDS[kind]:
            assert field.there is None or field.there in record.model_fields, (field, record)
