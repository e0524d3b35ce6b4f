"""What keeps a page up to date: badges, the bell, the list behind it, and who hears of what in a stream."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.sessions.models import Session
from django.db import OperationalError, connection, connections
from django.test import Client
from django.utils import timezone
from pytest_django import Settings
from web.pages import look

from warmline.crm.book import OrganizationDetails, add_contact, change_contact, hand_over, log_activity
from warmline.crm.models import Contact
from warmline.crm.users import User
from warmline.sync import attempt_log, engine_health, notifications
from warmline.sync.models import Notification, NotificationKind
from warmline.web import event_stream
from warmline.web.event_stream import News, Told, Watcher


@pytest.mark.django_db
def test_badges_of_what_one_may_see(bobs: Client, alice: User, bob: User) -> None:
    """Bob's own and the team's organizations; nothing of Alice's, of rows that are gone, or of nonsense."""
    mills = OrganizationDetails("Larkspur Mills")
    hers = add_contact(alice, name="Jordan Ames", organization=mills, warmness_score=5)
    his = add_contact(bob, name="Kim Castell")
    call = log_activity(bob, his, type="CALL")
    asked = f"contact={hers.pk},{his.pk},999,x&activity={call.pk}&organization={hers.organization_id}"
    html = look(bobs.get(f"/badges?{asked}"))
    assert f'id="badge-contact-{his.pk}" class="badge badge-not_wanted"' in html
    assert f'id="badge-organization-{hers.organization_id}" class="badge badge-wanted"' in html
    assert f"badge-activity-{call.pk}" in html
    assert f"badge-contact-{hers.pk}" not in html
    assert 'id="bell"' in html


@pytest.mark.django_db
def test_badges_cost_the_same_for_many(
    alices: Client, alice: User, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    """Session, user, bell, and what stands behind the badges of a table."""
    ids = [str(add_contact(alice, name=f"Contact {number}").pk) for number in range(30)]
    for asked in (ids[:1], ids):
        with django_assert_max_num_queries(9) as found:
            assert look(alices.get(f"/badges?contact={','.join(asked)}")).count('id="badge-contact') == len(asked)
    assert len(found) <= 9


@pytest.mark.django_db
def test_the_bell_and_its_list(alices: Client, alice: User, bob: User) -> None:
    """The bell counts what is new, the list shows everything and makes it old; Bob's is not in it."""
    for number in range(60):
        notifications.tell(NotificationKind.CONTACT_SYNCED, f"Number {number}.", now=timezone.now(), user=alice)
    notifications.tell(NotificationKind.ACTIVITY_SYNCED, "Quiet.", now=timezone.now(), user=alice)
    notifications.tell(NotificationKind.CONTACT_SYNCED, "Bob's.", now=timezone.now(), user=bob)
    assert 'aria-label="Notifications, 60 new"' in look(alices.get("/sync"))
    html = look(alices.get("/notifications"))
    assert html.index("Quiet.") < html.index("Number 59.")
    assert html.count(">New<") == 49
    assert "Bob's." not in html
    assert 'aria-label="Notifications"' in look(alices.get("/sync"))
    older = look(alices.get(f"/notifications?before={Notification.objects.get(text='Number 11.').pk}"))
    assert "Number 0." in older
    assert "Number 11." not in older


@pytest.mark.django_db
def test_the_list_after_a_hand_over(
    alices: Client, bobs: Client, alice: User, bob: User, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    """Bob still reads what he was told, but neither the present name nor a link that he may not follow."""
    contacts = [add_contact(bob, name=f"Robin {number}") for number in range(20)]
    for contact in contacts:
        for user in (alice, bob):
            text = "Robin is in Pipedrive."
            notifications.tell(NotificationKind.CONTACT_SYNCED, text, now=timezone.now(), user=user, contact=contact)
    hand_over(Contact.objects.all(), alice)
    change_contact(Contact.objects.get(pk=contacts[0].pk), {"name": "Robin Secret"})
    look(bobs.get("/notifications"))  # what it was seen up to is written once
    with django_assert_max_num_queries(9):
        html = look(bobs.get("/notifications"))
    assert html.count("Robin is in Pipedrive.") == 20
    assert "Robin Secret" not in html
    assert 'href="/contacts/' not in html
    assert f'<a href="/contacts/{contacts[0].pk}">Robin Secret</a>' in look(alices.get("/notifications"))


@pytest.mark.django_db
def test_an_empty_list_of_notifications(alices: Client) -> None:
    """It says what will stand there."""
    assert "No notifications yet" in look(alices.get("/notifications"))


@pytest.mark.parametrize(
    ("user_id", "role", "told", "changed"),
    [
        (1, "admin", [1, 3], {"contact": [10, 20], "organization": [30]}),
        (2, "member", [2, 3], {"contact": [20], "organization": [30]}),
        (3, "member", [3], {"organization": [30]}),
    ],
)
def test_who_hears_of_what(user_id: int, role: str, told: list[int], changed: dict[str, list[int]]) -> None:
    """Notifications are one's own and everyone's, for admins, too; rows are those that one may see."""
    news = News(
        [
            Told(1, 1, "contact_synced", is_quiet=False),
            Told(2, 2, "contact_synced", is_quiet=False),
            Told(3, None, "connection_lost", is_quiet=False),
        ],
        {("contact", 10): 1, ("contact", 20): 2, ("organization", 30): None},
        everything=False,
    )
    pieces = list(news.pieces(user_id, is_admin=role == "admin"))
    assert [number for number, _ in pieces] == [*told, 0]
    assert json.loads(pieces[-1][1].split(b"data: ")[1]) == {**changed, "everything": False}


async def _until(pieces: AsyncIterator[bytes], sign: bytes) -> list[bytes]:
    found = []
    async with asyncio.timeout(60):
        async for piece in pieces:
            found.append(piece)
            if sign in piece:
                return found
    raise AssertionError(found)


def _tell(user: User | None, text: str) -> int:
    notifications.tell(NotificationKind.CONTACT_SYNCED, text, now=timezone.now(), user=user)
    return Notification.objects.latest("pk").pk


@pytest.fixture
def watcher(monkeypatch: pytest.MonkeyPatch) -> Watcher:
    """Return a watcher that has not ended."""
    fresh = Watcher()
    monkeypatch.setattr(event_stream, "WATCHER", fresh)
    return fresh


@pytest.mark.django_db(transaction=True)
def test_a_stream_tells_what_happens_and_what_was_missed(alice: User, bob: User, watcher: Watcher) -> None:
    """In order, each once, nothing of a colleague's; an attempt tells which row has changed; the end ends it."""
    contact = add_contact(alice, name="Jordan Ames", warmness_score=5)
    known, missed = _tell(alice, "known"), _tell(alice, "missed")

    def happen() -> int:
        _tell(bob, "Bob's")
        attempt_log.note(contact, "Created in Pipedrive.", ok=True, now=timezone.now())
        pk = _tell(None, "new")
        connections.close_all()
        return pk

    async def listen() -> list[bytes]:
        pieces = event_stream.stream(alice, known)
        found = await _until(pieces, f"id: {missed}\n".encode())
        new = await sync_to_async(happen)()
        found += await _until(pieces, f"id: {new}\n".encode())
        found += await _until(pieces, b"event: changed")
        watcher.end()
        async with asyncio.timeout(60):
            return found + [piece async for piece in pieces]

    found = asyncio.run(listen())
    told = [int(piece.split()[1]) for piece in found if piece.startswith(b"id: ")]
    assert told == [missed, missed + 2]
    assert f'{{"contact": [{contact.pk}], "everything": false}}'.encode() in b"".join(found)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("changes", [{"is_admin": False}, {"is_active": False}, {"password": "another"}])
def test_a_stream_ends_with_its_rights(alice: User, bob: User, watcher: Watcher, changes: dict[str, Any]) -> None:
    """Alice hears nothing of Bob's contact any more that happens once she is no admin; Bob's own stream goes on."""
    contact = add_contact(bob, name="Jordan Ames", warmness_score=5)

    def happen() -> None:
        User.objects.filter(pk=alice.pk).update(**changes)
        attempt_log.note(contact, "Created in Pipedrive.", ok=True, now=timezone.now())
        connections.close_all()

    async def listen() -> None:
        hers, his = event_stream.stream(alice, None), event_stream.stream(bob, None)
        for stream in (hers, his):
            await anext(stream)
        await sync_to_async(happen)()
        async with asyncio.timeout(60):
            assert [piece async for piece in hers] == []
        await _until(his, b"event: changed")
        watcher.end()
        async with asyncio.timeout(60):
            assert [piece async for piece in his] == []

    asyncio.run(listen())


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("how", ["signed out", "expired"])
def test_a_stream_ends_with_its_session(
    alice: User, watcher: Watcher, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Alice signs out in another tab: her stream there ends at once, and that of her other browser goes on."""
    browsers = Client(), Client()
    for browser in browsers:
        browser.force_login(alice)
    keys = [browser.session.session_key for browser in browsers]
    if how == "signed out":  # it is told, and not found by looking again and again
        monkeypatch.setattr(event_stream, "LOOK_EVERY", 60)

    def end() -> None:
        if how == "signed out":
            browsers[0].post("/sign-out")
        else:
            Session.objects.filter(pk=keys[0]).update(expire_date=timezone.now())
        connections.close_all()

    async def listen() -> None:
        ended, other = (event_stream.stream(alice, None, key) for key in keys)
        for stream in (ended, other):
            await anext(stream)
        await sync_to_async(end)()
        async with asyncio.timeout(10):
            assert [piece async for piece in ended] == []
        await sync_to_async(_tell)(alice, "new")
        watcher._woken.set()
        await _until(other, b"event: told")
        watcher.end()
        async with asyncio.timeout(10):
            assert [piece async for piece in other] == []

    asyncio.run(listen())


@pytest.mark.django_db
def test_a_look_that_fails_loses_nothing(alice: User) -> None:
    """Wherever it fails: the next one tells what it would have told."""
    known = event_stream._Known.now()
    contact = add_contact(alice, name="Jordan Ames", warmness_score=5)
    told = _tell(alice, "new")
    attempt_log.note(contact, "Created in Pipedrive.", ok=True, now=timezone.now())
    asked = 0

    def breaking_at(number: int) -> Any:
        def wrapper(execute: Any, *arguments: Any) -> Any:
            nonlocal asked
            asked += 1
            if asked == number:
                raise OperationalError("database is locked")
            return execute(*arguments)

        return connection.execute_wrapper(wrapper)

    for number in range(1, 6):
        asked = 0
        with breaking_at(number), pytest.raises(OperationalError):
            known.look()
    news = known.look()
    assert ([one.id for one in news.told], news.rows) == ([told], {("contact", contact.pk): alice.pk})


@pytest.mark.django_db
def test_an_engine_that_stands_still_is_news(settings: Settings, tmp_path: Path) -> None:
    """The pages that are open show it, and its end, without a reload."""
    settings.DATA_DIR = tmp_path
    known = event_stream._Known.now()
    for happens in (engine_health.begin, engine_health.end):
        happens()
        assert [known.look().everything for _ in range(2)] == [True, False]


@pytest.mark.django_db(transaction=True)
def test_a_slow_browser_is_dropped(alice: User, watcher: Watcher, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that what it does not fetch does not pile up; it comes back and is told what it missed."""
    monkeypatch.setattr(event_stream, "QUEUE_SIZE", 2)

    async def listen() -> list[bytes]:
        one = event_stream.Stream(alice)
        one.hand([(number, b"") for number in range(3)])
        assert await one.next(5) is None
        return []

    asyncio.run(listen())


@pytest.mark.parametrize(
    ("users", "gone"),
    [
        ("", []),
        ("aab", []),
        ("aaaab", [0]),  # the oldest of who has too many
        ("baaaaa", [1, 2]),
        ("abcdef", [0]),  # the oldest of all, where nobody has more than others
        ("abccde", [2]),  # of who has the most
        ("abcdeaaa", [0, 5, 6]),
    ],
)
def test_which_streams_have_to_go(users: str, gone: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """With at most three of one user and five in all the newest stay, and one user drives nobody else out."""
    monkeypatch.setattr(event_stream, "STREAMS_OF_A_USER", 3)
    monkeypatch.setattr(event_stream, "STREAMS_IN_ALL", 5)
    assert sorted(event_stream.surplus([(place, ord(user)) for place, user in enumerate(users)])) == gone


@pytest.mark.django_db(transaction=True)
def test_the_newest_streams_stay(alice: User, bob: User, watcher: Watcher, monkeypatch: pytest.MonkeyPatch) -> None:
    """Alice's oldest ends and is told to come back later; Bob's and her newer ones go on."""
    monkeypatch.setattr(event_stream, "STREAMS_OF_A_USER", 2)

    async def listen() -> None:
        his = event_stream.stream(bob, None)
        hers = [event_stream.stream(alice, None) for _ in range(3)]
        for stream in (his, *hers):
            assert await anext(stream) == b"retry: 2000\n\n"
        async with asyncio.timeout(60):
            assert [piece async for piece in hers[0]] == [b"retry: 60000\n\n"]
        await sync_to_async(_tell)(None, "new")
        watcher._woken.set()
        for stream in (his, *hers[1:]):
            await _until(stream, b"event: told")
        watcher.end()
        for stream in (his, *hers[1:]):
            async with asyncio.timeout(60):
                assert [piece async for piece in stream] == []

    asyncio.run(listen())


@pytest.mark.django_db(transaction=True)
def test_nobody_looks_while_nobody_listens(alice: User, watcher: Watcher) -> None:
    """The watcher's thread goes with the last stream, and nobody is let in at the end."""

    async def listen() -> None:
        pieces = event_stream.stream(alice, None)
        await anext(pieces)
        thread = watcher._thread
        assert thread is not None
        await pieces.aclose()
        await asyncio.to_thread(thread.join, 10)
        assert not thread.is_alive()
        assert watcher._thread is None
        watcher.end()
        async with asyncio.timeout(60):
            assert [piece async for piece in event_stream.stream(alice, None)] == [b"retry: 2000\n\n"]

    asyncio.run(listen())


@pytest.mark.parametrize("path", ["/events", "/badges", "/toasts"])
def test_they_are_only_read(bobs: Client, path: str) -> None:
    """What changes nothing takes no POST."""
    assert bobs.post(path).status_code == 405


def test_strangers_hear_nothing(client: Client, alice: User) -> None:
    """Streams, badges and toasts are the team's."""
    add_contact(alice, name="Jordan Ames", warmness_score=5)
    for path in ("/events", "/badges", "/toasts", "/notifications"):
        response = client.get(path)
        assert response["Location"].startswith("/sign-in")
        assert response.content == b""
