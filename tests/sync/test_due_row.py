"""One row that is known by its name: its work, its lane, and what follows under the same lease."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from warmline import database_time
from warmline.crm import book
from warmline.crm.activities import Activity
from warmline.crm.models import Contact
from warmline.crm.users import User
from warmline.sync.due_row import next_of_lease, work_of
from warmline.sync.priorities import Lane

pytestmark = pytest.mark.django_db
WARM = 4


@pytest.fixture
def add(alice: User) -> Callable[..., Contact]:
    """Return a maker of Alice's warm contacts."""

    def make(name: str = "Jordan Ames", **more: object) -> Contact:
        return book.add_contact(alice, name=name, warmness_score=7, **more)  # type: ignore[arg-type]

    return make


def test_a_warm_contact_has_work_and_others_have_none(add: Callable[..., Contact], alice: User) -> None:
    """One that is cold, linked, put off or gone has none."""
    warm = add(email="jordan@example.com")
    now = database_time.now()
    work = work_of("contact", warm.pk, WARM, now)
    assert work is not None
    assert (work.row_id, work.lease, work.lane) == (warm.pk, "person:jordan@example.com", Lane.PERSON)
    cold = book.add_contact(alice, name="Robin Vale", warmness_score=1)
    assert work_of("contact", cold.pk, WARM, now) is None
    assert work_of("contact", 10**6, WARM, now) is None
    assert work_of("contact", warm.pk, WARM, now - timedelta(hours=1)) is None
    Contact.objects.update(pipedrive_person_id=1)
    assert work_of("contact", warm.pk, WARM, now) is None


@pytest.mark.parametrize(
    ("marks", "lane"),
    [({}, Lane.PERSON), ({"pipedrive_in_bulk": True}, Lane.IN_BULK), ({"pipedrive_sync_failed": True}, Lane.FAILED)],
)
def test_the_lane_is_the_rows(add: Callable[..., Contact], marks: dict[str, bool], lane: Lane) -> None:
    """As it stands by now."""
    contact = add()
    Contact.objects.update(**marks)
    work = work_of("contact", contact.pk, WARM, database_time.now())
    assert work is not None
    assert work.lane is lane


def test_one_of_very_many_is_a_backlog(add: Callable[..., Contact], bob: User) -> None:
    """Nobody waits for each of Alice's; Bob's one is a person's."""
    contacts = [add(f"Contact {number}") for number in range(12)]
    his = book.add_contact(bob, name="Kim Castell", warmness_score=7)
    later = database_time.now() + timedelta(minutes=1)
    lanes = [work.lane for each in (contacts[0], his) if (work := work_of("contact", each.pk, WARM, later))]
    assert lanes == [Lane.BACKLOG, Lane.PERSON]


def test_activities_go_in_order(add: Callable[..., Contact], alice: User) -> None:
    """The job of the second leads to the first, and behind the first comes the second."""
    contact = add()
    Contact.objects.update(pipedrive_person_id=7)
    first, second = (book.log_activity(alice, contact, type="CALL") for _ in range(2))
    now = database_time.now()
    work = work_of("activity", second.pk, WARM, now)
    assert work is not None
    assert (work.row_id, work.lease) == (first.pk, "activities:7")
    Activity.objects.filter(pk=first.pk).update(pipedrive_activity_id=1, replicated_to_pipedrive=True)
    following = next_of_lease(work, WARM, now)
    assert following is not None
    assert following.row_id == second.pk
    Activity.objects.filter(pk=second.pk).update(pipedrive_activity_id=2, replicated_to_pipedrive=True)
    assert next_of_lease(work, WARM, now) is None


def test_a_twin_follows_under_the_same_lease(add: Callable[..., Contact]) -> None:
    """And nobody follows a contact that has no e-mail, whose lease is its own."""
    one, twin = add(email="jordan@example.com"), add("J. Ames", email="jordan@example.com")
    alone = add("Robin Vale")
    now = database_time.now()
    work, own = work_of("contact", one.pk, WARM, now), work_of("contact", alone.pk, WARM, now)
    assert work is not None
    assert own is not None
    Contact.objects.filter(pk=one.pk).update(pipedrive_person_id=1)
    following = next_of_lease(work, WARM, now)
    assert following is not None
    assert following.row_id == twin.pk
    assert next_of_lease(own, WARM, now) is None
