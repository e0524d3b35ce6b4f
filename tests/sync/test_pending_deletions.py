"""An activity that is deleted here is deleted in Pipedrive too, if the team wants that: once, in time, and no other."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from bench_engine import Bench
from meddler import Meddler

from warmline import database_time
from warmline.crm import preferences
from warmline.crm.activities import Activity
from warmline.crm.activity_deletion import delete_activity
from warmline.crm.book import add_contact, change_activity, change_contact, delete_contacts, log_activity
from warmline.crm.models import Contact
from warmline.crm.undo import GOOD_FOR, Keeper, undo
from warmline.crm.users import User
from warmline.sandbox import Fault, Sandbox, World
from warmline.sync.deletion_models import ActivityDeletion
from warmline.sync.models import Intent, Notification, NotificationKind
from warmline.sync.remote import company_switch

pytestmark = pytest.mark.django_db

ACTIVITIES = "/api/v2/activities"
LONG_ENOUGH = GOOD_FOR.total_seconds() + 30


@pytest.fixture(autouse=True)
def wanted(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have what is deleted here deleted there, and all clocks agree."""
    monkeypatch.setattr(database_time, "now", bench.clock.now)
    preferences.change({"delete_there": True})


@pytest.fixture
def kim(bench: Bench, alice: User) -> Contact:
    """Return Kim, who is in Pipedrive."""
    kim = add_contact(alice, name="Kim", email="kim@example.com", warmness_score=5)
    bench.settle()
    kim.refresh_from_db()
    return kim


@pytest.fixture
def call(bench: Bench, alice: User, kim: Contact) -> Activity:
    """Return a call with Kim, which is there, too."""
    call = log_activity(alice, kim, type="CALL")
    bench.settle()
    call.refresh_from_db()
    assert call.pipedrive_activity_id == 1
    return call


def delete(activity: Activity, grace: timedelta = GOOD_FOR) -> Keeper:
    """Delete an activity as the pages do."""
    keeper = Keeper(activity.owner)
    delete_activity(activity, keeper.deleted, grace=grace)
    return keeper


def restore(keeper: Keeper) -> None:
    """Undo a deletion."""
    assert keeper.group is not None
    assert undo(keeper.user, keeper.group).left == 0


def alive(world: World) -> list[int]:
    """Return the activities that are in Pipedrive."""
    return [number for number in world.activities if world.alive("activities", number)]


def asked(world: World, method: str = "DELETE") -> list[str]:
    """Return the paths that were called so."""
    return [each.path for each in world.calls if each.method == method]


def told() -> list[str]:
    """Return what was said of records that stay there."""
    return list(Notification.objects.filter(kind=NotificationKind.LEFT_THERE).values_list("text", flat=True))


def test_it_goes_when_it_cannot_be_undone_any_more(bench: Bench, world: World, call: Activity) -> None:
    """Not before; then with one read and one delete."""
    delete(call)
    bench.settle(GOOD_FOR.total_seconds() - 60)
    assert (alive(world), asked(world)) == ([1], [])
    before = len(world.calls)
    bench.settle(90)
    assert (alive(world), asked(world)) == ([], [f"{ACTIVITIES}/1"])
    assert [each.method for each in world.calls[before:]] == ["GET", "DELETE"]
    assert (ActivityDeletion.objects.count(), told()) == (0, [])


def test_what_cannot_be_undone_goes_at_once(bench: Bench, world: World, call: Activity) -> None:
    """As a call of the API says it."""
    delete_activity(call)
    bench.settle()
    assert alive(world) == []


def test_it_stays_if_the_team_wants_that(bench: Bench, world: World, call: Activity) -> None:
    """As long as nobody has changed the setting."""
    preferences.change({"delete_there": None})
    delete_activity(call)
    preferences.change({"delete_there": True})
    bench.settle(LONG_ENOUGH)
    assert (alive(world), ActivityDeletion.objects.count()) == ([1], 0)


def test_undone_in_time_it_stays_as_it_is(bench: Bench, world: World, call: Activity) -> None:
    """Here and there, with its link."""
    restore(delete(call))
    bench.settle(LONG_ENOUGH)
    call.refresh_from_db()
    assert (alive(world), call.pipedrive_activity_id, asked(world)) == ([1], 1, [])


@pytest.mark.parametrize("moment", ["before", "during", "after"])
def test_undone_too_late_it_is_made_anew(
    bench: Bench, world: World, meddler: Meddler, call: Activity, moment: str
) -> None:
    """A clock may be wrong, so it can be undone when it has gone already: there is one then, and not two."""
    keeper = delete(call, timedelta(0))

    def restore_now() -> httpx.Response | None:
        restore(keeper)
        return None

    if moment == "after":
        bench.settle()
        assert alive(world) == []
        restore(keeper)
    else:
        meddler.once("GET" if moment == "before" else "DELETE", f"{ACTIVITIES}/1", restore_now)
    bench.settle()  # the bench does not hear of what is restored while it waits
    bench.settle(60)
    call.refresh_from_db()
    assert meddler.is_done
    assert alive(world) == [call.pipedrive_activity_id] == ([1] if moment == "before" else [2])
    assert ActivityDeletion.objects.count() == 0


def test_deleted_again_after_that(bench: Bench, world: World, sandbox: Sandbox, call: Activity) -> None:
    """Both records go, although the first could not be deleted for a while."""
    sandbox.faults.add(Fault(kind="error", status=500, method="DELETE", path="*", times=2))
    keeper = delete(call, timedelta(0))
    bench.settle(3)
    restore(keeper)
    bench.settle()
    call.refresh_from_db()
    assert call.pipedrive_activity_id == 2
    delete_activity(call)
    bench.settle(60)
    assert (alive(world), ActivityDeletion.objects.count()) == ([], 0)


@pytest.mark.parametrize("answer", ["error", "error_after", "no_answer", "no_answer_after", "reset_after"])
def test_it_is_tried_again(bench: Bench, world: World, sandbox: Sandbox, call: Activity, answer: Any) -> None:
    """Whether it was done or not."""
    sandbox.faults.add(Fault(kind=answer, method="DELETE", path="*", times=1))
    delete_activity(call)
    bench.settle(60)
    assert (alive(world), ActivityDeletion.objects.count(), told()) == ([], 0, [])


def test_after_three_tries_it_is_left_to_the_batch(
    bench: Bench, world: World, sandbox: Sandbox, alice: User, call: Activity
) -> None:
    """Its owner is told why, once, and it is counted until it is gone."""
    sandbox.faults.add(Fault(kind="error", status=500, method="DELETE", path="*", times=5))
    delete_activity(call)
    bench.settle(60)
    deletion = ActivityDeletion.objects.get()
    assert (deletion.attempts, deletion.failed, len(asked(world))) == (3, True, 3)
    (text,) = told()
    assert text.startswith(f"“{call.subject}” with Kim was deleted here, and could not be deleted in Pipedrive yet. ")
    assert Notification.objects.get(kind=NotificationKind.LEFT_THERE).user == alice
    bench.settle(3 * bench.policy.failed_retry.total_seconds() + 60)
    assert (alive(world), ActivityDeletion.objects.count(), len(told())) == ([], 0, 1)


def test_a_refusal_waits_for_a_person(bench: Bench, world: World, sandbox: Sandbox, call: Activity) -> None:
    """A token without the right to delete, for example: it is said with Pipedrive's words."""
    sandbox.faults.add(Fault(kind="error", status=403, method="DELETE", path="*", times=1))
    delete_activity(call)
    bench.settle(60)
    deletion = ActivityDeletion.objects.get()
    assert (deletion.failed, deletion.message.startswith("Pipedrive refused this: ")) == (True, True)
    bench.settle(bench.policy.person_needed.total_seconds())
    assert alive(world) == []


def test_gone_there_is_done(bench: Bench, world: World, sandbox: Sandbox, call: Activity) -> None:
    """A colleague was faster."""
    delete_activity(call)
    sandbox.people.delete("activities", 1)
    bench.settle()
    assert (ActivityDeletion.objects.count(), asked(world), told()) == (0, [], [])


def test_what_people_changed_there_meanwhile_stays(
    bench: Bench, world: World, sandbox: Sandbox, call: Activity
) -> None:
    """What they wrote is not lost; its owner decides."""
    delete(call)
    sandbox.people.change("activities", 1, note="She signs on Monday.")
    bench.settle(LONG_ENOUGH)
    assert (alive(world), ActivityDeletion.objects.count()) == ([1], 0)
    (text,) = told()
    assert text == (
        f"“{call.subject}” with Kim was deleted here, and stays in Pipedrive: it was changed in Pipedrive, and "
        "Warmline had not seen that yet. It is activity 1. Delete it there too, or keep it."
    )


@pytest.mark.parametrize("answer", ["no_answer", "no_answer_after"])
def test_our_own_last_change_is_none_of_theirs(
    bench: Bench, world: World, sandbox: Sandbox, call: Activity, answer: Any
) -> None:
    """Whether it came to something or not."""
    sandbox.faults.add(Fault(kind=answer, method="PATCH", path="*", times=1))
    change_activity(call, {"note": "She calls <back>."})
    bench.settle(1)
    assert Intent.objects.exists()
    delete_activity(call)
    bench.settle(60)
    assert (alive(world), told()) == ([], [])


@pytest.mark.parametrize("answer", ["no_answer", "no_answer_after"])
def test_what_may_have_been_made_is_looked_for_first(
    bench: Bench, world: World, sandbox: Sandbox, alice: User, kim: Contact, answer: Any
) -> None:
    """The answer to its create was lost. A colleague's call with Kim is not it."""
    sandbox.people.add("activities", subject="Call", type="call", participants=[{"person_id": 1, "primary": True}])
    sandbox.faults.add(Fault(kind=answer, method="POST", path=ACTIVITIES, times=1))
    call = log_activity(alice, kim, type="CALL")
    bench.settle(1)
    delete_activity(call)
    assert (ActivityDeletion.objects.count(), told()) == (1, [])
    bench.settle(120)
    assert (alive(world), ActivityDeletion.objects.count(), Intent.objects.count(), told()) == ([1], 0, 0, [])


def test_what_was_being_made_goes_too(bench: Bench, world: World, meddler: Meddler, alice: User, kim: Contact) -> None:
    """It was deleted here while its create was on its way."""
    call = log_activity(alice, kim, type="CALL")

    def delete_now() -> httpx.Response | None:
        delete_activity(call)
        return None

    meddler.once("POST", ACTIVITIES, delete_now)
    bench.settle(60)
    assert meddler.is_done
    assert (len(world.activities), alive(world), told()) == (1, [], [])


def test_what_was_never_sent_asks_for_nothing(bench: Bench, world: World, alice: User) -> None:
    """A cold contact's call is nowhere but here."""
    cold = add_contact(alice, name="Robin", warmness_score=1)
    delete_activity(log_activity(alice, cold, type="CALL"))
    assert ActivityDeletion.objects.count() == 0


def test_what_was_found_there_stays(
    bench: Bench, world: World, sandbox: Sandbox, alice: User, kim: Contact, call: Activity
) -> None:
    """Warmline had lost the link and took the one that was there; deleted, restored and deleted again, it stays."""
    company_switch.start_anew(bench.pipedrive.me(), bench.clock.now())
    bench.settle(60)
    call.refresh_from_db()
    assert (call.pipedrive_activity_id, call.pipedrive_adopted) == (1, True)
    restore(delete(call))
    delete_activity(Activity.objects.get())
    bench.settle(LONG_ENOUGH)
    assert (alive(world), ActivityDeletion.objects.count()) == ([1], 0)
    assert told()[-1].endswith(
        "stays in Pipedrive: Warmline did not create it there. It is activity 1. Delete it there too, or keep it."
    )


def test_in_another_company_nothing_is_deleted(bench: Bench, world: World, call: Activity) -> None:
    """Its ids are those of other records."""
    delete(call)
    company_switch.start_anew(bench.pipedrive.me(), bench.clock.now())
    bench.settle(LONG_ENOUGH)
    assert (alive(world), asked(world), ActivityDeletion.objects.count()) == ([1], [], 0)


def test_the_company_is_changed_just_before_the_call(
    bench: Bench, world: World, meddler: Meddler, call: Activity
) -> None:
    """The record was read, and then somebody started over."""
    delete_activity(call)
    me = bench.pipedrive.me()

    def start_over() -> httpx.Response | None:
        company_switch.start_anew(me, bench.clock.now())
        return None

    meddler.once("GET", f"{ACTIVITIES}/1", start_over)
    bench.settle(60)
    assert meddler.is_done
    assert (alive(world), asked(world)) == ([1], [])


def test_a_contact_that_is_deleted_leaves_its_activities_there(bench: Bench, world: World, call: Activity) -> None:
    """Persons are never deleted in Pipedrive, and what was done with them stays with them."""
    delete_contacts(Contact.objects.all())
    bench.settle(LONG_ENOUGH)
    assert (alive(world), ActivityDeletion.objects.count()) == ([1], 0)


def test_nobody_else_s_is_deleted(
    bench: Bench, world: World, alice: User, kim: Contact, call: Activity, user: Callable[..., User]
) -> None:
    """Neither another one with the same contact, nor the person."""
    log_activity(alice, kim, type="CALL")
    bench.settle()
    delete_activity(call)
    change_contact(kim, {"phone": "+1 555 0100"})
    bench.settle()
    assert (alive(world), world.alive("persons", 1)) == ([2], True)


def test_a_moment_of_a_wrong_clock_holds_nothing_up(bench: Bench, world: World, call: Activity) -> None:
    """Its clock was a year ahead."""
    delete(call)
    ActivityDeletion.objects.update(due_at=bench.clock.now() + timedelta(days=365))
    for _ in range(3):
        bench.settle(10)
    assert alive(world) == []


def test_it_waits_while_pipedrive_is_down(bench: Bench, world: World, sandbox: Sandbox, call: Activity) -> None:
    """That is nobody's attempt."""
    sandbox.faults.add(Fault(kind="outage", seconds=300))
    delete_activity(call)
    bench.settle(120)
    assert ActivityDeletion.objects.values_list("attempts", flat=True).get() == 0
    bench.settle(300)
    assert alive(world) == []
