"""Owner, label, sector and type: found, else made, else done without, and told once."""

from collections.abc import Callable

import pytest
from bench_engine import Bench
from meddler import Meddler

from warmline.crm.book import OrganizationDetails, add_contact, log_activity
from warmline.crm.models import Organization
from warmline.crm.team import change_member
from warmline.crm.users import User
from warmline.sandbox import Sandbox, World
from warmline.sync.models import Notification, Remembered

pytestmark = pytest.mark.django_db


def told(kind: str) -> int:
    """Return how often a kind of notification was told."""
    return Notification.objects.filter(kind=kind).count()


def labels(world: World) -> list[str]:
    """Return the labels that persons can have."""
    options = next(field for field in world.fields["persons"] if field["field_code"] == "label_ids")["options"]
    return [option["label"] for option in options]


def test_the_owner_is_found_by_e_mail_and_remembered(bench: Bench, world: World, user: Callable[..., User]) -> None:
    """Bob's contacts are Bob's in Pipedrive, whatever the case of his e-mail."""
    bob = User.objects.create_user("BOB@Example.com", "Bob")
    add_contact(bob, name="Jordan Ames", warmness_score=5)

    bench.settle()

    bob.refresh_from_db()
    assert bob.pipedrive_user_id == 2
    assert world.persons[1]["owner_id"] == 2
    assert told("owner_missing") == 0


@pytest.mark.parametrize("name", ["carol", "dave"])
def test_a_user_who_is_not_active_there_is_told_once(
    bench: Bench, world: World, user: Callable[..., User], name: str
) -> None:
    """The contacts of who is inactive or unknown in Pipedrive go to the token's own user."""
    someone = user(name)
    for contact in ("Jordan Ames", "Robin Vale"):
        add_contact(someone, name=contact, warmness_score=5)

    bench.settle(60)

    assert [person["owner_id"] for person in world.persons.values()] == [1, 1]
    assert told("owner_missing") == 1
    someone.refresh_from_db()
    assert someone.pipedrive_user_id is None


def test_an_owner_who_was_deactivated_since_is_replaced(bench: Bench, world: World, bob: User) -> None:
    """A refused create asks for the account's users again, and goes over with another owner."""
    add_contact(bob, name="Jordan Ames", warmness_score=5)
    bench.settle(120)
    world.set_user_active(2, active=False)
    contact = add_contact(bob, name="Robin Vale", warmness_score=5)

    bench.settle()

    contact.refresh_from_db()
    assert world.persons[contact.pipedrive_person_id or 0]["owner_id"] == 1
    assert contact.pipedrive_sync_attempts == 1


@pytest.mark.parametrize(("read", "chosen", "owner"), [(None, 4, 4), (None, 1, 1), (9, None, 2), (9, 4, 4), (9, 9, 2)])
def test_a_persons_choice_of_the_owner_wins(
    bench: Bench, world: World, meddler: Meddler, bob: User, read: int | None, chosen: int | None, owner: int
) -> None:
    """An admin decides while the engine looks Bob up by e-mail; what is decided stays, though it be nobody active."""
    world.add_user("Charlie Wren", "charlie@example.com")
    User.objects.filter(pk=bob.pk).update(pipedrive_user_id=read)
    bench.fill_directory()
    add_contact(bob, name="Jordan Ames", warmness_score=5)
    meddler.once("GET", "/api/v1/users", lambda: change_member(bob, pipedrive_user_id=chosen))

    bench.settle()

    bob.refresh_from_db()
    assert bob.pipedrive_user_id == (chosen or 2)
    assert world.persons[1]["owner_id"] == owner


def test_who_was_chosen_and_is_away_stays_chosen(bench: Bench, world: World, bob: User) -> None:
    """Who has the e-mail stands in, and is not noted: whoever was chosen may come back."""
    world.add_user("Charlie Wren", "charlie@example.com")
    change_member(bob, pipedrive_user_id=4)
    world.set_user_active(4, active=False)
    add_contact(bob, name="Jordan Ames", warmness_score=5)
    bench.settle(120)
    world.set_user_active(4, active=True)
    add_contact(bob, name="Robin Vale", warmness_score=5)
    Remembered.objects.filter(name="users").delete()
    bench.settle()
    bob.refresh_from_db()
    assert bob.pipedrive_user_id == 4
    assert [person["owner_id"] for person in world.persons.values()] == [2, 4]


def test_the_label_is_found_in_any_case(bench: Bench, sandbox: Sandbox, world: World, alice: User) -> None:
    """Somebody's "WARM lead" is our "Warm Lead"; no second one is made."""
    options = next(field for field in world.fields["persons"] if field["field_code"] == "label_ids")["options"]
    options.append({"id": 99, "label": "WARM  lead"})
    add_contact(alice, name="Jordan Ames", warmness_score=5)

    bench.settle()

    assert world.persons[1]["label_ids"] == [99]
    assert len(labels(world)) == len(options)


@pytest.mark.parametrize("way", ["v2", "v1"])
def test_the_label_is_made_once(bench: Bench, world: World, alice: User, way: str) -> None:
    """Made when it is missing, by v1 where the account refuses v2, and the others stay."""
    before = labels(world)
    world.settings.refuse_v2_label_options = way == "v1"
    for name in ("Jordan Ames", "Robin Vale"):
        add_contact(alice, name=name, warmness_score=5)

    bench.settle()

    assert labels(world) == [*before, "Warm Lead"]
    assert len({tuple(person["label_ids"]) for person in world.persons.values()}) == 1


def test_without_the_right_to_make_the_label(bench: Bench, world: World, alice: User) -> None:
    """The persons are made all the same, a person is told once, and the account is not asked again for each."""
    world.settings.refuse_v2_label_options = True
    world.settings.refuse_v1_label_options = True
    for name in ("Jordan Ames", "Robin Vale", "Kim Castell"):
        add_contact(alice, name=name, warmness_score=5)

    bench.settle()

    assert [person["label_ids"] for person in world.persons.values()] == [[], [], []]
    assert told("account_refused") == 1
    assert sum(call.path.endswith("/options") for call in world.calls) == 1


@pytest.mark.parametrize(("sector", "industry"), [("manufacturing", 34), ("Basket weaving", None), ("", None)])
def test_a_sector_finds_its_place(bench: Bench, world: World, alice: User, sector: str, industry: int | None) -> None:
    """An industry's name goes to `industry`; any other into the field "Sector", made when it is missing."""
    for number in range(2):
        details = OrganizationDetails(name=f"Larkspur {number}", sector=sector)
        add_contact(alice, name="Jordan Ames", organization=details, warmness_score=5)

    bench.settle()

    made = [field for field in world.fields["organizations"] if field["field_name"] == "Sector"]
    assert len(made) == (sector == "Basket weaving")
    for organization in world.organizations.values():
        assert organization.get("industry") == industry
        if made:
            assert organization["custom_fields"][made[0]["field_code"]] == "Basket weaving"


def test_without_the_right_to_make_the_field(bench: Bench, world: World, alice: User) -> None:
    """The organization is made without its sector, and a person is told once."""
    world.settings.refuse_new_fields = True
    details = OrganizationDetails(name="Larkspur", sector="Basket weaving")
    add_contact(alice, name="Jordan Ames", organization=details, warmness_score=5)

    bench.settle()

    assert Organization.objects.get().pipedrive_org_id in world.organizations
    assert told("account_refused") == 1


def test_a_deactivated_type_becomes_a_task(bench: Bench, world: World, alice: User) -> None:
    """A meeting where the account has no meetings is a task, told once."""
    world.set_activity_type_active("meeting", active=False)
    contact = add_contact(alice, name="Jordan Ames", warmness_score=5)
    log_activity(alice, contact, type="MEETING")
    log_activity(alice, contact, type="CONFERENCE")

    bench.settle()

    assert [activity["type"] for activity in world.activities.values()] == ["task", "task"]
    assert told("type_missing") == 1


def test_a_type_deactivated_since_becomes_a_task(bench: Bench, world: World, alice: User) -> None:
    """A refused create asks for the account's types again."""
    contact = add_contact(alice, name="Jordan Ames", warmness_score=5)
    log_activity(alice, contact, type="MEETING")
    bench.settle(120)
    world.set_activity_type_active("meeting", active=False)
    log_activity(alice, contact, type="MEETING")

    bench.settle()

    assert [activity["type"] for activity in world.activities.values()] == ["meeting", "task"]
