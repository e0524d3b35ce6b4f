"""Two contacts of one person: what one changes takes nothing of the other's away, and is no colleague's word."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from bench_engine import Bench
from who import stated

from warmline.crm.book import OrganizationDetails, add_contact, change_contact
from warmline.crm.models import Contact
from warmline.crm.users import User
from warmline.sandbox import Fault, Sandbox, World
from warmline.sync.models import Notification

pytestmark = pytest.mark.django_db

Two = tuple[Contact, Contact]


def _change(contact: Contact, **changes: Any) -> None:
    contact.refresh_from_db()
    change_contact(contact, changes)


def _values(world: World, name: str) -> list[str]:
    return [each["value"] for each in world.persons[1][name]]


@pytest.fixture
def two(either: Bench, alice: User, bob: User) -> Two:
    """Return Alice's and Bob's contacts with one e-mail and one phone, who are one person in Pipedrive."""
    one, other = (
        add_contact(user, name="Jordan Ames", email="j@example.com", phone="+1 1", warmness_score=5)
        for user in (alice, bob)
    )
    either.settle(60)
    return one, other


@pytest.mark.parametrize("lost", [True, False])
def test_what_the_other_has_stays(either: Bench, world: World, sandbox: Sandbox, two: Two, *, lost: bool) -> None:
    """Changed and then taken away by one of them; only when the other lets go of it, it goes."""
    one, other = two
    for changes, emails, phones in (
        ({"email": "new@example.com", "phone": "+2"}, ["j@example.com", "new@example.com"], ["+1 1", "+2"]),
        ({"email": "", "phone": ""}, ["j@example.com"], ["+1 1"]),
        ({"email": "j@example.com"}, ["j@example.com"], ["+1 1"]),
        ({"email": ""}, ["j@example.com"], ["+1 1"]),
    ):
        if lost:
            sandbox.faults.add(Fault(kind="no_answer_after", method="PATCH", path="/api/v2/persons/*", times=1))
        _change(one, **changes)
        either.settle(60)
        assert (_values(world, "emails"), _values(world, "phones")) == (emails, phones)
        assert stated(one).sync_state == "synced"

    _change(other, email="", phone="")
    either.settle(60)
    assert (_values(world, "emails"), _values(world, "phones")) == ([], [])
    assert stated(other).sync_state == "synced"
    assert not Notification.objects.filter(kind="change_kept").exists()


def test_what_the_other_said_is_no_colleagues_word(
    either: Bench, world: World, alice: User, bob: User, colleagues: Callable[..., Any]
) -> None:
    """Adopted without a phone, the person gets that of each of them."""
    colleagues("Jordan Ames", "j@example.com")
    one, other = (
        add_contact(user, name="Jordan Ames", email="j@example.com", phone="+1", warmness_score=5)
        for user in (alice, bob)
    )
    either.settle(60)
    for contact, phone in ((one, "+2"), (other, "+3"), (one, "+4"), (other, "+5")):
        _change(contact, phone=phone)
        either.settle(60)

    assert _values(world, "phones") == ["+4", "+5"]
    assert not Notification.objects.filter(kind="change_kept").exists()
    assert {stated(each).sync_state for each in (one, other)} == {"synced"}


def test_a_colleagues_word_is_one_still(either: Bench, world: World, sandbox: Sandbox, two: Two) -> None:
    """What somebody wrote there in place of ours is kept, though the other has it still."""
    one, _ = two
    sandbox.people.change("persons", 1, phones=[{"value": "+9 9"}])
    _change(one, phone="+2")
    either.settle(60)
    assert _values(world, "phones") == ["+9 9"]
    assert stated(one).phone == "+9 9"
    assert Notification.objects.filter(kind="change_kept").exists()


@pytest.mark.parametrize("lost", [True, False])
def test_a_name_or_organization_that_the_other_said_is_no_colleagues_word(
    either: Bench, world: World, sandbox: Sandbox, two: Two, *, lost: bool
) -> None:
    """Each in turn has the last word, and nobody is told that a colleague changed anything."""
    one, other = two
    for contact, changes in (
        (one, {"name": "Jordan P. Ames", "organization": OrganizationDetails("Larkspur Mills")}),
        (other, {"name": "Dr Jordan Ames", "organization": OrganizationDetails("Tern Optics")}),
        (one, {"name": "Jordan Ames"}),
        (other, {"organization": OrganizationDetails("Osprey & Sons")}),
    ):
        if lost:
            sandbox.faults.add(Fault(kind="no_answer_after", method="PATCH", path="/api/v2/persons/*", times=1))
        _change(contact, **changes)
        either.settle(60)
        assert stated(contact).sync_state == "synced"

    person = world.persons[1]
    assert (person["name"], world.organizations[person["org_id"]]["name"]) == ("Jordan Ames", "Osprey & Sons")
    assert not Notification.objects.filter(kind="change_kept").exists()


def test_an_e_mail_that_the_other_replaced_is_no_colleagues_word(
    either: Bench, world: World, alice: User, bob: User
) -> None:
    """The second became this person while the first one's new e-mail was on its way, so it knows the old one."""
    one = add_contact(alice, name="Jordan Ames", email="old@example.com", warmness_score=5)
    either.settle(60)
    _change(one, email="new@example.com")
    Contact.objects.filter(pk=one.pk).update(next_pipedrive_sync_attempt=either.clock.now() + timedelta(seconds=10))
    other = add_contact(bob, name="Jordan Ames", email="new@example.com", warmness_score=5)
    either.settle(60)
    assert stated(one).pipedrive_person_id == stated(other).pipedrive_person_id == 1

    _change(other, email="third@example.com")
    either.settle(60)

    assert sorted(_values(world, "emails")) == ["new@example.com", "third@example.com"]
    assert stated(other).sync_state == "synced"
    assert not Notification.objects.filter(kind="change_kept").exists()


def test_a_colleagues_word_is_heard_by_both(either: Bench, world: World, sandbox: Sandbox, two: Two) -> None:
    """What was kept for one of them was not said by us, so the other hears of it as well."""
    one, other = two
    sandbox.people.change("persons", 1, name="Jordan Ames-Vale")
    for contact, name in ((one, "Jordan P. Ames"), (other, "Dr Jordan Ames")):
        _change(contact, name=name)
        either.settle(60)

    assert world.persons[1]["name"] == "Jordan Ames-Vale"
    told = Notification.objects.filter(kind="change_kept").values_list("user__email", flat=True)
    assert sorted(told) == ["alice@example.com", "bob@example.com"]
