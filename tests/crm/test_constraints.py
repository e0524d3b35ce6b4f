"""What must hold in the rows is the database's business: it holds for who goes past the book as well."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from warmline.crm.activities import Activity
from warmline.crm.models import Contact, Organization
from warmline.crm.users import User

pytestmark = pytest.mark.django_db


def activity(contact: Contact, **values: Any) -> Activity:
    """Make an activity without asking the book."""
    return Activity.objects.create(contact=contact, type="CALL", subject="Call", time_zone="UTC", **values)


@pytest.mark.parametrize("score", [-1, 11, 300])
def test_a_score_is_from_0_to_10(jordan: Contact, score: int) -> None:
    """Neither a new row nor an UPDATE can hold another score."""
    with pytest.raises(IntegrityError), transaction.atomic():
        Contact.objects.create(owner=jordan.owner, name="Robin Vale", warmness_score=score)
    with pytest.raises(IntegrityError), transaction.atomic():
        Contact.objects.filter(pk=jordan.pk).update(warmness_score=score)


@pytest.mark.parametrize(
    "values",
    [
        {"replicated_to_pipedrive": True},
        {"pipedrive_activity_id": 7},
        {"due_time": "10:30"},
    ],
    ids=str,
)
def test_an_activity_cannot_contradict_itself(jordan: Contact, values: dict[str, Any]) -> None:
    """Replicated and the id go together, and a time needs its day."""
    row = activity(jordan)
    with pytest.raises(IntegrityError), transaction.atomic():
        activity(jordan, **values)
    with pytest.raises(IntegrityError), transaction.atomic():
        Activity.objects.filter(pk=row.pk).update(**values)


def test_two_activities_are_not_one_in_pipedrive(jordan: Contact) -> None:
    """An activity's id in Pipedrive belongs to one row; a person's may belong to several contacts."""
    activity(jordan, replicated_to_pipedrive=True, pipedrive_activity_id=7)
    with pytest.raises(IntegrityError), transaction.atomic():
        activity(jordan, replicated_to_pipedrive=True, pipedrive_activity_id=7)
    for name in ("Jordan", "J. Ames"):
        Contact.objects.create(owner=jordan.owner, name=name, pipedrive_person_id=7)


@pytest.mark.parametrize("name", ["LARKSPUR  mills", "\uff2carkspur \uff2dills", "", " "])
def test_an_organization_has_a_name_of_its_own(db: None, name: str) -> None:
    """Two spellings of one name are not two organizations, and none is without a name."""
    Organization.objects.create(name="Larkspur Mills")
    with pytest.raises(IntegrityError), transaction.atomic():
        Organization.objects.create(name=name)


def test_an_e_mail_belongs_to_one_user(alice: User) -> None:
    """Whatever its case."""
    with pytest.raises(IntegrityError), transaction.atomic():
        User(email="ALICE@example.com", name="Another Alice").save()
