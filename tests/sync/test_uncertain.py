"""A create whose answer never came: look before it is made again, by means that do not depend on the search."""

import pytest
from bench_engine import Bench

from warmline.crm.book import OrganizationDetails, add_contact, log_activity
from warmline.crm.models import Activity, Contact, User
from warmline.sandbox import Fault, FaultKind, Sandbox, World
from warmline.sync.models import Intent

pytestmark = pytest.mark.django_db

CREATES = ["/api/v2/organizations", "/api/v2/persons", "/api/v2/activities", "/api/v2/personFields/*"]


@pytest.mark.parametrize("path", CREATES)
@pytest.mark.parametrize("kind", ["no_answer_after", "error_after", "no_answer", "html_error", "error"])
@pytest.mark.parametrize("email", ["jordan@example.com", ""])
def test_one_of_each_whatever_was_lost(
    bench: Bench, world: World, sandbox: Sandbox, alice: User, path: str, kind: FaultKind, email: str
) -> None:
    """Whether it was done or not, one of each is there in the end, and the ids point at them."""
    world.settings.search_delay = 600
    sandbox.faults.add(Fault(kind=kind, method="POST", path=path, times=1))
    organization = OrganizationDetails(name="Larkspur Mills")
    contact = add_contact(alice, name="Jordan Ames", email=email, organization=organization, warmness_score=5)
    activity = log_activity(alice, contact, type="CALL")

    bench.settle(120)

    contact.refresh_from_db()
    activity.refresh_from_db()
    assert list(world.organizations) == [1]
    assert list(world.persons) == [contact.pipedrive_person_id]
    assert list(world.activities) == [activity.pipedrive_activity_id]
    options = next(field for field in world.fields["persons"] if field["field_code"] == "label_ids")["options"]
    assert [option["label"] for option in options].count("Warm Lead") == 1
    assert not Intent.objects.exists()


def test_a_silent_create_is_not_repeated_before_it_has_settled(
    bench: Bench, world: World, sandbox: Sandbox, alice: User
) -> None:
    """Without an answer, the second create comes 30 s after the first at the earliest."""
    sandbox.faults.add(Fault(kind="no_answer", method="POST", path="/api/v2/persons", times=1))
    add_contact(alice, name="Jordan Ames", warmness_score=5)

    bench.settle(120)

    first, second = [call.at for call in world.calls if (call.method, call.path) == ("POST", "/api/v2/persons")]
    assert second - first >= 30
    assert Contact.objects.get().pipedrive_sync_attempts == 2


def test_an_engine_that_died_after_the_create_finds_it(
    bench: Bench, world: World, sandbox: Sandbox, alice: User
) -> None:
    """The intent is there before the request, so whoever comes next knows that it must look."""
    contact = add_contact(alice, name="Jordan Ames", email="jordan@example.com", warmness_score=5)
    world.settings.search_delay = 600
    key = "person:jordan@example.com"
    Intent.objects.create(key=key, sent_at=bench.clock.now())
    emails = [{"value": "jordan@example.com", "primary": True, "label": "work"}]
    made = sandbox.add("persons", name="Jordan Ames", emails=emails)

    bench.settle()

    contact.refresh_from_db()
    assert contact.pipedrive_person_id == made["id"]
    assert len(world.persons) == 1


def test_two_alike_without_e_mail_become_two(bench: Bench, world: World, sandbox: Sandbox, alice: User) -> None:
    """Two contacts of one name, both lost on the way: one person each."""
    sandbox.faults.add(Fault(kind="no_answer_after", method="POST", path="/api/v2/persons", times=2))
    for _ in range(2):
        add_contact(alice, name="Jordan Ames", warmness_score=5)

    bench.settle(120)

    assert set(Contact.objects.values_list("pipedrive_person_id", flat=True)) == set(world.persons) == {1, 2}


def test_two_alike_activities_become_two(bench: Bench, world: World, sandbox: Sandbox, alice: User) -> None:
    """Two equal calls with one contact, both lost on the way: one record each."""
    contact = add_contact(alice, name="Jordan Ames", warmness_score=5)
    sandbox.faults.add(Fault(kind="no_answer_after", method="POST", path="/api/v2/activities", times=2))
    for _ in range(2):
        log_activity(alice, contact, type="CALL")

    bench.settle(120)

    assert set(Activity.objects.values_list("pipedrive_activity_id", flat=True)) == set(world.activities) == {1, 2}
