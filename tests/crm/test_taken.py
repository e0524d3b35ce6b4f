"""What was taken at the same moment: told apart from what is broken by the constraint, in each database's words."""

from types import SimpleNamespace

import pytest
from django.db import IntegrityError, transaction
from meanwhile import meanwhile

from warmline.crm.book import OrganizationDetails, add_contact, change_organization
from warmline.crm.models import Contact, Organization
from warmline.crm.uniqueness import TakenError, told_if_taken
from warmline.crm.users import User

ORGANIZATION, USER = ["name"], ["email"]


def broken(said: str, constraint: str | None = None) -> IntegrityError:
    """Return the error of a database: psycopg's names its constraint, SQLite's only says it."""
    error, cause = IntegrityError(said), Exception(said)
    if constraint is not None:
        cause.diag = SimpleNamespace(constraint_name=constraint)  # type: ignore[attr-defined]  # as psycopg's
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "fields"),
    [
        (broken("UNIQUE constraint failed: crm_organization.name_key"), ORGANIZATION),
        (broken("UNIQUE constraint failed: crm_user.email_key"), USER),
        (broken("UNIQUE constraint failed: crm_user.email"), USER),
        (broken("duplicate key value", "crm_organization_name_key_key"), ORGANIZATION),
        (broken("doppelter Schlüsselwert", "crm_organization_name_key_0f1e2d3c_uniq"), ORGANIZATION),
        (
            broken('duplicate key value violates unique constraint "crm_organization_name_key_key"\nDETAIL: …'),
            ORGANIZATION,
        ),
        (broken("duplicate key value", "crm_user_email_key"), USER),
        (broken("duplicate key value", "crm_user_email_key_key"), USER),
    ],
    ids=str,
)
def test_a_race(error: IntegrityError, fields: list[str]) -> None:
    """It is told at the field, in the words of the validation that came too early."""
    with pytest.raises(TakenError) as caught, told_if_taken():
        raise error
    assert list(caught.value.message_dict) == fields
    assert caught.value.__cause__ is error


@pytest.mark.parametrize(
    "error",
    [
        broken("CHECK constraint failed: organization_has_a_name"),
        broken("NOT NULL constraint failed: crm_organization.name_key"),
        broken("FOREIGN KEY constraint failed"),
        broken("UNIQUE constraint failed: crm_organization.warmline_id"),
        broken("UNIQUE constraint failed: index 'activity_id_once'"),
        broken("UNIQUE constraint failed: crm_saved.user_id, crm_saved.key"),
        broken("duplicate key value", "crm_organization_warmline_id_key"),
        broken("null value in column", ""),
        broken("violates foreign key constraint", "crm_contact_owner_id_0f1e2d3c_fk_crm_user_id"),
        IntegrityError("UNIQUE constraint failed: elsewhere.name_key"),
    ],
    ids=str,
)
def test_no_race(error: IntegrityError) -> None:
    """It stays what it is, so that it is logged and somebody mends it."""
    with pytest.raises(IntegrityError) as caught, told_if_taken():
        raise error
    assert caught.value is error


def test_a_name_that_is_taken_between_the_look_and_the_write(alice: User) -> None:
    """The database's own words are understood, and nothing is written."""
    contact = add_contact(alice, name="Jordan Ames", organization=OrganizationDetails("Acme"))
    acme = Organization.objects.get()
    with (
        pytest.raises(TakenError) as caught,
        meanwhile(lambda: Organization.objects.bulk_create([Organization(name="Beta")]), ("UPDATE",)),
        transaction.atomic(),
    ):
        change_organization(acme, {"name": "BETA"})
    assert caught.value.message_dict == {"name": ["An organization with this name already exists. Use another name."]}
    contact.refresh_from_db()
    assert Contact.objects.get().organization == Organization.objects.get(name="Acme")


def test_an_e_mail_that_is_taken_between_the_look_and_the_write(alice: User) -> None:
    """As by another admin, or another command."""

    def another() -> None:
        User.objects.bulk_create([User(email="bob@example.com", email_key="bob@example.com", name="Bob")])

    with pytest.raises(TakenError) as caught, meanwhile(another, ("INSERT",)), transaction.atomic():
        User.objects.create_user("Bob@example.com", "Bob")
    assert list(caught.value.message_dict) == USER
