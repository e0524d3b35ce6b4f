"""What was deleted here comes back after its contact was linked or unlinked meanwhile, and goes on from there."""

import pytest
from bench_engine import POLL_EVERY, Bench

from warmline.crm import preferences
from warmline.crm.activities import Activity
from warmline.crm.activity_deletion import delete_activity
from warmline.crm.book import add_contact, change_contact, delete_contacts, log_activity
from warmline.crm.models import Contact
from warmline.crm.undo import Keeper, undo
from warmline.crm.users import User
from warmline.sandbox import Fault, Sandbox, World
from warmline.sync.models import Notification

pytestmark = pytest.mark.django_db

ACTIVITIES = "/api/v2/activities"


def delete(user: User, activity: Activity) -> Keeper:
    """Delete an activity as the pages do."""
    keeper = Keeper(user)
    delete_activity(activity, keeper.deleted)
    return keeper


def restore(keeper: Keeper) -> None:
    """Undo a deletion."""
    assert keeper.group is not None
    assert undo(keeper.user, keeper.group).left == 0


def test_an_activity_whose_contact_was_linked(bench: Bench, world: World, alice: User) -> None:
    """The link could not decide about it, so it is decided when it comes back."""
    kim = add_contact(alice, name="Kim", warmness_score=5)
    keeper = delete(alice, log_activity(alice, kim, type="CALL"))
    bench.settle()
    restore(keeper)
    bench.settle()
    assert Activity.objects.get().replicated_to_pipedrive
    assert len(world.activities) == 1


@pytest.mark.parametrize("follows", [True, False])
def test_an_activity_from_before_its_contact_was_warm(bench: Bench, alice: User, *, follows: bool) -> None:
    """It follows if the team wants earlier activities to."""
    preferences.change({"earlier_activities": follows})
    kim = add_contact(alice, name="Kim", warmness_score=2)
    keeper = delete(alice, log_activity(alice, kim, type="CALL"))
    change_contact(kim, {"warmness_score": 5})
    bench.settle()
    restore(keeper)
    bench.settle()
    call = Activity.objects.get()
    assert (call.replicate, call.replicated_to_pipedrive) == (follows, follows)


def test_an_activity_whose_person_was_deleted(bench: Bench, sandbox: Sandbox, alice: User) -> None:
    """It waits for its contact, as those do that were here."""
    kim = add_contact(alice, name="Kim", warmness_score=5)
    bench.settle()
    sandbox.faults.add(Fault(kind="error", method="POST", path=ACTIVITIES))
    call = log_activity(alice, kim, type="CALL")
    bench.settle()
    keeper = delete(alice, call)
    kim.refresh_from_db()
    sandbox.people.delete("persons", kim.pipedrive_person_id or 0)
    change_contact(kim, {"name": "Kim Castell"})
    bench.settle(60)
    assert Contact.objects.get().pipedrive_person_id is None
    restore(keeper)
    call = Activity.objects.get()
    assert (call.replicate, call.logged_while_warm, call.pipedrive_sync_failed) == (None, True, False)


def test_notifications_are_about_a_restored_contact_again(bench: Bench, alice: User) -> None:
    """They stay when it is deleted, without their link."""
    kim = add_contact(alice, name="Kim", warmness_score=5)
    bench.settle()
    keeper = Keeper(alice)
    delete_contacts(Contact.objects.all(), keeper.deleted)
    assert Notification.objects.get().contact is None
    restore(keeper)
    assert Notification.objects.get().contact == kim


def test_what_changed_there_while_it_was_deleted_here(watching: Bench, sandbox: Sandbox, alice: User) -> None:
    """The looks in between had nobody whom they could show it."""
    kim = add_contact(alice, name="Kim", email="kim@example.com", warmness_score=5)
    watching.settle()
    log_activity(alice, kim, type="CALL")
    watching.settle(POLL_EVERY.total_seconds())
    keeper = Keeper(alice)
    delete_contacts(Contact.objects.all(), keeper.deleted)
    log_activity(alice, add_contact(alice, name="Robin", warmness_score=5), type="CALL")  # so that there are looks
    sandbox.people.change("persons", 1, name="Kim Vale")
    sandbox.people.change("activities", 1, subject="Called her back")
    watching.settle(9 * 60)
    restore(keeper)
    watching.settle(5)
    assert Contact.objects.get(pk=kim.pk).name == "Kim Vale"
    assert Activity.objects.get(contact=kim.pk).subject == "Called her back"
