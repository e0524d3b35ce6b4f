"""Who is told what, what of it interrupts, and what of it is new."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from warmline.crm import retention
from warmline.crm.users import User
from warmline.sync import notifications
from warmline.sync.models import Notification, NotificationKind

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def tell(kind: NotificationKind, user: User | None) -> int:
    """Tell something, and return its id."""
    notifications.tell(kind, "Something happened.", now=NOW, user=user)
    return Notification.objects.latest("pk").pk


def test_own_and_everyones(alice: User, bob: User) -> None:
    """An admin hears no more than a member: a colleague's contacts are a colleague's news."""
    alice.is_admin = True
    own, theirs, everyones = (tell(NotificationKind.CONTACT_SYNCED, user) for user in (alice, bob, None))
    assert set(notifications.told_to(alice).values_list("pk", flat=True)) == {own, everyones}
    assert set(notifications.told_to(bob, after=theirs).values_list("pk", flat=True)) == {everyones}


@pytest.mark.parametrize(
    ("kind", "hears"),
    [
        (NotificationKind.CONTACT_FAILED, ["Alice", "Carol"]),
        (NotificationKind.CHANGE_KEPT, ["Alice", "Carol"]),
        (NotificationKind.CONTACT_SYNCED, []),
        (NotificationKind.ACTIVITY_SYNCED, []),
    ],
)
def test_in_place_of_one_who_left(alice: User, bob: User, kind: NotificationKind, hears: list[str]) -> None:
    """The admins who are there hear what somebody has to see to, each once where it is told once."""
    User.objects.filter(pk=alice.pk).update(name="Alice", is_admin=True)
    User.objects.create_user("carol@example.com", "Carol", is_admin=True)
    User.objects.create_user("dave@example.com", "Dave", is_admin=True, is_active=False)
    bob.is_active = False
    bob.save()
    for _ in range(2):
        notifications.tell(kind, "Something happened.", now=NOW, user=bob, once="a name")
    assert sorted(Notification.objects.values_list("user__name", flat=True)) == hears


def test_the_newest_come_first_page_by_page(alice: User, bob: User) -> None:
    """In the order in which they were told, whoever was meant."""
    ids = [tell(NotificationKind.CONTACT_SYNCED, [alice, bob, None][number % 3]) for number in range(9)]
    mine = [pk for number, pk in enumerate(ids) if number % 3 != 1][::-1]
    first = [row.pk for row in notifications.newest(alice, before=10**18, limit=4)]
    rest = [row.pk for row in notifications.newest(alice, before=first[-1], limit=4)]
    assert first + rest == mine


def test_what_is_new_is_counted_without_what_is_quiet(alice: User) -> None:
    """Arrivals of activities stand in the list and interrupt nobody; what was seen is not new."""
    for kind in (NotificationKind.CONTACT_SYNCED, NotificationKind.ACTIVITY_SYNCED, NotificationKind.CONNECTION_LOST):
        newest = tell(kind, alice)
    assert notifications.told_to(alice).count() == 3
    assert notifications.unseen(alice, 100) == 2
    assert notifications.unseen(alice, 1) == 1
    notifications.saw(alice, newest)
    assert notifications.unseen(alice, 100) == 0
    notifications.saw(alice, tell(NotificationKind.CONTACT_FAILED, alice) - 1)
    assert notifications.unseen(alice, 100) == 1


def test_old_notifications_are_forgotten(alice: User) -> None:
    """After 90 days; what is told only once is not told again."""
    for days, once in ((91, None), (91, "a name"), (89, None)):
        notifications.tell(
            NotificationKind.OWNER_MISSING, f"{days}", now=NOW - timedelta(days=days), user=alice, once=once
        )
    retention.sweep(NOW)
    assert list(Notification.objects.order_by("pk").values_list("text", "once")) == [("91", "a name"), ("89", None)]


@pytest.mark.only_on("sqlite")  # it reads its plans
def test_what_is_told_is_read_from_an_index(alice: User) -> None:
    """What interrupts, from one that holds nothing else; a page of the list in the order of one."""
    assert notifications.loud(alice, after=7).explain().count("notification_loud") == 2
    with CaptureQueriesContext(connection) as captured:
        notifications.newest(alice, before=7, limit=50)
    for query in captured:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {query['sql']}")
            plan = " ".join(row[3] for row in cursor.fetchall())
        assert "INDEX notification_user" in plan
        assert "TEMP B-TREE" not in plan
