"""What was just done by hand can be taken back, as far as nobody has changed it since."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.utils import timezone

from warmline.crm import book, change_feed, undo
from warmline.crm.activities import Activity
from warmline.crm.activity_deletion import delete_activity
from warmline.crm.book import OrganizationDetails, add_contact, log_activity
from warmline.crm.external_ids import ExternalName, put_contact
from warmline.crm.models import Contact
from warmline.crm.search import search
from warmline.crm.undo import CannotUndoError, Keeper, UndoStep
from warmline.crm.users import User

# What is in Pipedrive is looked at again: what changed there meanwhile was shown to nobody.
NOT_KEPT = {"changed_in", "changed_at", "revision", "next_pipedrive_sync_attempt"}


def values(row: Any) -> dict[str, Any]:
    """Return all that is stored of a row, but for when it was changed, and is looked at."""
    stored = type(row).objects.filter(pk=row.pk).values().get()
    return {name: value for name, value in stored.items() if name not in NOT_KEPT}


@pytest.fixture
def bob(db: None) -> User:
    """Return Alice's colleague."""
    return User.objects.create_user("bob@example.com", "Bob")


@pytest.fixture
def jordan(alice: User) -> Contact:
    """Return Alice's contact, with all that one can have."""
    contact, _ = put_contact(
        alice,
        alice,
        ExternalName("n8n", "j-1"),
        {
            "name": "Jordan Ämes",
            "email": "jordan@example.com",
            "organization": OrganizationDetails("Larkspur"),
            "warmness_score": 7,
        },
    )
    log_activity(alice, contact, type="CALL", note="a\nb", due_date=date(2026, 1, 2))
    planned = log_activity(alice, contact, type="MEETING", due_date=date(2026, 1, 9), done=False)
    Contact.objects.filter(pk=contact.pk).update(pipedrive_person_id=12, pipedrive_agreed={"ours": {"name": "J"}})
    Activity.objects.filter(contact=contact).update(replicate=False)  # the link decides about each
    Activity.objects.filter(pk=planned.pk).update(pipedrive_activity_id=5, replicated_to_pipedrive=True, replicate=True)
    contact.refresh_from_db()
    return contact


def delete(user: User, *contacts: Contact) -> Keeper:
    """Delete contacts as the pages do."""
    keeper = Keeper(user)
    book.delete_contacts(Contact.objects.filter(pk__in=[each.pk for each in contacts]), keeper.deleted)
    return keeper


def undone(user: User, keeper: Keeper) -> undo.Undone:
    """Undo what was kept."""
    assert keeper.group is not None
    return undo.undo(user, keeper.group)


@pytest.mark.django_db(transaction=True)  # on PostgreSQL all changes of one transaction stand in one place
def test_deleted_contacts_are_as_they_were(alice: User, jordan: Contact) -> None:
    """With their ids, links, activities, words and external ids; who follows gets them once more."""
    other = add_contact(alice, name="Kim Castell")
    rows = [jordan, other, *Activity.objects.all()]
    before = [values(row) for row in rows]
    keeper = delete(alice, jordan, other)
    assert not Contact.objects.exists()
    assert change_feed.GoneRow.objects.count() == 4
    position = change_feed.GoneRow.objects.order_by("-changed_in").values_list("changed_in", flat=True)[0]
    came = undone(alice, keeper)
    assert (sorted(came.ids), came.left) == (sorted([jordan.pk, other.pk]), 0)
    assert [values(row) for row in rows] == before
    assert not change_feed.GoneRow.objects.exists()
    jordan.refresh_from_db()
    assert jordan.changed_in > position
    assert jordan.external_ids.get().external_id == "j-1"
    found, _ = search(Contact.objects.all(), "jord")
    assert [each.pk for each in found] == [jordan.pk]
    with pytest.raises(CannotUndoError):
        undone(alice, keeper)


def test_a_deleted_activity(alice: User, jordan: Contact) -> None:
    """When its contact was contacted last follows, both ways."""
    call = Activity.objects.get(done=True)
    before = values(call)
    keeper = Keeper(alice)
    delete_activity(call, keeper.deleted)
    jordan.refresh_from_db()
    assert jordan.last_contacted is None
    undone(alice, keeper)
    jordan.refresh_from_db()
    assert jordan.last_contacted == date(2026, 1, 2)
    assert values(call) == before


def test_what_it_belonged_to_is_gone(alice: User, bob: User, jordan: Contact) -> None:
    """A contact of somebody who has left becomes that of whoever restores it; an activity without a contact is lost."""
    Contact.objects.filter(pk=jordan.pk).update(owner=bob)
    Activity.objects.filter(contact=jordan).update(owner=bob)
    keeper = delete(alice, jordan)
    User.objects.filter(pk=bob.pk).update(is_active=False)
    undone(alice, keeper)
    assert {Contact.objects.get().owner, *(each.owner for each in Activity.objects.all())} == {alice}
    call = Activity.objects.get(done=True)
    of_the_call = Keeper(alice)
    delete_activity(call, of_the_call.deleted)
    delete(alice, jordan)
    assert undone(alice, of_the_call).left == 1
    assert not Activity.objects.exists()


def test_ids_that_were_taken_meanwhile(alice: User, jordan: Contact) -> None:
    """They stay with who has them now."""
    keeper = delete(alice, jordan)
    new, _ = put_contact(alice, alice, ExternalName("n8n", "j-1"), {"name": "New"})
    held = log_activity(alice, new, type="CALL")
    Activity.objects.filter(pk=held.pk).update(pipedrive_activity_id=5, replicated_to_pipedrive=True, replicate=True)
    undone(alice, keeper)
    assert new.external_ids.exists()
    assert not jordan.external_ids.exists()
    assert Activity.objects.get(pipedrive_activity_id=5) == held


def change(user: User, contact: Contact, **changes: Any) -> Keeper:
    """Change a contact as the pages do."""
    keeper = Keeper(user)
    keeper.changed(Contact, {contact.pk: {name: getattr(contact, name) for name in changes}}, changes)
    book.change_contact(contact, changes)
    return keeper


def test_a_changed_field(alice: User, jordan: Contact) -> None:
    """What somebody changed since then stays."""
    keeper = change(alice, jordan, warmness_score=2)
    assert undone(alice, keeper).ids == [jordan.pk]
    jordan.refresh_from_db()
    assert jordan.warmness_score == 7
    keeper = change(alice, jordan, warmness_score=2)
    book.change_contact(jordan, {"warmness_score": 9})
    assert undone(alice, keeper).left == 1
    jordan.refresh_from_db()
    assert jordan.warmness_score == 9


def test_a_changed_activity(alice: User, jordan: Contact) -> None:
    """A date is a date again."""
    planned = Activity.objects.get(done=False)
    keeper = Keeper(alice)
    keeper.changed(
        Activity, {planned.pk: {"due_date": "2026-01-09", "done": False}}, {"due_date": "2026-01-10", "done": True}
    )
    book.change_activity(planned, {"due_date": date(2026, 1, 10), "done": True})
    undone(alice, keeper)
    planned.refresh_from_db()
    assert (planned.due_date, planned.done) == (date(2026, 1, 9), False)


def test_handed_over(alice: User, bob: User, jordan: Contact) -> None:
    """Whoever handed it over gets it back, although they see it no longer; what went on to a third stays there."""
    other = add_contact(alice, name="Kim Castell")
    keeper = Keeper(alice)
    book.hand_over(Contact.objects.all(), bob, keeper.handed_over(bob))
    dave = User.objects.create_user("dave@example.com", "Dave")
    book.hand_over(Contact.objects.filter(pk=other.pk), dave)
    came = undone(alice, keeper)
    assert (came.ids, came.left) == ([jordan.pk], 1)
    assert Contact.objects.get(pk=jordan.pk).owner == alice
    assert set(Activity.objects.values_list("owner", flat=True)) == {alice.pk}


def test_who_and_how_long(alice: User, bob: User, jordan: Contact) -> None:
    """Only who did it, for ten minutes; then what was kept is gone, too."""
    keeper = delete(alice, jordan)
    with pytest.raises(CannotUndoError):
        undone(bob, keeper)
    UndoStep.objects.update(at=timezone.now() - timedelta(minutes=11))
    with pytest.raises(CannotUndoError):
        undone(alice, keeper)
    change(alice, add_contact(alice, name="Kim"), warmness_score=3)
    assert UndoStep.objects.count() == 1


def test_too_many_to_keep(alice: User, jordan: Contact, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are deleted all the same, and nothing is offered."""
    monkeypatch.setattr(undo, "MOST_ROWS", 2)
    assert delete(alice, jordan).group is None
    assert not Contact.objects.exists()
