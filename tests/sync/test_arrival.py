"""Rows that are committed out of order: no reader that goes on behind the last one it has seen misses any."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from api.caller import Caller
from django.test import Client
from elsewhere import open_transaction

from warmline.crm.users import User
from warmline.sync import arrival, notifications
from warmline.sync.models import Attempt, Notification, NotificationKind
from warmline.web.event_stream import _Known
from warmline.web.presentation.toasts import newest, toasts

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)

both = pytest.mark.django_db(transaction=True)


def tell(text: str, user: User | None = None) -> None:
    """Tell everyone, or a user, of something."""
    notifications.tell(NotificationKind.CONNECTION_LOST, text, now=NOW, user=user)


@pytest.fixture
def out_of_order() -> Callable[[Callable[[], list[str]]], tuple[list[str], list[str]]]:
    """Return what a reader sees while an earlier notification is not committed yet, and after it was."""

    def run(read: Callable[[], list[str]]) -> tuple[list[str], list[str]]:
        with open_transaction(lambda: tell("late")):
            tell("early")
            first = read()
        return first, read()

    return run


Runs = Callable[[Callable[[], list[str]]], tuple[list[str], list[str]]]


@both
@pytest.mark.only_on("postgres")
def test_the_api_goes_on_behind_what_has_arrived(out_of_order: Runs) -> None:
    """Who asks for what came after the last one is told of the one that came late, and nobody waits for it."""
    bob = Caller(User.objects.create_user("bob@example.com", "Bob"))
    last = 0

    def read() -> list[str]:
        nonlocal last
        items = bob.get("/notifications", after=last).body["items"]
        last = items[-1]["id"] if items else last
        return [item["text"] for item in items]

    assert out_of_order(read) == (["early"], ["late"])
    assert read() == []


@both
@pytest.mark.only_on("postgres")
def test_the_stream_goes_on_behind_what_has_arrived(out_of_order: Runs) -> None:
    """The watcher hands on the late one, too, once."""
    known = _Known.now()

    def read() -> list[str]:
        ids = [one.id for one in known.look().told]
        rows = {row.cursor: row.text for row in Notification.objects.all()}
        return [rows[each] for each in ids]

    assert out_of_order(read) == (["early"], ["late"])
    assert read() == []


@both
@pytest.mark.only_on("postgres")
def test_the_stream_hears_of_late_attempts() -> None:
    """A row whose attempt is committed late changes on open pages all the same."""
    known = _Known.now()

    def attempt(row_id: int) -> None:
        Attempt.objects.create(kind="organization", row_id=row_id, at=NOW, ok=True, text="x")

    with open_transaction(lambda: attempt(1)):
        attempt(2)
        assert set(known.look().rows) == {("organization", 2)}
    assert set(known.look().rows) == {("organization", 1)}
    assert not known.look().rows


@both
@pytest.mark.only_on("postgres")
def test_toasts_go_on_behind_what_has_arrived(out_of_order: Runs) -> None:
    """A browser that has shown the newest one shows the late one, too."""
    bob = User.objects.create_user("bob@example.com", "Bob")
    after = newest(bob)

    def read() -> list[str]:
        nonlocal after
        last = newest(bob)
        found = toasts(bob, after=after, up_to=last, shown={})
        after = last
        return [toast.text for toast in found]

    assert out_of_order(read) == (["early"], ["late"])
    assert read() == []


@both
@pytest.mark.only_on("postgres")
def test_what_comes_late_is_not_seen_yet(out_of_order: Runs, client: Client) -> None:
    """The bell counts what came after the list was looked at, whatever its id."""
    bob = User.objects.create_user("bob@example.com", "Bob")
    client.force_login(bob, "django.contrib.auth.backends.ModelBackend")

    def read() -> list[str]:
        count = str(notifications.unseen(bob, 9))
        assert client.get("/notifications").status_code == 200
        return [count]

    assert out_of_order(read) == (["1"], ["1"])
    assert read() == ["0"]


@pytest.mark.django_db
def test_a_place_is_the_id_where_nothing_comes_late() -> None:
    """So what readers went on behind before they were numbered leads on to the same rows."""
    for text in "abc":
        tell(text)
    arrival.settle(Notification)
    assert all(row.cursor == row.pk for row in Notification.objects.all())


@pytest.mark.django_db
def test_old_ones_are_forgotten_but_the_newest_place_stays() -> None:
    """Places only go up, or who comes back after a quiet quarter would miss what comes next."""
    for text in "abc":
        tell(text)
    arrival.settle(Notification)
    last = arrival.newest(Notification.objects.all())
    notifications.delete_old(datetime(2027, 1, 1, tzinfo=UTC))
    tell("d")
    assert [row.text for row in notifications.told_to(User.objects.create_user("b@example.com", "B"), after=last)] == [
        "d"
    ]
