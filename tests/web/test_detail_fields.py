"""The page on which an admin says where details of contacts go in Pipedrive."""

import pytest
from django.test import Client
from web.pages import look

from warmline.crm import preferences
from warmline.crm.book import add_contact
from warmline.crm.models import Contact
from warmline.crm.users import User
from warmline.sync.models import Remembered

PAGE = "/settings/contact-details"
NONE = dict.fromkeys(("job_title", "linkedin", "note", "tags", "source"), "")


@pytest.fixture
def fields(alice: User) -> None:
    """Have the account's fields known: a line, a large text, and a number."""
    fields = [
        {"name": "Job title", "code": "job_title", "type": "varchar", "options": [], "is_custom": False},
        *(
            {"name": name, "code": name[0] * 40, "type": kind, "options": [], "is_custom": True}
            for name, kind in (("Origin", "varchar"), ("Remarks", "text"), ("Number", "double"))
        ),
    ]
    Remembered.objects.create(name="person_fields", value=fields, at="2026-11-27T08:00:00Z")


def test_members_have_no_say(bobs: Client) -> None:
    """Neither by looking nor by sending."""
    assert bobs.get(PAGE).status_code == 403
    assert bobs.post(PAGE, NONE).status_code == 403


def test_before_the_fields_are_known(alices: Client) -> None:
    """The page says what to do, and nothing can be chosen."""
    html = look(alices.get(PAGE))
    assert "Load the account's fields to choose from them." in html.replace("&#x27;", "'")
    look(alices.post(PAGE, {**NONE, "tags": "R" * 40}, follow=True))
    assert preferences.current().detail_fields == {}


@pytest.mark.usefixtures("fields")
def test_choosing(alices: Client, alice: User) -> None:
    """By name, of suitable types; what is sent is said in numbers before and after."""
    contact = add_contact(alice, name="Jordan Ames", email="jordan@example.com", warmness_score=5, note="Tea")
    Contact.objects.filter(pk=contact.pk).update(
        pipedrive_person_id=7, pipedrive_revision=1, pipedrive_agreed={"ours": {"name": "J"}, "theirs": {"name": "J"}}
    )
    html = look(alices.get(PAGE))
    assert "1 contact in Pipedrive has one here." in html
    assert "0 contacts in Pipedrive have one here." in html
    assert "Number" not in html
    html = look(alices.post(PAGE, {**NONE, "note": "R" * 40, "job_title": "job_title"}, follow=True))
    assert "Saved. 1 contact is being sent, after what people wait for." in html
    assert preferences.current().detail_fields == {"job_title": "job_title", "note": "R" * 40}
    contact.refresh_from_db()
    assert contact.revision == 2
    html = look(alices.post(PAGE, NONE, follow=True))
    assert "Saved." in html
    assert "being sent" not in html
    assert preferences.current().detail_fields == {}


@pytest.mark.usefixtures("fields")
def test_what_cannot_be_chosen(alices: Client) -> None:
    """A type that does not hold it, and one field for two details."""
    assert "Not saved" in look(alices.post(PAGE, {**NONE, "note": "O" * 40}))
    html = look(alices.post(PAGE, {**NONE, "job_title": "O" * 40, "source": "O" * 40}))
    assert "This field is already used for the job title. Choose another one." in html
    assert preferences.current().detail_fields == {}


@pytest.mark.usefixtures("fields")
def test_one_that_is_gone(alices: Client) -> None:
    """It is told, stays chosen until somebody chooses otherwise, and does not stop the other choices."""
    preferences.change({"detail_fields": {"tags": "a" * 40}})
    html = look(alices.get(PAGE))
    assert "Tags: the field that was chosen in Pipedrive is not there any more." in html
    look(alices.post(PAGE, {**NONE, "tags": "a" * 40, "source": "O" * 40}, follow=True))
    assert preferences.current().detail_fields == {"tags": "a" * 40, "source": "O" * 40}
