"""Several people of one mailbox: the second is not taken for the first, and each keeps what is theirs."""

from collections.abc import Callable
from typing import Any

import pytest
from bench_engine import Bench
from who import OFFICE, emails_of, klaus, stated

from warmline.crm.book import OrganizationDetails, change_contact, log_activity
from warmline.crm.models import Contact
from warmline.crm.users import User
from warmline.sandbox import Fault, Sandbox, World
from warmline.sync.models import Intent, Notification
from warmline.sync.pending import END_OF_TIME
from warmline.sync.status.retry_and_choose import choose

pytestmark = pytest.mark.django_db

MILLS = OrganizationDetails("Larkspur Mills")
DAY_AND_HOUR = 25 * 3600


def test_the_second_of_one_mailbox_is_not_the_first(either: Bench, world: World, alice: User, bob: User) -> None:
    """A person decides; until then his call waits, and nobody is told that he is there."""
    petra, his = klaus(alice, "Petra Maier"), klaus(bob)
    log_activity(bob, his, type="CALL")

    either.settle(30)

    (person,) = world.persons.values()
    petra.refresh_from_db()
    row = stated(his)
    assert petra.pipedrive_person_id == person["id"]
    assert (row.sync_state, row.pipedrive_candidates) == (
        "failed",
        [{"pipedrive_id": person["id"], "name": "Petra Maier"}],
    )
    assert not world.activities
    told = {(note.kind, note.user_id) for note in Notification.objects.all()}
    assert told == {("contact_synced", alice.pk), ("contact_failed", bob.pk)}


@pytest.mark.parametrize("name", ["K. Petersen", "petersen, klaus"])
def test_one_person_for_both_where_the_names_agree(
    either: Bench, world: World, alice: User, bob: User, name: str
) -> None:
    """Two users know him."""
    world.settings.search_delay = 600
    contacts = [klaus(alice), klaus(bob, name)]

    either.settle(30)

    (person_id,) = world.persons
    assert set(Contact.objects.values_list("pipedrive_person_id", flat=True)) == {person_id}
    assert len(contacts) == 2


def test_a_third_one_is_the_one_who_bears_his_name(either: Bench, world: World, alice: User, bob: User) -> None:
    """Of two persons of one mailbox that are ours."""
    klaus(alice, "Petra Maier")
    his = klaus(alice)
    either.settle(30)
    his.refresh_from_db()
    choose(his, None)
    either.settle(30)

    third = klaus(bob, "Petersen, Klaus")
    either.settle(30)

    his.refresh_from_db()
    third.refresh_from_db()
    assert third.pipedrive_person_id == his.pipedrive_person_id
    assert len(world.persons) == 2


def test_both_have_their_own_after_a_new_one(either: Bench, world: World, alice: User, bob: User) -> None:
    """And what is edited, deleted or logged of the one is never the other's."""
    petra, his = klaus(alice, "Petra Maier"), klaus(bob)
    either.settle(30)
    his.refresh_from_db()
    choose(his, None)
    either.settle(30)
    his.refresh_from_db()
    petra.refresh_from_db()
    assert {petra.pipedrive_person_id, his.pipedrive_person_id} == set(world.persons)
    before = dict(world.persons[petra.pipedrive_person_id or 0])

    change_contact(his, {"name": "Klaus Vale", "phone": "+2"})
    either.settle(30)
    change_contact(his, {"email": "klaus@acme.example.com"})
    log_activity(bob, his, type="CALL")
    either.settle(30)

    person = world.persons[his.pipedrive_person_id or 0]
    assert (person["name"], emails_of(person)) == ("Klaus Vale", ["klaus@acme.example.com"])
    assert world.persons[petra.pipedrive_person_id or 0] == before
    assert [each["participants"][0]["person_id"] for each in world.activities.values()] == [person["id"]]


def test_who_is_deleted_is_not_followed_to_the_other(
    either: Bench, world: World, sandbox: Sandbox, alice: User, bob: User
) -> None:
    """The mailbox does not show where he went."""
    petra, his = klaus(alice, "Petra Maier"), klaus(bob)
    either.settle(30)
    his.refresh_from_db()
    choose(his, None)
    either.settle(30)
    his.refresh_from_db()
    sandbox.people.delete("persons", his.pipedrive_person_id or 0)
    change_contact(his, {"phone": "+2"})

    either.settle(30)

    row = stated(his)
    petra.refresh_from_db()
    assert (row.pipedrive_person_id, row.pipedrive_sync_error_code) == (None, "deleted")
    assert world.persons[petra.pipedrive_person_id or 0]["phones"] == []


@pytest.mark.parametrize("mark", [True, False])
@pytest.mark.parametrize("kind", ["no_answer_after", "no_answer"])
def test_the_create_of_the_first_is_not_the_seconds(
    bench: Bench, world: World, sandbox: Sandbox, alice: User, bob: User, kind: Any, *, mark: bool
) -> None:
    """Lost on the way, it is looked for by both; and it is hers, if it was done."""
    bench = bench.under(mark=mark)
    world.settings.search_delay = 600
    sandbox.faults.add(Fault(kind=kind, method="POST", path="/api/v2/persons", times=1))
    petra = klaus(alice, "Petra Maier")
    bench.engine.step(bench.clock.now())
    assert Intent.objects.filter(key=f"contact {petra.pk}").exists()
    his = klaus(bob)
    Contact.objects.filter(pk=petra.pk).update(next_pipedrive_sync_attempt=END_OF_TIME)

    bench.settle(120)
    Contact.objects.filter(pk=petra.pk).update(next_pipedrive_sync_attempt=bench.clock.now())
    bench.settle(120)

    petra.refresh_from_db()
    his.refresh_from_db()
    (person,) = world.persons.values()
    first, second = (petra, his) if kind == "no_answer_after" else (his, petra)
    assert (person["name"], first.pipedrive_person_id) == (first.name, person["id"])
    assert (second.pipedrive_person_id, second.pipedrive_sync_error_code) == (None, "ambiguous")


def test_a_new_one_is_no_unfinished_one_of_the_other(
    bench: Bench, world: World, sandbox: Sandbox, alice: User, bob: User, colleagues: Callable[..., Any]
) -> None:
    """Both make a new one, hers is lost on the way: he does not become hers, nor is hers made twice."""
    colleagues("Familie Acme", OFFICE)
    contacts = [klaus(alice, "Petra Maier"), klaus(bob)]
    bench.settle(30)
    sandbox.faults.add(Fault(kind="no_answer_after", method="POST", path="/api/v2/persons", times=1))
    for contact in contacts:
        contact.refresh_from_db()
        choose(contact, None)

    bench.settle(120)

    for contact in contacts:
        contact.refresh_from_db()
        assert world.persons[contact.pipedrive_person_id or 0]["name"] == contact.name
    assert len(world.persons) == 3
