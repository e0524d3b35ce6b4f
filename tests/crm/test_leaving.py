"""Deleting contacts, handing them over, and when they were contacted last."""

from datetime import date, timedelta

import pytest
from django.utils import timezone

from warmline.crm.activities import Activity
from warmline.crm.book import (
    OrganizationDetails,
    add_contact,
    change_activity,
    delete_contacts,
    hand_over,
    log_activity,
)
from warmline.crm.models import Contact, Organization
from warmline.crm.row_changes import take_over
from warmline.crm.search_index import ContactWord
from warmline.crm.users import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def bob(db: None) -> User:
    """Return Bob."""
    return User.objects.create_user("bob@example.com", "Bob", time_zone="Europe/Berlin")


def test_deleting_takes_activities_and_words_along(alice: User, jordan: Contact) -> None:
    """And leaves the organization, and everyone else, as they are."""
    kim = add_contact(alice, name="Kim", organization=OrganizationDetails("Larkspur Mills"))
    for contact in (jordan, kim):
        log_activity(alice, contact, type="CALL")
    words = ContactWord.objects.filter(contact=kim).count()
    assert delete_contacts(Contact.objects.filter(pk=jordan.pk)) == 1
    assert list(Contact.objects.all()) == [kim]
    assert [activity.contact for activity in Activity.objects.all()] == [kim]
    assert ContactWord.objects.count() == words
    assert delete_contacts(Contact.objects.all()) == 1
    assert Organization.objects.count() == 1
    assert delete_contacts(Contact.objects.all()) == 0


def test_handing_over(alice: User, bob: User, jordan: Contact) -> None:
    """Contacts become a colleague's, and their activities with them; those that are theirs already do not count."""
    log_activity(alice, jordan, type="CALL")
    add_contact(bob, name="Kim")
    assert hand_over(Contact.objects.all(), bob) == 1
    assert set(Contact.objects.values_list("owner", flat=True)) == {bob.pk}
    assert set(Activity.objects.values_list("owner", flat=True)) == {bob.pk}
    assert hand_over(Contact.objects.filter(owner=bob), alice) == 2


def test_what_is_logged_with_a_contact_that_was_handed_over_meanwhile(alice: User, bob: User, jordan: Contact) -> None:
    """It is its new owner's, although the page was read before."""
    as_read = Contact.objects.get(pk=jordan.pk)
    hand_over(Contact.objects.all(), bob)
    assert log_activity(alice, as_read, type="CALL").owner == bob


def last(contact: Contact) -> date | None:
    """Return when a contact was contacted last."""
    contact.refresh_from_db()
    return contact.last_contacted


def test_when_a_contact_was_contacted_last(alice: User, jordan: Contact) -> None:
    """The latest day of what is done, whatever was logged last, and kept when that changes."""
    assert last(jordan) is None
    log_activity(alice, jordan, type="MEETING", due_date=date(2027, 3, 2), done=False)
    assert last(jordan) is None
    call = log_activity(alice, jordan, type="CALL", due_date=date(2026, 3, 2))
    log_activity(alice, jordan, type="EMAIL", due_date=date(2026, 2, 1))
    assert last(jordan) == date(2026, 3, 2)
    change_activity(call, {"due_date": date(2026, 1, 1)})
    assert last(jordan) == date(2026, 2, 1)
    take_over(call, {"done": False})
    assert last(jordan) == date(2026, 2, 1)
    Activity.objects.filter(type="EMAIL").get().save()
    change_activity(Activity.objects.get(type="EMAIL"), {"done": False})
    assert last(jordan) is None


def test_the_day_of_what_has_no_due_date(bob: User) -> None:
    """The day on which it was logged, where its user was then."""
    call = log_activity(bob, add_contact(bob, name="Kim"), type="CALL")
    assert call.day == timezone.localdate(call.created_at, bob.zone)
    call.created_at = call.created_at.replace(hour=23, minute=30) - timedelta(days=1)
    call.save()
    assert call.day == call.created_at.date() + timedelta(days=1)
