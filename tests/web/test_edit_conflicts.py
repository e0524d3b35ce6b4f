"""Two edit the same: the second is told what has changed, and chooses."""

from typing import Any

import pytest
from django.test import Client
from web.filling import filled
from web.pages import look

from warmline.crm import book
from warmline.crm.book import OrganizationDetails, add_contact, log_activity
from warmline.crm.models import Contact, Organization
from warmline.crm.row_changes import ChangedMeanwhileError
from warmline.crm.users import User

MINE, THEIRS = {"choice": "mine"}, {"choice": "theirs"}


@pytest.fixture
def jordan(alice: User) -> Contact:
    """Return Alice's contact."""
    return add_contact(alice, name="Jordan Ames", phone="1", organization=OrganizationDetails("Larkspur Mills"))


def edit(client: Client, path: str, page: str, **changes: str) -> str:
    """Send the form of a page, and return what is shown then."""
    return client.post(path, filled(page, **changes), follow=True).content.decode()


@pytest.mark.parametrize(
    ("field", "theirs", "mine", "words"),
    [
        ("phone", {"phone": "2"}, "3", "2"),
        ("phone", {"phone": ""}, "3", "(empty)"),
        ("name", {"name": "Jordan Amis"}, "Jordan A.", "Jordan Amis"),
        ("organization", {"organization": OrganizationDetails("Ternary")}, "Osprey", "Ternary"),
        ("organization", {"organization": None}, "Osprey", "(empty)"),
    ],
)
@pytest.mark.parametrize("choice", ["mine", "theirs"])
def test_a_contact(
    alices: Client, jordan: Contact, field: str, theirs: dict[str, Any], mine: str, words: str, choice: str
) -> None:
    """Nothing is saved before one has chosen; then it is as one chose, and what else one changed is saved with it."""
    path = f"/contacts/{jordan.pk}/edit"
    page = look(alices.get(path))
    book.change_contact(jordan, theirs)
    stored = getattr(Contact.objects.get(pk=jordan.pk), field)
    asked = look(alices.post(path, filled(page, **{field: mine, "email": "j@example.com"})))
    assert f"Keep yours: “{mine}”" in asked
    assert f"Take theirs: “{words}”" in asked
    jordan.refresh_from_db()
    assert (getattr(jordan, field), jordan.email) == (stored, "")
    assert not Organization.objects.filter(name="Osprey").exists()
    sent = filled(asked, **{field: mine}) | {f"{field}-choice": choice}
    assert alices.post(path, sent).status_code == 302
    jordan.refresh_from_db()
    assert str(getattr(jordan, field)) == (mine if choice == "mine" else str(stored))
    assert jordan.email == "j@example.com"


@pytest.mark.parametrize("choice", ["mine", "theirs"])
def test_further_phones(alices: Client, jordan: Contact, choice: str) -> None:
    """All of them are one field; each is named with its label."""
    path = f"/contacts/{jordan.pk}/edit"
    page = look(alices.get(path))
    book.change_contact(jordan, {"more_phones": [["2", "home"]]})
    mine = {"more_phones": ["3"], "more_phones_label": ["mobile"]}
    asked = look(alices.post(path, filled(page, name="Jordan Ames") | mine))
    assert "Keep yours: “3 (mobile)”" in asked
    assert "Take theirs: “2 (home)”" in asked
    assert (
        alices.post(path, filled(asked, name="Jordan Ames") | mine | {"more_phones-choice": choice}).status_code == 302
    )
    jordan.refresh_from_db()
    assert jordan.more_phones == ([["3", "mobile"]] if choice == "mine" else [["2", "home"]])


def test_both_want_the_same(alices: Client, jordan: Contact) -> None:
    """Nobody is asked."""
    path = f"/contacts/{jordan.pk}/edit"
    page = look(alices.get(path))
    book.change_contact(jordan, {"phone": "2"})
    assert "Keep yours" not in edit(alices, path, page, phone="2")


def test_a_third_change_while_one_chooses(alices: Client, jordan: Contact) -> None:
    """One is asked again, about what is there by then."""
    path = f"/contacts/{jordan.pk}/edit"
    page = look(alices.get(path))
    book.change_contact(jordan, {"phone": "2"})
    asked = look(alices.post(path, filled(page, phone="mine")))
    book.change_contact(jordan, {"phone": "4"})
    again = look(alices.post(path, filled(asked, phone="mine") | {"phone-choice": "mine"}))
    assert "Take theirs: “4”" in again
    alices.post(path, filled(again, phone="mine") | {"phone-choice": "theirs"})
    jordan.refresh_from_db()
    assert jordan.phone == "4"


def test_an_activity(alices: Client, alice: User, jordan: Contact) -> None:
    """Its type is named as people name it; a note with line breaks and a time compare as they are."""
    activity = log_activity(alice, jordan, type="CALL", note="a\nb")
    path = f"/activities/{activity.pk}/edit"
    prefix = f"a{activity.pk}"
    page = look(alices.get(path))
    book.change_activity(activity, {"type": "MEETING"})
    asked = look(alices.post(path, filled(page, **{f"{prefix}-type": "EMAIL", f"{prefix}-note": "a\nb\nc"})))
    assert "Keep yours: “E-mail”" in asked
    assert "Take theirs: “Meeting”" in asked
    assert asked.count("Keep yours") == 1
    alices.post(path, filled(asked, **{f"{prefix}-note": "a\nb\nc"}) | {f"{prefix}-type-choice": "theirs"})
    activity.refresh_from_db()
    assert (activity.type, activity.note) == ("MEETING", "a\nb\nc")


def test_an_organization(alices: Client, jordan: Contact) -> None:
    """The same form, the same question."""
    organization = Organization.objects.get()
    path = f"/organizations/{organization.pk}/edit"
    page = look(alices.get(path))
    book.change_organization(organization, {"sector": "Mills"})
    asked = look(alices.post(path, filled(page, sector="Looms"), headers={"HX-Request": "true"}))
    assert "Take theirs: “Mills”" in asked
    alices.post(path, filled(asked, sector="Looms") | {"sector-choice": "mine"})
    organization.refresh_from_db()
    assert organization.sector == "Looms"


def test_under_the_lock(jordan: Contact) -> None:
    """It is decided by the row as it is stored when it is written, not as it was when the page was made."""
    stale = Contact.objects.get(pk=jordan.pk)
    book.change_contact(jordan, {"phone": "2"})
    with pytest.raises(ChangedMeanwhileError) as told:
        book.change_contact(stale, {"phone": "3"}, {"phone": "1"})
    assert told.value.present == {"phone": "2"}
